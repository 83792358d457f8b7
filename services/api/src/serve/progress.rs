//! Whether a connection gets on: which of its answers wait for the client, and since when.
//!
//! TCP alone does not show it: over HTTP/2 a client may take every byte of the connection and give no answer leave to be
//! sent, and each such answer would be kept for it as long as it likes.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};

/// The most of an answer that is handed to HTTP/2 at once: what was handed over is no longer seen here.
const PIECE: usize = 16 << 10;

/// The exchanges of one connection.
#[derive(Clone)]
pub(super) struct Progress(Arc<Mutex<State>>);

struct State {
    next: u64,
    /// Since when the client has an answer to take; none while we work on it.
    owing: HashMap<u64, Option<Instant>>,
    /// When the last exchange ended, or the connection began.
    quiet_since: Instant,
}

/// One exchange, from its request's head to the end of its answer.
pub(super) struct Exchange {
    progress: Progress,
    id: u64,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            next: 0,
            owing: HashMap::new(),
            quiet_since: Instant::now(),
        })))
    }

    /// A request has come.
    pub(super) fn begin(&self) -> Exchange {
        let mut state = self.lock();
        let id = state.next;
        state.next += 1;
        state.owing.insert(id, None);
        Exchange {
            progress: self.clone(),
            id,
        }
    }

    /// Whether an answer has waited for the client for `limit`.
    pub(super) fn is_stalled(&self, limit: Duration) -> bool {
        self.lock()
            .owing
            .values()
            .any(|since| since.is_some_and(|since| since.elapsed() > limit))
    }

    /// For how long nothing has been asked.
    pub(super) fn quiet_for(&self) -> Duration {
        let state = self.lock();
        if state.owing.is_empty() {
            state.quiet_since.elapsed()
        } else {
            Duration::ZERO
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Exchange {
    fn set(&self, owing: bool) {
        let since = owing.then(Instant::now);
        self.progress.lock().owing.insert(self.id, since);
    }

    /// Watches the answer until its last byte was handed over; `pieces` cuts it.
    pub(super) fn watch(self, body: Body, pieces: bool) -> Watched {
        if !body.is_end_stream() {
            self.set(true);
        }
        Watched {
            body,
            rest: Bytes::new(),
            pieces,
            exchange: self,
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let mut state = self.progress.lock();
        state.owing.remove(&self.id);
        state.quiet_since = Instant::now();
    }
}

/// The body of an answer under watch. Whoever sends it asks for more when it can be sent: not being asked is the sign
/// that the client takes nothing.
pub(super) struct Watched {
    body: Body,
    rest: Bytes,
    pieces: bool,
    exchange: Exchange,
}

impl Watched {
    fn cut(&mut self, mut data: Bytes) -> Frame<Bytes> {
        if self.pieces && data.len() > PIECE {
            self.rest = data.split_off(PIECE);
        }
        Frame::data(data)
    }
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if !self.rest.is_empty() {
            let rest = std::mem::take(&mut self.rest);
            let frame = self.cut(rest);
            self.exchange.set(true);
            return Poll::Ready(Some(Ok(frame)));
        }
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        self.exchange.set(matches!(polled, Poll::Ready(Some(_))));
        polled.map(|frame| {
            let frame = frame?;
            Some(frame.map(|frame| match frame.into_data() {
                Ok(data) => self.cut(data),
                Err(trailers) => trailers,
            }))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (inner, rest) = (self.body.size_hint(), self.rest.len() as u64);
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower() + rest);
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper + rest);
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt as _;
    use http_body_util::BodyExt as _;

    use super::*;

    const NOW: Duration = Duration::ZERO;

    #[tokio::test]
    async fn an_answer_passes_whole_in_pieces() {
        let sent: Vec<u8> = (0..100_000_u32).map(|n| n as u8).collect();
        let progress = Progress::new();
        let body = progress.begin().watch(Body::from(sent.clone()), true);
        assert_eq!(body.size_hint().exact(), Some(100_000));
        let (mut got, mut body) = (Vec::new(), Box::pin(body));
        while let Some(frame) = body.frame().await {
            let data = frame.unwrap().into_data().unwrap();
            assert!(
                data.len() <= PIECE
                    && body.size_hint().exact() == Some((100_000 - got.len() - data.len()) as u64)
            );
            got.extend_from_slice(&data);
        }
        assert_eq!(got, sent);
    }

    #[tokio::test]
    async fn only_who_has_something_to_take_stalls() {
        let progress = Progress::new();
        let exchange = progress.begin();
        assert!(!progress.is_stalled(NOW), "we work");
        let (send, receive) = futures::channel::mpsc::unbounded::<Result<Bytes, std::io::Error>>();
        let mut body = Box::pin(exchange.watch(Body::from_stream(receive.map(|item| item)), true));
        assert!(progress.is_stalled(NOW), "nobody asks for the answer");
        assert!(futures::poll!(body.frame()).is_pending());
        assert!(!progress.is_stalled(NOW), "the client waits for us");
        send.unbounded_send(Ok(Bytes::from_static(b"x"))).unwrap();
        assert!(futures::poll!(body.frame()).is_ready());
        assert!(progress.is_stalled(NOW), "and now we for it");
        assert_eq!(progress.quiet_for(), NOW);
        drop(body);
        assert!(!progress.is_stalled(NOW) && progress.quiet_for() > NOW);
    }
}
