//! A tenant as JSON.

use app::Erasure;
use domain::tenant::{Key, Tenant};
use ledger::{QueueCounts, TokenCounts};
use serde_json::{Value, json};

/// The tenant; one that no change has written yet has neither id nor date.
pub(crate) fn tenant(
    tenant: Option<&Tenant>,
    stores: usize,
    jobs: QueueCounts,
    tokens: TokenCounts,
) -> Value {
    json!({
        "tenant_id": tenant.map(|tenant| tenant.id),
        "label": tenant.and_then(|tenant| tenant.label.as_deref()),
        "created_at": tenant.map(|tenant| tenant.created_at),
        "stores": stores,
        "jobs": {"queued": jobs.queued, "running": jobs.running},
        "tokens": {"spent": tokens.spent, "saved": tokens.saved},
        "callback_secret_id": tenant.and_then(|tenant| tenant.callback.as_ref()).map(|callback| callback.id),
    })
}

/// A tenant as the administrator sees it, and as it is told of its end.
pub(crate) fn tenant_row(tenant: &Tenant) -> Value {
    json!({
        "tenant_id": tenant.id,
        "label": tenant.label,
        "created_at": tenant.created_at,
        "deleted_at": tenant.deleted_at,
        "erased_at": tenant.erased_at,
    })
}

/// An erasure that was asked for, of a store with this Order Desk id; never whom it is about.
pub(crate) fn erasure(erasure: &Erasure, store: &str) -> Value {
    json!({
        "id": erasure.id,
        "store_id": store,
        "order_id": erasure.order,
        "requested_at": erasure.requested_at,
    })
}

/// A key, never itself.
pub(crate) fn key(key: &Key) -> Value {
    json!({
        "id": key.id,
        "label": key.label,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
    })
}
