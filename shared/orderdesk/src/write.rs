//! Sending a write: one connection, one request, one answer, and certainty about whether it began.
//!
//! Why not the pool of the reads: on a reused connection a request can meet a connection that is just being closed.
//! The pool then either sends it again by itself or reports an error that does not tell whether it was written, and the
//! store's lane would stay closed for a full time-out. A fresh connection costs a handshake and answers the question.

use std::fmt;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use url::Url;

use crate::error::{CannotKnow, Cause, Doubt, Failure, NotSent};
use crate::reply::Reply;
use crate::wire::{Wire, connect_deadline};

/// The caller's last word before the first byte of a write, and when to give up at the latest.
///
/// Connecting takes time, so a lease that was long enough when the call began may not be when the connection stands:
/// `go` is asked then, and nothing lies between it and the write but the write. The default sends without asking,
/// within the client's time-out.
#[derive(Clone, Copy, Default)]
pub struct Guard<'a> {
    deadline: Option<Instant>,
    go: Option<&'a (dyn Fn() -> bool + Send + Sync)>,
}

impl<'a> Guard<'a> {
    /// Ends the call at `deadline` even if the client's own time-out is later.
    #[must_use]
    pub fn until(self, deadline: Instant) -> Self {
        Self {
            deadline: Some(deadline),
            ..self
        }
    }

    /// Asks `go` between connecting and writing; `false` ends the call as [`NotSent::HeldBack`].
    #[must_use]
    pub fn asking(self, go: &'a (dyn Fn() -> bool + Send + Sync)) -> Self {
        Self { go: Some(go), ..self }
    }
}

impl fmt::Debug for Guard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard")
            .field("deadline", &self.deadline)
            .field("asks", &self.go.is_some())
            .finish()
    }
}

/// Times and bounds of one write.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub timeout: Duration,
    pub connect_timeout: Duration,
    pub max_bytes: usize,
}

/// Sends `request` to the host of `url` and reads the answer, once and at most once.
pub(crate) async fn send(
    url: &Url,
    tls: &TlsConnector,
    request: Request<Full<Bytes>>,
    limits: Limits,
    guard: Guard<'_>,
) -> Result<Reply, (Failure, Option<Cause>)> {
    let start = Instant::now();
    let own = start + limits.timeout;
    let deadline = guard.deadline.map_or(own, |given| given.min(own));
    let not_sent = |(reason, cause)| (Failure::NotSent(reason), cause);
    if deadline <= start {
        return Err(not_sent((NotSent::HeldBack, None)));
    }
    let connect_by = connect_deadline(start, limits.connect_timeout, deadline);
    let wire = Wire::connect(url, tls, connect_by).await.map_err(not_sent)?;
    let begun = wire.begun();
    let handshake = http1::handshake::<_, Full<Bytes>>(TokioIo::new(wire)).await;
    let (mut sender, mut connection) = handshake.map_err(|e| not_sent((NotSent::Refused, Some(e.into()))))?;

    // Nothing is awaited between this question and the first poll of the write.
    if Instant::now() >= deadline || guard.go.is_some_and(|go| !go()) {
        return Err(not_sent((NotSent::HeldBack, None)));
    }
    let talk = async {
        let mut exchange = std::pin::pin!(async {
            let (head, body) = sender.send_request(request).await?.into_parts();
            Ok::<_, hyper::Error>(Reply::collect(head, body, limits.max_bytes).await)
        });
        tokio::select! {
            biased;
            outcome = &mut exchange => outcome,
            // The connection may end before its answer has been taken; what it read is still to be had.
            _ = &mut connection => exchange.await,
        }
    };
    let cannot_know = |reason| Failure::InDoubt(Doubt::CannotKnow(reason));
    let failed = match timeout_at(deadline, talk).await {
        Ok(Ok(reply)) => {
            if reply.body.is_ok() {
                connection.into_parts().io.into_inner().close();
            }
            return Ok(reply);
        }
        Ok(Err(error)) if error.is_parse() => (cannot_know(CannotKnow::Garbage), Some(error.into())),
        Ok(Err(error)) => (cannot_know(CannotKnow::Broken), Some(error.into())),
        Err(_) => (cannot_know(CannotKnow::TimedOut), None),
    };
    if begun.load(Ordering::SeqCst) {
        Err(failed)
    } else {
        // The other side hung up before we wrote anything.
        Err(not_sent((NotSent::Refused, failed.1)))
    }
}
