//! What is measured here.

use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};

use crate::client::Answer;
use crate::error::{CallError, CannotKnow, Doubt, Failure};

/// Tells the recorder of every metric of this crate, so that each is there from the start.
pub fn describe() {
    describe_counter!(
        "orderdesk_requests_total",
        Unit::Count,
        "Requests to Order Desk by operation and class of the answer's status; none: no answer, unsent: not sent."
    );
    describe_histogram!(
        "orderdesk_request_duration_seconds",
        Unit::Seconds,
        "How long requests to Order Desk took, connecting included."
    );
    describe_counter!(
        "orderdesk_rate_limited_total",
        Unit::Count,
        "Requests that Order Desk answered with 429."
    );
    describe_counter!(
        "orderdesk_tokens_spent_total",
        Unit::Count,
        "Requests that cost a token of a store's bucket."
    );
    counter!("orderdesk_rate_limited_total").increment(0);
    counter!("orderdesk_tokens_spent_total").increment(0);
}

/// Counts a call that has ended.
pub(crate) fn ended<T>(operation: &'static str, took: Duration, outcome: &Result<Answer<T>, CallError>) {
    let failure = outcome.as_ref().err().map(CallError::failure);
    let status = match (outcome, failure) {
        (Ok(answer), _) => class(answer.status),
        (_, Some(failure)) => status(failure).map_or("none", class),
        _ => "none",
    };
    let unsent = matches!(failure, Some(Failure::NotSent(_)));
    let status = if unsent { "unsent" } else { status };
    counter!("orderdesk_requests_total", "operation" => operation, "status" => status).increment(1);
    if unsent {
        return;
    }
    counter!("orderdesk_tokens_spent_total").increment(1);
    histogram!("orderdesk_request_duration_seconds", "operation" => operation).record(took.as_secs_f64());
    if matches!(failure, Some(Failure::RateLimited { .. })) {
        counter!("orderdesk_rate_limited_total").increment(1);
    }
}

/// The status of the answer that a failure is about, if there was one.
pub(crate) fn status(failure: Failure) -> Option<u16> {
    match failure {
        Failure::Refused { status }
        | Failure::Unauthorized { status }
        | Failure::InDoubt(Doubt::CompleteAnswer { status }) => Some(status),
        Failure::RateLimited { .. } => Some(429),
        Failure::NotFound => Some(404),
        Failure::InDoubt(Doubt::CannotKnow(reason)) => match reason {
            CannotKnow::Truncated { status }
            | CannotKnow::TooLarge { status }
            | CannotKnow::Gateway { status }
            | CannotKnow::Redirected { status } => Some(status),
            CannotKnow::TimedOut | CannotKnow::Broken | CannotKnow::Garbage => None,
        },
        Failure::NotSent(_) => None,
    }
}

fn class(status: u16) -> &'static str {
    match status {
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        500..=599 => "5xx",
        _ => "other",
    }
}
