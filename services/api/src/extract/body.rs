//! JSON bodies: bounded in size and time, with the right content type, parsed without loss.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use domain::order::FieldCode;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use http::{HeaderMap, Method};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tokio::time::Instant;

use super::json::JsonError;
use crate::guard::BodyShare;
use crate::problem::{Code, Field, Problem};
use crate::state::ApiState;

/// The largest body of most calls.
pub(crate) const BODY_LIMIT: usize = 1 << 20;
/// The largest batch of jobs.
pub(crate) const BATCH_LIMIT: usize = 8 << 20;

/// How fast a body must arrive once its time is up; each byte buys the time that it may take at this rate.
const BYTES_PER_SECOND: u32 = 64 << 10;

/// The most that is read of a refused body.
const MAX_DISCARD: usize = 32 << 20;

/// A body that must be there.
pub(crate) struct JsonBody<const LIMIT: usize = BODY_LIMIT>(pub(crate) Value);

/// A body that may be left out.
pub(crate) struct OptionalJsonBody(pub(crate) Option<Value>);

/// A body that is to be looked at as it came, before it is believed: JSON or a form.
pub(crate) struct RawBody {
    media: String,
    filled: Filled,
}

impl RawBody {
    /// Whether it is of this media type.
    pub(crate) fn is(&self, media: &str) -> bool {
        self.media == media
    }

    /// As it came.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.filled.bytes
    }

    /// As JSON.
    pub(crate) fn json(&self) -> Result<Value, Problem> {
        parse(&self.filled.bytes)
    }
}

impl FromRequest<ApiState> for RawBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let given = parts
            .headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        let media = given.unwrap_or_default().split(';').next().unwrap_or_default();
        let media = media.trim().to_ascii_lowercase();
        if media != "application/x-www-form-urlencoded" {
            check_type(&parts.headers)?;
        }
        let filled = collect(&parts.headers, body, BODY_LIMIT, state).await?;
        Ok(Self { media, filled })
    }
}

impl<const LIMIT: usize> FromRequest<ApiState> for JsonBody<LIMIT> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        check_type(&parts.headers)?;
        let bytes = collect(&parts.headers, body, LIMIT, state).await?;
        parse(&bytes.bytes).map(Self)
    }
}

impl FromRequest<ApiState> for OptionalJsonBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let bytes = collect(&parts.headers, body, BODY_LIMIT, state).await?.bytes;
        if bytes.is_empty() {
            return Ok(Self(None));
        }
        check_type(&parts.headers)?;
        parse(&bytes).map(|value| Self(Some(value)))
    }
}

/// Reads the body of a command: only a deletion may go without.
pub(super) async fn of_command(
    method: &Method,
    request: Request,
    state: &ApiState,
) -> Result<Value, Problem> {
    if method == Method::DELETE {
        return Ok(OptionalJsonBody::from_request(request, state)
            .await?
            .0
            .unwrap_or(Value::Null));
    }
    JsonBody::<BODY_LIMIT>::from_request(request, state)
        .await
        .map(|body| body.0)
}

fn check_type(headers: &HeaderMap) -> Result<(), Problem> {
    let refused = || {
        let detail = "The body must be sent as `Content-Type: application/json`, in UTF-8.";
        Problem::new(Code::UnsupportedMediaType, detail)
    };
    let text = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .ok_or_else(refused)?;
    let mut parts = text.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
    let json =
        essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"));
    let utf8 = parts
        .filter_map(|parameter| parameter.split_once('='))
        .all(|(name, value)| {
            !name.trim().eq_ignore_ascii_case("charset")
                || value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        });
    if json && utf8 { Ok(()) } else { Err(refused()) }
}

