//! What is known of a request while it is handled, from the outermost layer to the handler and back.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use domain::RequestId;
use http::{Extensions, HeaderMap};
use limit::Decision;
use runtime::Clock;
use runtime::telemetry::LogContext;

use crate::extract::client::Client;

/// What handlers add to the log line of their request.
#[derive(Clone, Debug, Default)]
pub(crate) struct LogFields {
    /// The caller's tenant.
    pub(crate) tenant_id: Option<String>,
    /// Order Desk's id of the store.
    pub(crate) store_id: Option<String>,
    /// The one job that the request is about.
    pub(crate) job_id: Option<String>,
    /// The route, where the router's own template says less.
    pub(crate) route: Option<&'static str>,
}

/// One request; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Context(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    request_id: RequestId,
    client: Client,
    log: Mutex<LogFields>,
    rate: OnceLock<Decision>,
    tenant_reserved: OnceLock<()>,
}

impl Context {
    /// Takes the client's request id, if it is one, else makes one.
    pub(crate) fn new(headers: &HeaderMap, client: Client, clock: &dyn Clock) -> Self {
        let given = headers
            .get("x-request-id")
            .and_then(|value| value.to_str().ok()?.parse().ok());
        let request_id = given.unwrap_or_else(|| {
            let made = clock.uuid().to_string();
            made.parse().expect("a UUID is a request id")
        });
        Self(Arc::new(Inner {
            request_id,
            client,
            log: Mutex::default(),
            rate: OnceLock::new(),
            tenant_reserved: OnceLock::new(),
        }))
    }

    /// The context that the outermost layer put there.
    pub(crate) fn of(extensions: &Extensions) -> Self {
        extensions
            .get::<Self>()
            .expect("every route is below the outermost layer")
            .clone()
    }

    /// The correlation id.
    pub(crate) fn request_id(&self) -> &RequestId {
        &self.0.request_id
    }

    /// What the log lines of the request carry.
    pub(crate) fn for_logs(&self) -> Arc<dyn LogContext> {
        Arc::clone(&self.0) as Arc<dyn LogContext>
    }

    /// Who calls.
    pub(crate) fn client(&self) -> &Client {
        &self.0.client
    }

    /// How the caller stands with its rate limit, for the headers of the answer.
    pub(crate) fn set_rate(&self, decision: Decision) {
        let _ = self.0.rate.set(decision);
    }

    /// How the caller stands with its rate limit, where it has one.
    pub(crate) fn rate(&self) -> Option<&Decision> {
        self.0.rate.get()
    }

    /// Notes that a place for a new tenant was taken for this request.
    pub(crate) fn set_tenant_reserved(&self) {
        let _ = self.0.tenant_reserved.set(());
    }

    /// Whether a place for a new tenant was taken.
    pub(crate) fn tenant_reserved(&self) -> bool {
        self.0.tenant_reserved.get().is_some()
    }

    /// Adds to the log line.
    pub(crate) fn log(&self, add: impl FnOnce(&mut LogFields)) {
        add(&mut self.0.log.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// What was added so far.
    pub(crate) fn fields(&self) -> LogFields {
        self.0.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl LogContext for Inner {
    fn fields(&self, tell: &mut dyn FnMut(&'static str, &str)) {
        tell("request_id", self.request_id.as_str());
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let known = [
            ("tenant_id", log.tenant_id),
            ("store_id", log.store_id),
            ("job_id", log.job_id),
        ];
        for (name, value) in known {
            if let Some(value) = value {
                tell(name, &value);
            }
        }
    }
}

impl<S: Sync> axum::extract::FromRequestParts<S> for Context {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut http::request::Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self::of(&parts.extensions))
    }
}
