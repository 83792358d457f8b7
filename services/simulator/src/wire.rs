//! Answers as bytes, whole or broken.

use std::{io, time::Duration};

use bytes::Bytes;
use futures::{StreamExt, stream};
use http::{Response, header};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::Frame;

/// The body type of every answer.
pub(crate) type WireBody = UnsyncBoxBody<Bytes, io::Error>;

/// How a request to the API ends.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It is answered.
    Answer(Answer),
    /// The connection is reset.
    Reset,
    /// Nothing happens until the client goes away.
    Silence,
}

/// An answer with its rate-limit headers.
#[derive(Debug)]
pub(crate) struct Answer {
    pub status: u16,
    pub content_type: &'static str,
    pub tokens_left: Option<u32>,
    pub retry_after: Option<u64>,
    pub body: AnswerBody,
}

/// The bytes of an answer.
#[derive(Debug)]
pub(crate) enum AnswerBody {
    /// All of them.
    Whole(Bytes),
    /// Half of what `Content-Length` announces.
    Half(Bytes),
    /// A JSON text with blanks before it that bring it to a size.
    Padded {
        text: Bytes,
        size: usize,
        declared: bool,
    },
}

const PAD: &[u8] = &[b' '; 16 * 1024];
/// Time between the last byte of a broken body and the end of its connection, so that the bytes arrive.
const LAST_BYTES: Duration = Duration::from_millis(15);

impl Answer {
    pub fn into_response(self) -> Response<WireBody> {
        let mut response = Response::builder()
            .status(self.status)
            .header(header::CONTENT_TYPE, self.content_type);
        if let Some(tokens) = self.tokens_left {
            response = response.header("x-tokens-remaining", tokens);
        }
        if let Some(seconds) = self.retry_after {
            response = response.header("x-retry-after", seconds);
        }
        let body = match self.body {
            AnswerBody::Whole(bytes) => whole(bytes),
            AnswerBody::Half(bytes) => {
                response = response.header(header::CONTENT_LENGTH, bytes.len());
                half(&bytes)
            }
            AnswerBody::Padded { text, size, declared } => {
                let padding = size.saturating_sub(text.len());
                if declared {
                    response = response.header(header::CONTENT_LENGTH, padding + text.len());
                }
                padded(text, padding)
            }
        };
        response
            .body(body)
            .expect("status and headers are valid by construction")
    }
}

/// A body with a known length.
pub(crate) fn whole(bytes: Bytes) -> WireBody {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}

fn half(bytes: &Bytes) -> WireBody {
    let sent = bytes.slice(..bytes.len() / 2);
    let first = stream::once(async move { Ok(Frame::data(sent)) });
    let end = stream::once(async {
        tokio::time::sleep(LAST_BYTES).await;
        Err(io::Error::new(
            io::ErrorKind::ConnectionAborted,
            "the body ends here on purpose",
        ))
    });
    StreamBody::new(first.chain(end)).boxed_unsync()
}

fn padded(text: Bytes, padding: usize) -> WireBody {
    let (chunks, rest) = (padding / PAD.len(), padding % PAD.len());
    let blanks = std::iter::repeat_n(Bytes::from_static(PAD), chunks);
    let all = blanks.chain([Bytes::from_static(&PAD[..rest]), text]);
    let frames = all
        .filter(|chunk| !chunk.is_empty())
        .map(|chunk| Ok(Frame::data(chunk)));
    StreamBody::new(stream::iter(frames)).boxed_unsync()
}
