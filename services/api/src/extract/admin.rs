//! The administrator. Comes first in the handlers of his routes.

use axum::extract::FromRequestParts;
use http::request::Parts;

use super::caller::{bearer, refuse_token_in_query, unknown};
use super::path::unknown_verb;
use crate::observe::Context;
use crate::problem::Problem;
use crate::state::ApiState;

/// The proven administrator.
pub(crate) struct Admin(pub(crate) app::Admin);

impl FromRequestParts<ApiState> for Admin {
    type Rejection = Problem;

    /// Without a token there is no administrator, and nothing at his paths.
    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        let token = state.config.admin_token.as_ref().ok_or_else(unknown_verb)?;
        refuse_token_in_query(parts.uri.query().unwrap_or_default())?;
        if bearer(parts)? != *token {
            return Err(unknown("This path takes the administrator's token."));
        }
        let context = Context::of(&parts.extensions);
        Ok(Self(app::Admin {
            client_ip: context.client().ip.map(|ip| ip.to_string()).unwrap_or_default(),
            request_id: context.request_id().clone(),
            traceparent: super::traceparent(&parts.headers),
        }))
    }
}
