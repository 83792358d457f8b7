//! Answers that are kept for the repeats of their request.

use app::StoredAnswer;
use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderName, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::problem::Problem;

/// Says that an answer is that of an earlier request.
pub(crate) const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// An answer of ours, in the form in which it is kept (sealed) beside its idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    status: StatusCode,
    kept: Kept,
}

/// Stored until its key expires: members may be added with a default, never renamed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    location: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<Value>,
}

impl Stored {
    /// An answer with a JSON body.
    pub(crate) fn json(status: StatusCode, body: Value) -> Self {
        Self {
            status,
            kept: Kept {
                location: None,
                body: Some(body),
            },
        }
    }

    /// An answer without a body.
    pub(crate) fn empty(status: StatusCode) -> Self {
        Self {
            status,
            kept: Kept::default(),
        }
    }

    /// With a `Location`.
    pub(crate) fn located(mut self, path: String) -> Self {
        self.kept.location = Some(path);
        self
    }

    /// As it is kept; nothing at all for an answer without body and headers.
    pub(crate) fn keep(&self) -> StoredAnswer {
        let body = if self.kept == Kept::default() {
            Vec::new()
        } else {
            serde_json::to_vec(&self.kept).expect("text and JSON serialise")
        };
        StoredAnswer {
            status: self.status.as_u16(),
            body,
        }
    }

    /// As it is sent.
    pub(crate) fn response(&self) -> Response {
        let mut response = self.status.into_response();
        if let Some(body) = &self.kept.body {
            *response.body_mut() = Body::from(body.to_string());
            response
                .headers_mut()
                .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if let Some(path) = &self.kept.location
            && let Ok(value) = HeaderValue::from_str(path)
        {
            response.headers_mut().insert(LOCATION, value);
        }
        response
    }
}

/// The answer to a repeat: the first one's, marked.
pub(crate) fn replayed(stored: &StoredAnswer) -> Result<Response, Problem> {
    let kept = if stored.body.is_empty() {
        Kept::default()
    } else {
        serde_json::from_slice(&stored.body).map_err(Problem::internal)?
    };
    let status = StatusCode::from_u16(stored.status).map_err(Problem::internal)?;
    Ok(mark(Stored { status, kept }.response()))
}

/// Marks an answer as that of an earlier request.
pub(crate) fn mark(mut response: Response) -> Response {
    response
        .headers_mut()
        .insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_kept_is_sent_again_and_marked() {
        let first = Stored::json(StatusCode::CREATED, json!({"id": 1})).located("/stores/1".to_owned());
        let again = replayed(&first.keep()).unwrap();
        assert_eq!(again.status(), StatusCode::CREATED);
        assert_eq!(again.headers()[LOCATION], "/stores/1");
        assert_eq!(again.headers()[REPLAYED], "true");
        assert!(Stored::empty(StatusCode::NO_CONTENT).keep().body.is_empty());
    }

    #[test]
    fn answers_kept_by_earlier_versions_are_read() {
        let stored = StoredAnswer {
            status: 201,
            body: br#"{"location":"/x","body":{"a":1}}"#.to_vec(),
        };
        assert_eq!(replayed(&stored).unwrap().headers()[LOCATION], "/x");
    }
}