async fn collect(
    headers: &HeaderMap,
    mut body: Body,
    limit: usize,
    state: &ApiState,
) -> Result<Filled, Problem> {
    let too_large = || {
        Problem::new(
            Code::BodyTooLarge,
            format!("The body may have {} MiB.", limit >> 20),
        )
        .with("limit_bytes", limit)
    };
    let announced = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit as u64) {
        // Who asks first, with `Expect: 100-continue`, sends nothing; reading would tell it to go ahead.
        if !headers.contains_key(EXPECT) {
            discard(&mut body).await;
        }
        return Err(too_large());
    }
    let mut filled = Filled {
        bytes: Vec::new(),
        share: state.guards.body(),
    };
    let timeout = state.config.body_timeout;
    let begun = Instant::now();
    loop {
        let deadline = begun + time_for(timeout, filled.bytes.len());
        let Ok(frame) = tokio::time::timeout_at(deadline, body.frame()).await else {
            return Err(too_slow(timeout));
        };
        let Some(frame) = frame else { return Ok(filled) };
        let frame = frame.map_err(|_| Problem::new(Code::InvalidRequest, "The body broke off."))?;
        let Ok(data) = frame.into_data() else { continue };
        if filled.bytes.len() + data.len() > limit {
            discard(&mut body).await;
            return Err(too_large());
        }
        filled.share.grow(data.len())?;
        filled.bytes.extend_from_slice(&data);
    }
}

/// A body and its share of the memory that all bodies may take.
#[derive(Debug)]
struct Filled {
    bytes: Vec<u8>,
    share: BodyShare,
}

/// How long this many bytes of a body may take.
pub(super) fn time_for(timeout: Duration, bytes: usize) -> Duration {
    timeout + Duration::from_secs(bytes as u64) / BYTES_PER_SECOND
}

fn too_slow(timeout: Duration) -> Problem {
    let detail = format!(
        "The body arrived too slowly: it has {} seconds, and one more for each {} KiB received.",
        timeout.as_secs(),
        BYTES_PER_SECOND >> 10
    );
    Problem::new(Code::RequestTimeout, detail)
}

/// Reads on for a while and throws it away: a client that is still sending when the connection closes sees it
/// reset, and not the answer.
async fn discard(body: &mut Body) {
    let reading = async {
        let mut left = MAX_DISCARD;
        while let Some(Ok(frame)) = body.frame().await {
            let length = frame.data_ref().map_or(0, Bytes::len);
            let Some(rest) = left.checked_sub(length) else {
                return;
            };
            left = rest;
        }
    };
    let _ = tokio::time::timeout(Duration::from_secs(2), reading).await;
}

fn parse(bytes: &[u8]) -> Result<Value, Problem> {
    super::json::parse(bytes).map_err(|error| match error {
        // The parser's own words may quote the body; line and column cannot.
        JsonError::Syntax { line, column } => Problem::new(
            Code::InvalidJson,
            format!("The body is not JSON: line {line}, column {column}."),
        ),
        JsonError::Twice { pointer } => {
            let detail = "is given twice; which of the two is meant cannot be told";
            Problem::validation(vec![Field::member(FieldCode::FieldInvalid, pointer, detail)])
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn type_of(value: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, value.parse().unwrap());
        check_type(&headers).is_ok()
    }

    #[test]
    fn json_in_utf8_is_taken_and_nothing_else() {
        assert!(type_of("application/json") && type_of("Application/JSON; charset=\"UTF-8\""));
        assert!(type_of("application/json-patch+json"));
        assert!(
            !type_of("text/plain")
                && !type_of("application/jsonp")
                && !type_of("application/json;charset=latin1")
        );
        assert!(check_type(&HeaderMap::new()).is_err());
    }

    #[test]
    fn an_error_says_where_and_never_quotes() {
        let problem = parse(b"{\"api_key\": secret}").unwrap_err();
        let shown = problem.document("r").to_string();
        assert!(
            shown.contains("line 1, column") && !shown.contains("secret"),
            "{shown}"
        );
    }

    #[test]
    fn what_has_arrived_buys_time_at_the_least_rate() {
        let time = |bytes| time_for(Duration::from_secs(30), bytes).as_secs();
        assert_eq!((time(0), time(1 << 20), time(BATCH_LIMIT)), (30, 46, 158));
    }
}
