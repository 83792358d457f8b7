//! A job as JSON.

use app::JobView;
use domain::job::{CancelReason, ErrorCode, Job, JobError, JobStatus};
use serde_json::{Map, Value, json};

use super::store::segment;
use crate::problem::{Code, problem_object};

/// The job as its tenant sees it.
pub(crate) fn job(view: &JobView) -> Value {
    let job = &view.job;
    let subject = job.order_id.as_ref();
    let mut json = json!({
        "id": job.id,
        "kind": job.kind,
        "status": job.status,
        "store_id": job.upstream_store_id,
        "order_id": subject.filter(|_| job.kind.is_order()),
        "priority": job.priority,
        "attempts": job.attempts,
        "max_attempts": job.max_attempts,
        "submitted_at": job.submitted_at,
        "run_at": job.run_at,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        "next_attempt_at": job.next_attempt_at,
        "queue": queue(view),
        "result": result(view),
        "error": error(view),
        "retry_of": job.retry_of,
        "retried_as": job.retried_as,
        "revert_of": job.revert_of,
        "request_id": job.request_id,
        "links": links(job),
    });
    if !job.kind.is_order() {
        json["item_id"] = json!(subject);
    }
    json
}

/// Where it stands: `ahead` is at most 1000, then there may be more.
fn queue(view: &JobView) -> Value {
    match view.queue {
        Some(place) => json!({"ahead": place.ahead, "eta": place.eta}),
        None if view.job.status.is_final() => json!({"ahead": 0, "eta": null}),
        // Lists do not say: it would cost a query for each.
        None => json!({"ahead": null, "eta": null}),
    }
}

fn result(view: &JobView) -> Value {
    let Some(result) = &view.job.result else {
        return Value::Null;
    };
    let subject = if view.job.kind.is_order() {
        "order_id"
    } else {
        "item_id"
    };
    let mut json = json!({
        subject: result.order_id,
        "changed": result.changed,
        "coalesced_with": result.coalesced_with,
        "patch": view.patch,
        "differences": view.differences,
        "etag_before": result.etag_before,
        "etag_after": result.etag_after,
        "upstream_requests": result.upstream_requests,
        "recovered": result.recovered,
    });
    if let Some(window) = result.window_ms {
        json["window_ms"] = window.into();
    }
    json
}

fn error(view: &JobView) -> Value {
    let job = &view.job;
    let mut object = match (&job.error, job.status, job.cancel_reason) {
        (Some(error), _, _) => failure(error),
        (None, JobStatus::Cancelled, Some(CancelReason::StoreDeleted)) => {
            problem_object(Code::StoreDeleted, "The store was deleted.")
        }
        (None, JobStatus::Cancelled, Some(CancelReason::Erased)) => {
            problem_object(Code::Erased, "The personal data of the order were erased.")
        }
        (None, _, _) => return Value::Null,
    };
    if let Some(message) = &view.upstream_message {
        object.insert("upstream_message".to_owned(), message.clone().into());
    }
    Value::Object(object)
}

fn failure(error: &JobError) -> Map<String, Value> {
    let mut object = problem_object(error.code.into(), &error.detail);
    let mut add = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            object.insert(name.to_owned(), value);
        }
    };
    add("upstream_status", error.upstream_status.map(Value::from));
    add(
        "existing_order_id",
        error.existing_order_id.clone().map(Value::from),
    );
    add(
        "cause",
        error
            .cause
            .map(|code: ErrorCode| Code::from(code).as_str().into()),
    );
    object
}

fn links(job: &Job) -> Value {
    let mut links = json!({"self": path(job), "events": format!("{}/events", path(job))});
    let store = segment(job.upstream_store_id.as_str());
    match (&job.order_id, job.kind.is_order()) {
        (Some(id), true) => links["order"] = format!("/stores/{store}/orders/{id}").into(),
        (Some(id), false) => links["item"] = format!("/stores/{store}/inventory/{id}").into(),
        (None, true) => links["order"] = Value::Null,
        (None, false) => links["item"] = Value::Null,
    }
    links
}

/// Where the job is found.
pub(crate) fn path(job: &Job) -> String {
    format!("/jobs/{}", job.id)
}

#[cfg(test)]
mod tests {
    use domain::job::{JobClass, JobResult, Priority};
    use domain::order::CommandKind;
    use domain::{JobId, StoreId, TenantId, Timestamp};
    use uuid::Uuid;

    use super::*;

