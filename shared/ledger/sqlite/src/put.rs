//! How each thing is stored.

use domain::batch::OpenBatch;
use domain::image::OrderImage;
use domain::job::Job;
use domain::order::CommandKind;
use domain::store::Store;
use domain::tenant::{Key, Tenant};
use domain::webhook::Endpoint;
use domain::{Sealed, StoreId, TenantId, Timestamp};
use ledger::{Append, DataKeyRow, DestroyKeys, IdempotencyAnswer, IdempotencyRecord, NewEvent};
use serde::Serialize;

use crate::script::Script;

/// Suffix of the tables that the program reads.
pub(crate) const LIVE: &str = "";

/// Where an event stands.
pub(crate) struct Place<'a> {
    pub(crate) position: u64,
    pub(crate) tenant_seq: u64,
    pub(crate) stream: &'a str,
    pub(crate) version: u64,
    pub(crate) recorded_at: &'a str,
}

pub(crate) fn event(script: &mut Script, new: &NewEvent, place: &Place<'_>, meta: &str) {
    script
        .add(
            "INSERT INTO events (position, tenant_seq, stream, version, type, tenant_id, store_id, order_id, \
             job_id, data, sealed, meta, recorded_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(place.position as i64)
        .bind(place.tenant_seq as i64)
        .text(place.stream)
        .bind(place.version as i64)
        .bind(new.event.type_name())
        .text(new.tenant_id)
        .bind(new.store_id.map(|id| id.to_string()))
        .bind(new.order_id.as_ref().map(ToString::to_string))
        .bind(new.job_id.map(|id| id.to_string()))
        .bind(new.event.to_data())
        .bind(bytes(new.sealed.as_ref()))
        .text(meta)
        .text(place.recorded_at);
}

pub(crate) fn head(script: &mut Script, position: u64, recorded_at: Timestamp) {
    script
        .add("UPDATE ledger_head SET position = ?, recorded_at = ?")
        .bind(position as i64)
        .text(recorded_at);
}

pub(crate) fn tenant_head(script: &mut Script, tenant: TenantId, seq: u64) {
    script
        .add("INSERT OR REPLACE INTO tenant_heads (tenant_id, seq) VALUES (?, ?)")
        .text(tenant)
        .bind(seq as i64);
}

pub(crate) fn tenant(script: &mut Script, to: &str, tenant: &Tenant) {
    script
        .add(&format!(
            "INSERT OR REPLACE INTO tenants{to} (id, label, created_at, deleted_at, doc) VALUES (?, ?, ?, ?, ?)"
        ))
        .text(tenant.id)
        .bind(tenant.label.clone())
        .text(tenant.created_at)
        .bind(tenant.deleted_at.map(|at| at.to_string()))
        .bind(doc(tenant));
}

pub(crate) fn key(script: &mut Script, to: &str, key: &Key) {
    // Not `OR REPLACE`: a second key with this lookup must be an error, not the end of the first.
    script
        .add(&format!(
            "INSERT INTO tenant_keys{to} (id, tenant_id, lookup, created_at, doc) VALUES (?, ?, ?, ?, ?) \
             ON CONFLICT (id) DO UPDATE SET doc = excluded.doc"
        ))
        .text(key.id)
        .text(key.tenant_id)
        .text(&key.lookup)
        .text(key.created_at)
        .bind(doc(key));
}

pub(crate) fn store(script: &mut Script, to: &str, store: &Store, last_position: u64) {
    script
        .add(&format!(
            "INSERT INTO stores{to} (id, tenant_id, store_id, label, partition, created_at, deleted_at, \
             last_position, doc, credentials) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE \
             SET label = excluded.label, deleted_at = excluded.deleted_at, last_position = \
             excluded.last_position, doc = excluded.doc, credentials = excluded.credentials"
        ))
        .text(store.id)
        .text(store.tenant_id)
        .text(&store.store_id)
        .bind(store.label.clone())
        .bind(i64::from(store.partition))
        .text(store.created_at)
        .bind(store.deleted_at.map(|at| at.to_string()))
        .bind(last_position as i64)
        .bind(doc(store))
        .bind(bytes(store.credentials.as_ref()));
}

/// `position` counts only for a job that is not there yet.
pub(crate) fn job(script: &mut Script, to: &str, job: &Job, position: u64, last_position: u64) {
    script
        .add(&format!(
            "INSERT INTO jobs{to} (position, id, tenant_id, store_id, partition, order_id, lane, kind, status, \
             open, submitted_at, due_at, last_position, doc, body, outcome) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, \
             ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET order_id = excluded.order_id, status = \
             excluded.status, open = excluded.open, last_position = excluded.last_position, doc = \
             excluded.doc, body = excluded.body, outcome = excluded.outcome"
        ))
        .bind(position as i64)
        .text(job.id)
        .text(job.tenant_id)
        .text(job.store_id)
        .bind(i64::from(job.partition))
        .bind(job.order_id.as_ref().map(ToString::to_string))
        .text(&job.lane)
        .bind(CommandKind::as_str(job.kind))
        .bind(job.status.as_str())
        .bind(i64::from(!job.status.is_final()))
        .text(job.submitted_at)
        .text(job.due_at)
        .bind(last_position as i64)
        .bind(doc(job))
        .bind(bytes(job.body.as_ref()))
        .bind(bytes(job.outcome.as_ref()));
}

pub(crate) fn batch(script: &mut Script, to: &str, batch: &OpenBatch, position: u64) {
    script
        .add(&format!(
            "INSERT OR REPLACE INTO open_batches{to} (id, partition, position, doc, plan) VALUES (?, ?, ?, ?, ?)"
        ))
        .text(batch.id)
        .bind(i64::from(batch.partition))
        .bind(position as i64)
        .bind(doc(batch))
        .bind(bytes(batch.plan.as_ref()));
}

pub(crate) fn no_batch(script: &mut Script, to: &str, id: domain::BatchId) {
    script
        .add(&format!("DELETE FROM open_batches{to} WHERE id = ?"))
        .text(id);
}

pub(crate) fn image(script: &mut Script, to: &str, image: &OrderImage, position: u64) {
    script
        .add(&format!(
            "INSERT OR REPLACE INTO order_images{to} (store_id, order_id, tenant_id, position, doc, image) \
             VALUES (?, ?, ?, ?, ?, ?)"
        ))
        .text(image.store_id)
        .text(&image.order_id)
        .text(image.tenant_id)
        .bind(position as i64)
        .bind(doc(image))
        .bind(bytes(image.image.as_ref()));
}

pub(crate) fn no_image(script: &mut Script, to: &str, store: StoreId, order: &domain::OrderId) {
    script
        .add(&format!(
            "DELETE FROM order_images{to} WHERE store_id = ? AND order_id = ?"
        ))
        .text(store)
        .text(order);
}

/// `position` counts only for an endpoint that is not there yet.
pub(crate) fn endpoint(
    script: &mut Script,
    to: &str,
    endpoint: &Endpoint,
    position: u64,
    last_position: u64,
) {
    script
        .add(&format!(
            "INSERT INTO webhook_endpoints{to} (id, tenant_id, deleted_at, position, last_position, doc, sealed) \
             VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET deleted_at = excluded.deleted_at, \
             last_position = excluded.last_position, doc = excluded.doc, sealed = excluded.sealed"
        ))
        .text(endpoint.id)
        .text(endpoint.tenant_id)
        .bind(endpoint.deleted_at.map(|at| at.to_string()))
        .bind(position as i64)
        .bind(last_position as i64)
        .bind(doc(endpoint))
        .bind(bytes(endpoint.sealed.as_ref()));
}

/// Data keys and idempotency records. Destruction comes first, so that a key can be replaced in one append.
pub(crate) fn beside(script: &mut Script, append: &Append) {
    for destroy in &append.destroy_keys {
        match destroy {
            DestroyKeys::Credentials(store) => {
                script
                    .add("DELETE FROM data_keys WHERE store_id = ? AND credentials = 1")
                    .text(store);
            }
            DestroyKeys::Order(store, order) => {
                script
                    .add("DELETE FROM data_keys WHERE store_id = ? AND order_id = ?")
                    .text(store)
                    .text(order);
            }
            DestroyKeys::One(id) => {
                script.add("DELETE FROM data_keys WHERE id = ?").text(id);
            }
        }
    }
    for key in &append.data_keys {
        data_key(script, key);
    }
    for (key, order) in &append.bind_keys {
        script
            .add("UPDATE data_keys SET order_id = ? WHERE id = ?")
            .text(order)
            .text(key);
    }
    for record in &append.idempotency {
        idempotency(script, record);
    }
}

fn data_key(script: &mut Script, key: &DataKeyRow) {
    script
        .add(
            "INSERT INTO data_keys (id, tenant_id, store_id, credentials, order_id, wrapped, created_at) \
             VALUES (?, ?, ?, ?, ?, ?, ?)",
        )
        .text(key.id)
        .text(key.tenant_id)
        .bind(key.store_id.map(|id| id.to_string()))
        .bind(i64::from(key.credentials))
        .bind(key.order_id.as_ref().map(ToString::to_string))
        .bind(key.wrapped.clone())
        .text(key.created_at);
}

fn idempotency(script: &mut Script, record: &IdempotencyRecord) {
    let (jobs, status, body) = match &record.answer {
        IdempotencyAnswer::Job(id) => (Some(doc(id)), None, None),
        IdempotencyAnswer::Jobs(ids) => (Some(doc(ids)), None, None),
        IdempotencyAnswer::Response { status, body } => (None, Some(i64::from(*status)), bytes(Some(body))),
    };
    script
        .add(
            "INSERT OR REPLACE INTO idempotency (tenant_id, key, fingerprint, jobs, status, body, expires_at) \
             VALUES (?, ?, ?, ?, ?, ?, ?)",
        )
        .text(record.tenant_id)
        .text(&record.key)
        .bind(record.fingerprint.to_vec())
        .bind(jobs)
        .bind(status)
        .bind(body)
        .text(record.expires_at);
}

fn doc(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("rows have string keys")
}

fn bytes(sealed: Option<&Sealed>) -> Option<Vec<u8>> {
    sealed.map(|sealed| sealed.as_bytes().to_vec())
}
