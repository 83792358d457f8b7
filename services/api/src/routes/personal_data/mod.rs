//! Erasing what is recorded of an order or of a customer.

pub(crate) mod customer;
pub(crate) mod order;

use std::sync::Arc;

use app::{Earlier, Erasure, IdempotencyKey, Once, Outcome};
use axum::response::Response;
use domain::store::Store;
use http::StatusCode;

use crate::answer::{self, Stored};
use crate::problem::Problem;
use crate::state::ApiState;
use crate::{replay, view};

pub(crate) use customer::customer;
pub(crate) use order::order;

fn once(key: Option<IdempotencyKey>, store: &Store) -> Option<Once<Erasure>> {
    let name = store.store_id.to_string();
    key.map(|key| Once {
        key,
        render: Arc::new(move |erasure: &Erasure| begun(erasure, &name).keep()),
    })
}

fn answered(outcome: Outcome<Erasure>, store: &Store) -> Result<Response, Problem> {
    match outcome {
        Outcome::Done(erasure) => Ok(begun(&erasure, store.store_id.as_str()).response()),
        Outcome::Replayed(stored) => answer::replayed(&stored),
    }
}

fn begun(erasure: &Erasure, store: &str) -> Stored {
    Stored::json(StatusCode::ACCEPTED, view::erasure(erasure, store))
}

/// What to say when there is no store: a repeat may find none, because another call did away with it.
async fn of_gone_store(
    state: &ApiState,
    caller: &app::Caller,
    key: Option<&IdempotencyKey>,
    problem: Problem,
) -> Result<Response, Problem> {
    match replay::of_gone_store(state, caller, key, problem).await? {
        Earlier::Answer(stored) => answer::replayed(&stored),
        Earlier::Jobs(_) => Err(app::Denied::KeyReused.into()),
    }
}
