//! `POST /webhook-endpoints/{endpoint_id}:replay`: what happened in some time, once more.

use app::{Outcome, ReplayRange, Replayed};
use axum::extract::State;
use axum::response::Response;
use domain::Timestamp;
use domain::order::FieldCode;
use http::StatusCode;
use serde_json::{Value, json};

use super::once;
use crate::answer::{self, Stored};
use crate::extract::{Caller, Change, EndpointVerbPath, JsonBody, Params, Shape};
use crate::observe::Context;
use crate::openapi::schema;
use crate::problem::Problem;
use crate::state::ApiState;

const TIME: &str = "must be an RFC 3339 timestamp such as 2026-01-31T12:00:00Z";

/// Has the endpoint told again what was recorded at `from` or later and before `to`, as far as its deliveries are still
/// kept; with `only_failed`, only what did not arrive, and what was kept from it while it was disabled.
#[utoipa::path(
    post, path = "/webhook-endpoints/{endpoint_id}:replay", operation_id = "replayWebhooks", tag = "webhooks",
    request_body = schema::ReplayWebhooks,
    responses((status = 202, description = "So many are told again.", body = schema::WebhookReplay)),
    extensions(("x-problems" = json!(["endpoint_disabled"]))),
)]
pub(crate) async fn replay(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    context: Context,
    EndpointVerbPath(id): EndpointVerbPath,
    change: Change,
    params: Params,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    params.finish()?;
    change.without_condition()?;
    context.log(|fields| fields.route = Some("/webhook-endpoints/{endpoint_id}:replay"));
    let once = once(&state, &change, Some(&body), accepted);
    let range = read(body)?;
    match state.app.replay_deliveries(&caller, id, range, once).await? {
        Outcome::Done(replayed) => Ok(accepted(&replayed).response()),
        Outcome::Replayed(stored) => answer::replayed(&stored),
    }
}

fn accepted(replayed: &Replayed) -> Stored {
    let body = json!({
        "endpoint_id": replayed.endpoint_id,
        "from": replayed.range.from,
        "to": replayed.range.to,
        "only_failed": replayed.range.only_failed,
        "deliveries": replayed.deliveries,
    });
    Stored::json(StatusCode::ACCEPTED, body)
}

fn read(body: Value) -> Result<ReplayRange, Problem> {
    let mut shape = Shape::of(body)?;
    let mut time = |name| {
        let at = shape.read(name, TIME, |value| value.as_str()?.parse::<Timestamp>().ok());
        shape.require(name, at)
    };
    let (from, to) = (time("from"), time("to"));
    let only_failed = shape.flag("only_failed");
    if from.zip(to).is_some_and(|(from, to)| from >= to) {
        shape.refuse(FieldCode::FieldInvalid, "to", "must be later than from");
    }
    shape.finish()?;
    Ok(ReplayRange {
        from: from.unwrap_or(Timestamp::EPOCH),
        to: to.unwrap_or(Timestamp::EPOCH),
        only_failed: only_failed.unwrap_or(false),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_a_beginning_before_its_end() {
        let range = read(json!({"from": "2026-01-31T12:00:00Z", "to": "2026-01-31T13:00:00Z"})).unwrap();
        assert!(!range.only_failed);
        for body in [
            json!({"from": "2026-01-31T12:00:00Z"}),
            json!({"from": "2026-01-31T12:00:00Z", "to": "2026-01-31T12:00:00Z"}),
            json!({"from": "now", "to": "2026-01-31T12:00:00Z"}),
            json!({"from": "2026-01-31T12:00:00Z", "to": "2026-01-31T13:00:00Z", "only_failed": 1}),
        ] {
            assert!(read(body).is_err());
        }
    }
}
