//! A request's way from arrival to its end, faults and holds included.
//!
//! It runs in a task of its own: as with the real service, a client that goes away stops nothing.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use serde_json::json;

use crate::{
    fault::Fault,
    hold::HoldPhase,
    kind::Target,
    quirk::Quirks,
    reply::Reply,
    request::ApiRequest,
    shared::Shared,
    wire::{Answer, AnswerBody, Outcome},
    world::{Admission, Rejection},
};

const JSON: &str = "application/json";
const HTML: &str = "text/html; charset=utf-8";
const HTML_PAGE: &[u8] =
    b"<html>\r\n<head><title>Bad Gateway</title></head>\r\n<body><center><h1>Bad Gateway</h1></center></body>\r\n</html>\r\n";
/// A PHP notice followed by half a document: neither JSON nor UTF-8.
const GARBAGE: &[u8] = b"\xff\xfeNotice: Undefined index: order in process.php on line 42 {\"status\":\"succ";

struct Way {
    shared: Arc<Shared>,
    request: Arc<ApiRequest>,
    target: Target,
    seq: u64,
    generation: u64,
    tokens_left: Option<u32>,
    quirks: Quirks,
}

/// Takes a complete request all the way and says how it ends.
pub(crate) async fn process(shared: Arc<Shared>, request: ApiRequest) -> Outcome {
    let started = tokio::time::Instant::now();
    let request = Arc::new(request);
    let (admission, quirks, latency) = shared.with(|world| {
        let admission = world.admit(&request, shared.now_ms(), std::time::Instant::now());
        (admission, world.quirks.clone(), world.latency)
    });
    let Admission {
        seq,
        tokens_left,
        generation,
        verdict,
    } = admission;
    let target = request.target();
    let way = Way {
        shared,
        request,
        target,
        seq,
        generation,
        tokens_left,
        quirks,
    };

    pause(latency / 2).await;
    let outcome = match verdict {
        Err(Rejection { reply, retry_after }) => Outcome::Answer(way.answer_with(reply, retry_after)),
        Ok(fault) => {
            way.hold(HoldPhase::BeforeApply).await;
            let outcome = match fault {
                None => Outcome::Answer(way.answer(way.apply())),
                Some(fault) => way.fail(fault).await,
            };
            way.hold(HoldPhase::BeforeAnswer).await;
            outcome
        }
    };
    pause(latency / 2).await;

    let status = match &outcome {
        Outcome::Answer(answer) => Some(answer.status),
        Outcome::Reset | Outcome::Silence => None,
    };
    let elapsed = started.elapsed();
    if way
        .shared
        .config
        .slow_request
        .is_some_and(|limit| elapsed > limit)
    {
        tracing::warn!(
            method = way.request.method,
            path = way.request.path,
            elapsed_ms = elapsed.as_millis() as u64,
            "slow request"
        );
    }
    let ended_ms = way.shared.now_ms();
    way.shared
        .with(|world| world.finish(&way.request, way.seq, status, ended_ms));
    outcome
}

async fn pause(duration: Duration) {
    if !duration.is_zero() {
        tokio::time::sleep(duration).await;
    }
}

impl Way {
    async fn hold(&self, phase: HoldPhase) {
        if let Some(gate) = self.shared.with(|world| world.holds.enter(phase, &self.target)) {
            // The sender is used to let this request go, or dropped together with the hold.
            let _ = gate.await;
        }
    }

    fn apply(&self) -> Reply {
        self.shared.apply(&self.request, self.seq)
    }

    fn is_write(&self) -> bool {
        self.target.kind.is_write()
    }

    /// Applies a read always and a write only on demand; what was not applied looks like a plain success.
    fn apply_if(&self, applied: bool) -> Reply {
        if applied || !self.is_write() {
            self.apply()
        } else {
            Reply::message("Order Updated")
        }
    }

