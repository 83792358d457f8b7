//! What came of one attempt.

use std::time::Duration;

use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

use crate::target::UrlRefused;

/// How much of an answer's body is kept, in bytes.
pub const KEPT_BODY: usize = 2_048;

/// A receiver's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// How long the receiver asked us to wait.
    pub retry_after: Option<Duration>,
    /// The beginning of the body, at most [`KEPT_BODY`] bytes; what is no UTF-8 is replaced.
    pub body: String,
}

/// Why there was no answer. The texts are fit for the delivery log: they name no address and no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The URL cannot be sent to at all, by what it is or by the ranges that are open now.
    #[error("the URL is not allowed: {0}")]
    Url(UrlRefused),
    /// The name resolves to no address that may be reached.
    #[error("the host has no address that webhooks may reach")]
    Address,
    /// The name does not resolve.
    #[error("the host name could not be resolved")]
    Name,
    /// No connection came about.
    #[error("the connection could not be made")]
    Connect,
    /// The certificate or the handshake was not in order.
    #[error("the TLS connection could not be made")]
    Tls,
    /// Nothing came in time.
    #[error("no answer came in time")]
    Timeout,
    /// The connection ended before an answer, or what came was not HTTP.
    #[error("the connection ended before an answer")]
    Broken,
}

impl SendError {
    /// What metrics call it.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Url(_) | Self::Address => "refused",
            Self::Name => "unresolved",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Broken => "broken",
        }
    }
}

/// What an attempt means for its delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The receiver has it.
    Delivered,
    /// The receiver wants no more, for ever.
    Gone,
    /// To be tried again, not before this wait if there is one.
    Failed(Option<Duration>),
}

impl Verdict {
    /// Judges an attempt: 2xx is delivered, 410 is gone, all else failed, redirects too.
    pub fn of(attempt: &Result<Answer, SendError>) -> Self {
        match attempt {
            Ok(Answer {
                status: 200..=299, ..
            }) => Self::Delivered,
            Ok(Answer { status: 410, .. }) => Self::Gone,
            Ok(answer) => Self::Failed(answer.retry_after),
            Err(_) => Self::Failed(None),
        }
    }
}

/// `Retry-After` (RFC 9110 §10.2.3) in seconds, or as a time, which counts from the answer's own `Date`, so that no
/// clock but the receiver's is asked.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let date = headers.get(DATE)?.to_str().ok()?;
    let (until, from) = (
        httpdate::parse_http_date(value).ok()?,
        httpdate::parse_http_date(date).ok()?,
    );
    Some(until.duration_since(from).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(pairs: &[(&'static str, &str)]) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, value.parse().unwrap());
        }
        retry_after(&headers)
    }

    #[test]
    fn retry_after_is_read_in_both_forms() {
        assert_eq!(asked(&[("retry-after", "120")]), Some(Duration::from_mins(2)));
        assert_eq!(
            asked(&[
                ("retry-after", "Fri, 31 Dec 1999 23:59:59 GMT"),
                ("date", "Fri, 31 Dec 1999 23:58:59 GMT")
            ]),
            Some(Duration::from_mins(1))
        );
        assert_eq!(
            asked(&[
                ("retry-after", "Fri, 31 Dec 1999 23:59:59 GMT"),
                ("date", "Sat, 01 Jan 2000 23:58:59 GMT")
            ]),
            Some(Duration::ZERO)
        );
    }

    #[test]
    fn what_is_neither_counts_for_nothing() {
        for value in ["", "soon", "-1", "1.5", "Fri, 31 Dec 1999 23:59:59 GMT"] {
            assert_eq!(asked(&[("retry-after", value)]), None, "{value}");
        }
        let huge = "9".repeat(40);
        assert_eq!(
            asked(&[("retry-after", &huge)]),
            Some(Duration::from_secs(u64::MAX))
        );
    }

    #[test]
    fn only_2xx_is_delivered_and_only_410_is_gone() {
        let answered = |status| {
            Verdict::of(&Ok(Answer {
                status,
                retry_after: Some(Duration::from_secs(9)),
                body: String::new(),
            }))
        };
        for status in [200, 201, 202, 204, 299] {
            assert_eq!(answered(status), Verdict::Delivered);
        }
        for status in [300, 301, 302, 307, 308, 400, 401, 404, 429, 500, 503] {
            assert_eq!(answered(status), Verdict::Failed(Some(Duration::from_secs(9))));
        }
        assert_eq!(answered(410), Verdict::Gone);
        assert_eq!(Verdict::of(&Err(SendError::Timeout)), Verdict::Failed(None));
    }
}
