//! Appends on their way to `append_batch`, and its answer on its way back.

use std::collections::HashMap;

use domain::batch::OpenBatch;
use domain::image::OrderImage;
use domain::job::Job;
use domain::store::Store;
use domain::tenant::{Key, Tenant};
use domain::webhook::Endpoint;
use domain::{BatchId, OrderId, Sealed, StoreId};
use ledger::view::{View, ViewRow};
use ledger::{
    Append, Appended, BackendError, DestroyKeys, Expected, Guard, IdempotencyAnswer, Refusal, Stream, Unique,
};
use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::connect::PostgresLedger;
use crate::error::{Reading, Result};
use crate::groups::groups;
use crate::rows::{
    AppendIn, BatchIn, BindIn, ClosedBatchIn, DataKeyIn, DestroyIn, EndpointIn, EventIn, GroupIn, GuardIn,
    IdempotencyIn, ImageIn, JobIn, KeyIn, NoImageIn, StoreIn, TenantIn,
};
use crate::time::At;

/// Kind, id, partition and epoch.
type GuardKey = (&'static str, Uuid, Option<i32>, Option<i64>);

type Outcome = std::result::Result<Appended, Refusal>;

impl PostgresLedger {
    pub(crate) async fn append_all(&self, batch: &[Append]) -> Result<Vec<Outcome>> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let groups = groups(batch).into_iter().map(group).collect::<Result<Vec<_>>>()?;
        let endpoints = endpoints(batch);
        let query = if endpoints.is_empty() {
            sqlx::query("select first, last, recorded_at, refusal, detail from append_batch($1)").bind(groups)
        } else {
            let sql = "select first, last, recorded_at, refusal, detail from append_with_endpoints($1, $2)";
            sqlx::query(sql).bind(groups).bind(endpoints)
        };
        let rows = self.writers.write(query).await?;
        // It is committed by now: an answer that cannot be understood must not be taken for a failure.
        let unclear = |source| BackendError::Unavailable(source);
        if rows.len() != batch.len() {
            return Err(unclear(
                "append_batch answered for another number of appends".into(),
            ));
        }
        rows.iter()
            .map(|row| outcome(row).map_err(|error| unclear(error.into())))
            .collect()
    }
}

fn outcome(row: &PgRow) -> Result<Outcome> {
    let row = Reading::new(row, "append_batch", "");
    let Some(refusal) = row.get::<Option<&str>, _>("refusal")? else {
        return Ok(Ok(Appended {
            first: row.number("first")?,
            last: row.number("last")?,
            recorded_at: row.get::<At, _>("recorded_at")?.0,
        }));
    };
    let detail = row.get::<Option<String>, _>("detail")?.unwrap_or_default();
    Ok(Err(match refusal {
        "conflict" => Refusal::Conflict { stream: detail },
        "owner" => Refusal::NotOwner {
            partition: detail.parse().map_err(|error| row.corrupt(error))?,
        },
        "store" => Refusal::StoreGone,
        "tenant" => Refusal::TenantGone,
        "data_key" => Refusal::DataKeyGone,
        "store_exists" => Refusal::Exists(Unique::Store),
        "key_exists" => Refusal::Exists(Unique::Key),
        "idempotency_exists" => Refusal::Exists(Unique::Idempotency(detail)),
        other => return Err(row.corrupt(format!("unknown refusal {other:?}"))),
    }))
}

/// The rows of webhook endpoints, which go beside the groups.
fn endpoints(batch: &[Append]) -> Vec<EndpointIn<'_>> {
    let mut rows = Vec::new();
    for (index, append) in batch.iter().enumerate() {
        for view in &append.views {
            let ViewRow::Endpoint(row) = &view.row else {
                continue;
            };
            let mut new = endpoint_in(row, index as i32 + 1, view.event as i64 + 1);
            let earlier = rows
                .iter_mut()
                .find(|old: &&mut EndpointIn<'_>| old.append == new.append && old.id == new.id);
            match earlier {
                Some(old) => {
                    new.first_event = old.first_event;
                    *old = new;
                }
                None => rows.push(new),
            }
        }
    }
    rows
}

/// The appends of one group as `append_batch` takes them.
fn group(appends: &[Append]) -> Result<GroupIn<'_>> {
    let mut builder = Builder::default();
    for (index, append) in appends.iter().enumerate() {
        builder.add(append, index as i32 + 1)?;
    }
    Ok(builder.group)
}

#[derive(Default)]
struct Builder<'a> {
    group: GroupIn<'a>,
    guards: HashMap<GuardKey, i32>,
    tenants: HashMap<Uuid, usize>,
    keys: HashMap<Uuid, usize>,
    stores: HashMap<Uuid, usize>,
    jobs: HashMap<Uuid, usize>,
    batches: HashMap<Uuid, usize>,
    images: HashMap<(Uuid, &'a str), usize>,
}

