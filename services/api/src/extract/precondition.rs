//! `If-Match` and `If-None-Match` (RFC 9110 §13.1).

use axum::extract::FromRequestParts;
use domain::order::IfMatch;
use http::HeaderMap;
use http::header::{IF_MATCH, IF_NONE_MATCH};
use http::request::Parts;

use crate::problem::{Code, Problem};

/// The tags that the order must carry one of, or `*`; strong tags only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IfMatchHeader(pub(crate) Option<IfMatch>);

impl IfMatchHeader {
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, Problem> {
        let Some(text) = joined(headers, &IF_MATCH)? else {
            return Ok(Self(None));
        };
        let condition = text
            .parse()
            .map_err(|error| Problem::new(Code::InvalidHeader, format!("If-Match {error}.")))?;
        Ok(Self(Some(condition)))
    }

    /// The condition; refused where the target has no tag.
    pub(crate) fn refuse(&self, why: &str) -> Result<(), Problem> {
        match self.0 {
            None => Ok(()),
            Some(_) => Err(Problem::new(Code::InvalidHeader, format!("If-Match: {why}."))),
        }
    }

    /// The canonical text.
    pub(crate) fn text(&self) -> Option<String> {
        self.0.clone().map(String::from)
    }
}

impl<S: Sync> FromRequestParts<S> for IfMatchHeader {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::read(&parts.headers)
    }
}

/// The tags that the client knows already; compared weakly, as RFC 9110 §13.1.2 says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct IfNoneMatch(Option<String>);

impl IfNoneMatch {
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, Problem> {
        joined(headers, &IF_NONE_MATCH).map(Self)
    }

    /// Whether the client has what `etag` names.
    pub(crate) fn knows(&self, etag: &str) -> bool {
        let Some(known) = &self.0 else { return false };
        let bare = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
        let wanted = bare(etag);
        let mut quoted = false;
        known.trim() == "*"
            || known
                .split(|c| {
                    quoted ^= c == '"';
                    c == ',' && !quoted
                })
                .any(|tag| bare(tag) == wanted)
    }
}

impl<S: Sync> FromRequestParts<S> for IfNoneMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::read(&parts.headers)
    }
}

fn joined(headers: &HeaderMap, name: &http::HeaderName) -> Result<Option<String>, Problem> {
    let values: Result<Vec<&str>, _> = headers
        .get_all(name)
        .iter()
        .map(http::HeaderValue::to_str)
        .collect();
    let values =
        values.map_err(|_| Problem::new(Code::InvalidHeader, format!("{name} must be printable ASCII.")))?;
    Ok((!values.is_empty()).then(|| values.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.append(name, value.parse().unwrap());
        headers
    }

    #[test]
    fn if_match_takes_strong_tags_and_the_star() {
        let read = |value| IfMatchHeader::read(&headers("if-match", value));
        assert_eq!(read("*").unwrap().0, Some(IfMatch::Any));
        assert_eq!(read("\"a\"").unwrap().text().as_deref(), Some("\"a\""));
        for bad in ["W/\"a\"", "a", "", "\"a\", W/\"b\""] {
            assert_eq!(read(bad).unwrap_err().code(), Code::InvalidHeader, "{bad}");
        }
    }

    #[test]
    fn if_none_match_compares_weakly() {
        let known = |value: &str| IfNoneMatch(Some(value.to_owned())).knows("\"a\"");
        assert!(known("\"a\"") && known("W/\"a\"") && known("\"b\", \"a\"") && known("*"));
        assert!(!known("\"b\"") && !known("a") && !IfNoneMatch::default().knows("\"a\""));
    }
}
