//! Whose key it is. Comes first in every handler, so that nothing else of a stranger's request is read.

use std::time::Duration;

use app::{AuthError, TenantRef};
use axum::extract::FromRequestParts;
use http::Method;
use http::header::AUTHORIZATION;
use http::request::Parts;
use runtime::telemetry::trace;
use tracing::Span;
use url::form_urlencoded;
use vault::MasterKey;

use crate::guard::rate::{self, Requester};
use crate::observe::Context;
use crate::problem::{Code, Problem};
use crate::state::ApiState;

/// Query parameters in which people try to send keys.
const TOKEN_PARAMETERS: [&str; 6] = ["token", "access_token", "api_key", "apikey", "master_key", "key"];

/// A proven caller.
pub(crate) struct Caller(pub(crate) app::Caller);

impl FromRequestParts<ApiState> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        refuse_token_in_query(parts.uri.query().unwrap_or_default())?;
        let context = Context::of(&parts.extensions);
        let ip = context.client().ip;
        let client_ip = ip.map(|ip| ip.to_string()).unwrap_or_default();
        let failed = |problem| state.guards.login_failed(ip, problem);
        let key = match bearer(parts) {
            Ok(key) => key,
            // No header is no attempt to log in.
            Err(problem) if !parts.headers.contains_key(AUTHORIZATION) => return Err(problem),
            Err(problem) => return Err(failed(problem)),
        };
        if state
            .config
            .admin_token
            .as_ref()
            .is_some_and(|token| *token == key)
        {
            return Err(unknown("The administrator's token opens no tenant."));
        }
        if let Some(problem) = state.guards.failed_too_often(ip)
            && !state.app.is_proven(&key).await
        {
            return Err(problem);
        }
        let authenticated = state
            .app
            .log_in(&key, &client_ip, context.request_id())
            .await
            .map_err(|error| match error {
                AuthError::Unknown => failed(unknown("The master key is unknown.")),
                AuthError::KeyRevoked => failed(key_revoked()),
                AuthError::Busy => {
                    Problem::new(Code::Busy, "Too many keys are being verified at this moment.")
                        .retry_after(Duration::from_secs(1))
                }
                AuthError::Denied(denied) => denied.into(),
            })?;
        limit(state, &context, parts, &authenticated.tenant).await?;
        let caller = app::Caller {
            tenant: authenticated.tenant,
            key_id: authenticated.key_id,
            key,
            client_ip,
            request_id: context.request_id().clone(),
            // Our own span, where traces are wanted: what follows from the request is below it.
            traceparent: trace::traceparent(&Span::current()).or_else(|| super::traceparent(&parts.headers)),
        };
        if let Some(tenant) = caller.tenant_id() {
            context.log(|fields| fields.tenant_id = Some(tenant.to_string()));
        }
        Ok(Self(caller))
    }
}

/// Takes one of the caller's requests, and a place for the tenant that a stranger's change may make.
async fn limit(
    state: &ApiState,
    context: &Context,
    parts: &Parts,
    tenant: &TenantRef,
) -> Result<(), Problem> {
    let ip = context.client().ip;
    let requester = match tenant {
        TenantRef::Known(id) => Requester::Tenant(*id.0.as_bytes()),
        TenantRef::Provisional(key) => Requester::Stranger(state.app.keyring().lookup_hash(key)),
    };
    let stranger = matches!(requester, Requester::Stranger(_));
    if let Some(decision) = state.guards.take(requester, ip).await {
        context.set_rate(decision);
        rate::check(&decision)?;
    }
    let changes = !matches!(parts.method, Method::GET | Method::HEAD);
    if stranger && changes && state.guards.reserve_tenant(ip)? {
        context.set_tenant_reserved();
    }
    Ok(())
}

pub(super) fn refuse_token_in_query(query: &str) -> Result<(), Problem> {
    let found = form_urlencoded::parse(query.as_bytes()).any(|(name, _)| TOKEN_PARAMETERS.contains(&&*name));
    if found {
        return Err(Problem::unauthorized(
            Code::Unauthorized,
            "Keys in the query end up in logs. Send the header `Authorization: Bearer <MASTER_KEY>` instead, \
             and replace the key if it was a real one.",
        ));
    }
    Ok(())
}

pub(super) fn bearer(parts: &Parts) -> Result<MasterKey, Problem> {
    let mut values = parts.headers.get_all(AUTHORIZATION).iter();
    let missing = || unknown("Send the header `Authorization: Bearer <MASTER_KEY>`.");
    let value = values.next().ok_or_else(missing)?;
    if values.next().is_some() {
        return Err(unknown("The Authorization header must be given once."));
    }
    let text = value.to_str().map_err(|_| missing())?;
    let (scheme, key) = text.trim().split_once(' ').ok_or_else(missing)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(missing());
    }
    MasterKey::parse(key.trim()).map_err(|error| unknown(&format!("The master key {error}.")))
}

pub(super) fn unknown(detail: &str) -> Problem {
    Problem::unauthorized(Code::Unauthorized, detail)
}

/// The key was withdrawn, before or during the call.
pub(crate) fn key_revoked() -> Problem {
    Problem::unauthorized(Code::KeyRevoked, "The master key was revoked or has expired.")
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn read(headers: &[&str]) -> Result<String, Code> {
        let mut request = Request::builder();
        for value in headers {
            request = request.header(AUTHORIZATION, *value);
        }
        let parts = request.body(()).unwrap().into_parts().0;
        bearer(&parts)
            .map(|key| key.expose().to_owned())
            .map_err(|problem| problem.code())
    }

    #[test]
    fn one_bearer_key_is_read_whatever_the_case_of_its_scheme() {
        assert_eq!(read(&["Bearer abc"]), Ok("abc".to_owned()));
        assert_eq!(read(&["bearer  abc"]), Ok("abc".to_owned()));
        for bad in [
            &[][..],
            &["Basic abc"],
            &["Bearer"],
            &["Bearer a b"],
            &["Bearer a", "Bearer b"],
        ] {
            assert_eq!(read(bad), Err(Code::Unauthorized), "{bad:?}");
        }
    }

    #[test]
    fn keys_in_the_query_are_refused() {
        assert!(refuse_token_in_query("limit=1").is_ok());
        for bad in ["token=x", "a=1&access_token=", "api_key", "%74oken=x"] {
            assert!(refuse_token_in_query(bad).is_err(), "{bad}");
        }
    }
}