impl<'a> Builder<'a> {
    fn add(&mut self, append: &'a Append, number: i32) -> Result<()> {
        let guards = append.guards.iter().map(|guard| self.guard(guard)).collect();
        self.group.appends.push(AppendIn {
            now: At(append.now),
            events: append.events.len() as i32,
            meta: json(&append.meta),
            guards,
        });
        let mut streams: HashMap<&Stream, i32> = HashMap::with_capacity(append.events.len());
        for (index, event) in append.events.iter().enumerate() {
            let ahead = streams.entry(&event.stream).or_default();
            self.group.events.push(EventIn {
                append: number,
                event: index as i64 + 1,
                stream: event.stream.to_string(),
                ahead: *ahead,
                expected: match event.expected {
                    Expected::Version(version) => Some(version as i64),
                    Expected::Any => None,
                },
                type_name: event.event.type_name(),
                tenant_id: event.tenant_id.0,
                store_id: event.store_id.map(|id| id.0),
                order_id: event.order_id.as_ref().map(OrderId::as_str),
                job_id: event.job_id.map(|id| id.0),
                data: event.event.to_data(),
                sealed: bytes(event.sealed.as_ref()),
            });
            *ahead += 1;
        }
        for view in &append.views {
            if view.event >= append.events.len() {
                let text = format!("a view row names event {} of {}", view.event, append.events.len());
                return Err(BackendError::Failed(text.into()));
            }
            self.view(view, number);
        }
        self.operational(append, number);
        Ok(())
    }

    fn guard(&mut self, guard: &Guard) -> i32 {
        let key = match guard {
            Guard::Owner {
                partition,
                incarnation,
                epoch,
            } => (
                "owner",
                incarnation.0,
                Some(i32::from(*partition)),
                Some(*epoch as i64),
            ),
            Guard::StoreOpen(id) => ("store", id.0, None, None),
            Guard::TenantOpen(id) => ("tenant", id.0, None, None),
            Guard::DataKey(id) => ("data_key", id.0, None, None),
        };
        *self.guards.entry(key).or_insert_with(|| {
            let (kind, id, partition, epoch) = key;
            self.group.guards.push(GuardIn {
                kind,
                id,
                partition,
                epoch,
            });
            self.group.guards.len() as i32
        })
    }

    fn view(&mut self, view: &'a View, append: i32) {
        let event = view.event as i64 + 1;
        match &view.row {
            ViewRow::Tenant(row) => {
                put(
                    &mut self.group.tenants,
                    &mut self.tenants,
                    row.id.0,
                    tenant_in(row, append),
                );
            }
            ViewRow::Key(row) => put(
                &mut self.group.keys,
                &mut self.keys,
                row.id.0,
                key_in(row, append),
            ),
            ViewRow::Store(row) => {
                put(
                    &mut self.group.stores,
                    &mut self.stores,
                    row.id.0,
                    store_in(row, append, event),
                );
            }
            ViewRow::Job(row) => {
                let mut new = job_in(row, append, event);
                if let Some(&former) = self.jobs.get(&row.id.0) {
                    // The second event of a new job: its position is still that of the first.
                    new.first_event = self.group.jobs[former].first_event;
                }
                put(&mut self.group.jobs, &mut self.jobs, row.id.0, new);
            }
            ViewRow::OpenBatch(row) => {
                self.group.closed_batches.retain(|closed| closed.id != row.id.0);
                put(
                    &mut self.group.batches,
                    &mut self.batches,
                    row.id.0,
                    batch_in(row, append, event),
                );
            }
            ViewRow::ClosedBatch(BatchId(id)) => {
                self.group.closed_batches.push(ClosedBatchIn { append, id: *id });
            }
            ViewRow::Image(row) => {
                let key = (row.store_id.0, row.order_id.as_str());
                self.group
                    .no_images
                    .retain(|gone| (gone.store_id, gone.order_id) != key);
                put(
                    &mut self.group.images,
                    &mut self.images,
                    key,
                    image_in(row, append, event),
                );
            }
            ViewRow::NoImage(StoreId(store_id), order) => {
                let gone = NoImageIn {
                    append,
                    store_id: *store_id,
                    order_id: order.as_str(),
                };
                self.group.no_images.push(gone);
            }
            // See `endpoints`.
            ViewRow::Endpoint(_) => {}
        }
    }

