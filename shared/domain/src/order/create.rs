//! The upstream body of a new order, marked so that a lost answer can be resolved.

use serde_json::Value;

use super::document::{Object, OrderDoc};

/// The key in `order_metadata` that names the job that created an order.
pub const MARKER: &str = "gateway_job";

/// Where a new order carries the mark of its job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Marker {
    /// In `order_metadata.gateway_job`.
    #[default]
    Metadata,
    /// In `source_id`, unless the caller chose one.
    SourceId,
}

/// The body that creates `order` for the job `job`.
///
/// The mark is the same for every attempt. With [`Marker::SourceId`] an order with a `source_id` of its own is
/// marked by that alone: Order Desk refuses its repeat.
pub fn upstream_body(order: &Object, job: &str, marker: Marker) -> Object {
    let mut body = order.clone();
    match marker {
        Marker::SourceId => {
            let chosen = body
                .get("source_id")
                .is_some_and(|id| !id.is_null() && id.as_str() != Some(""));
            if !chosen {
                body.insert("source_id".to_owned(), Value::from(job));
            }
        }
        Marker::Metadata => {
            let slot = body.entry("order_metadata").or_insert(Value::Null);
            let mut metadata = match slot.take() {
                Value::Object(map) => map,
                // A list as PHP would write the map; its positions are the keys.
                Value::Array(list) => list
                    .into_iter()
                    .enumerate()
                    .map(|(i, v)| (i.to_string(), v))
                    .collect(),
                _ => Object::new(),
            };
            metadata.insert(MARKER.to_owned(), Value::from(job));
            *slot = Value::Object(metadata);
        }
    }
    body
}

/// Whether `doc` is the order that the job `job` created.
pub fn is_marked(doc: &OrderDoc, job: &str) -> bool {
    doc.metadata()
        .and_then(|map| map.get(MARKER))
        .and_then(Value::as_str)
        == Some(job)
        || doc.source_id() == Some(job)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn body(order: Value, marker: Marker) -> OrderDoc {
        let Value::Object(order) = order else {
            panic!("an object")
        };
        OrderDoc::from_value(Value::Object(upstream_body(&order, "job-1", marker))).unwrap()
    }

    #[test]
    fn the_mark_joins_the_metadata_that_are_there() {
        for metadata in [json!({"a": 1}), json!([]), json!(null)] {
            let doc = body(json!({"order_metadata": metadata}), Marker::Metadata);
            assert!(is_marked(&doc, "job-1") && !is_marked(&doc, "job-2"));
        }
        assert_eq!(
            body(json!({"order_metadata": {"a": 1}}), Marker::Metadata)
                .metadata()
                .unwrap()["a"],
            1
        );
    }

    #[test]
    fn a_source_id_of_the_callers_is_left_alone() {
        assert!(is_marked(
            &body(json!({"source_id": ""}), Marker::SourceId),
            "job-1"
        ));
        assert_eq!(
            body(json!({"source_id": "A-1"}), Marker::SourceId).source_id(),
            Some("A-1")
        );
    }
}
