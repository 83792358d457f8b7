//! Inventory items: open objects that Order Desk takes only whole.

use std::collections::BTreeSet;

use super::canonical::{Form, object};
use super::document::Object;
use super::fields;
use super::judge::Verdict;

/// Members that Order Desk fills in itself.
const SERVER_MANAGED: [&str; 3] = ["id", "date_added", "date_updated"];

/// The whole item to write: the fetched one with the given members in place.
pub fn merge(fetched: &Object, given: &Object) -> Object {
    let mut item = fetched.clone();
    for (key, value) in given
        .iter()
        .filter(|(key, _)| !SERVER_MANAGED.contains(&key.as_str()))
    {
        item.insert(key.clone(), value.clone());
    }
    item
}

/// Whether every member that a create gave stands in `found`, whatever its spelling.
pub fn agrees(given: &Object, found: &Object) -> bool {
    let (given, found) = (comparable(given), comparable(found));
    given.iter().all(|(key, value)| found.get(key) == Some(value))
}

/// Whether an update in doubt arrived: from `before` to `after`, with `now` fetched since.
///
/// Absolute values say nothing about who wrote them, so an item that already is as wanted counts as applied.
pub fn judge(before: &Object, after: &Object, now: &Object) -> Verdict {
    let (before, after, now) = (comparable(before), comparable(after), comparable(now));
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let touched: Vec<&String> = keys
        .into_iter()
        .filter(|key| before.get(*key) != after.get(*key))
        .collect();
    if touched.iter().all(|key| now.get(*key) == after.get(*key)) {
        Verdict::Applied
    } else if touched.iter().all(|key| now.get(*key) == before.get(*key)) {
        Verdict::NotApplied
    } else {
        Verdict::Unclear
    }
}

fn comparable(item: &Object) -> Object {
    let mut item = object(item, fields::inventory, Form::Judgement);
    item.retain(|key, _| !SERVER_MANAGED.contains(&key.as_str()));
    item
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn item(value: Value) -> Object {
        let Value::Object(item) = value else {
            panic!("an object")
        };
        item
    }

    #[test]
    fn an_update_keeps_what_it_does_not_name() {
        let merged = merge(
            &item(json!({"id": "5", "name": "A", "code": "a", "x": [1], "stock": "3"})),
            &item(json!({"stock": 75, "id": "6"})),
        );
        assert_eq!(
            merged,
            item(json!({"id": "5", "name": "A", "code": "a", "x": [1], "stock": 75}))
        );
    }

    #[test]
    fn an_item_is_ours_only_if_all_given_fields_agree() {
        let given = item(json!({"name": "A", "code": "a", "price": 39.90, "metadata": {}}));
        let found = json!({"id": "5", "name": "A", "code": "a", "price": "39.9", "metadata": [], "stock": 0});
        assert!(agrees(&given, &item(found)));
        assert!(!agrees(
            &given,
            &item(json!({"name": "A", "code": "a", "price": "39.99"}))
        ));
    }

    #[test]
    fn an_update_in_doubt_is_judged_by_the_fields_it_touches() {
        let (before, after) = (
            item(json!({"stock": 1, "price": "2"})),
            item(json!({"stock": 7, "price": "3"})),
        );
        assert_eq!(
            judge(
                &before,
                &after,
                &item(json!({"stock": "7", "price": 3, "name": "x"}))
            ),
            Verdict::Applied
        );
        assert_eq!(
            judge(&before, &after, &item(json!({"stock": "1", "price": 2.0}))),
            Verdict::NotApplied
        );
        assert_eq!(
            judge(&before, &after, &item(json!({"stock": 7, "price": 2}))),
            Verdict::Unclear
        );
    }
}
