//! `Idempotency-Key`: 1 to 255 printable characters, bare or as a structured string in quotes.

use axum::extract::FromRequestParts;
use http::HeaderMap;
use http::request::Parts;

use crate::problem::{Code, Problem};

/// The client's name for one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IdempotencyKey(pub(crate) Option<String>);

const RULE: &str = "must be 1 to 255 printable ASCII characters";

impl IdempotencyKey {
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, Problem> {
        let mut values = headers.get_all("idempotency-key").iter();
        let Some(value) = values.next() else {
            return Ok(Self(None));
        };
        if values.next().is_some() {
            return Err(bad("must be given once"));
        }
        let text = value.to_str().map_err(|_| bad(RULE))?.trim();
        let key = if text.starts_with('"') {
            unquote(text)?
        } else {
            text.to_owned()
        };
        check(&key).map_err(bad)?;
        Ok(Self(Some(key)))
    }
}

/// Whether a text can be a key; the error is a fragment for people.
pub(crate) fn check(key: &str) -> Result<(), &'static str> {
    let printable = key.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
    if (1..=255).contains(&key.len()) && printable {
        Ok(())
    } else {
        Err(RULE)
    }
}

/// Reads an sf-string (RFC 9651 §3.3.3): within the quotes only `\"` and `\\` are escaped.
fn unquote(text: &str) -> Result<String, Problem> {
    let broken = || bad("begins with a quote and is no quoted string");
    let inner = text
        .get(1..text.len() - 1)
        .filter(|_| text.len() >= 2 && text.ends_with('"'));
    let mut chars = inner.ok_or_else(broken)?.chars();
    let mut key = String::new();
    while let Some(c) = chars.next() {
        match c {
            '\\' => key.push(
                chars
                    .next()
                    .filter(|c| matches!(c, '"' | '\\'))
                    .ok_or_else(broken)?,
            ),
            '"' => return Err(broken()),
            c => key.push(c),
        }
    }
    Ok(key)
}

fn bad(detail: &str) -> Problem {
    Problem::new(Code::InvalidHeader, format!("Idempotency-Key {detail}."))
}

impl<S: Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::read(&parts.headers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Result<Option<String>, Code> {
        let mut headers = HeaderMap::new();
        headers.append("idempotency-key", value.parse().unwrap());
        IdempotencyKey::read(&headers)
            .map(|key| key.0)
            .map_err(|problem| problem.code())
    }

    #[test]
    fn the_bare_and_the_quoted_form_are_one_key() {
        assert_eq!(read("abc-1"), Ok(Some("abc-1".to_owned())));
        assert_eq!(read("\"abc-1\""), Ok(Some("abc-1".to_owned())));
        assert_eq!(read(r#""a\"b\\c""#), Ok(Some(r#"a"b\c"#.to_owned())));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let long = "x".repeat(256);
        for value in ["", "\"\"", "\"", "\"a", "\"a\"b\"", r#""a\x""#, long.as_str()] {
            assert_eq!(read(value), Err(Code::InvalidHeader), "{value}");
        }
        assert!(read(&"x".repeat(255)).is_ok());
    }
}