    fn operational(&mut self, append: &'a Append, number: i32) {
        for destroy in &append.destroy_keys {
            let mut row = DestroyIn {
                append: number,
                credentials_of: None,
                order_store: None,
                order_id: None,
                id: None,
            };
            match destroy {
                DestroyKeys::Credentials(store) => row.credentials_of = Some(store.0),
                DestroyKeys::Order(store, order) => {
                    row.order_store = Some(store.0);
                    row.order_id = Some(order.as_str());
                }
                DestroyKeys::One(id) => row.id = Some(id.0),
            }
            self.group.destroys.push(row);
        }
        self.group
            .data_keys
            .extend(append.data_keys.iter().map(|key| DataKeyIn {
                append: number,
                id: key.id.0,
                tenant_id: key.tenant_id.0,
                store_id: key.store_id.map(|id| id.0),
                credentials: key.credentials,
                order_id: key.order_id.as_ref().map(OrderId::as_str),
                wrapped: &key.wrapped,
                created_at: At(key.created_at),
            }));
        self.group
            .binds
            .extend(append.bind_keys.iter().map(|(id, order)| BindIn {
                append: number,
                id: id.0,
                order_id: order.as_str(),
            }));
        for record in &append.idempotency {
            let (mut job, mut jobs, mut status, mut body) = (None, None, None, None);
            match &record.answer {
                IdempotencyAnswer::Job(id) => job = Some(id.0),
                IdempotencyAnswer::Jobs(ids) => jobs = Some(ids.iter().map(|id| id.0).collect()),
                IdempotencyAnswer::Response {
                    status: code,
                    body: sealed,
                } => {
                    status = Some(i32::from(*code));
                    body = Some(sealed.as_bytes());
                }
            }
            self.group.idempotency.push(IdempotencyIn {
                append: number,
                now: At(append.now),
                tenant_id: record.tenant_id.0,
                key: &record.key,
                fingerprint: &record.fingerprint,
                job,
                jobs,
                status,
                body,
                expires_at: At(record.expires_at),
            });
        }
    }
}

/// Appends a row, or puts it in place of the one with its key.
fn put<K: std::hash::Hash + Eq, R>(rows: &mut Vec<R>, places: &mut HashMap<K, usize>, key: K, row: R) {
    match places.entry(key) {
        std::collections::hash_map::Entry::Occupied(place) => rows[*place.get()] = row,
        std::collections::hash_map::Entry::Vacant(place) => {
            place.insert(rows.len());
            rows.push(row);
        }
    }
}

fn json(row: &impl serde::Serialize) -> String {
    serde_json::to_string(row).expect("rows are structs with text keys")
}

fn bytes(sealed: Option<&Sealed>) -> Option<&[u8]> {
    sealed.map(Sealed::as_bytes)
}

pub(crate) fn endpoint_in(row: &Endpoint, append: i32, event: i64) -> EndpointIn<'_> {
    EndpointIn {
        append,
        first_event: event,
        last_event: event,
        id: row.id.0,
        tenant_id: row.tenant_id.0,
        position: (row.position > 0).then_some(row.position as i64),
        deleted_at: row.deleted_at.map(At),
        doc: json(row),
        sealed: bytes(row.sealed.as_ref()),
    }
}

pub(crate) fn tenant_in(row: &Tenant, append: i32) -> TenantIn {
    TenantIn {
        append,
        id: row.id.0,
        created_at: At(row.created_at),
        deleted_at: row.deleted_at.map(At),
        doc: json(row),
    }
}

pub(crate) fn key_in(row: &Key, append: i32) -> KeyIn<'_> {
    KeyIn {
        append,
        id: row.id.0,
        tenant_id: row.tenant_id.0,
        created_at: At(row.created_at),
        lookup: &row.lookup,
        doc: json(row),
    }
}

pub(crate) fn store_in(row: &Store, append: i32, event: i64) -> StoreIn<'_> {
    StoreIn {
        append,
        event,
        id: row.id.0,
        tenant_id: row.tenant_id.0,
        store_id: row.store_id.as_str(),
        label: row.label.as_deref(),
        partition: i32::from(row.partition),
        created_at: At(row.created_at),
        deleted_at: row.deleted_at.map(At),
        doc: json(row),
        credentials: bytes(row.credentials.as_ref()),
    }
}

pub(crate) fn job_in(row: &Job, append: i32, event: i64) -> JobIn<'_> {
    JobIn {
        append,
        first_event: event,
        last_event: event,
        id: row.id.0,
        tenant_id: row.tenant_id.0,
        store_id: row.store_id.0,
        partition: i32::from(row.partition),
        position: (row.position > 0).then_some(row.position as i64),
        submitted_at: At(row.submitted_at),
        due_at: At(row.due_at),
        kind: row.kind.as_str(),
        status: row.status.as_str(),
        order_id: row.order_id.as_ref().map(OrderId::as_str),
        lane: &row.lane,
        doc: json(row),
        body: bytes(row.body.as_ref()),
        outcome: bytes(row.outcome.as_ref()),
    }
}

pub(crate) fn batch_in(row: &OpenBatch, append: i32, event: i64) -> BatchIn<'_> {
    BatchIn {
        append,
        event,
        id: row.id.0,
        store_id: row.store_id.0,
        partition: i32::from(row.partition),
        doc: json(row),
        plan: bytes(row.plan.as_ref()),
    }
}

pub(crate) fn image_in(row: &OrderImage, append: i32, event: i64) -> ImageIn<'_> {
    ImageIn {
        append,
        event,
        store_id: row.store_id.0,
        order_id: row.order_id.as_str(),
        doc: json(row),
        image: bytes(row.image.as_ref()),
    }
}
