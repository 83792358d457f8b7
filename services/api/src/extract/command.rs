//! A changing call: its idempotency key and what makes it the same request again.

use axum::extract::{FromRequest, FromRequestParts, Request};
use http::request::Parts;
use http::{Method, Uri};
use serde_json::Value;
use vault::Keyring;

use super::body;
use super::idempotency_key::IdempotencyKey;
use super::options::Options;
use super::params::Params;
use super::precondition::IfMatchHeader;
use super::prefer::Prefer;
use crate::fingerprint::{fingerprint, key_name};
use crate::problem::Problem;
use crate::state::ApiState;

/// What distinguishes a changing call from others under its idempotency key, the body apart.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    key: Option<String>,
    method: Method,
    uri: Uri,
    if_match: IfMatchHeader,
}

impl Change {
    /// The key with the request's fingerprint, if the client gave one.
    pub(crate) fn key(&self, keyring: &Keyring, body: Option<&Value>) -> Option<app::IdempotencyKey> {
        let key = key_name(keyring, self.key.as_deref()?);
        let if_match = self.if_match.text();
        let fingerprint = fingerprint(keyring, &self.method, &self.uri, if_match.as_deref(), body);
        Some(app::IdempotencyKey { key, fingerprint })
    }

    /// Refuses a precondition where nothing has a tag: ignored, it would promise what is not kept.
    pub(crate) fn without_condition(&self) -> Result<(), Problem> {
        self.if_match.refuse("only single orders have tags")
    }

    /// The precondition.
    pub(crate) fn if_match(&self) -> &IfMatchHeader {
        &self.if_match
    }
}

impl<S: Sync> FromRequestParts<S> for Change {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Ok(Self {
            key: IdempotencyKey::from_request_parts(parts, state).await?.0,
            if_match: IfMatchHeader::from_request_parts(parts, state).await?,
            method: parts.method.clone(),
            uri: parts.uri.clone(),
        })
    }
}

/// A command to Order Desk as it stands in its request.
#[derive(Debug)]
pub(crate) struct CommandRequest {
    /// For its repeats.
    pub(crate) change: Change,
    /// Whether the answer waits.
    pub(crate) prefer: Prefer,
    /// How it is to be carried out.
    pub(crate) options: Options,
    /// Its body; null for a deletion without one.
    pub(crate) body: Value,
}

impl FromRequest<ApiState> for CommandRequest {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let change = Change::from_request_parts(&mut parts, state).await?;
        let prefer = Prefer::from_request_parts(&mut parts, state).await?;
        let mut params = Params::from_request_parts(&mut parts, state).await?;
        let options = Options::from_query(&mut params);
        params.finish()?;
        let body = body::of_command(&change.method, Request::from_parts(parts, body), state).await?;
        Ok(Self {
            change,
            prefer,
            options,
            body,
        })
    }
}
