//! What an answer means: the one place that turns status and envelope into success or [`Failure`].

use serde_json::Value;

use crate::Document;
use crate::error::{CannotKnow, Cause, Doubt, Failure};
use crate::reply::{BodyFault, Reply};

/// The longest message that is kept, in characters.
const MAX_MESSAGE: usize = 300;

/// An answer that is not a success.
#[derive(Debug)]
pub(crate) struct Bad {
    pub failure: Failure,
    pub message: Option<String>,
    pub source: Option<Cause>,
}

impl Bad {
    pub(crate) fn garbage() -> Self {
        Self {
            failure: Failure::InDoubt(Doubt::CannotKnow(CannotKnow::Garbage)),
            message: None,
            source: None,
        }
    }
}

/// What the envelope says about itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Envelope {
    Success,
    Error,
    /// A JSON object without a `status` we know.
    Silent,
    /// Not a JSON object: HTML, an empty body, half a document.
    Foreign,
}

/// The envelope of a success, else what is known. `payload` is the key whose presence makes up for a missing
/// `status`.
pub(crate) fn judge(reply: Reply, payload: Option<&str>) -> Result<Document, Bad> {
    let Reply {
        status,
        retry_after,
        framed,
        body,
        ..
    } = reply;
    let bad = |failure, message, source| {
        Err(Bad {
            failure,
            message,
            source,
        })
    };
    let cannot_know = |reason| Failure::InDoubt(Doubt::CannotKnow(reason));
    if status == 429 {
        // Certain whatever became of its body.
        return bad(Failure::RateLimited { retry_after }, None, None);
    }
    let body = match body {
        Ok(body) => body,
        Err(BodyFault::TooLarge) => return bad(cannot_know(CannotKnow::TooLarge { status }), None, None),
        Err(BodyFault::Truncated(cause)) => {
            return bad(cannot_know(CannotKnow::Truncated { status }), None, Some(cause));
        }
    };
    let mut document = match serde_json::from_slice(&body) {
        Ok(Value::Object(document)) => Some(document),
        _ => None,
    };
    let envelope = document.as_ref().map_or(Envelope::Foreign, envelope);
    let succeeded = |document: &mut Document| {
        let answered = payload.is_some_and(|key| document.contains_key(key));
        envelope == Envelope::Success || (answered && !document.contains_key("status"))
    };
    if (200..=299).contains(&status)
        && let Some(document) = document.take_if(succeeded)
    {
        return Ok(document);
    }
    let failure = match (status, envelope) {
        // A body that ends with its connection may have lost its end, and with it the proof of being complete.
        (400..=499, Envelope::Foreign) if !framed => cannot_know(CannotKnow::Truncated { status }),
        (401 | 403, _) => Failure::Unauthorized { status },
        (404, _) => Failure::NotFound,
        // 408 comes from whoever waits in front; the application may have been reached.
        (408 | 502 | 504 | 520..=530, _) => cannot_know(CannotKnow::Gateway { status }),
        (400..=499, _) => Failure::Refused { status },
        (200..=299 | 500..=599, Envelope::Error) => Failure::InDoubt(Doubt::CompleteAnswer { status }),
        (500..=599, _) => cannot_know(CannotKnow::Gateway { status }),
        (300..=399, _) => cannot_know(CannotKnow::Redirected { status }),
        _ => cannot_know(CannotKnow::Garbage),
    };
    bad(failure, document.as_ref().and_then(message), None)
}

fn envelope(document: &Document) -> Envelope {
    match document.get("status").and_then(Value::as_str) {
        Some(status) if status.eq_ignore_ascii_case("success") => Envelope::Success,
        Some(status) if status.eq_ignore_ascii_case("error") => Envelope::Error,
        _ => Envelope::Silent,
    }
}

/// `message`, else the texts of `errors`, on one line.
fn message(document: &Document) -> Option<String> {
    let text = match (document.get("message"), document.get("errors")) {
        (Some(Value::String(text)), _) if !text.is_empty() => text.clone(),
        (_, Some(Value::Array(errors))) => errors
            .iter()
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join("; "),
        (_, Some(Value::String(text))) => text.clone(),
        _ => return None,
    };
    let line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let line = line.trim();
    (!line.is_empty()).then(|| line.to_owned())
}

/// The first 300 characters of `text`.
pub(crate) fn trimmed(text: &str) -> String {
    text.chars().take(MAX_MESSAGE).collect()
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
