//! What a client of an event stream sends: that it takes one, and how far it has got.

use axum::extract::FromRequestParts;
use http::header::ACCEPT;
use http::request::Parts;
use http::{HeaderMap, HeaderName};

use crate::problem::{Code, Problem};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const TAKEN: [&str; 3] = ["text/event-stream", "text/*", "*/*"];

/// The `id` of the last event that the client has seen: a ledger position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LastEventId(pub(crate) Option<u64>);

impl LastEventId {
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, Problem> {
        if !takes_events(headers) {
            return Err(Problem::new(
                Code::NotAcceptable,
                "This path answers with text/event-stream.",
            ));
        }
        let refused = || Problem::new(Code::InvalidHeader, "Last-Event-ID must be the id of an event.");
        let mut values = headers.get_all(LAST_EVENT_ID).iter();
        let Some(value) = values.next() else {
            return Ok(Self(None));
        };
        if values.next().is_some() {
            return Err(refused());
        }
        match value.to_str().map_err(|_| refused())?.trim() {
            "" => Ok(Self(None)),
            text if text.bytes().all(|byte| byte.is_ascii_digit()) => {
                text.parse().map(|id| Self(Some(id))).map_err(|_| refused())
            }
            _ => Err(refused()),
        }
    }
}

/// Whether `Accept` allows an event stream (RFC 9110 §12.5.1); a quality of zero forbids what it is given to.
fn takes_events(headers: &HeaderMap) -> bool {
    let mut listed = headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter(|range| !range.trim().is_empty())
        .peekable();
    if listed.peek().is_none() {
        return true;
    }
    listed.any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        let forbidden = parts.any(|parameter| {
            let quality = parameter
                .strip_prefix("q=")
                .or_else(|| parameter.strip_prefix("Q="));
            quality.is_some_and(|quality| quality.parse() == Ok(0.0))
        });
        TAKEN.contains(&name.as_str()) && !forbidden
    })
}

impl<S: Sync> FromRequestParts<S> for LastEventId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::read(&parts.headers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, values: &[&str]) -> Result<Option<u64>, Code> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(HeaderName::try_from(name).unwrap(), value.parse().unwrap());
        }
        LastEventId::read(&headers)
            .map(|id| id.0)
            .map_err(|problem| problem.code())
    }

    #[test]
    fn the_last_id_is_a_position_or_nothing() {
        assert_eq!(read("last-event-id", &["42"]), Ok(Some(42)));
        assert_eq!(read("last-event-id", &[""]), Ok(None));
        assert_eq!(read("last-event-id", &[]), Ok(None));
        for bad in [
            &["-1"][..],
            &["+1"],
            &["1", "2"],
            &["x"],
            &["99999999999999999999999"],
        ] {
            assert_eq!(read("last-event-id", bad), Err(Code::InvalidHeader), "{bad:?}");
        }
    }

    #[test]
    fn whoever_takes_no_events_is_told_so() {
        for good in [
            &[][..],
            &[""],
            &["*/*"],
            &["text/event-stream"],
            &["application/json, Text/Event-Stream;q=0.5"],
            &["application/json", "text/*"],
        ] {
            assert_eq!(read("accept", good), Ok(None), "{good:?}");
        }
        for bad in [
            &["application/json"][..],
            &["text/event-stream;q=0"],
            &["text/html, */*; q=0.0"],
        ] {
            assert_eq!(read("accept", bad), Err(Code::NotAcceptable), "{bad:?}");
        }
    }
}
