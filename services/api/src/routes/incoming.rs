//! `POST /webhooks/orderdesk`: Order Desk, or a relay, tells of an order.

use app::{IncomingError, PostedOrder};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use domain::order::FieldCode;
use http::HeaderMap;
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::extract::{RawBody, Shape};
use crate::observe::Context;
use crate::openapi::schema;
use crate::problem::{Code, Field, Problem};
use crate::state::ApiState;

/// The longest name of an event.
const MAX_EVENT_ID: usize = 255;

/// Takes an order that has changed.
///
/// Two forms: what Order Desk's rule action "Post Order JSON" sends (a form whose field `order` is signed with the store's
/// API key, in `X-ORDER-DESK-HASH`), and JSON that is signed with `WEBHOOK_SECRET`, in `X-OrderDesk-Signature`. What is
/// cached of the order is dropped; if it shows a change by others that is not on record, that is recorded. A repeat does
/// nothing.
#[utoipa::path(
    post, path = "/webhooks/orderdesk", operation_id = "receiveOrder", tag = "orders", security(()),
    params(
        ("X-ORDER-DESK-STORE-ID" = Option<String>, Header, description = "The store, beside a form."),
        ("X-ORDER-DESK-HASH" = Option<String>, Header, description = "Hex HMAC-SHA256 of the form's field `order` under the store's API key."),
        ("X-OrderDesk-Signature" = Option<String>, Header, description = "Hex HMAC-SHA256 of a JSON body under the gateway's secret."),
    ),
    request_body(content((schema::PostedOrder = "application/x-www-form-urlencoded"), (schema::RelayedOrder = "application/json"))),
    responses((status = 200, description = "Taken.", body = schema::OrderTaken)),
    extensions(("x-problems" = json!(["invalid_signature", "validation_failed", "unavailable"]))),
)]
pub(crate) async fn orderdesk(
    State(state): State<ApiState>,
    context: Context,
    headers: HeaderMap,
    body: RawBody,
) -> Result<Response, Problem> {
    let outcome = if body.is("application/x-www-form-urlencoded") {
        posted(&state, &context, &headers, &body).await
    } else {
        relayed(&state, &context, &headers, &body).await
    };
    outcome.map(|()| Json(json!({"status": "ok"})).into_response())
}

async fn posted(
    state: &ApiState,
    context: &Context,
    headers: &HeaderMap,
    body: &RawBody,
) -> Result<(), Problem> {
    let store = header(headers, "x-order-desk-store-id")?;
    let signature = header(headers, "x-order-desk-hash")?;
    let mut fields = form_urlencoded::parse(body.bytes()).filter(|(name, _)| name == "order");
    let (Some((_, field)), None) = (fields.next(), fields.next()) else {
        return Err(no_order());
    };
    context.log(|fields| fields.store_id = Some(store.to_owned()));
    let posted = PostedOrder {
        store,
        field: &field,
        signature,
    };
    Ok(state.app.order_posted(posted).await?)
}

async fn relayed(
    state: &ApiState,
    context: &Context,
    headers: &HeaderMap,
    body: &RawBody,
) -> Result<(), Problem> {
    let signature = header(headers, "x-orderdesk-signature")?;
    if !state.app.is_relayed(body.bytes(), signature) {
        return Err(unsigned());
    }
    let mut shape = Shape::of(body.json()?)?;
    let event = shape.read("event_id", "must be a text of 1 to 255 characters", |value| {
        let text = value.as_str()?;
        (1..=MAX_EVENT_ID).contains(&text.chars().count()).then_some(())
    });
    let store = shape.read(
        "store_id",
        "must be Order Desk's id of the store",
        |value| match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        },
    );
    let order = shape.read("order", "must be an order", |value| {
        value.is_object().then(|| value.clone())
    });
    let _ = shape.require("event_id", event);
    let store = shape.require("store_id", store);
    let order = shape.require("order", order);
    shape.finish()?;
    let (Some(store), Some(order)) = (store, order) else {
        return Err(no_order());
    };
    context.log(|fields| fields.store_id = Some(store.clone()));
    Ok(state.app.order_relayed(&store, order).await?)
}

/// What a call cannot be believed without.
fn header<'h>(headers: &'h HeaderMap, name: &str) -> Result<&'h str, Problem> {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.map(str::trim).ok_or_else(unsigned)
}

fn unsigned() -> Problem {
    Problem::unauthorized(
        Code::InvalidSignature,
        "The signature is missing or does not fit.",
    )
}

fn no_order() -> Problem {
    let detail = "must be one order with its id";
    Problem::validation(vec![Field::member(FieldCode::FieldInvalid, "/order", detail)])
}

impl From<IncomingError> for Problem {
    fn from(error: IncomingError) -> Self {
        match error {
            IncomingError::Unsigned => unsigned(),
            IncomingError::NoOrder => no_order(),
            IncomingError::Denied(denied) => denied.into(),
        }
    }
}
