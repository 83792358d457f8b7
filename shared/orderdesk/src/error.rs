//! How a call fails, and what is then known about its effect.

use std::fmt;
use std::time::Duration;

use thiserror::Error;

/// A call that did not succeed: what it was, what is known about it, what Order Desk said.
///
/// `Display` and `Debug` show neither key nor the text of Order Desk, which may quote an order.
#[derive(Debug, Error)]
#[error("{operation}: {failure}")]
pub struct CallError {
    pub(crate) operation: &'static str,
    pub(crate) failure: Failure,
    pub(crate) tokens_remaining: Option<u32>,
    pub(crate) upstream_message: Option<UpstreamMessage>,
    #[source]
    pub(crate) source: Option<Cause>,
}

pub(crate) type Cause = Box<dyn std::error::Error + Send + Sync>;

impl CallError {
    /// The call that failed, such as `order.put`.
    pub fn operation(&self) -> &'static str {
        self.operation
    }

    /// What is known about the call's effect.
    pub fn failure(&self) -> Failure {
        self.failure
    }

    /// The level that Order Desk reported with its answer, if it sent one.
    pub fn tokens_remaining(&self) -> Option<u32> {
        self.tokens_remaining
    }

    /// What Order Desk said, for the user whose order it is; never for a log.
    pub fn upstream_message(&self) -> Option<&UpstreamMessage> {
        self.upstream_message.as_ref()
    }
}

/// What a failure proves. For a write the difference between the first five and [`InDoubt`](Self::InDoubt) decides
/// whether it may be sent again without looking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Failure {
    /// No byte of the request was written: certainly not applied, and no token was spent.
    #[error("not sent: {0}")]
    NotSent(NotSent),
    /// Order Desk refused with a complete 4xx: certainly not applied, and not worth repeating unchanged.
    #[error("refused with status {status}")]
    Refused {
        /// The 4xx status; not 401, 403, 404, 408 or 429.
        status: u16,
    },
    /// The bucket was empty (429): certainly not applied.
    #[error("rate limited, retry after {} ms", retry_after.as_millis())]
    RateLimited {
        /// How long Order Desk asks to wait; at most an hour.
        retry_after: Duration,
    },
    /// The credentials were rejected (401) or the store is locked (403): certainly not applied.
    #[error("unauthorized with status {status}")]
    Unauthorized {
        /// 401 or 403.
        status: u16,
    },
    /// The order, item or path does not exist (404): certainly not applied.
    #[error("not found")]
    NotFound,
    /// The request may have been applied; for a read simply a failure worth repeating.
    #[error("in doubt: {0}")]
    InDoubt(Doubt),
}

impl Failure {
    /// Whether a write that failed so is certain to have had no effect.
    pub fn is_certainly_not_applied(self) -> bool {
        !matches!(self, Self::InDoubt(_))
    }

    /// Whether the same call may succeed later; of a write in doubt it must first be proven that it was not applied.
    pub fn is_transient(self) -> bool {
        match self {
            Self::NotSent(reason) => !matches!(reason, NotSent::Invalid),
            Self::RateLimited { .. } | Self::InDoubt(_) => true,
            Self::Refused { .. } | Self::Unauthorized { .. } | Self::NotFound => false,
        }
    }

    /// Whether nobody answered, which is what counts towards opening a circuit.
    ///
    /// A write that the caller held back says nothing about Order Desk: then neither this nor
    /// [`was_answered`](Self::was_answered) is true.
    pub fn is_outage(self) -> bool {
        match self {
            Self::NotSent(reason) => !matches!(reason, NotSent::Invalid | NotSent::HeldBack),
            Self::InDoubt(Doubt::CannotKnow(reason)) => {
                matches!(reason, CannotKnow::TimedOut | CannotKnow::Broken)
            }
            _ => false,
        }
    }

    /// Whether an answer of some kind came, which is what closes a circuit.
    pub fn was_answered(self) -> bool {
        !self.is_outage() && !matches!(self, Self::NotSent(_))
    }
}

/// Why no byte of a request was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotSent {
    /// The name of the host could not be resolved.
    #[error("name not resolved")]
    Dns,
    /// The connection was refused, or closed before the request began.
    #[error("connection refused")]
    Refused,
    /// The TLS handshake failed.
    #[error("TLS handshake failed")]
    Tls,
    /// Connecting took too long.
    #[error("connecting timed out")]
    ConnectTimeout,
    /// The caller's [`Guard`](crate::Guard) said no when the connection stood, or its deadline had passed by then.
    #[error("held back by the caller")]
    HeldBack,
    /// The request cannot be expressed: an id or credentials with impossible characters.
    #[error("cannot be expressed as a request")]
    Invalid,
}

/// Why it is not known whether a request was applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Doubt {
    /// The application answered completely that it failed (`200 status:error`, 5xx with `status:error`): it has ended
    /// its work, so what it did can be judged at once.
    #[error("complete error answer with status {status}")]
    CompleteAnswer {
        /// The HTTP status, 2xx or 5xx.
        status: u16,
    },
    /// The request may still be on its way or in work: judge only when it cannot arrive any more.
    #[error("{0}")]
    CannotKnow(CannotKnow),
}

/// Why the end of a request was not seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CannotKnow {
    /// No complete answer in time.
    #[error("timed out")]
    TimedOut,
    /// The connection was reset or closed before the head of an answer.
    #[error("connection broken")]
    Broken,
    /// The answer ended early.
    #[error("answer truncated, status {status}")]
    Truncated {
        /// The HTTP status of its head.
        status: u16,
    },
    /// The answer is larger than allowed.
    #[error("answer too large, status {status}")]
    TooLarge {
        /// The HTTP status of its head.
        status: u16,
    },
    /// Someone on the way answered for the application: 408, 502, 504, 52x, or another 5xx without its envelope.
    #[error("gateway answer with status {status}")]
    Gateway {
        /// The HTTP status.
        status: u16,
    },
    /// A redirect, which is never followed.
    #[error("redirected with status {status}")]
    Redirected {
        /// The HTTP status.
        status: u16,
    },
    /// A 2xx whose body is not the application's, or bytes that are not HTTP.
    #[error("unintelligible answer")]
    Garbage,
}

/// What Order Desk said about an error, at most 300 characters, without the API key.
///
/// It may quote personal data, so `Debug` hides it and there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct UpstreamMessage(pub(crate) String);

impl UpstreamMessage {
    /// The text, to be shown only to the tenant whose call it was.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for UpstreamMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UpstreamMessage(***)")
    }
}
