//! An answer as it came off the wire, its body bounded.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::response::Parts;
use http_body_util::BodyExt;
use hyper::body::Body;

use crate::error::Cause;
use crate::header;

/// Status, the headers that matter, and the body or why there is none.
#[derive(Debug)]
pub(crate) struct Reply {
    pub status: u16,
    pub tokens_remaining: Option<u32>,
    pub retry_after: Duration,
    /// Whether the head said where the body ends; without that, an early end looks like a complete body.
    pub framed: bool,
    pub body: Result<Bytes, BodyFault>,
}

/// Why a body is not there although its head is.
#[derive(Debug)]
pub(crate) enum BodyFault {
    TooLarge,
    Truncated(Cause),
}

impl Reply {
    /// Reads at most `limit` bytes of `body`.
    pub(crate) async fn collect<B>(head: Parts, body: B, limit: usize) -> Self
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: Into<Cause>,
    {
        Self {
            status: head.status.as_u16(),
            tokens_remaining: header::tokens_remaining(&head.headers),
            retry_after: header::retry_after(&head.headers),
            framed: head.headers.contains_key(http::header::CONTENT_LENGTH)
                || head.headers.contains_key(http::header::TRANSFER_ENCODING),
            body: bounded(body, limit).await,
        }
    }
}

async fn bounded<B>(mut body: B, limit: usize) -> Result<Bytes, BodyFault>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Cause>,
{
    if body.size_hint().lower() > limit as u64 {
        return Err(BodyFault::TooLarge);
    }
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| BodyFault::Truncated(error.into()))?;
        let Ok(data) = frame.into_data() else { continue }; // trailers
        if whole.len() + data.len() > limit {
            return Err(BodyFault::TooLarge);
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}
