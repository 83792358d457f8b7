//! Views anew from the log, in one transaction: shadow tables beside the live ones, filled while appends go on; then,
//! with the head locked, the rest of the log, and the shadows take the place of the live tables.
//!
//! If anything fails, nothing has changed. A program that reads meanwhile sees the old tables until the end and waits
//! for the moment of the exchange.

use std::collections::HashSet;

use domain::event::Event;
use domain::{BatchId, EndpointId, JobId, KeyId, OrderId, StoreId, TenantId};
use ledger::rebuild::{Views, endpoint_of};
use ledger::{BackendError, Recorded};
use sqlx::{Connection, PgConnection, Row};
use uuid::Uuid;

use crate::append::{batch_in, endpoint_in, image_in, job_in, key_in, store_in, tenant_in};
use crate::connect::PostgresLedger;
use crate::error::{Result, backend, corrupt};
use crate::log::{EVENTS_AFTER, recorded};

/// Events read, and rows written, in one statement.
const PAGE: usize = 2_000;
/// So few events are left to the last catch-up, under the lock.
const NEARLY: u64 = 500;
/// Rounds of catching up before the lock is taken anyhow.
const ROUNDS: usize = 20;

/// "odg-rebu".
const REBUILD_LOCK: i64 = 0x6f64_672d_7265_6275;

/// Shadows with the indexes, constraints and defaults of the live tables, under the same names; grants are copied.
const MAKE_SHADOWS: &str = "
do $$
declare
    name text;
    granted record;
begin
    create schema ledger_rebuild;
    foreach name in array array['tenants', 'tenant_keys', 'stores', 'jobs', 'open_batches', 'order_images', 'webhook_endpoints'] loop
        execute format('create table ledger_rebuild.%I (like %I including all)', name, name);
        for granted in
            select acl.privilege_type as privilege, case when acl.grantee = 0 then 'public'
                else acl.grantee::regrole::text end as grantee
            from pg_class c, aclexplode(c.relacl) acl
            where c.oid = to_regclass(quote_ident(name)) and acl.grantee <> c.relowner
        loop
            execute format('grant %s on ledger_rebuild.%I to %s', granted.privilege, name, granted.grantee);
        end loop;
    end loop;
end
$$";

const ANALYZE: &str = "
do $$
declare
    name text;
begin
    foreach name in array array['tenants', 'tenant_keys', 'stores', 'jobs', 'open_batches', 'order_images', 'webhook_endpoints'] loop
        execute format('analyze ledger_rebuild.%I', name);
    end loop;
end
$$";

const EXCHANGE: &str = "
do $$
declare
    name text;
    home text := current_schema();
begin
    foreach name in array array['tenants', 'tenant_keys', 'stores', 'jobs', 'open_batches', 'order_images', 'webhook_endpoints'] loop
        execute format('drop table %I.%I', home, name);
        execute format('alter table ledger_rebuild.%I set schema %I', name, home);
    end loop;
    drop schema ledger_rebuild;
end
$$";

impl PostgresLedger {
    pub(crate) async fn rebuild_views(&self) -> Result<u64> {
        let mut session = self.writers.connection(true).await?;
        let mut transaction = session.on().begin().await.map_err(backend)?;
        let result = rebuild(&mut transaction).await;
        match result {
            Ok(events) => {
                transaction.commit().await.map_err(backend)?;
                session.give_back();
                Ok(events)
            }
            Err(error) => {
                // Whatever comes of it: the connection's end rolls back as well.
                let _ = transaction.rollback().await;
                Err(error)
            }
        }
    }
}

