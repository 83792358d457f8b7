//! Where sealed bytes belong. All of it is bound into seals, or finds them, for ever.

use domain::event::Event;
use domain::{DataKeyId, OrderId, StoreId, TenantId};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// What sealed bytes are, so that no record can pass for another. The text is bound into each seal for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// A store's API key; row: the store's id.
    Credentials,
    /// A [`JobBody`](crate::payload::JobBody); row: the job's id.
    JobBody,
    /// A [`JobOutcome`](crate::payload::JobOutcome); row: the job's id.
    JobOutcome,
    /// The plan of a request; row: the batch's id.
    BatchPlan,
    /// An [`ImageBody`](crate::payload::ImageBody); row: [`image_row`].
    OrderImage,
    /// An entry of a cache outside the process; row: made from its place.
    CacheEntry,
    /// The address that a customer's erasure is about; row: the erasure's id.
    ErasureSubject,
    /// The answer to a call that is no command; row: made from the idempotency key.
    IdempotentAnswer,
    /// An [`EndpointBody`](crate::EndpointBody); row: the endpoint's id.
    WebhookEndpoint,
    /// A [`CallbackBody`](crate::CallbackBody); row: the tenant's id.
    CallbackSecret,
    /// The beginning of a receiver's answer; row: the delivery's id.
    WebhookAnswer,
}

impl Purpose {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Credentials => "stores.credentials",
            Self::JobBody => "jobs.body",
            Self::JobOutcome => "jobs.outcome",
            Self::BatchPlan => "batches.plan",
            Self::OrderImage => "orders.image",
            Self::CacheEntry => "cache.entry",
            Self::ErasureSubject => "erasures.subject",
            Self::IdempotentAnswer => "idempotency.answer",
            Self::WebhookEndpoint => "webhooks.endpoint",
            Self::CallbackSecret => "webhooks.callback_secret",
            Self::WebhookAnswer => "webhooks.answer",
        }
    }
}

/// What is sealed beside an event of a job, a batch or an order; nothing of others.
pub fn place_of(event: &Event) -> Option<(Purpose, Uuid)> {
    Some(match event {
        Event::JobSubmitted(e) => (Purpose::JobBody, e.job_id.0),
        Event::JobSucceeded(e) => (Purpose::JobOutcome, e.job_id.0),
        Event::JobFailed(e) => (Purpose::JobOutcome, e.job_id.0),
        Event::BatchOpened(e) => (Purpose::BatchPlan, e.batch_id.0),
        Event::OrderChangedExternally(e) => (Purpose::OrderImage, image_row(e.store_id, &e.order_id)),
        Event::OrderWritten(e) => (Purpose::OrderImage, image_row(e.store_id, &e.order_id)),
        Event::OrderEditOverwritten(e) => (Purpose::OrderImage, image_row(e.store_id, &e.order_id)),
        _ => return None,
    })
}

/// The row under which images of an order are sealed.
pub fn image_row(store: StoreId, order: &OrderId) -> Uuid {
    hashed_row(&[b"order image", store.0.as_bytes(), order.as_str().as_bytes()])
}

/// A row id made from `parts`, for what has no id of its own.
pub(crate) fn hashed_row(parts: &[&[u8]]) -> Uuid {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let digest = hash.finalize();
    let mut row = [0; 16];
    row.copy_from_slice(&digest[..16]);
    Uuid::from_bytes(row)
}

/// The data key of what belongs to a tenant as a whole, found without an index: it is made with the tenant.
pub(super) fn tenant_record(tenant: TenantId) -> DataKeyId {
    DataKeyId(hashed_row(&[b"tenant record", tenant.0.as_bytes()]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_bound_into_seals_never_changes() {
        let names = [
            (Purpose::Credentials, "stores.credentials"),
            (Purpose::JobBody, "jobs.body"),
            (Purpose::JobOutcome, "jobs.outcome"),
            (Purpose::BatchPlan, "batches.plan"),
            (Purpose::OrderImage, "orders.image"),
            (Purpose::CacheEntry, "cache.entry"),
            (Purpose::ErasureSubject, "erasures.subject"),
            (Purpose::IdempotentAnswer, "idempotency.answer"),
            (Purpose::WebhookEndpoint, "webhooks.endpoint"),
            (Purpose::CallbackSecret, "webhooks.callback_secret"),
            (Purpose::WebhookAnswer, "webhooks.answer"),
        ];
        for (purpose, name) in names {
            assert_eq!(purpose.as_str(), name);
        }
        let store = StoreId(Uuid::from_u128(7));
        let row = image_row(store, &"4312".parse().unwrap());
        assert_eq!(row.to_string(), "c8bc8fbc-0044-d5d4-1663-ce4f28635ee8");
        let record = tenant_record(TenantId(Uuid::from_u128(7)));
        assert_eq!(record.to_string(), "97d9c190-59d9-9715-c0dc-16922f9ae0e8");
    }

    #[test]
    fn parts_of_a_row_do_not_run_together() {
        assert_ne!(hashed_row(&[b"ab", b"c"]), hashed_row(&[b"a", b"bc"]));
    }
}
