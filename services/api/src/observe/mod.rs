//! The outermost layer: request id, client, limits of time, panics, problem documents, headers, metrics and the
//! access log, the same for every answer.

mod access_log;
mod context;
mod headers;
mod span;

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;

use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt as _;
use http::Method;
use http::request::Parts;
use runtime::telemetry::log_context;
use tracing::Instrument as _;

pub(crate) use access_log::Entry;
pub(crate) use context::Context;

use crate::extract::client::Client;
use crate::extract::handler_limit;
use crate::problem::{Code, Problem};
use crate::state::ApiState;

/// A handler panicked; the panic hook has said where.
#[derive(Debug, thiserror::Error)]
#[error("the handler panicked")]
struct Panicked;

/// Wraps every request.
pub(crate) async fn observe(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let peer = parts
        .extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map(|info| info.0);
    let client = Client::of(&state.config, peer, &parts.headers);
    let context = Context::new(&parts.headers, client, &**state.app.clock());
    let route = route(&parts);
    let span = span::begin(&parts, &route, &context);
    let mut entry = Entry::begin(&parts.method, route, context.clone());
    let (limit, head) = (handler_limit(&state.config, &parts), parts.method == Method::HEAD);
    let cors = state.config.allowed_origins.judge(&parts.headers);
    let answered = cors
        .preflight(&parts)
        .or_else(|| oversized(&parts).map(IntoResponse::into_response));
    parts.extensions.insert(context.clone());
    let request = Request::from_parts(parts, body);

    let handling = async {
        match answered {
            Some(answer) => answer,
            None => next.run(request).await,
        }
    };
    let work = log_context(context.for_logs(), handling.instrument(span.clone()));
    let handled = AssertUnwindSafe(tokio::time::timeout(limit, work))
        .catch_unwind()
        .await;
    let mut response = match handled {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => Problem::new(Code::HandlerTimeout, "The answer took too long.")
            .retry_after(std::time::Duration::from_secs(1))
            .into_response(),
        Err(_) => Problem::internal(Panicked).into_response(),
    };
    let problem = response.extensions_mut().remove::<Problem>();
    if let Some(problem) = &problem {
        problem.write(&mut response, context.request_id().as_str());
        if head {
            *response.body_mut() = axum::body::Body::empty();
        }
    }
    if response.status().is_client_error() && context.tenant_reserved() {
        state.guards.no_tenant_made(context.client().ip);
    }
    cors.add(response.headers_mut());
    headers::add(response.headers_mut(), &context);
    entry.end(response.status(), problem.as_ref());
    span::end(&span, response.status(), problem.as_ref(), &context);
    response
}

/// The largest path and query.
const MAX_URI: usize = 8 << 10;
/// The most that all headers may have together.
const MAX_HEADERS: usize = 32 << 10;

/// Refuses a head that is too large; what is much too large does not get this far (see `serve`).
fn oversized(parts: &Parts) -> Option<Problem> {
    let uri = parts.uri.path_and_query().map_or(0, |uri| uri.as_str().len());
    if uri > MAX_URI {
        let problem = Problem::new(Code::UriTooLong, "Path and query are too long.");
        return Some(problem.with("limit_bytes", MAX_URI));
    }
    let headers = parts.headers.iter();
    let headers: usize = headers
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    (headers > MAX_HEADERS).then(|| {
        let problem = Problem::new(Code::HeadersTooLarge, "The headers are too large.");
        problem.with("limit_bytes", MAX_HEADERS)
    })
}

/// The route's template, so that ids stay out of metrics.
fn route(parts: &Parts) -> String {
    let matched = parts
        .extensions
        .get::<MatchedPath>()
        .map_or("unmatched", MatchedPath::as_str);
    matched.replace("%3A", ":").replace("%3a", ":")
}
