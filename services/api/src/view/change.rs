//! A change of an order as JSON.

use app::{Changed, OrderChange};
use serde_json::{Value, json};

/// The change as its tenant sees it: the members are the same whoever made it.
pub(crate) fn order_change(change: &OrderChange) -> Value {
    let mut json = json!({
        "position": change.position,
        "type": change.type_name,
        "at": change.at,
        "source": "external",
        "actor": null,
        "request_id": null,
        "job_id": null,
        "kind": null,
        "status": null,
        "patch": null,
        "diff": null,
        "differences": [],
        "etag_before": null,
        "etag_after": null,
    });
    match &change.what {
        Changed::ByJob(view) => {
            let job = &view.job;
            json["source"] = "gateway".into();
            json["actor"] = json!({"key_id": job.key_id});
            json["request_id"] = json!(job.request_id);
            json["job_id"] = json!(job.id);
            json["kind"] = json!(job.kind);
            json["status"] = json!(job.status);
            json["patch"] = json!(view.patch);
            json["differences"] = json!(view.differences);
            if let Some(result) = &job.result {
                json["etag_before"] = json!(result.etag_before);
                json["etag_after"] = json!(result.etag_after);
            }
        }
        Changed::Externally {
            etag_before,
            etag_after,
            diff,
        } => {
            json["diff"] = json!(diff);
            json["etag_before"] = json!(etag_before);
            json["etag_after"] = json!(etag_after);
        }
        Changed::Overwritten { differences } => json["differences"] = json!(differences),
    }
    json
}
