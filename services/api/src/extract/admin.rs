//! The administrator. Comes first in the handlers of his routes.

use axum::extract::FromRequestParts;
use http::header::AUTHORIZATION;
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
        let context = Context::of(&parts.extensions);
        let ip = context.client().ip;
        if !parts.headers.contains_key(AUTHORIZATION) {
            // No header is no attempt to log in.
            bearer(parts)?;
        }
        // Before the key is looked at: nobody is to find the token by trying.
        if let Some(problem) = state.guards.failed_too_often(ip) {
            return Err(problem);
        }
        let failed = |problem| state.guards.login_failed(ip, problem);
        if bearer(parts).map_err(failed)? != *token {
            return Err(failed(unknown("This path takes the administrator's token.")));
        }
        Ok(Self(app::Admin {
            client_ip: ip.map(|ip| ip.to_string()).unwrap_or_default(),
            request_id: context.request_id().clone(),
            traceparent: super::traceparent(&parts.headers),
        }))
    }
}
