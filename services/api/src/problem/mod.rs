//! Problem documents (RFC 9457): the one place where a refusal becomes an answer.
//!
//! A handler returns a [`Problem`]; it travels as a response extension to the outermost layer, which knows the
//! request id, writes the document and logs the cause. The cause cannot be serialised.

mod code;
mod from_app;
mod from_webhooks;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use domain::order::{FieldCode, FieldError};
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value, json};

pub(crate) use code::Code;
pub(crate) use from_app::{Place, dry_run_problem, item_not_found, job_not_found, key_not_found};
pub(crate) use from_webhooks::{delivery_not_found, endpoint_not_found};

/// Internal cause of a problem, for the log alone.
pub(crate) type Cause = Arc<dyn Error + Send + Sync>;

/// Why a request is refused.
#[derive(Clone, Debug)]
pub(crate) struct Problem(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    code: Code,
    detail: String,
    errors: Vec<Value>,
    members: Map<String, Value>,
    headers: HeaderMap,
    cause: Option<Cause>,
}

impl Problem {
    /// A problem with a sentence that is safe to show.
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            code,
            detail: detail.into(),
            errors: Vec::new(),
            members: Map::new(),
            headers: HeaderMap::new(),
            cause: None,
        }))
    }

    /// A fault of ours; `cause` goes to the log.
    pub(crate) fn internal(cause: impl Error + Send + Sync + 'static) -> Self {
        Self::new(Code::Internal, "The request could not be handled.").because(cause)
    }

    /// Something that we depend on is down.
    pub(crate) fn unavailable(cause: impl Error + Send + Sync + 'static) -> Self {
        Self::new(
            Code::Unavailable,
            "The service cannot reach something it depends on.",
        )
        .because(cause)
        .retry_after(Duration::from_secs(1))
    }

    /// Refused for want of a valid key.
    pub(crate) fn unauthorized(code: Code, detail: impl Into<String>) -> Self {
        Self::new(code, detail).with_header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    /// No method of the path fits; `allow` lists those that do.
    pub(crate) fn method_not_allowed(allow: &'static str) -> Self {
        Self::new(Code::MethodNotAllowed, format!("This path takes {allow}."))
            .with_header(ALLOW, HeaderValue::from_static(allow))
    }

    /// Members and parameters that cannot be accepted.
    ///
    /// The code is the errors' own where it is a promise of the contract and all of them share it.
    pub(crate) fn validation(fields: Vec<Field>) -> Self {
        let read_only = !fields.is_empty() && fields.iter().all(|f| f.code == FieldCode::FieldReadOnly);
        let code = if read_only {
            Code::FieldReadOnly
        } else {
            Code::ValidationFailed
        };
        let detail = match fields.as_slice() {
            [only] => format!("{} {}.", only.name(), only.detail),
            many => format!("{} members or parameters cannot be accepted.", many.len()),
        };
        Self::new(code, detail).with_fields(fields)
    }

    /// With the members and parameters that it is about.
    pub(crate) fn with_fields(mut self, fields: Vec<Field>) -> Self {
        self.0.errors = fields.into_iter().map(Field::into_json).collect();
        self
    }

    /// With the internal cause, for the log.
    pub(crate) fn because(mut self, cause: impl Error + Send + Sync + 'static) -> Self {
        self.0.cause = Some(Arc::new(cause));
        self
    }

    /// With a further member.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.members.insert(name.to_owned(), value.into());
        self
    }

    /// With a header.
    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.insert(name, value);
        self
    }

    /// With the time after which asking again makes sense, in whole seconds, at least one.
    pub(crate) fn retry_after(self, after: Duration) -> Self {
        let seconds = after.as_millis().div_ceil(1000).max(1);
        let value = HeaderValue::from_str(&seconds.to_string()).expect("digits are a header value");
        self.with_header(RETRY_AFTER, value)
    }

    /// The stable code.
    pub(crate) fn code(&self) -> Code {
        self.0.code
    }

    /// The status of the answer.
    pub(crate) fn status(&self) -> http::StatusCode {
        self.0.code.status()
    }

    /// The internal cause.
    pub(crate) fn cause(&self) -> Option<&Cause> {
        self.0.cause.as_ref()
    }

    /// The document.
    pub(crate) fn document(&self, request_id: &str) -> Value {
        let mut document = problem_object(self.0.code, &self.0.detail);
        document.insert("request_id".to_owned(), request_id.into());
        if !self.0.errors.is_empty() {
            document.insert("errors".to_owned(), self.0.errors.clone().into());
        }
        for (name, value) in &self.0.members {
            document.entry(name.clone()).or_insert_with(|| value.clone());
        }
        Value::Object(document)
    }

    /// Writes the document into the answer that carries this problem.
    pub(crate) fn write(&self, response: &mut Response, request_id: &str) {
        let body = self.document(request_id).to_string();
        *response.body_mut() = body.into();
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    }
}

