//! Members that creating and changing have in common.

use domain::order::FieldCode;
use domain::webhook::WebhookEvent;
use serde_json::Value;

use crate::extract::Shape;

/// How many stores can be named.
const MOST_STORES: usize = 100;

/// `events` or `store_ids` of a body; none if it is not given, empty for null: everything.
pub(super) fn events(shape: &mut Shape) -> Option<Vec<WebhookEvent>> {
    let names: Vec<&str> = WebhookEvent::ALL.iter().map(|kind| kind.as_str()).collect();
    let rule = format!("must be null or a list of {}", names.join(", "));
    listed(shape, "events", &rule, |list| {
        let mut events = Vec::new();
        for name in list {
            let event: WebhookEvent = name.as_str()?.parse().ok()?;
            if !events.contains(&event) {
                events.push(event);
            }
        }
        Some(events)
    })
}

/// As [`events`], of the stores.
pub(super) fn stores(shape: &mut Shape) -> Option<Vec<String>> {
    let rule = "must be null or a list of 1 to 100 stores, named as in paths";
    listed(shape, "store_ids", rule, |list| {
        let text = |name: &Value| name.as_str().map(str::to_owned);
        let names = list.iter().map(text).collect::<Option<Vec<_>>>()?;
        (names.len() <= MOST_STORES).then_some(names)
    })
}

fn listed<T>(
    shape: &mut Shape,
    name: &'static str,
    rule: &str,
    read: impl FnOnce(&[Value]) -> Option<Vec<T>>,
) -> Option<Vec<T>> {
    let list = match shape.take(name)? {
        Value::Null => return Some(Vec::new()),
        Value::Array(list) if !list.is_empty() => read(&list),
        _ => None,
    };
    if list.is_none() {
        shape.refuse(FieldCode::FieldInvalid, name, rule);
    }
    list
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_given_is_told_from_everything() {
        let mut shape = Shape::of(json!({"store_ids": null})).unwrap();
        assert_eq!((events(&mut shape), stores(&mut shape)), (None, Some(Vec::new())));
        let mut shape =
            Shape::of(json!({"events": ["job.failed", "job.failed"], "store_ids": ["101"]})).unwrap();
        assert_eq!(events(&mut shape), Some(vec![WebhookEvent::JobFailed]));
        assert_eq!(stores(&mut shape), Some(vec!["101".to_owned()]));
        assert!(shape.finish().is_ok());
    }

    #[test]
    fn an_empty_list_would_mean_nothing_and_is_refused() {
        let mut shape = Shape::of(json!({"events": [], "store_ids": ["1", 2]})).unwrap();
        assert_eq!((events(&mut shape), stores(&mut shape)), (None, None));
        assert_eq!(shape.errors().len(), 2);
        let mut shape = Shape::of(json!({"events": ["job.gone"]})).unwrap();
        events(&mut shape);
        assert_eq!(shape.errors().len(), 1);
    }
}
