//! Leaving nothing behind.

use std::collections::BTreeSet;

use reqwest::Method;

use super::desk::Desk;
use super::trial::Trial;

/// How often a deletion that had no good answer is tried.
const TRIES: usize = 3;

/// Deletes every order of the trial; what could not be deleted, if anything.
///
/// Beside those whose creation was answered, those are found whose answer got lost: they carry the trial's own source id.
/// Nothing else is ever deleted.
pub(super) async fn delete_all(desk: &Desk, trial: &Trial<'_>) -> Option<String> {
    let mut orders: BTreeSet<String> = trial.created.iter().cloned().collect();
    let mut doubt = None;
    match lost(desk, &trial.source_id).await {
        Ok(found) => orders.extend(found),
        Err(reason) => {
            doubt = Some(format!(
                "whether orders with source id {} are left ({reason})",
                trial.source_id
            ));
        }
    }
    for order in orders {
        if let Err(reason) = delete(desk, &order).await {
            doubt = Some(format!(
                "order {order} with source id {} ({reason})",
                trial.source_id
            ));
        }
    }
    doubt
}

/// The ids of the orders with that source id.
async fn lost(desk: &Desk, source_id: &str) -> Result<Vec<String>, String> {
    let path = format!("/orders?source_id={source_id}&limit=50");
    let mut last = String::new();
    for _ in 0..TRIES {
        match desk.get(&path).await.and_then(|seen| seen.success("the search")) {
            Ok(seen) => {
                let orders = seen.body["orders"].as_array().cloned().unwrap_or_default();
                // A filter that is not understood would return everybody's orders.
                let ours = orders.iter().filter(|order| order["source_id"] == source_id);
                return Ok(ours
                    .filter_map(|order| order["id"].as_str().map(str::to_owned))
                    .collect());
            }
            Err(reason) => last = reason,
        }
    }
    Err(last)
}

async fn delete(desk: &Desk, order: &str) -> Result<(), String> {
    let mut last = String::new();
    for _ in 0..TRIES {
        match desk
            .call(Method::DELETE, &format!("/orders/{order}"), None, &[])
            .await
        {
            Ok(seen) if seen.is_success() || seen.status == 404 => return Ok(()),
            Ok(seen) => last = seen.told(),
            Err(reason) => last = reason,
        }
    }
    Err(last)
}