    fn view() -> JobView {
        let at = Timestamp::from_millis(1_700_000_000_000);
        let job = Job {
            id: JobId(Uuid::from_u128(1)),
            tenant_id: TenantId(Uuid::from_u128(2)),
            store_id: StoreId(Uuid::from_u128(3)),
            upstream_store_id: "101".parse().unwrap(),
            partition: 0,
            kind: CommandKind::OrderAddNote,
            class: JobClass::Shared,
            order_id: Some("4312".parse().unwrap()),
            lane: "order:4312".to_owned(),
            priority: Priority::Normal,
            status: JobStatus::Succeeded,
            attempts: 1,
            max_attempts: 8,
            submitted_at: at,
            run_at: None,
            due_at: at,
            started_at: Some(at),
            finished_at: Some(at),
            next_attempt_at: None,
            deadline_at: at,
            store_paused_ms: 0,
            if_match: None,
            strict: false,
            has_callback: false,
            key_id: None,
            request_id: "r-1".parse().unwrap(),
            retry_of: None,
            revert_of: None,
            retried_as: None,
            batch_id: None,
            result: Some(JobResult {
                order_id: Some("4312".to_owned()),
                changed: true,
                coalesced_with: 3,
                etag_before: Some("\"a\"".to_owned()),
                etag_after: Some("\"b\"".to_owned()),
                upstream_requests: 2,
                ..JobResult::default()
            }),
            error: None,
            cancel_reason: None,
            version: 3,
            position: 7,
            last_position: 9,
            body: None,
            outcome: None,
        };
        let patch = Some(json!([{"op": "add", "path": "/order_notes/2", "value": {}}]));
        JobView {
            job,
            patch,
            differences: Vec::new(),
            upstream_message: None,
            queue: None,
        }
    }

    #[test]
    fn a_job_has_the_members_of_the_contract_in_their_order() {
        insta::assert_json_snapshot!(job(&view()), @r###"
        {
          "id": "00000000-0000-0000-0000-000000000001",
          "kind": "order.add_note",
          "status": "succeeded",
          "store_id": "101",
          "order_id": "4312",
          "priority": "normal",
          "attempts": 1,
          "max_attempts": 8,
          "submitted_at": "2023-11-14T22:13:20.000Z",
          "run_at": null,
          "started_at": "2023-11-14T22:13:20.000Z",
          "finished_at": "2023-11-14T22:13:20.000Z",
          "next_attempt_at": null,
          "queue": {
            "ahead": 0,
            "eta": null
          },
          "result": {
            "order_id": "4312",
            "changed": true,
            "coalesced_with": 3,
            "patch": [
              {
                "op": "add",
                "path": "/order_notes/2",
                "value": {}
              }
            ],
            "differences": [],
            "etag_before": "\"a\"",
            "etag_after": "\"b\"",
            "upstream_requests": 2,
            "recovered": false
          },
          "error": null,
          "retry_of": null,
          "retried_as": null,
          "revert_of": null,
          "request_id": "r-1",
          "links": {
            "self": "/jobs/00000000-0000-0000-0000-000000000001",
            "events": "/jobs/00000000-0000-0000-0000-000000000001/events",
            "order": "/stores/101/orders/4312"
          }
        }
        "###);
    }

    #[test]
    fn an_error_is_a_problem_document_with_its_facts() {
        let mut view = view();
        view.job.status = JobStatus::Failed;
        view.job.error = Some(JobError {
            existing_order_id: Some("9".to_owned()),
            cause: Some(ErrorCode::UpstreamUnavailable),
            ..JobError::new(ErrorCode::OrderExists, "It is there.")
        });
        view.upstream_message = Some("Duplicate".to_owned());
        let error = &job(&view)["error"];
        assert_eq!(error["type"], "/problems/order_exists");
        assert_eq!(error["status"], 409);
        assert_eq!(error["existing_order_id"], "9");
        assert_eq!(error["cause"], "upstream_unavailable");
        assert_eq!(error["upstream_message"], "Duplicate");
    }

    #[test]
    fn a_cancellation_says_why_unless_its_owner_asked_for_it() {
        let mut view = view();
        view.job.status = JobStatus::Cancelled;
        view.job.cancel_reason = Some(CancelReason::StoreDeleted);
        assert_eq!(job(&view)["error"]["code"], "store_deleted");
        view.job.cancel_reason = Some(CancelReason::User);
        assert_eq!(job(&view)["error"], Value::Null);
    }

    #[test]
    fn an_inventory_job_names_an_item_and_no_order() {
        let mut view = view();
        view.job.kind = CommandKind::InventoryUpdate;
        let json = job(&view);
        assert_eq!(
            (&json["order_id"], &json["item_id"]),
            (&Value::Null, &json!("4312"))
        );
        assert_eq!(json["links"]["item"], "/stores/101/inventory/4312");
        assert_eq!(json["result"]["item_id"], "4312");
    }
}
