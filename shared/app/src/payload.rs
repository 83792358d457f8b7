//! The JSON that is kept sealed. Stored for ever: members may be added with a default, never renamed or removed.
//!
//! Their `Debug` forms show no content: all of it may be personal data.

use std::fmt;

use domain::JobId;
use domain::order::{Mutation, Patch};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a job does in detail; sealed in `jobs.body`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobBody {
    /// The command.
    pub mutation: Mutation,
    /// The address to tell when it has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback_url: Option<String>,
}

/// What came of a job in detail; sealed in `jobs.outcome`.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobOutcome {
    /// The job's own share of the change, an RFC 6902 patch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patch: Option<Value>,
    /// What Order Desk made of it unasked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Value>,
    /// What Order Desk said about a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream_message: Option<String>,
}

/// An order as it was at some moment, and how it differed from the one before; sealed beside `order.*` events
/// and in `order_images`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageBody {
    /// The order.
    pub image: Value,
    /// The RFC 6902 patch that leads to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff: Option<Value>,
}

/// What the plan of a request, sealed beside `batch.opened`, says of the order before it. The plan is the worker's own; to
/// others it says this much, for ever.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct BatchBefore {
    /// The order as it was read.
    #[serde(default)]
    pub before: Option<Value>,
    /// The order as it was sent.
    #[serde(default)]
    pub after: Option<Value>,
    /// Whether an update of the same job went between that reading and this request.
    #[serde(default)]
    pub after_put: bool,
    /// What each job makes of the order, one after another.
    #[serde(default)]
    pub shares: Vec<BatchShare>,
}

/// One job's part of a request.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct BatchShare {
    /// The job.
    pub job: JobId,
    /// Its part of the change.
    pub patch: Patch,
}

impl fmt::Debug for JobBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JobBody({}, ***)", self.mutation.kind())
    }
}

impl fmt::Debug for JobOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JobOutcome(***)")
    }
}

impl fmt::Debug for BatchShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BatchShare({}, ***)", self.job)
    }
}

impl fmt::Debug for BatchBefore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BatchBefore(***)")
    }
}

impl fmt::Debug for ImageBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ImageBody(***)")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_stored_once_is_read_for_ever() {
        let body: JobBody = serde_json::from_str(include_str!("../fixtures/job_body.json")).unwrap();
        let Mutation::AddNote {
            content,
            username,
            date_added,
        } = &body.mutation
        else {
            panic!("a note")
        };
        assert_eq!(
            (&**content, &**username, &**date_added),
            ("Call first", "API", "2026-01-05 09:30:00")
        );
        assert_eq!(body.callback_url.as_deref(), Some("https://example.com/done"));
        let outcome: JobOutcome = serde_json::from_str(include_str!("../fixtures/job_outcome.json")).unwrap();
        assert_eq!(outcome.patch, Some(json!([{"op": "remove", "path": "/a"}])));
        assert_eq!(outcome.differences, [json!({"path": "/b"})]);
        assert_eq!(outcome.upstream_message.as_deref(), Some("no"));
        let image: ImageBody = serde_json::from_str(include_str!("../fixtures/image_body.json")).unwrap();
        assert_eq!(
            image,
            ImageBody {
                image: json!({"id": "7"}),
                diff: None
            }
        );
    }

    #[test]
    fn missing_members_have_defaults() {
        assert_eq!(
            serde_json::from_str::<JobOutcome>("{}").unwrap(),
            JobOutcome::default()
        );
    }

    #[test]
    fn debug_shows_no_content() {
        let image = ImageBody {
            image: json!({"email": "jo@example.com"}),
            diff: None,
        };
        let outcome = JobOutcome {
            upstream_message: Some("jo@example.com".into()),
            ..JobOutcome::default()
        };
        assert!(!format!("{image:?} {outcome:?}").contains("example"));
    }
}