/// The members that every problem has, of an answer or of a job.
pub(crate) fn problem_object(code: Code, detail: &str) -> Map<String, Value> {
    let Value::Object(object) = json!({
        "type": format!("/problems/{}", code.as_str()),
        "title": code.title(),
        "status": code.status().as_u16(),
        "detail": detail,
        "code": code.as_str(),
    }) else {
        unreachable!("the macro made an object")
    };
    object
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.0.code.status().into_response();
        response.headers_mut().extend(self.0.headers.clone());
        response.extensions_mut().insert(self);
        response
    }
}

/// One member or parameter that cannot be accepted.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pointer: String,
    parameter: Option<String>,
    code: FieldCode,
    detail: String,
}

impl Field {
    /// A member of the body.
    pub(crate) fn member(code: FieldCode, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            parameter: None,
            code,
            detail: detail.into(),
        }
    }

    /// A member of the body, as the domain found it, below `base`.
    pub(crate) fn under(base: &str, error: &FieldError) -> Self {
        Self::member(
            error.code,
            format!("{base}{}", error.pointer),
            error.detail.clone(),
        )
    }

    /// A query parameter.
    pub(crate) fn query(code: FieldCode, name: &str, detail: impl Into<String>) -> Self {
        Self::parameter("query", code, name, detail)
    }

    /// A part of the path.
    pub(crate) fn path(name: &str, detail: impl Into<String>) -> Self {
        Self::parameter("path", FieldCode::FieldInvalid, name, detail)
    }

    /// A header.
    pub(crate) fn header(name: &str, detail: impl Into<String>) -> Self {
        Self::parameter("header", FieldCode::FieldInvalid, name, detail)
    }

    fn parameter(place: &str, code: FieldCode, name: &str, detail: impl Into<String>) -> Self {
        Self {
            pointer: format!("/{place}/{}", escape(name)),
            parameter: Some(name.to_owned()),
            code,
            detail: detail.into(),
        }
    }

    /// Whether it is about this place.
    pub(crate) fn is_at(&self, pointer: &str) -> bool {
        self.pointer == pointer
    }

    fn name(&self) -> &str {
        match (&self.parameter, self.pointer.as_str()) {
            (Some(name), _) => name,
            (None, "") => "The body",
            (None, pointer) => pointer,
        }
    }

    fn into_json(self) -> Value {
        let mut json = json!({"pointer": self.pointer, "detail": self.detail, "code": self.code.as_str()});
        if let Some(name) = self.parameter {
            json["parameter"] = name.into();
        }
        json
    }
}

/// One token of a JSON pointer (RFC 6901 §3).
pub(crate) fn escape(token: &str) -> String {
    token.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_has_the_members_of_the_contract_and_never_the_cause() {
        let problem = Problem::internal(std::io::Error::other("SELECT secret")).with("extra", 1);
        let document = problem.document("r-1");
        assert_eq!(document["type"], "/problems/internal_error");
        assert_eq!(document["status"], 500);
        assert_eq!(document["code"], "internal_error");
        assert_eq!(document["request_id"], "r-1");
        assert_eq!(document["extra"], 1);
        assert!(!document.to_string().contains("SELECT"));
    }

    #[test]
    fn read_only_fields_have_a_code_of_their_own_unless_mixed_with_others() {
        let read_only = || Field::member(FieldCode::FieldReadOnly, "/id", "is managed by Order Desk");
        let missing = Field::member(FieldCode::FieldMissing, "/x", "is required");
        assert_eq!(Problem::validation(vec![read_only()]).code(), Code::FieldReadOnly);
        assert_eq!(
            Problem::validation(vec![read_only(), missing]).code(),
            Code::ValidationFailed
        );
    }

    #[test]
    fn retry_after_is_rounded_up_to_whole_seconds() {
        let header = |ms| {
            let problem = Problem::new(Code::Busy, "").retry_after(Duration::from_millis(ms));
            problem.into_response().headers()[RETRY_AFTER]
                .to_str()
                .unwrap()
                .to_owned()
        };
        assert_eq!(
            (header(0), header(1_000), header(1_001)),
            ("1".into(), "1".into(), "2".into())
        );
    }
}
