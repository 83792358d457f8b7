//! The options of a command: query parameters of its own call, members of an item in a batch.

use domain::Timestamp;
use domain::job::Priority;

use super::params::Params;
use super::shape::Shape;

const PRIORITY: &str = "must be high, normal or low";
const GUARD: &str = "must be strict";
const RUN_AT: &str = "must be an RFC 3339 timestamp such as 2026-01-31T12:00:00Z";

/// How a command is to be carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// Only show what would change.
    pub(crate) dry_run: bool,
    /// Before or after others.
    pub(crate) priority: Priority,
    /// Not before this time.
    pub(crate) run_at: Option<Timestamp>,
    /// Whom to tell about the end.
    pub(crate) callback_url: Option<String>,
    /// Read again directly before the update.
    pub(crate) strict: bool,
}

impl Options {
    /// Takes the query parameters.
    pub(crate) fn from_query(params: &mut Params) -> Self {
        Self {
            dry_run: params.flag("dry_run"),
            priority: params
                .read("priority", PRIORITY, Priority::parse)
                .unwrap_or(Priority::Normal),
            run_at: params.read("run_at", RUN_AT, timestamp),
            callback_url: params.text("callback_url"),
            strict: params.read("guard", GUARD, strict).is_some(),
        }
    }

    /// Takes the members of a batch's item. A batch is accepted as a whole, so none of it can be a dry run.
    pub(crate) fn from_item(item: &mut Shape) -> Self {
        if item.flag("dry_run") == Some(true) {
            let detail = "a batch cannot be tried; send the command alone with ?dry_run=true";
            item.refuse(domain::order::FieldCode::FieldInvalid, "dry_run", detail);
        }
        let text = |read: fn(&str) -> Option<()>| move |value: &serde_json::Value| read(value.as_str()?);
        Self {
            dry_run: false,
            priority: item
                .read("priority", PRIORITY, |value| Priority::parse(value.as_str()?))
                .unwrap_or(Priority::Normal),
            run_at: item.read("run_at", RUN_AT, |value| timestamp(value.as_str()?)),
            callback_url: item.text("callback_url"),
            strict: item.read("guard", GUARD, text(strict)).is_some(),
        }
    }
}

/// A `+` of an offset arrives as a space where the client did not encode it.
fn timestamp(text: &str) -> Option<Timestamp> {
    text.parse()
        .ok()
        .or_else(|| text.replacen(' ', "+", 1).parse().ok())
}

fn strict(text: &str) -> Option<()> {
    (text == "strict").then_some(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn query_and_batch_item_say_the_same() {
        let mut params = Params::parse("priority=high&run_at=2026-01-31T12:00:00%2B01:00&guard=strict");
        let query = Options::from_query(&mut params);
        params.finish().unwrap();
        let body = json!({"priority": "high", "run_at": "2026-01-31T11:00:00Z", "guard": "strict"});
        let mut item = Shape::of(body).unwrap();
        assert_eq!(Options::from_item(&mut item), query);
        item.finish().unwrap();
    }

    #[test]
    fn an_offset_with_a_bare_plus_is_understood() {
        assert_eq!(
            timestamp("2026-01-31T12:00:00 01:00"),
            timestamp("2026-01-31T11:00:00Z")
        );
        assert_eq!(timestamp("tomorrow"), None);
    }

    #[test]
    fn values_outside_their_lists_are_refused() {
        for bad in ["priority=urgent", "guard=lax", "run_at=soon", "dry_run=1"] {
            let mut params = Params::parse(bad);
            let _ = Options::from_query(&mut params);
            assert!(params.finish().is_err(), "{bad}");
        }
        let mut item = Shape::of(json!({"dry_run": true, "guard": 1})).unwrap();
        let _ = Options::from_item(&mut item);
        assert_eq!(item.errors().len(), 2);
    }
}
