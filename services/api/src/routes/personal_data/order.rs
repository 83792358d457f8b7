//! `DELETE …/orders/{order_id}/personal-data`: erases what is recorded of an order.

use axum::extract::State;
use axum::response::Response;

use super::{answered, of_gone_store, once};
use crate::extract::{Caller, Change, OptionalJsonBody, OrderPath, Params};
use crate::observe::Context;
use crate::openapi::schema;
use crate::problem::Problem;
use crate::routes::stores::resolve;
use crate::state::ApiState;

/// Begins to erase what the gateway has recorded of an order; the order in Order Desk stays.
///
/// What is on its way to Order Desk ends, waiting jobs become `cancelled` (`erased`), then bodies, patches and images
/// become unreadable for ever, in backups too as far as these are younger than the keys' destruction. What remains, so
/// that the log can be verified: ids, times and outcomes.
#[utoipa::path(
    delete, path = "/stores/{store_id}/orders/{order_id}/personal-data", operation_id = "eraseOrder", tag = "orders",
    responses((status = 202, description = "It is being erased.", body = schema::Erasure)),
)]
pub(crate) async fn order(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    context: Context,
    OrderPath { store, order }: OrderPath,
    change: Change,
    params: Params,
    OptionalJsonBody(body): OptionalJsonBody,
) -> Result<Response, Problem> {
    params.finish()?;
    change.without_condition()?;
    let key = change.key(state.app.keyring(), body.as_ref());
    let store = match resolve(&state.app, &caller, &context, &store).await {
        Ok(store) => store,
        Err(problem) => return of_gone_store(&state, &caller, key.as_ref(), problem).await,
    };
    let outcome = state
        .app
        .erase_order(&caller, &store, order, once(key, &store))
        .await?;
    answered(outcome, &store)
}
