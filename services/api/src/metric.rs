//! What is measured here.

use std::time::Duration;

use http::StatusCode;
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

use crate::problem::Problem;

/// Tells the recorder of every metric of this crate, so that each is there from the start.
pub fn describe() {
    describe_counter!(
        "http_requests_total",
        Unit::Count,
        "Requests by route template, method and status; 499: the client went away before the answer."
    );
    describe_histogram!(
        "http_request_duration_seconds",
        Unit::Seconds,
        "How long requests took up to the head of the answer, waits that the client asked for included."
    );
    describe_gauge!(
        "http_requests_in_flight",
        Unit::Count,
        "Requests that have not been answered yet."
    );
    describe_counter!(
        "auth_failures_total",
        Unit::Count,
        "Requests that were refused for lack of a valid key, by the code of the problem."
    );
    describe_counter!(
        "rate_limited_total",
        Unit::Count,
        "Requests that were refused for being too many, by the limit that they met."
    );
    describe_gauge!("http_connections", Unit::Count, "Connections of clients.");
    describe_counter!(
        "http_connections_refused_total",
        Unit::Count,
        "Connections that were refused because there were too many, in all or of one address."
    );
    describe_counter!(
        "http_connections_cut_total",
        Unit::Count,
        "Connections that were closed because their clients were too slow."
    );
    gauge!("http_connections").increment(0.0);
    for limit in ["all", "address"] {
        counter!("http_connections_refused_total", "limit" => limit).increment(0);
    }
    counter!("http_connections_cut_total").increment(0);
    gauge!("http_requests_in_flight").increment(0.0);
    for limit in ["requests", "log_ins", "new_tenants", "waits", "waits_in_all"] {
        counter!("rate_limited_total", "limit" => limit).increment(0);
    }
    for code in ["unauthorized", "key_revoked"] {
        counter!("auth_failures_total", "code" => code).increment(0);
    }
}

/// A request begins.
pub(crate) fn begun() {
    gauge!("http_requests_in_flight").increment(1.0);
}

/// A request has ended.
pub(crate) fn ended(route: &str, method: &'static str, status: u16, took: Duration) {
    gauge!("http_requests_in_flight").decrement(1.0);
    counter!("http_requests_total", "route" => route.to_owned(), "method" => method, "status" => status.to_string())
        .increment(1);
    histogram!("http_request_duration_seconds", "route" => route.to_owned(), "method" => method)
        .record(took.as_secs_f64());
}

/// A problem was answered.
pub(crate) fn problem(problem: &Problem) {
    if problem.status() == StatusCode::UNAUTHORIZED {
        counter!("auth_failures_total", "code" => problem.code().as_str()).increment(1);
    }
}