async fn rebuild(connection: &mut PgConnection) -> Result<u64> {
    run(connection, "set local statement_timeout = '10min'").await?;
    let only_one = sqlx::query("select pg_try_advisory_xact_lock($1)").bind(REBUILD_LOCK);
    let row = only_one.fetch_one(&mut *connection).await.map_err(backend)?;
    if !row.try_get::<bool, _>(0).map_err(backend)? {
        return Err(BackendError::Busy);
    }
    run(connection, MAKE_SHADOWS).await?;

    let mut fold = Fold::default();
    fold.catch_up(connection).await?;
    fold.write_all(connection).await?;
    run(connection, ANALYZE).await?;
    for _ in 0..ROUNDS {
        let before = fold.position;
        fold.catch_up(connection).await?;
        fold.write_touched(connection).await?;
        if fold.position - before < NEARLY {
            break;
        }
    }

    run(connection, "select position from ledger_head where id for update").await?;
    fold.catch_up(connection).await?;
    fold.write_touched(connection).await?;
    run(connection, EXCHANGE).await?;
    Ok(fold.position)
}

async fn run(connection: &mut PgConnection, sql: &'static str) -> Result<()> {
    sqlx::query(sql)
        .execute(connection)
        .await
        .map(drop)
        .map_err(backend)
}

/// What has been folded, and which rows of it have changed since they were written.
#[derive(Default)]
struct Fold {
    views: Views,
    position: u64,
    tenants: HashSet<TenantId>,
    keys: HashSet<KeyId>,
    stores: HashSet<StoreId>,
    jobs: HashSet<JobId>,
    batches: HashSet<BatchId>,
    images: HashSet<(StoreId, OrderId)>,
    endpoints: HashSet<EndpointId>,
}

impl Fold {
    async fn catch_up(&mut self, connection: &mut PgConnection) -> Result<()> {
        loop {
            let page = sqlx::query(EVENTS_AFTER)
                .bind(self.position as i64)
                .bind(PAGE as i64);
            let rows = page.fetch_all(&mut *connection).await.map_err(backend)?;
            for row in &rows {
                let row = recorded(row)?;
                let event = row
                    .event()
                    .map_err(|error| corrupt("events", row.position, error))?;
                self.touch(&row, &event);
                self.views.fold_decoded(&row, &event);
                self.position = row.position;
            }
            if rows.len() < PAGE {
                return Ok(());
            }
        }
    }

    fn touch(&mut self, row: &Recorded, event: &Event) {
        match event {
            Event::TenantCreated(e) => {
                self.tenants.insert(e.tenant_id);
            }
            Event::TenantDeleted(_) | Event::TenantErased(_) | Event::CallbackSecretCreated(_) => {
                self.tenants.insert(row.tenant_id);
            }
            Event::KeyAdded(_) | Event::KeyRevoked(_) => {
                self.tenants.insert(row.tenant_id);
                if let Event::KeyAdded(e) = event {
                    self.keys.insert(e.key_id);
                }
                if let Event::KeyRevoked(e) = event {
                    self.keys.insert(e.key_id);
                }
            }
            Event::StoreRegistered(_)
            | Event::StoreRenamed(_)
            | Event::StoreCredentialsReplaced(_)
            | Event::StorePaused(_)
            | Event::StoreResumed(_)
            | Event::StoreDeleted(_)
            | Event::StoreCredentialsDestroyed(_) => self.stores.extend(row.store_id),
            Event::JobSubmitted(_)
            | Event::JobIntentRecorded(_)
            | Event::JobRetryScheduled(_)
            | Event::JobRequeued(_)
            | Event::JobSucceeded(_)
            | Event::JobFailed(_)
            | Event::JobCancelled(_)
            | Event::JobRetriedAs(_) => {
                self.jobs.extend(row.job_id);
                // A deletion takes the order's image away.
                self.touch_image(row.store_id, row.order_id.as_ref());
            }
            Event::BatchOpened(e) => {
                self.batches.insert(e.batch_id);
            }
            Event::BatchClosed(e) => {
                self.batches.insert(e.batch_id);
            }
            Event::OrderChangedExternally(e) => self.touch_image(Some(e.store_id), Some(&e.order_id)),
            Event::OrderWritten(e) => self.touch_image(Some(e.store_id), Some(&e.order_id)),
            Event::EndpointCreated(_)
            | Event::EndpointUpdated(_)
            | Event::EndpointSecretRotated(_)
            | Event::EndpointDisabled(_)
            | Event::EndpointEnabled(_)
            | Event::EndpointDeleted(_)
            | Event::EndpointTested(_)
            | Event::EndpointReplayed(_) => self.endpoints.extend(endpoint_of(event)),
            Event::ErasureDone(e) => self.touch_image(Some(e.store_id), e.order_id.as_ref()),
            Event::OrderEditOverwritten(_)
            | Event::DeliveryRepeated(_)
            | Event::ErasureRequested(_)
            | Event::OrderRead(_)
            | Event::OrdersListed(_)
            | Event::LoginRefused(_) => {}
        }
    }

