//! `/webhook-endpoints`, `/webhook-deliveries`: who is told what happens, and how telling goes.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod deliveries;
pub(crate) mod find;
pub(crate) mod list;
mod parse;
pub(crate) mod patch;
pub(crate) mod redeliver;
pub(crate) mod replay;
pub(crate) mod rotate;
pub(crate) mod test;

pub(crate) use create::create;
pub(crate) use delete::delete;
pub(crate) use deliveries::deliveries;
pub(crate) use find::find;
pub(crate) use list::list;
pub(crate) use patch::patch;
pub(crate) use redeliver::redeliver;
pub(crate) use replay::replay;
pub(crate) use rotate::rotate;
pub(crate) use test::test;

use std::sync::Arc;

use app::{EndpointView, Once};
use http::StatusCode;
use serde_json::Value;

use crate::answer::Stored;
use crate::extract::{Change, Shape};
use crate::problem::Problem;
use crate::state::ApiState;
use crate::view;

/// The idempotency key of a call without a body of its own, and how its answer is kept.
fn once<T>(
    state: &ApiState,
    change: &Change,
    body: Option<&Value>,
    render: impl Fn(&T) -> Stored + Send + Sync + 'static,
) -> Option<Once<T>> {
    let key = change.key(state.app.keyring(), body)?;
    Some(Once {
        key,
        render: Arc::new(move |made: &T| render(made).keep()),
    })
}

/// A call that takes nothing takes an empty object at most.
fn nothing(body: Option<Value>) -> Result<(), Problem> {
    body.map_or(Ok(()), |body| Shape::of(body)?.finish())
}

fn shown(view: &EndpointView) -> Stored {
    Stored::json(StatusCode::OK, view::endpoint(view))
}
