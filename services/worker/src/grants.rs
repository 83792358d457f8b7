//! Tokens for readers: the owner of a partition is the one spender, so they ask here.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use queue::{Grant, GrantAnswer, GrantHandler, GrantRequest, ReadScope};
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::context::Context;
use crate::metric;
use crate::schedule::{Read, ReadOutcome, SHOW_WITHIN, Shows, VALID};

/// Answers requests for a partition until the returned guard is dropped.
pub(crate) async fn serve(context: &Arc<Context>, partition: u16) -> Box<dyn Send + Sync> {
    context
        .queue
        .serve_grants(
            partition,
            Arc::new(Granter {
                context: Arc::clone(context),
            }),
        )
        .await
}

/// A read that has less time than this is not worth a token.
const LEAST_TO_SHOW: Duration = Duration::from_millis(500);

/// An asker that waits. However it ends, nothing of it stays behind, and a grant that it does not use goes back.
struct Waiting<'a> {
    context: &'a Context,
    id: Uuid,
    is_used: bool,
}

impl<'a> Waiting<'a> {
    fn new(context: &'a Context, id: Uuid, sender: oneshot::Sender<ReadOutcome>) -> Self {
        context
            .readers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id, sender);
        Self {
            context,
            id,
            is_used: false,
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.context
            .readers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.id);
        if !self.is_used {
            self.context
                .schedule(|schedule, now| schedule.cancel_read(self.id, now));
        }
    }
}

struct Granter {
    context: Arc<Context>,
}

#[async_trait]
impl GrantHandler for Granter {
    async fn grant(&self, request: GrantRequest) -> GrantAnswer {
        let answer = self.answer(request).await;
        metric::granted(matches!(answer, GrantAnswer::Granted { .. }));
        answer
    }

    async fn released(&self, _partition: u16, grant_id: Uuid) {
        self.context
            .schedule(|schedule, now| schedule.end_read(grant_id, now));
    }
}

impl Granter {
    async fn answer(&self, request: GrantRequest) -> GrantAnswer {
        let context = &self.context;
        // Answering after our lease has ended would spend another owner's tokens.
        if !context.lease.owns(request.partition) || context.lease.left(context.clock.boot()).is_zero() {
            return GrantAnswer::refused(1_000);
        }
        let id = context.clock.uuid();
        let patience = Duration::from_millis(request.patience_ms.min(10_000));
        let read = Read {
            grant: id,
            shows: match &request.read {
                ReadScope::Order { order_id } => Shows::Order(format!("order:{order_id}")),
                ReadScope::Orders => Shows::Orders,
                ReadScope::Other => Shows::Other,
            },
            interactive: request.interactive,
            // Answer a little before the asker gives up.
            patient_until: context.clock.boot() + patience.mul_f64(0.8),
        };
        let (sender, answer) = oneshot::channel();
        let mut waiting = Waiting::new(context, id, sender);
        let asked = context
            .schedule(|schedule, now| schedule.ask_read(&request.upstream_key, request.partition, read, now));
        if !asked {
            return GrantAnswer::refused(250);
        }
        match tokio::time::timeout(patience, answer).await {
            Ok(Ok(ReadOutcome::Granted)) => {
                // The next owner does not know of this read: what it shows must be in hand before our lease can end.
                let left = context.lease.left(context.clock.boot()).min(SHOW_WITHIN);
                if !context.lease.owns(request.partition) || left < LEAST_TO_SHOW {
                    return GrantAnswer::refused(1_000);
                }
                waiting.is_used = true;
                GrantAnswer::Granted {
                    grant: Grant {
                        id,
                        valid_ms: VALID.min(left).as_millis() as u64,
                        show_within_ms: left.as_millis() as u64,
                    },
                }
            }
            Ok(Ok(ReadOutcome::Refused(retry_after_ms))) => GrantAnswer::Refused {
                retry_after_ms,
                outage: context.look(|schedule, _| schedule.circuit_is_open(&request.upstream_key)),
            },
            Ok(Err(_)) | Err(_) => GrantAnswer::refused(250),
        }
    }
}