    fn touch_image(&mut self, store: Option<StoreId>, order: Option<&OrderId>) {
        if let (Some(store), Some(order)) = (store, order) {
            self.images.insert((store, order.clone()));
        }
    }

    fn forget_touched(&mut self) {
        self.tenants.clear();
        self.keys.clear();
        self.stores.clear();
        self.jobs.clear();
        self.batches.clear();
        self.images.clear();
        self.endpoints.clear();
    }

    /// Writes every row into empty shadows.
    async fn write_all(&mut self, connection: &mut PgConnection) -> Result<()> {
        self.forget_touched();
        let views = &self.views;
        let rows = Rows {
            tenants: views.tenants.values().collect(),
            keys: views.keys.values().collect(),
            stores: views.stores.values().collect(),
            jobs: views.jobs.values().collect(),
            batches: views.batches.values().collect(),
            images: views.images.values().collect(),
            endpoints: views.endpoints.values().collect(),
        };
        rows.insert(connection).await
    }

    /// Writes the rows that have changed in place of what stands in the shadows.
    async fn write_touched(&mut self, connection: &mut PgConnection) -> Result<()> {
        let ids: [(&str, Vec<Uuid>); 6] = [
            (
                "delete from ledger_rebuild.tenants where id = any ($1)",
                self.tenants.iter().map(|id| id.0).collect(),
            ),
            (
                "delete from ledger_rebuild.tenant_keys where id = any ($1)",
                self.keys.iter().map(|id| id.0).collect(),
            ),
            (
                "delete from ledger_rebuild.stores where id = any ($1)",
                self.stores.iter().map(|id| id.0).collect(),
            ),
            (
                "delete from ledger_rebuild.jobs where id = any ($1)",
                self.jobs.iter().map(|id| id.0).collect(),
            ),
            (
                "delete from ledger_rebuild.open_batches where id = any ($1)",
                self.batches.iter().map(|id| id.0).collect(),
            ),
            (
                "delete from ledger_rebuild.webhook_endpoints where id = any ($1)",
                self.endpoints.iter().map(|id| id.0).collect(),
            ),
        ];
        for (sql, ids) in ids {
            if !ids.is_empty() {
                sqlx::query(sql)
                    .bind(ids)
                    .execute(&mut *connection)
                    .await
                    .map_err(backend)?;
            }
        }
        if !self.images.is_empty() {
            let sql = "delete from ledger_rebuild.order_images i using unnest($1::uuid[], $2::text[]) x (store, number) \
                       where i.store_id = x.store and i.order_id = x.number";
            let (stores, orders): (Vec<Uuid>, Vec<&str>) = self
                .images
                .iter()
                .map(|(store, order)| (store.0, order.as_str()))
                .unzip();
            sqlx::query(sql)
                .bind(stores)
                .bind(orders)
                .execute(&mut *connection)
                .await
                .map_err(backend)?;
        }
        let views = &self.views;
        let rows = Rows {
            tenants: self
                .tenants
                .iter()
                .filter_map(|id| views.tenants.get(id))
                .collect(),
            keys: self.keys.iter().filter_map(|id| views.keys.get(id)).collect(),
            stores: self.stores.iter().filter_map(|id| views.stores.get(id)).collect(),
            jobs: self.jobs.iter().filter_map(|id| views.jobs.get(id)).collect(),
            batches: self
                .batches
                .iter()
                .filter_map(|id| views.batches.get(id))
                .collect(),
            images: self
                .images
                .iter()
                .filter_map(|key| views.images.get(key))
                .collect(),
            endpoints: self
                .endpoints
                .iter()
                .filter_map(|id| views.endpoints.get(id))
                .collect(),
        };
        rows.insert(connection).await?;
        self.forget_touched();
        Ok(())
    }
}

