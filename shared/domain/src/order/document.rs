//! An order as Order Desk gave it, kept without loss.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::limit::{MAX_DEPTH, is_within_depth};

/// A JSON object that keeps the order of its keys.
pub type Object = Map<String, Value>;

/// One order, with every member it came with, known or not, in the order and shape received.
///
/// Its `Debug` form shows no content: an order is personal data.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub struct OrderDoc(Object);

/// Why a text is not an order.
#[derive(Debug, thiserror::Error)]
pub enum DocError {
    /// It is not JSON.
    #[error("the order is not JSON")]
    NotJson(#[source] serde_json::Error),
    /// It is JSON, and no object.
    #[error("the order is not a JSON object")]
    NotAnObject,
    /// It nests deeper than [`MAX_DEPTH`].
    #[error("the order nests deeper than {MAX_DEPTH} levels")]
    TooDeep,
}

impl OrderDoc {
    /// Reads an order from the bytes of a JSON object.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, DocError> {
        Self::from_value(serde_json::from_slice(bytes).map_err(DocError::NotJson)?)
    }

    /// Takes a JSON object for an order.
    pub fn from_value(value: Value) -> Result<Self, DocError> {
        if !is_within_depth(&value, MAX_DEPTH) {
            return Err(DocError::TooDeep);
        }
        match value {
            Value::Object(map) => Ok(Self(map)),
            _ => Err(DocError::NotAnObject),
        }
    }

    /// The members.
    pub fn as_object(&self) -> &Object {
        &self.0
    }

    /// The order as a JSON value.
    pub fn to_value(&self) -> Value {
        Value::Object(self.0.clone())
    }

    /// The order as a JSON value, without a copy.
    pub fn into_value(self) -> Value {
        Value::Object(self.0)
    }

    /// One top-level member.
    pub fn get(&self, field: &str) -> Option<&Value> {
        self.0.get(field)
    }

    /// Order Desk's id of the order.
    pub fn id(&self) -> Option<String> {
        id_text(self.get("id")?)
    }

    /// The folder that the order lies in.
    pub fn folder_id(&self) -> Option<FolderId> {
        FolderId::from_value(self.get("folder_id")?)
    }

    /// The cart's order number, if it is set.
    pub fn source_id(&self) -> Option<&str> {
        self.get("source_id")?.as_str().filter(|id| !id.is_empty())
    }

    /// The notes; none if the list is missing.
    pub fn notes(&self) -> &[Value] {
        self.list("order_notes")
    }

    /// The items; none if the list is missing.
    pub fn items(&self) -> &[Value] {
        self.list("order_items")
    }

    /// The metadata, unless it is missing or came as `[]`.
    pub fn metadata(&self) -> Option<&Object> {
        self.get("order_metadata")?.as_object()
    }

    /// The same order in another folder, the id in the JSON type that the order uses.
    pub fn with_folder(&self, folder: FolderId) -> Self {
        let mut doc = self.clone();
        let value = match doc.get("folder_id") {
            Some(Value::String(_)) => Value::String(folder.to_string()),
            _ => Value::from(folder.0),
        };
        doc.0.insert("folder_id".to_owned(), value);
        doc
    }

    pub(super) fn object_mut(&mut self) -> &mut Object {
        &mut self.0
    }

    fn list(&self, field: &str) -> &[Value] {
        self.get(field)
            .and_then(Value::as_array)
            .map_or(&[], Vec::as_slice)
    }
}

impl TryFrom<Value> for OrderDoc {
    type Error = DocError;

    fn try_from(value: Value) -> Result<Self, DocError> {
        Self::from_value(value)
    }
}

impl From<OrderDoc> for Value {
    fn from(doc: OrderDoc) -> Self {
        doc.into_value()
    }
}

impl fmt::Debug for OrderDoc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OrderDoc({:?}, {} members, ***)", self.id(), self.0.len())
    }
}

/// An id as text, whether it came as text or as a number.
pub(super) fn id_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Order Desk's id of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FolderId(pub u64);

impl FolderId {
    /// Reads a whole number, or digits as text.
    pub fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Number(number) => number.as_u64().or_else(|| whole(number.as_f64()?)).map(Self),
            Value::String(text) if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok().map(Self),
            _ => None,
        }
    }
}

/// JSON tells no integers from other numbers: `2.0` is `2`. Beyond 2^53 such a number may stand for several.
fn whole(number: f64) -> Option<u64> {
    let is_whole = number.fract() == 0.0 && (0.0..=9_007_199_254_740_992.0).contains(&number);
    if is_whole {
        format!("{number:.0}").parse().ok()
    } else {
        None
    }
}

impl fmt::Display for FolderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_members_key_order_and_spelling_survive() {
        let text = r#"{"z":1.50,"id":"7","a":{"y":[],"x":null},"price":10,"u":"é"}"#;
        let doc = OrderDoc::from_slice(text.as_bytes()).unwrap();
        assert_eq!(serde_json::to_string(&doc).unwrap(), text.replace("1.50", "1.5"));
    }

    #[test]
    fn only_an_object_of_bounded_depth_is_an_order() {
        assert!(matches!(OrderDoc::from_slice(b"[]"), Err(DocError::NotAnObject)));
        assert!(matches!(OrderDoc::from_slice(b"{"), Err(DocError::NotJson(_))));
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(64), "]".repeat(64));
        assert!(matches!(
            OrderDoc::from_slice(deep.as_bytes()),
            Err(DocError::TooDeep)
        ));
        let endless = format!("{{\"a\":{}", "[".repeat(100_000));
        assert!(OrderDoc::from_slice(endless.as_bytes()).is_err());
    }

    #[test]
    fn debug_shows_no_content() {
        let doc = OrderDoc::from_slice(br#"{"id": "7", "email": "jo@example.com"}"#).unwrap();
        assert!(!format!("{doc:?}").contains("example"));
    }

    #[test]
    fn a_folder_is_a_whole_number_however_it_is_written() {
        let read = |text: &str| FolderId::from_value(&serde_json::from_str(text).unwrap());
        for text in ["2", "2.0", "2e0", "\"2\"", "\"02\""] {
            assert_eq!(read(text), Some(FolderId(2)), "{text}");
        }
        assert_eq!(read("18446744073709551615"), Some(FolderId(u64::MAX)));
        for text in ["2.5", "-2", "-2.0", "1e300", "\"2.0\"", "\"\"", "null", "[2]"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_folder_keeps_its_json_type() {
        let number = OrderDoc::from_slice(br#"{"folder_id": 1}"#)
            .unwrap()
            .with_folder(FolderId(2));
        assert_eq!(number.get("folder_id"), Some(&Value::from(2)));
        let text = OrderDoc::from_slice(br#"{"folder_id": "1"}"#)
            .unwrap()
            .with_folder(FolderId(2));
        assert_eq!(text.get("folder_id"), Some(&Value::from("2")));
        assert_eq!(text.folder_id(), Some(FolderId(2)));
    }
}
