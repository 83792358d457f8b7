//! One log line and two metrics for each request, however it ends.

use std::error::Error;
use std::time::Instant;

use http::{Method, StatusCode};

use super::context::Context;
use crate::metric;
use crate::problem::Problem;

/// What is logged where the client went away before its answer.
const CLIENT_CLOSED: u16 = 499;

/// A request under way; dropping it writes its line, so none is missing.
pub(crate) struct Entry {
    begun: Instant,
    method: &'static str,
    route: String,
    context: Context,
    status: u16,
    error: Option<String>,
}

impl Entry {
    /// Begins with the request.
    pub(crate) fn begin(method: &Method, route: String, context: Context) -> Self {
        let method = name(method);
        metric::begun();
        Self {
            begun: Instant::now(),
            method,
            route,
            context,
            status: CLIENT_CLOSED,
            error: None,
        }
    }

    /// Ends with the answer.
    pub(crate) fn end(&mut self, status: StatusCode, problem: Option<&Problem>) {
        self.status = status.as_u16();
        if let Some(problem) = problem {
            metric::problem(problem);
        }
        self.error = problem.and_then(Problem::cause).map(|cause| chain(&**cause));
    }
}

/// The methods of our routes; any other text would grow the metrics without bound.
pub(super) fn name(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    KNOWN
        .into_iter()
        .find(|known| *known == method.as_str())
        .unwrap_or("OTHER")
}

/// An error with its causes on one line.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}

macro_rules! line {
    ($level:ident, $entry:expr, $fields:expr, $route:expr, $duration:expr) => {
        tracing::$level!(
            request_id = $entry.context.request_id().as_str(),
            tenant_id = $fields.tenant_id.as_deref(),
            store_id = $fields.store_id.as_deref(),
            job_id = $fields.job_id.as_deref(),
            method = $entry.method,
            route = $route,
            status = $entry.status,
            duration_ms = ($duration * 1_000_000.0).round() / 1000.0,
            client_ip = $entry.context.client().ip.map(|ip| ip.to_string()).as_deref(),
            cf_ray = $entry.context.client().cf_ray.as_deref(),
            error = $entry.error.as_deref(),
            "{} {} {}",
            $entry.method,
            $route,
            $entry.status
        )
    };
}

impl Drop for Entry {
    fn drop(&mut self) {
        let fields = self.context.fields();
        let route = fields.route.unwrap_or(&self.route);
        let took = self.begun.elapsed();
        let seconds = took.as_secs_f64();
        metric::ended(route, self.method, self.status, took);
        match self.status {
            500.. if self.status != 503 => line!(error, self, fields, route, seconds),
            503 => line!(warn, self, fields, route, seconds),
            _ => line!(info, self, fields, route, seconds),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_logged_with_its_causes() {
        #[derive(Debug, thiserror::Error)]
        #[error("outer")]
        struct Outer(#[source] std::io::Error);
        assert_eq!(chain(&Outer(std::io::Error::other("inner"))), "outer: inner");
    }

    #[test]
    fn a_method_of_the_clients_invention_does_not_become_a_label() {
        assert_eq!(name(&Method::from_bytes(b"BREW").unwrap()), "OTHER");
        assert_eq!(name(&Method::PATCH), "PATCH");
    }
}
