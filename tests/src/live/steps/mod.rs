//! What is tried, in the order in which it is done to the order.

mod create;
mod dates;
mod errors;
mod put;
mod search;
mod value;

use super::trial::Trial;

/// Every step. One that fails leaves its own assumptions open; without an order there is nothing to try.
pub(super) async fn all(trial: &mut Trial<'_>) {
    let outcome = create::connect(trial).await;
    let connected = outcome.is_ok();
    trial.end("all", outcome);
    if !connected {
        return;
    }
    let outcome = create::folders(trial).await;
    let folders = outcome.as_ref().cloned().unwrap_or_default();
    trial.end("store", outcome.map(drop));
    let outcome = create::order(trial).await;
    let created = outcome.is_ok();
    trial.end("all", outcome);
    if !created {
        return;
    }
    let outcome = create::as_read(trial).await;
    trial.end("values", outcome);
    let outcome = dates::all(trial, &folders).await;
    trial.end("date", outcome.clone());
    trial.end("move", outcome);
    let outcome = put::everything(trial, &folders).await;
    trial.end("put", outcome);
    let outcome = put::left_out(trial).await;
    trial.end("put", outcome);
    let outcome = put::if_match(trial).await;
    trial.end("conflict", outcome);
    let outcome = search::all(trial).await;
    trial.end("search", outcome);
    let outcome = create::duplicates(trial).await;
    trial.end("create", outcome);
    let outcome = errors::all(trial).await;
    trial.end("error", outcome);
    let outcome = put::no_items(trial).await;
    trial.end("put", outcome);
    let outcome = errors::gone(trial).await;
    trial.end("error", outcome);
}
