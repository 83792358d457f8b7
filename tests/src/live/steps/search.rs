//! How orders are found. Every search is narrow enough to find the trial's own order and few others.

use super::super::desk::Seen;
use super::super::trial::Trial;
use super::value::{list, text};

pub(super) async fn all(trial: &mut Trial<'_>) -> Result<(), String> {
    let order = trial.order().await?;
    let added = text(&order["date_added"]);
    let Some((day, time)) = added.split_once(' ') else {
        return Err("the order's date has no time".to_owned());
    };
    let exact = added.replace(' ', "%20");
    let own = format!("source_id={}", trial.source_id);

    let seen = find(trial, &format!("limit=501&{own}")).await?;
    let limit = text(&seen.body["limit"]);
    trial.judge("search.limit_500", limit == "500", limit);

    let from = find(trial, &format!("{own}&search_start_date={exact}")).await?;
    let until = find(trial, &format!("{own}&search_end_date={exact}")).await?;
    let (from, until) = (has(trial, &from), has(trial, &until));
    let seen = format!("lower {}, upper {}", word(from), word(until));
    trial.judge("search.bounds_inclusive", from && until, seen);

    let from = find(trial, &format!("{own}&search_start_date={day}")).await?;
    let until = find(trial, &format!("{own}&search_end_date={day}")).await?;
    let (from, until) = (has(trial, &from), has(trial, &until));
    let at_midnight = time == "00:00:00";
    let seen = format!("from the day {}, until the day {}", word(from), word(until));
    trial.judge("search.date_is_midnight", from && until == at_midnight, seen);

    let shouted = text(&order["email"]).to_uppercase().replace('@', "%40");
    let seen = find(trial, &format!("{own}&email={shouted}")).await?;
    let found = has(trial, &seen);
    trial.judge("search.ignores_case", found, word(found));
    Ok(())
}

async fn find(trial: &Trial<'_>, query: &str) -> Result<Seen, String> {
    let seen = trial.desk.get(&format!("/orders?{query}")).await?;
    seen.success("a search")
}

fn has(trial: &Trial<'_>, seen: &Seen) -> bool {
    list(&seen.body["orders"])
        .iter()
        .any(|order| text(&order["id"]) == trial.order_id)
}

fn word(found: bool) -> &'static str {
    if found { "found" } else { "not found" }
}
