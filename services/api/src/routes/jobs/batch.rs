//! `POST /stores/{store_id}/jobs:batch`: up to a thousand commands, all accepted or none.

use app::{Earlier, JobView, MAX_BATCH, Submission, Submitted};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use domain::OrderId;
use domain::order::{CommandKind, FieldCode, IfMatch};
use http::{Method, StatusCode, Uri};
use serde_json::{Value, json};
use tokio::time::Instant;
use vault::Keyring;

use crate::answer;
use crate::extract::{
    BATCH_LIMIT, Caller, Change, JsonBody, Options, Params, Prefer, Shape, StorePath, key_rule,
};
use crate::fingerprint::{fingerprint, key_name};
use crate::observe::Context;
use crate::openapi::{parameter, schema};
use crate::problem::{Field, Place, Problem};
use crate::replay;
use crate::routes::command::{apply, bare, submission, waited};
use crate::routes::stores::resolve;
use crate::state::ApiState;
use crate::view;

/// Submits many commands.
#[utoipa::path(
    post, path = "/stores/{store_id}/jobs:batch", operation_id = "submitBatch", tag = "jobs",
    params(parameter::Waiting),
    request_body = schema::Batch,
    responses(
        (status = 202, description = "All jobs, in the order of the request.", body = schema::JobList, headers(("Preference-Applied"))),
        (status = 200, description = "With `Prefer: wait`: all have ended.", body = schema::JobList, headers(("Preference-Applied"))),
    ),
    extensions(("x-problems" = json!(["callback_secret_missing", "field_read_only"]))),
)]
#[expect(clippy::too_many_arguments, reason = "each is an extractor")]
pub(crate) async fn batch(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    context: Context,
    StorePath(name): StorePath,
    uri: Uri,
    change: Change,
    prefer: Prefer,
    params: Params,
    JsonBody(body): JsonBody<BATCH_LIMIT>,
) -> Result<Response, Problem> {
    params.finish()?;
    change
        .if_match()
        .refuse("give each item an if_match of its own")?;
    let key = change.key(state.app.keyring(), Some(&body));
    let submissions = parse(body, state.app.keyring(), &uri)?;
    let store = match resolve(&state.app, &caller, &context, &name).await {
        Ok(store) => store,
        Err(problem) => {
            return match replay::of_gone_store(&state, &caller, key.as_ref(), problem).await? {
                Earlier::Jobs(jobs) => {
                    Ok(accepted(&state, &caller, Submitted { jobs, replayed: true }, prefer).await)
                }
                Earlier::Answer(stored) => answer::replayed(&stored),
            };
        }
    };
    let submitted = state.app.submit(&caller, &store, submissions, key).await;
    let submitted = submitted.map_err(|error| Place::Batch.problem(error))?;
    Ok(accepted(&state, &caller, submitted, prefer).await)
}

/// Answers with all jobs in request order: `202`, or `200` if the client waited and all have ended.
async fn accepted(
    state: &ApiState,
    caller: &app::Caller,
    Submitted { jobs, replayed }: Submitted,
    prefer: Prefer,
) -> Response {
    let until = prefer.wait.map(|wait| Instant::now() + wait);
    let mut views: Vec<JobView> = Vec::with_capacity(jobs.len());
    for job in jobs {
        views.push(match until {
            // Ended jobs have results to show; the others are as they were submitted.
            None if !job.status.is_final() => bare(job),
            None => waited(state, caller, job, std::time::Duration::ZERO).await,
            Some(until) => {
                waited(
                    state,
                    caller,
                    job,
                    until.saturating_duration_since(Instant::now()),
                )
                .await
            }
        });
    }
    let ended = views.iter().all(|view| view.job.status.is_final());
    let status = if prefer.wait.is_some() && ended {
        StatusCode::OK
    } else {
        StatusCode::ACCEPTED
    };
    let data: Vec<Value> = views.iter().map(view::job).collect();
    let mut response = (status, Json(json!({"data": data}))).into_response();
    apply(&mut response, prefer, ended);
    if replayed {
        answer::mark(response)
    } else {
        response
    }
}

