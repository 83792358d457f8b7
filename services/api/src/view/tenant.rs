//! A tenant as JSON.

use domain::tenant::Tenant;
use ledger::QueueCounts;
use serde_json::{Value, json};

/// The tenant; one that no change has written yet has neither id nor date.
pub(crate) fn tenant(tenant: Option<&Tenant>, stores: usize, jobs: QueueCounts) -> Value {
    json!({
        "tenant_id": tenant.map(|tenant| tenant.id),
        "label": tenant.and_then(|tenant| tenant.label.as_deref()),
        "created_at": tenant.map(|tenant| tenant.created_at),
        "stores": stores,
        "jobs": {"queued": jobs.queued, "running": jobs.running},
        "tokens": {"spent": null, "saved": null},
        "callback_secret_id": null,
    })
}
