//! The control API over HTTP: a thin layer over [`Handle`].

mod help;
mod observe;
mod records;
mod rules;

use bytes::Bytes;
use http::{Method, Response, header};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{
    handle::{ControlError, Handle},
    webhook::WebhookError,
    wire::{WireBody, whole},
};

/// Why a control call over HTTP fails.
#[derive(Debug, thiserror::Error)]
enum CallError {
    #[error("there is no such control call; GET /_control lists them")]
    NoSuchCall,
    #[error("the body is not what this call takes: {0}")]
    Body(#[source] serde_json::Error),
    #[error(transparent)]
    Control(#[from] ControlError),
    #[error("the order could not be posted: {0}")]
    Webhook(#[from] WebhookError),
}

impl CallError {
    fn status(&self) -> u16 {
        match self {
            Self::Body(_) | Self::Control(ControlError::NotAnObject) => 400,
            Self::NoSuchCall | Self::Control(_) | Self::Webhook(WebhookError::NoSuchOrder) => 404,
            Self::Webhook(_) => 502,
        }
    }
}

/// One control call, taken apart.
struct Call<'a> {
    handle: &'a Handle,
    method: &'a str,
    path: &'a [&'a str],
    query: &'a str,
    body: &'a [u8],
}

impl Call<'_> {
    /// The body, an empty one being read as `{}`.
    fn body<T: DeserializeOwned>(&self) -> Result<T, CallError> {
        let body = if self.body.is_empty() { b"{}" } else { self.body };
        serde_json::from_slice(body).map_err(CallError::Body)
    }

    fn parameter(&self, name: &str) -> Option<String> {
        url::form_urlencoded::parse(self.query.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }
}

fn done() -> Value {
    json!({"ok": true})
}

/// Answers one control call; `path` is what follows `/_control`.
pub(crate) async fn respond(
    handle: &Handle,
    method: &Method,
    path: &str,
    query: Option<&str>,
    body: &Bytes,
) -> Response<WireBody> {
    let path: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let call = Call {
        handle,
        method: method.as_str(),
        path: &path,
        query: query.unwrap_or_default(),
        body,
    };
    let (status, body) = match answer(&call).await {
        Ok(body) => (200, body),
        Err(error) => (error.status(), json!({"error": error.to_string()})),
    };
    Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "application/json")
        .body(whole(Bytes::from(body.to_string())))
        .expect("status and header are valid by construction")
}

async fn answer(call: &Call<'_>) -> Result<Value, CallError> {
    match call.path.first().copied() {
        None => Ok(help::calls()),
        Some("stores" | "webhook") => records::answer(call).await,
        Some("faults" | "poison" | "quirks" | "holds" | "latency" | "bucket" | "refuse") => {
            rules::answer(call).await
        }
        Some("log" | "counters" | "reset") => observe::answer(call),
        Some(_) => Err(CallError::NoSuchCall),
    }
}