fn parse(body: Value, keyring: &Keyring, uri: &Uri) -> Result<Vec<Submission>, Problem> {
    let mut shape = Shape::of(body)?;
    let jobs = match shape.take("jobs") {
        Some(Value::Array(list)) if (1..=MAX_BATCH).contains(&list.len()) => Some(list),
        Some(_) => {
            shape.refuse(
                FieldCode::FieldInvalid,
                "jobs",
                "must be a list of 1 to 1000 commands",
            );
            None
        }
        None => None,
    };
    let jobs = shape.require("jobs", jobs);
    shape.finish()?;
    let mut errors = Vec::new();
    let mut submissions = Vec::new();
    for (index, item) in jobs.unwrap_or_default().into_iter().enumerate() {
        // What makes an item the same again is what it says, not its place in the list.
        let keyed = item.get("idempotency_key").is_some();
        let fingerprint = keyed.then(|| fingerprint(keyring, &Method::POST, uri, Some("item"), Some(&item)));
        match self::item(index, item) {
            Ok(Some((kind, id, body, rest))) => {
                let ItemRest {
                    options,
                    if_match,
                    key,
                } = rest;
                submissions.push(Submission {
                    if_match,
                    idempotency_key: key.map(|key| key_name(keyring, &key)),
                    fingerprint: fingerprint.unwrap_or_default(),
                    ..submission(kind, id, body, &options)
                });
            }
            Ok(None) => {}
            Err(found) => errors.extend(found),
        }
        if errors.len() >= MAX_ERRORS {
            break;
        }
    }
    if errors.is_empty() {
        Ok(submissions)
    } else {
        Err(Problem::validation(errors))
    }
}

/// Most errors that one answer lists.
const MAX_ERRORS: usize = 100;

struct ItemRest {
    options: Options,
    if_match: Option<IfMatch>,
    key: Option<String>,
}

type Item = (CommandKind, Option<OrderId>, Value, ItemRest);

fn item(index: usize, value: Value) -> Result<Option<Item>, Vec<Field>> {
    let mut item = Shape::at(&format!("/jobs/{index}"), value).map_err(|error| vec![error])?;
    let kind = item.read(
        "kind",
        "must be a kind of command such as order.add_note",
        |value| value.as_str()?.parse::<CommandKind>().ok(),
    );
    let kind = item.require("kind", kind);
    let order = item.read("order_id", "must be 1 to 20 digits as text", id);
    let of_item = item.read("item_id", "must be 1 to 20 digits as text", id);
    let id = match (kind, order, of_item) {
        (Some(kind), Some(_), None) if !kind.is_order() => {
            item.refuse(
                FieldCode::FieldInvalid,
                "order_id",
                "an inventory command takes item_id",
            );
            None
        }
        (Some(kind), None, Some(_)) if kind.is_order() => {
            item.refuse(
                FieldCode::FieldInvalid,
                "item_id",
                "an order command takes order_id",
            );
            None
        }
        (_, Some(_), Some(_)) => {
            item.refuse(
                FieldCode::FieldConflict,
                "item_id",
                "give either order_id or item_id",
            );
            None
        }
        (_, order, of_item) => order.or(of_item),
    };
    let body = item.take("body").unwrap_or(Value::Null);
    let options = Options::from_item(&mut item);
    let if_match = item.read(
        "if_match",
        "must be a strong entity tag in double quotes, or *",
        |value| value.as_str()?.parse::<IfMatch>().ok(),
    );
    let key = item.read(
        "idempotency_key",
        "must be 1 to 255 printable ASCII characters",
        |value| {
            value
                .as_str()
                .filter(|key| key_rule(key).is_ok())
                .map(str::to_owned)
        },
    );
    let errors = item.errors();
    if !errors.is_empty() {
        return Err(errors);
    }
    Ok(kind.map(|kind| {
        (
            kind,
            id,
            body,
            ItemRest {
                options,
                if_match,
                key,
            },
        )
    }))
}

fn id(value: &Value) -> Option<OrderId> {
    value.as_str()?.parse().ok()
}
