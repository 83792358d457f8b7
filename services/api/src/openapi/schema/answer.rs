//! What commands and jobs are answered with.

use std::collections::BTreeMap;

use domain::job::JobStatus;
use serde_json::{Map, Value, json};
use utoipa::openapi::{RefOr, Response};

use super::{digits, nullable, object, refer, timestamp, uuid, written};

fn count() -> Value {
    json!({"type": "integer", "minimum": 0})
}

fn tag() -> Value {
    json!({"type": ["string", "null"], "description": "A strong entity tag, in its quotes."})
}

/// `order_id` stands in jobs about orders, `item_id` in those about inventory.
fn result() -> Value {
    json!({
        "type": "object",
        "required": [
            "changed", "coalesced_with", "patch", "differences", "etag_before", "etag_after", "upstream_requests", "recovered",
        ],
        "properties": {
            "order_id": nullable(digits()),
            "item_id": nullable(digits()),
            "changed": {"type": "boolean"},
            "coalesced_with": {"type": "integer", "minimum": 0, "description": "How many other jobs travelled in the same request."},
            "patch": nullable(refer("JsonPatch")),
            "differences": {"type": "array", "description": "What Order Desk made of the order unasked.", "items": {
                "type": "object",
                "required": ["pointer"],
                "properties": {"pointer": {"type": "string"}, "sent": true, "returned": true},
            }},
            "etag_before": tag(),
            "etag_after": tag(),
            "upstream_requests": count(),
            "recovered": {"type": "boolean", "description": "Whether the success had to be found out afterwards."},
            "window_ms": {"type": "integer", "minimum": 0, "description": "Time between the last read and the write."},
        },
    })
}

fn error() -> Value {
    json!({
        "type": "object",
        "description": "A problem document.",
        "required": ["type", "title", "status", "detail", "code"],
        "properties": {
            "type": {"type": "string", "format": "uri-reference"},
            "title": {"type": "string"},
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": {"type": "string"},
            "code": refer("ProblemCode"),
            "upstream_status": {"type": "integer"},
            "upstream_message": {"type": "string"},
            "existing_order_id": {"type": "string"},
            "cause": refer("ProblemCode"),
        },
    })
}

fn job() -> Value {
    let mut job = object(json!({
        "id": uuid(),
        "kind": refer("CommandKind"),
        "status": refer("Status"),
        "store_id": {"type": "string"},
        "order_id": nullable(digits()),
        "priority": refer("Priority"),
        "attempts": count(),
        "max_attempts": count(),
        "submitted_at": timestamp(),
        "run_at": nullable(timestamp()),
        "started_at": nullable(timestamp()),
        "finished_at": nullable(timestamp()),
        "next_attempt_at": nullable(timestamp()),
        "queue": object(json!({
            "ahead": {"type": ["integer", "null"], "minimum": 0, "description": "At most 1000; null in lists."},
            "eta": nullable(timestamp()),
        })),
        "result": nullable(result()),
        "error": nullable(error()),
        "retry_of": nullable(uuid()),
        "retried_as": nullable(uuid()),
        "revert_of": nullable(uuid()),
        "request_id": {"type": "string"},
        "links": {
            "type": "object",
            "required": ["self", "events"],
            "properties": {
                "self": {"type": "string", "format": "uri-reference"},
                "events": {"type": "string", "format": "uri-reference"},
                "order": {"type": ["string", "null"], "format": "uri-reference"},
                "item": {"type": ["string", "null"], "format": "uri-reference"},
            },
        },
    }));
    job["properties"]["item_id"] = nullable(digits());
    job["description"] = "One accepted command on its way to Order Desk.".into();
    job
}

written! {
    /// A job.
    Job = job();
    /// A page of jobs.
    JobPage = super::page("Job");
    /// The jobs of a batch.
    JobList = object(json!({"data": {"type": "array", "items": refer("Job")}}));
    /// One event of a stream.
    JobEvent = {
        let words: Vec<String> = JobStatus::ALL.iter().map(|status| format!("job.{}", status.as_str())).collect();
        json!({
            "type": "object",
            "description": "One event of the stream, as its fields.",
            "required": ["id", "event", "data"],
            "properties": {
                "id": {"type": "string", "pattern": "^[0-9]+$", "description": "A ledger position, for `Last-Event-ID`."},
                "event": {"enum": words},
                "data": {"type": "string", "contentMediaType": "application/json", "contentSchema": refer("Job")},
            },
        })
    };
    /// What a command would change.
    DryRun = object(json!({
        "dry_run": {"const": true},
        "before": {"type": ["object", "null"]},
        "after": {"type": ["object", "null"]},
        "patch": refer("JsonPatch"),
        "etag_before": tag(),
        "etag_after": tag(),
        "pending": {"type": "array", "description": "Jobs that go first, which the run does not foresee.", "items": uuid()},
    }));
    /// The answer `200` to a command.
    JobOrDryRun = json!({"oneOf": [refer("Job"), refer("DryRun")]});
    /// What became of a call about many jobs.
    ManyJobs = object(json!({
        "jobs": {"type": "array", "description": "The new or the cancelled ones.", "items": uuid()},
        "count": count(),
        "skipped": count(),
        "more": {"type": "boolean", "description": "Whether a repeat would find more."},
    }));
}

macro_rules! responses {
    ($($(#[$doc:meta])* $name:ident = $($status:literal $schema:literal $headers:tt $about:literal),*;)*) => {$(
        $(#[$doc])*
        pub(crate) struct $name;

        impl utoipa::IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                [$(($status.to_owned(), answer($about, $schema, &$headers))),*].into()
            }
        }
    )*};
}

fn answer(about: &str, schema: &str, headers: &[&str]) -> RefOr<Response> {
    let headers: Map<String, Value> = headers
        .iter()
        .map(|name| ((*name).to_owned(), json!({"schema": {"type": "string"}})))
        .collect();
    let response = json!({
        "description": about,
        "headers": headers,
        "content": {"application/json": {"schema": refer(schema)}},
    });
    let response: Response = serde_json::from_value(response).expect("this is a response");
    response.into()
}

responses! {
    /// The answers to a command.
    Accepted =
        "202" "Job" ["Location", "Preference-Applied"] "Accepted: the job is stored and will end.",
        "200" "JobOrDryRun" ["Location", "Preference-Applied"]
            "With `Prefer: wait`: the job, which has ended. With `dry_run=true`: what would change.";
    /// The answers to a retry.
    Retried =
        "202" "Job" ["Location", "Preference-Applied"] "Accepted: the new job.",
        "200" "Job" ["Location", "Preference-Applied"]
            "With `Prefer: wait`: the new job, which has ended. With `assume` `applied`: the old one, as nothing is left to do.";
    /// The answers to the question whether the process can work.
    Ready =
        "200" "Readiness" [] "It can.",
        "503" "Readiness" [] "It cannot.";
}
