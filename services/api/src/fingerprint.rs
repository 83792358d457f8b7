//! What makes two requests the same one: method, path, query, `If-Match` and JSON-equal body.
//!
//! `Prefer` and `X-Request-Id` do not count, nor does how the body was written: members in another order, spaces,
//! escapes and `1` for `1.0` are the same JSON.

use http::{Method, Uri};
use serde_json::{Number, Value};
use vault::Keyring;

/// The keyed fingerprint of a request.
pub(crate) fn fingerprint(
    keyring: &Keyring,
    method: &Method,
    uri: &Uri,
    if_match: Option<&str>,
    body: Option<&Value>,
) -> [u8; 32] {
    let mut content = Vec::with_capacity(512);
    for part in [
        method.as_str(),
        uri.path(),
        uri.query().unwrap_or_default(),
        if_match.unwrap_or_default(),
    ] {
        frame(&mut content, part.as_bytes());
    }
    if let Some(body) = body {
        write(&mut content, body);
    }
    keyring.fingerprint(&content)
}

/// What stands for a client's idempotency key: it may say whose order it is for, so it is kept as this alone.
pub(crate) fn key_name(keyring: &Keyring, key: &str) -> String {
    let mut content = Vec::with_capacity(64);
    for part in ["idempotency-key", key] {
        frame(&mut content, part.as_bytes());
    }
    hex::encode(keyring.fingerprint(&content))
}

/// Length first, so that parts do not run together.
fn frame(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
    out.extend_from_slice(bytes);
}

/// The canonical bytes of `value`. Bounded in depth by the parser that made it.
fn write(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => out.push(b'n'),
        Value::Bool(true) => out.push(b't'),
        Value::Bool(false) => out.push(b'f'),
        Value::Number(number) => {
            out.push(b'#');
            frame(out, canonical(number).as_bytes());
        }
        Value::String(text) => {
            out.push(b's');
            frame(out, text.as_bytes());
        }
        Value::Array(list) => {
            out.push(b'[');
            out.extend_from_slice(&(list.len() as u64).to_be_bytes());
            for value in list {
                write(out, value);
            }
        }
        Value::Object(map) => {
            out.push(b'{');
            out.extend_from_slice(&(map.len() as u64).to_be_bytes());
            let mut members: Vec<_> = map.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            for (name, value) in members {
                frame(out, name.as_bytes());
                write(out, value);
            }
        }
    }
}

/// Equal text for equal numbers: a float without a fraction is written as the integer it is.
fn canonical(number: &Number) -> String {
    /// Up to here a float holds every integer exactly.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match number.as_f64() {
        Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() <= EXACT => {
            (float as i64).to_string()
        }
        _ => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn canonical_bytes(text: &str) -> Vec<u8> {
        let mut out = Vec::new();
        write(&mut out, &serde_json::from_str(text).unwrap());
        out
    }

    #[test]
    fn json_that_is_equal_has_equal_bytes() {
        let one = canonical_bytes(r#"{"a": [1, 2.50, -0.0], "b": {"c": "\u0041", "d": null}}"#);
        let two = canonical_bytes(r#"{"b":{"d":null,"c":"A"},"a":[1.0,25e-1,0]}"#);
        assert_eq!(one, two);
    }

    #[test]
    fn json_that_differs_has_other_bytes() {
        let values = [
            json!({"a": 1}),
            json!({"a": "1"}),
            json!({"a": [1]}),
            json!({"a": [1, 1]}),
            json!([{"a": 1}]),
            json!([[], []]),
            json!([[[]]]),
            json!(["ab", "c"]),
            json!(["a", "bc"]),
            json!(9_007_199_254_740_993_u64),
            json!(9_007_199_254_740_992_u64),
            json!(null),
            json!(false),
        ];
        let bytes: std::collections::HashSet<_> = values
            .iter()
            .map(|value| canonical_bytes(&value.to_string()))
            .collect();
        assert_eq!(bytes.len(), values.len());
    }
}