    /// Lets the write take effect later, whatever the client is told meanwhile.
    fn apply_later(&self, delay_ms: u64) {
        let (shared, request) = (Arc::clone(&self.shared), Arc::clone(&self.request));
        let (seq, generation) = (self.seq, self.generation);
        let tasks = self.shared.tasks.clone();
        tasks.spawn(async move {
            tokio::select! {
                () = shared.stop.cancelled() => {}
                () = tokio::time::sleep(Duration::from_millis(delay_ms)) => {
                    if shared.peek(|world| world.generation) == generation {
                        shared.apply(&request, seq);
                    }
                }
            }
        });
    }

    async fn fail(&self, fault: Fault) -> Outcome {
        let answer = match fault {
            Fault::ResetBefore => return Outcome::Reset,
            Fault::ResetAfter => {
                self.apply();
                return Outcome::Reset;
            }
            Fault::Timeout => return Outcome::Silence,
            Fault::TimeoutLateWrite { delay_ms } => {
                self.apply_later(delay_ms);
                return Outcome::Silence;
            }
            Fault::LateWrite { delay_ms, status } => {
                self.apply_later(delay_ms);
                self.answer(Reply::error(status, "The server did not respond in time"))
            }
            Fault::Throttle { retry_after } => {
                let reply = Reply::error(429, "Too many requests");
                Answer {
                    tokens_left: Some(0),
                    ..self.answer_with(reply, Some(retry_after))
                }
            }
            Fault::ServerError { status, applied } => {
                self.apply_if(applied);
                self.answer(Reply::error(status, "Internal error"))
            }
            Fault::StatusError { message, applied } => {
                self.apply_if(applied);
                let body = Reply::message(message).render_as("error", &self.quirks, self.seq);
                self.raw(200, JSON, AnswerBody::Whole(body))
            }
            Fault::Reject { status, message } => self.answer(Reply::error(status, message)),
            Fault::Garbage { applied } => {
                self.apply_if(applied);
                self.raw(200, JSON, AnswerBody::Whole(Bytes::from_static(GARBAGE)))
            }
            Fault::Html { status, applied } => {
                self.apply_if(applied);
                self.raw(status, HTML, AnswerBody::Whole(Bytes::from_static(HTML_PAGE)))
            }
            Fault::Truncated { applied } => {
                let reply = self.apply_if(applied);
                self.raw(
                    reply.status,
                    JSON,
                    AnswerBody::Half(reply.render(&self.quirks, self.seq)),
                )
            }
            Fault::Oversized {
                bytes,
                declared,
                applied,
            } => {
                let mut reply = self.apply_if(applied);
                let status = reply.status;
                reply.payload.push(("padded", json!(true)));
                let text = reply.render(&self.quirks, self.seq);
                self.raw(
                    status,
                    JSON,
                    AnswerBody::Padded {
                        text,
                        size: bytes,
                        declared,
                    },
                )
            }
            Fault::Slow {
                delay_ms,
                applied_first,
            } => {
                let delay = Duration::from_millis(delay_ms);
                if applied_first {
                    let reply = self.apply();
                    pause(delay).await;
                    self.answer(reply)
                } else {
                    pause(delay).await;
                    self.answer(self.apply())
                }
            }
        };
        Outcome::Answer(answer)
    }

    fn answer(&self, reply: Reply) -> Answer {
        self.answer_with(reply, None)
    }

    fn answer_with(&self, reply: Reply, retry_after: Option<u64>) -> Answer {
        let status = reply.status;
        let body = AnswerBody::Whole(reply.render(&self.quirks, self.seq));
        Answer {
            retry_after,
            ..self.raw(status, JSON, body)
        }
    }

    fn raw(&self, status: u16, content_type: &'static str, body: AnswerBody) -> Answer {
        Answer {
            status,
            content_type,
            tokens_left: self.tokens_left,
            retry_after: None,
            body,
        }
    }
}
