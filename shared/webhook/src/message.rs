//! What a receiver is told.

use serde::Serialize;
use serde_json::value::RawValue;

/// The body of a webhook.
#[derive(Clone, Debug, Serialize)]
pub struct Message<'a> {
    /// What happened, e.g. `job.succeeded`.
    pub r#type: &'a str,
    /// When, RFC 3339 in UTC with milliseconds.
    pub timestamp: &'a str,
    /// The job or the change.
    pub data: &'a RawValue,
    /// The position of the event in the ledger: it rises, and has gaps.
    pub sequence: u64,
}

impl Message<'_> {
    /// The bytes that are signed and sent.
    pub fn body(&self) -> String {
        serde_json::to_string(self).expect("strings, a number and JSON are JSON")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_has_its_members_in_their_order_and_the_data_untouched() {
        let data = RawValue::from_string(r#"{"b": 1.0, "a": "x"}"#.to_owned()).unwrap();
        let message = Message {
            r#type: "job.succeeded",
            timestamp: "2026-11-23T12:00:00.000Z",
            data: &data,
            sequence: 41,
        };
        assert_eq!(
            message.body(),
            r#"{"type":"job.succeeded","timestamp":"2026-11-23T12:00:00.000Z","data":{"b": 1.0, "a": "x"},"sequence":41}"#
        );
    }
}
