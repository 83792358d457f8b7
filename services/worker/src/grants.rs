//! Tokens for readers: the owner of a partition is the one spender, so they ask here.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use queue::{Grant, GrantAnswer, GrantHandler, GrantRequest, ReadScope};
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::context::Context;
use crate::schedule::{Read, ReadOutcome};

/// Answers requests for a partition until the returned guard is dropped.
pub(crate) async fn serve(context: &Arc<Context>, partition: u16) -> Box<dyn Send + Sync> {
    context.queue.serve_grants(partition, Arc::new(Granter { context: Arc::clone(context) })).await
}

struct Granter {
    context: Arc<Context>,
}

#[async_trait]
impl GrantHandler for Granter {
    async fn grant(&self, request: GrantRequest) -> GrantAnswer {
        let context = &self.context;
        // Answering after our lease has ended would spend another owner's tokens.
        if context.lease.left(context.clock.boot()).is_zero() {
            return GrantAnswer::Refused { retry_after_ms: 1_000 };
        }
        let id = context.clock.uuid();
        let patience = Duration::from_millis(request.patience_ms.min(10_000));
        let read = Read {
            grant: id,
            lane: match &request.read {
                ReadScope::Order { order_id } => Some(format!("order:{order_id}")),
                ReadScope::Orders | ReadScope::Other => None,
            },
            interactive: request.interactive,
            // Answer a little before the asker gives up.
            patient_until: context.clock.boot() + patience.mul_f64(0.8),
        };
        let (sender, answer) = oneshot::channel();
        context.readers.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(id, sender);
        let asked = context
            .schedule(|schedule, now| schedule.ask_read(&request.upstream_key, request.partition, read, now));
        let outcome = if asked { tokio::time::timeout(patience, answer).await } else { Ok(Ok(ReadOutcome::Refused(250))) };
        context.readers.lock().unwrap_or_else(std::sync::PoisonError::into_inner).remove(&id);
        match outcome {
            Ok(Ok(ReadOutcome::Granted)) => {
                metrics::counter!("worker_read_grants_total").increment(1);
                GrantAnswer::Granted {
                    grant: Grant {
                        id,
                        valid_ms: crate::schedule::VALID.as_millis() as u64,
                        show_within_ms: crate::schedule::SHOW_WITHIN.as_millis() as u64,
                    },
                }
            }
            Ok(Ok(ReadOutcome::Refused(retry_after_ms))) => GrantAnswer::Refused { retry_after_ms },
            Ok(Err(_)) | Err(_) => GrantAnswer::Refused { retry_after_ms: 250 },
        }
    }

    async fn released(&self, _partition: u16, grant_id: Uuid) {
        self.context.schedule(|schedule, _| schedule.end_read(grant_id));
    }
}
