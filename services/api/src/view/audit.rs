//! An entry of the audit log as JSON.

use app::AuditEntry;
use serde_json::{Value, json};

/// The entry as its tenant sees it.
pub(crate) fn audit_entry(entry: &AuditEntry) -> Value {
    let (event, meta, subject) = (&entry.event, &entry.meta, &entry.subject);
    let id = match (&event.order_id, subject.kind.as_str()) {
        (Some(order), "order") => order.as_str(),
        _ => &subject.id,
    };
    json!({
        "tenant_position": event.tenant_seq,
        "position": event.position,
        "type": event.type_name,
        "at": event.recorded_at,
        "actor": {
            "key_id": meta.key_id,
            "client_ip": meta.client_ip,
            "program": meta.actor,
        },
        "request_id": meta.request_id,
        "subject": {
            "kind": subject.kind,
            "id": id,
            "store_id": subject.store_id,
            "registration_id": event.store_id,
            "order_id": event.order_id,
            "job_id": event.job_id,
        },
        "data": entry.data,
        "erased": entry.erased,
    })
}
