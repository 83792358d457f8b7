//! The answer of the service before it becomes bytes, and how it becomes them.

use std::io::{self, Write};

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, json, ser::Formatter};

use crate::{
    quirk::Quirks,
    state::{Refusal, search::Page, value::Object},
};

/// Status, message and payload of an answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub status: u16,
    pub message: Option<String>,
    pub payload: Vec<(&'static str, Value)>,
    /// Whether the request changed anything.
    pub changed: bool,
}

impl Reply {
    pub fn of(key: &'static str, value: Value) -> Self {
        Self {
            status: 200,
            message: None,
            payload: vec![(key, value)],
            changed: false,
        }
    }

    pub fn message(message: impl Into<String>) -> Self {
        Self {
            status: 200,
            message: Some(message.into()),
            payload: Vec::new(),
            changed: false,
        }
    }

    pub fn error(status: u16, message: impl Into<String>) -> Self {
        Self {
            status,
            ..Self::message(message)
        }
    }

    pub fn page(key: &'static str, page: Page) -> Self {
        let mut reply = Self::of("total_records", json!(page.total));
        reply.payload.extend([
            ("records_returned", json!(page.rows.len())),
            ("offset", json!(page.offset)),
            ("limit", json!(page.limit)),
            (key, Value::Array(page.rows)),
        ]);
        reply
    }

    pub fn with(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// Marks a write that took effect.
    pub fn changed(mut self) -> Self {
        self.changed = true;
        self
    }

    pub fn created(mut self) -> Self {
        self.status = 201;
        self.changed()
    }

    /// The body, whose `execution_time` differs from that of every other answer.
    pub fn render(self, quirks: &Quirks, seq: u64) -> Bytes {
        let status = if self.status < 400 { "success" } else { "error" };
        self.render_as(status, quirks, seq)
    }

    /// The body with a `status` that need not agree with the HTTP status.
    pub fn render_as(self, status: &str, quirks: &Quirks, seq: u64) -> Bytes {
        let mut body = Object::new();
        body.insert("status".into(), json!(status));
        if let Some(message) = self.message {
            body.insert("message".into(), json!(message));
        }
        for (key, mut value) in self.payload {
            quirks.disguise(key, &mut value);
            body.insert(key.into(), value);
        }
        let time = format!("0.{seq:08} seconds");
        body.insert("execution_time".into(), json!(time));
        print(&Value::Object(body), quirks.escaped_text)
    }
}

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Self {
        Self::error(refusal.status, refusal.message)
    }
}

/// JSON text, on request the way PHP prints it by default.
pub(crate) fn print(value: &Value, escaped: bool) -> Bytes {
    if !escaped {
        return Bytes::from(value.to_string());
    }
    let mut text = Vec::with_capacity(256);
    value
        .serialize(&mut serde_json::Serializer::with_formatter(&mut text, PhpText))
        .expect("a JSON value always prints to memory");
    Bytes::from(text)
}

/// Prints `/` as `\/` and everything outside ASCII as `\uXXXX`.
struct PhpText;

impl Formatter for PhpText {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        for char in fragment.chars() {
            match char {
                '/' => writer.write_all(b"\\/")?,
                ascii if ascii.is_ascii() => writer.write_all(&[ascii as u8])?,
                other => {
                    for unit in other.encode_utf16(&mut [0; 2]) {
                        write!(writer, "\\u{unit:04x}")?;
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_text_is_ascii_and_reads_back_the_same() {
        let value = json!({"url": "https://a/b", "näme": "smile 😀 \"q\""});
        let text = print(&value, true);
        assert_eq!(
            text,
            r#"{"url":"https:\/\/a\/b","n\u00e4me":"smile \ud83d\ude00 \"q\""}"#.as_bytes()
        );
        assert_eq!(serde_json::from_slice::<Value>(&text).unwrap(), value);
    }
}
