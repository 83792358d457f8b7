//! What moves `date_updated`, and the move to another folder.

use std::collections::BTreeMap;

use serde_json::json;

use super::super::trial::Trial;
use super::value::{differences, lasting, text};

pub(super) async fn all(trial: &mut Trial<'_>, folders: &BTreeMap<String, String>) -> Result<(), String> {
    let before = trial.order().await?;
    trial.settle().await;
    let answer = trial
        .desk
        .put(&trial.path(""), &before)
        .await?
        .success("a PUT of what was read")?;
    let has_order = text(&answer.body["order"]["id"]) == trial.order_id;
    trial.judge("put.answer_has_order", has_order, "");
    let same = trial.order().await?;
    let others = differences(&lasting(&before), &lasting(&same));
    trial.judge("put.same_changes_nothing", others.is_empty(), others.join(", "));
    let moved = |before: &serde_json::Value, after: &serde_json::Value| {
        let (before, after) = (text(&before["date_updated"]), text(&after["date_updated"]));
        (before != after, format!("{before} → {after}"))
    };
    let (has_moved, seen) = moved(&before, &same);
    trial.judge("date.same_put_moves", has_moved, seen);

    trial.settle().await;
    let entry = json!({"note": "Live check", "source_name": "API"});
    trial
        .desk
        .post(&trial.path("/order-history"), &entry)
        .await?
        .success("a history entry")?;
    let noted = trial.order().await?;
    let (has_moved, seen) = moved(&same, &noted);
    trial.judge("date.history_still", !has_moved, seen);

    let here = text(&noted["folder_id"]);
    let Some(there) = folders.keys().find(|id| **id != here) else {
        return Err("there is no second folder".to_owned());
    };
    trial.settle().await;
    let body = json!({"order_id_list": [trial.order_id], "destination_folder_id": there});
    let answer = trial.desk.post("/move-orders", &body).await?;
    let after = trial.order().await?;
    trial.judge("move.by_list", text(&after["folder_id"]) == *there, answer.told());
    let (has_moved, seen) = moved(&noted, &after);
    trial.judge("date.move_moves", has_moved, seen);
    Ok(())
}
