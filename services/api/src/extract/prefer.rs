//! `Prefer` (RFC 7240): whether and how long the answer waits for the job.

use std::fmt::Write as _;
use std::time::Duration;

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, HeaderValue};

use super::bounded::MAX_WAIT;
use crate::problem::{Code, Problem};

/// What the client prefers. Preferences that we do not know are ignored, as the standard says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Prefer {
    /// Answer at once, or when `wait` has passed.
    pub(crate) respond_async: bool,
    /// Wait for the end, at most this long; cut to a minute.
    pub(crate) wait: Option<Duration>,
}

impl Prefer {
    /// Reads all `Prefer` headers; of a preference given twice the first counts.
    pub(crate) fn read(headers: &HeaderMap) -> Result<Self, Problem> {
        let mut prefer = Self::default();
        for header in headers.get_all("prefer") {
            let text = header.to_str().map_err(|_| bad("must be ASCII"))?;
            for preference in split_unquoted(text) {
                // Parameters come after a semicolon; none of ours has any.
                let bare = preference.split(';').next().unwrap_or_default();
                let (name, value) = bare.split_once('=').unwrap_or((bare, ""));
                let value = value.trim().trim_matches('"');
                match name.trim().to_ascii_lowercase().as_str() {
                    "respond-async" => prefer.respond_async = true,
                    "wait" if prefer.wait.is_none() => prefer.wait = Some(seconds(value)?),
                    _ => {}
                }
            }
        }
        Ok(prefer)
    }

    /// What `Preference-Applied` says: `ended` tells whether the job ended while we waited.
    pub(crate) fn applied(self, ended: bool) -> Option<HeaderValue> {
        let mut text = String::new();
        if self.respond_async && !(ended && self.wait.is_some()) {
            text.push_str("respond-async");
        }
        if let Some(wait) = self.wait {
            let comma = if text.is_empty() { "" } else { ", " };
            write!(text, "{comma}wait={}", wait.as_secs()).expect("a String takes everything");
        }
        (!text.is_empty()).then(|| HeaderValue::from_str(&text).expect("made of ASCII here"))
    }
}

/// A whole number of seconds, cut to what we wait at most.
pub(super) fn seconds(text: &str) -> Result<Duration, Problem> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(bad("wait must be a whole number of seconds"));
    }
    // More digits than fit are more than a minute.
    Ok(text
        .parse()
        .map_or(MAX_WAIT, |s| Duration::from_secs(s).min(MAX_WAIT)))
}

fn bad(detail: &str) -> Problem {
    Problem::new(Code::InvalidHeader, format!("Prefer: {detail}."))
}

fn split_unquoted(text: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |c| {
        quoted ^= c == '"';
        c == ',' && !quoted
    })
}

impl<S: Sync> FromRequestParts<S> for Prefer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::read(&parts.headers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&str]) -> Result<Prefer, Problem> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("prefer", value.parse().unwrap());
        }
        Prefer::read(&headers)
    }

    #[test]
    fn preferences_are_read_as_rfc_7240_says() {
        let wait = |s| Some(Duration::from_secs(s));
        assert_eq!(read(&[]).unwrap(), Prefer::default());
        assert_eq!(read(&["wait=10"]).unwrap().wait, wait(10));
        assert_eq!(
            read(&["respond-async, WAIT = \"5\""]).unwrap(),
            Prefer {
                respond_async: true,
                wait: wait(5)
            }
        );
        assert_eq!(
            read(&["return=minimal", "wait=3; x=y, wait=9"]).unwrap().wait,
            wait(3)
        );
        assert_eq!(read(&["foo=\"a, wait=9\""]).unwrap().wait, None);
        assert_eq!(read(&["wait=3600"]).unwrap().wait, wait(60));
        assert_eq!(read(&["wait=99999999999999999999999"]).unwrap().wait, wait(60));
    }

    #[test]
    fn a_wait_that_is_no_number_is_refused() {
        for bad in ["wait", "wait=", "wait=-1", "wait=1.5", "wait=soon"] {
            assert_eq!(read(&[bad]).unwrap_err().code(), Code::InvalidHeader, "{bad}");
        }
    }

    #[test]
    fn what_was_applied_is_said() {
        let applied = |values: &[&str], ended| {
            let value = read(values).unwrap().applied(ended)?;
            Some(value.to_str().unwrap().to_owned())
        };
        assert_eq!(applied(&[], false), None);
        assert_eq!(applied(&["wait=99"], true).as_deref(), Some("wait=60"));
        assert_eq!(
            applied(&["respond-async"], false).as_deref(),
            Some("respond-async")
        );
        assert_eq!(
            applied(&["respond-async, wait=2"], false).as_deref(),
            Some("respond-async, wait=2")
        );
        assert_eq!(
            applied(&["respond-async, wait=2"], true).as_deref(),
            Some("wait=2")
        );
    }
}