/// Rows on their way into the shadows.
struct Rows<'v> {
    tenants: Vec<&'v domain::tenant::Tenant>,
    keys: Vec<&'v domain::tenant::Key>,
    stores: Vec<&'v domain::store::Store>,
    jobs: Vec<&'v domain::job::Job>,
    batches: Vec<&'v domain::batch::OpenBatch>,
    images: Vec<&'v domain::image::OrderImage>,
    endpoints: Vec<&'v domain::webhook::Endpoint>,
}

/// Sends rows page by page, in the form in which `append_batch` takes them.
macro_rules! insert {
    ($connection:expr, $rows:expr, $sql:literal, $form:expr) => {
        for page in $rows.chunks(PAGE) {
            let rows: Vec<_> = page.iter().map($form).collect();
            sqlx::query($sql)
                .bind(rows)
                .execute(&mut *$connection)
                .await
                .map_err(backend)?;
        }
    };
}

impl Rows<'_> {
    async fn insert(&self, connection: &mut PgConnection) -> Result<()> {
        insert!(
            connection,
            self.tenants,
            "insert into ledger_rebuild.tenants (id, created_at, deleted_at, doc) \
             select id, created_at, deleted_at, doc from unnest($1::tenant_in[])",
            |row| tenant_in(row, 0)
        );
        insert!(
            connection,
            self.keys,
            "insert into ledger_rebuild.tenant_keys (id, tenant_id, created_at, lookup, doc) \
             select id, tenant_id, created_at, lookup, doc from unnest($1::key_in[])",
            |row| key_in(row, 0)
        );
        insert!(
            connection,
            self.stores,
            "insert into ledger_rebuild.stores (id, tenant_id, store_id, label, partition, created_at, deleted_at, \
             last_position, doc, credentials) \
             select id, tenant_id, store_id, label, partition, created_at, deleted_at, event, doc, credentials \
             from unnest($1::store_in[])",
            |row| store_in(row, 0, row.last_position as i64)
        );
        insert!(
            connection,
            self.jobs,
            "insert into ledger_rebuild.jobs (id, tenant_id, store_id, partition, position, last_position, \
             submitted_at, due_at, kind, status, order_id, lane, doc, body, outcome) \
             select id, tenant_id, store_id, partition, position, last_event, submitted_at, due_at, kind, status, \
             order_id, lane, doc, body, outcome from unnest($1::job_in[])",
            |row| job_in(row, 0, row.last_position as i64)
        );
        insert!(
            connection,
            self.batches,
            "insert into ledger_rebuild.open_batches (id, store_id, partition, position, doc, plan) \
             select id, store_id, partition, event, doc, plan from unnest($1::batch_in[])",
            |row| batch_in(row, 0, row.position as i64)
        );
        insert!(
            connection,
            self.images,
            "insert into ledger_rebuild.order_images (store_id, order_id, position, doc, image) \
             select store_id, order_id, event, doc, image from unnest($1::image_in[])",
            |row| image_in(row, 0, row.position as i64)
        );
        insert!(
            connection,
            self.endpoints,
            "insert into ledger_rebuild.webhook_endpoints (id, tenant_id, deleted_at, position, last_position, doc, \
             sealed) \
             select id, tenant_id, deleted_at, position, last_event, doc, sealed from unnest($1::endpoint_in[])",
            |row| endpoint_in(row, 0, row.last_position as i64)
        );
        Ok(())
    }
}
