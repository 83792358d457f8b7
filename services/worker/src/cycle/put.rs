//! Sending a fold: intent, update, and what its answer says.

use app::Purpose;
use app::payload::JobOutcome;
use domain::batch::RequestKind;
use domain::event::JobSucceeded;
use domain::job::{ErrorCode, Job, JobResult};
use domain::order::OrderDoc;
use domain::{BatchId, Timestamp};
use orderdesk::Guard;
use serde_json::Value;

use super::batch_plan::{BatchPlan, JobShare};
use super::failure::seal_outcome;
use super::mover;
use super::order::{Change, Ready};
use super::record::{Recording, record_failed, record_put};
use crate::schedule::Finish;
use crate::upstream::may_write;

impl Change<'_, '_> {
    /// Decides which request the fold needs, if any.
    pub(super) async fn send(mut self, ready: Ready) -> Finish {
        let needs_put = ready.sent != ready.before;
        if needs_put {
            return self.put(ready).await;
        }
        match ready.destination {
            Some(destination) => {
                let jobs = self.rows();
                let Change {
                    cycle, order, sealer, ..
                } = self;
                mover::pure(
                    cycle,
                    mover::PureMove {
                        order: &order,
                        sealer: &sealer,
                        jobs,
                        before: ready.before,
                        destination,
                        shares: ready.shares,
                        failed: ready.failed,
                        external: ready.external,
                    },
                )
                .await
            }
            None => self.unchanged(ready).await,
        }
    }

    /// The order already is as wanted, or every job failed: nothing is sent.
    async fn unchanged(&mut self, ready: Ready) -> Finish {
        let Some(mut writing) = self.cycle.writing() else {
            return Finish::default();
        };
        self.sealer.attach(&mut writing.append);
        let tag = self.cycle.tag(&ready.before);
        if let Some(external) = &ready.external {
            external.record(self.cycle, &self.order, &self.sealer, &mut writing);
        }
        let rows = self.rows();
        record_failed(&mut writing, &rows, &ready.failed, &self.sealer);
        for (id, _) in &ready.shares {
            let Some(job) = rows.iter().find(|job| job.id == *id) else {
                continue;
            };
            let result = JobResult {
                order_id: Some(self.order.to_string()),
                changed: false,
                coalesced_with: ready.shares.len() as u32 - 1,
                etag_before: Some(tag.as_str().to_owned()),
                etag_after: Some(tag.as_str().to_owned()),
                upstream_requests: self.cycle.requests(),
                recovered: false,
                window_ms: None,
            };
            let event = JobSucceeded {
                at: writing.at(),
                job_id: job.id,
                attempts: job.attempts + 1,
                result,
            };
            let outcome = JobOutcome {
                patch: Some(Value::Array(Vec::new())),
                ..JobOutcome::default()
            };
            writing.job(job, event, seal_outcome(&self.sealer, job.id, &outcome));
        }
        let rows: Vec<&Job> = rows.iter().collect();
        self.cycle.commit(writing, &rows, None).await
    }

    async fn put(mut self, ready: Ready) -> Finish {
        let all = self.rows();
        let travelling: Vec<&Job> = all
            .iter()
            .filter(|job| ready.shares.iter().any(|(id, _)| *id == job.id))
            .collect();
        let batch = BatchId(self.cycle.context.clock.uuid());
        let mover = ready
            .destination
            .and_then(|folder| ready.shares.last().map(|(id, _)| (*id, folder)));
        let plan = BatchPlan {
            before: Some(ready.before.to_value()),
            after: Some(ready.sent.to_value()),
            shares: ready
                .shares
                .iter()
                .map(|(job, patch)| JobShare {
                    job: *job,
                    patch: patch.clone(),
                })
                .collect(),
            etag_before: Some(self.cycle.tag(&ready.before).as_str().to_owned()),
            then_move: mover,
            requests: self.cycle.requests(),
            coalesced_with: ready.shares.len() as u32 - 1,
            ..BatchPlan::default()
        };
        runtime::crash::point("intent.before");
        let Some(mut writing) = self.cycle.writing() else {
            return Finish::default();
        };
        self.sealer.attach(&mut writing.append);
        if let Some(external) = &ready.external {
            external.record(self.cycle, &self.order, &self.sealer, &mut writing);
        }
        record_failed(&mut writing, &all, &ready.failed, &self.sealer);
        let opened_at = writing.at();
        let sealed = self.sealer.seal_json(Purpose::BatchPlan, batch.0, &plan);
        let running = writing.open_batch(
            self.cycle,
            batch,
            RequestKind::Put,
            Some(&self.order),
            plan.etag_before.clone(),
            &travelling,
            sealed,
        );
        let ended = match writing.commit(self.cycle.context).await {
            Ok(rows) => rows
                .into_iter()
                .filter(|job| job.status.is_final())
                .collect::<Vec<_>>(),
            Err(error) => {
                let known = super::intent::unknown(batch, &error);
                return self
                    .cycle
                    .not_committed(&all.iter().collect::<Vec<_>>(), known, &error)
                    .await;
            }
        };
        runtime::crash::point("intent.after");
        let mut finish = self.request(ready, plan, batch, opened_at, running).await;
        finish.jobs.extend(ended);
        finish
    }

    async fn request(
        &mut self,
        ready: Ready,
        plan: BatchPlan,
        batch: BatchId,
        opened_at: Timestamp,
        running: Vec<Job>,
    ) -> Finish {
        let (context, partition) = (self.cycle.context, self.cycle.plan.partition);
        let go = move || may_write(context, partition);
        let guard = Guard::default()
            .until(self.cycle.write_deadline(opened_at))
            .asking(&go);
        let (client, credentials) = (context.client.clone(), self.cycle.credentials.clone());
        let call = client.put_order(&credentials, self.order.as_str(), ready.sent.as_object(), guard);
        let outcome = self.cycle.purse.call(call).await;
        let window_ms = context.now().at.since(ready.read_at).as_millis() as u64;
        runtime::crash::point("request.after");
        let jobs: Vec<&Job> = running.iter().collect();
        let returned = match outcome {
            Ok(answer) => answer.value,
            Err(error) => {
                let not_found = ErrorCode::OrderNotFound;
                return self
                    .cycle
                    .write_failed(&jobs, &self.sealer, batch, opened_at, &error, not_found)
                    .await;
            }
        };
        let returned = match returned.and_then(|order| OrderDoc::from_value(Value::Object(order)).ok()) {
            Some(doc) => doc,
            // No order in the answer: one read shows what became of it. Until then the batch stays open.
            None => match self.look_after(batch).await {
                Ok(doc) => doc,
                Err(finish) => return finish,
            },
        };
        let recording = Recording {
            order: &self.order,
            sealer: &self.sealer,
            batch,
            plan: &plan,
            jobs: &running,
            returned,
            recovered: false,
            window_ms: Some(window_ms),
        };
        record_put(self.cycle, recording).await
    }

    async fn look_after(&mut self, batch: BatchId) -> Result<OrderDoc, Finish> {
        let (client, credentials) = (self.cycle.context.client.clone(), self.cycle.credentials.clone());
        let call = client.get_order(&credentials, self.order.as_str());
        let outcome = self.cycle.purse.call(call).await;
        outcome
            .ok()
            .and_then(|answer| OrderDoc::from_value(Value::Object(answer.value)).ok())
            .ok_or_else(|| {
                let not_before = self
                    .cycle
                    .context
                    .now()
                    .at
                    .plus(std::time::Duration::from_secs(1));
                Finish {
                    doubt: Some(crate::schedule::Doubt { batch, not_before }),
                    ..Finish::default()
                }
            })
    }
}
