//! Random histories: whatever the gateway might do, in any order, and now and then what it must not do.

mod endpoints;

use std::sync::Arc;
use std::time::Duration;

use domain::batch::{BatchOutcome, OpenBatch, RequestKind};
use domain::event::{
    BatchClosed, BatchOpened, Event, JobCancelled, JobFailed, JobIntentRecorded, JobRequeued, JobRetriedAs,
    JobRetryScheduled, JobSucceeded, OrderChangedExternally, StoreDeleted, StorePaused, StoreRenamed,
    StoreResumed,
};
use domain::image::OrderImage;
use domain::job::{CancelReason, ErrorCode, Job, JobError, JobResult, JobStatus};
use domain::order::CommandKind;
use domain::store::{PauseReason, Store};
use domain::{OrderId, Timestamp};

use super::{Fixture, audit, sample, views};
use crate::rebuild::{Views, removes_order};
use crate::view::ViewRow;
use crate::{Append, Backend, Expected, NewEvent, Refusal, Stream};

pub async fn views_equal_the_fold_after_random_histories(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    for seed in 1..4 {
        let mut walk = Walk::start(Arc::clone(&backend), seed).await;
        walk.steps(120).await;
    }
    let expected = audit::whole(&*backend).await;
    views::every_query(&*fixture.open().await, &expected).await;
}

/// One random history of tenants of its own; several may go on at once in one ledger.
pub struct Walk {
    backend: Arc<dyn Backend>,
    random: u64,
    clock: i64,
    views: Views,
    seen: u64,
    places: Vec<sample::Place>,
}

impl Walk {
    /// Begins with one tenant and its store.
    pub async fn start(backend: Arc<dyn Backend>, seed: u64) -> Self {
        let random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut walk = Self {
            backend,
            random,
            clock: 0,
            views: Views::default(),
            seen: 0,
            places: Vec::new(),
        };
        walk.found().await;
        walk
    }

    /// Goes on.
    pub async fn steps(&mut self, count: u32) {
        for _ in 0..count {
            self.clock += self.below(50) as i64;
            self.step().await;
            self.catch_up().await;
        }
    }

    fn below(&mut self, bound: usize) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) as usize % bound
    }

    fn pick<T: Clone>(&mut self, among: &[T]) -> Option<T> {
        (!among.is_empty()).then(|| among[self.below(among.len())].clone())
    }

    fn now(&self) -> Timestamp {
        sample::at(self.clock)
    }

    async fn catch_up(&mut self) {
        loop {
            let page = self.backend.events_after(self.seen, 500).await.unwrap();
            for row in &page {
                self.views.fold(row).unwrap();
                self.seen = row.position;
            }
            if page.len() < 500 {
                return;
            }
        }
    }

    async fn found(&mut self) {
        let mut append = sample::append(self.now());
        let (tenant, key) = sample::add_tenant(&mut append);
        let partition = self.below(8) as u16;
        let upstream = (100 + self.below(5)).to_string();
        let (store, credentials) = sample::add_store(&mut append, &tenant, &upstream, partition);
        sample::land(&*self.backend, append).await;
        self.places.push(sample::Place {
            tenant,
            key,
            store,
            credentials,
        });
        self.catch_up().await;
    }

    fn store(&mut self) -> Store {
        let places = self.places.clone();
        let place = self.pick(&places).expect("there is one");
        self.views.stores[&place.store.id].clone()
    }

    /// A job of ours in one of these states.
    fn job(&mut self, states: &[JobStatus]) -> Option<Job> {
        let mut jobs: Vec<Job> = self
            .views
            .jobs
            .values()
            .filter(|job| {
                states.contains(&job.status) && self.places.iter().any(|place| place.store.id == job.store_id)
            })
            .cloned()
            .collect();
        jobs.sort_by_key(|job| job.position);
        self.pick(&jobs)
    }

    async fn step(&mut self) {
        match self.below(22) {
            0 if self.places.len() < 3 => self.found().await,
            1 => self.change_store().await,
            2 => self.must_fail().await,
            3 => self.change_order().await,
            4..=6 => self.cancel().await,
            7..=10 => self.intend().await,
            11..=14 => self.end().await,
            20 | 21 => self.change_endpoint().await,
            _ => self.submit().await,
        }
    }

    async fn submit(&mut self) {
        let mut batch = Vec::new();
        for _ in 0..=self.below(3) {
            let store = self.store();
            let order = self
                .pick(&["1", "2", "3", "4", ""])
                .filter(|order| !order.is_empty());
            let mut job = sample::submission(&store, order, self.now());
            if order.is_some() && self.below(4) == 0 {
                job.kind = CommandKind::OrderDelete;
            }
            if self.below(3) == 0 {
                job.due_at = self.now().plus(Duration::from_millis(self.below(200) as u64));
                job.run_at = Some(job.due_at);
            }
            let mut append = sample::append(self.now());
            append.submit_job(&job, Some(sample::sealed("body")));
            batch.push(append);
        }
        let results = self.backend.append_batch(&batch).await.unwrap();
        assert!(results.iter().all(Result::is_ok), "{results:?}");
    }

    async fn intend(&mut self) {
        let Some(job) = self.job(&[JobStatus::Queued, JobStatus::Retrying]) else {
            return;
        };
        let mut append = sample::append(self.now());
        let opened = BatchOpened {
            at: self.now(),
            batch_id: sample::id(),
            tenant_id: job.tenant_id,
            store_id: job.store_id,
            partition: job.partition,
            order_id: job.order_id.clone(),
            lane: job.lane.clone(),
            request: RequestKind::Put,
            jobs: vec![job.id],
            etag_before: None,
        };
        let plan = Some(sample::sealed("plan"));
        let index = append.event(NewEvent {
            stream: Stream::Batch(opened.batch_id),
            expected: Expected::Version(0),
            tenant_id: job.tenant_id,
            store_id: Some(job.store_id),
            order_id: job.order_id.clone(),
            job_id: None,
            event: opened.clone().into(),
            sealed: plan.clone(),
        });
        append.view(
            ViewRow::OpenBatch(Box::new(OpenBatch::opened(&opened, plan))),
            index,
        );
        let intent = JobIntentRecorded {
            at: self.now(),
            job_id: job.id,
            batch_id: opened.batch_id,
            attempt: job.attempts + 1,
        };
        append.job(&job, intent, None);
        sample::land(&*self.backend, append).await;
    }

    async fn end(&mut self) {
        let Some(job) = self.job(&[JobStatus::Running]) else {
            return;
        };
        let now = self.now();
        let mut append = sample::append(now);
        let batch_id = job.batch_id.expect("a running job travels");
        let closed = BatchClosed {
            at: now,
            batch_id,
            outcome: BatchOutcome::Applied,
            recovered: false,
        };
        let index = append.event(NewEvent {
            stream: Stream::Batch(batch_id),
            expected: Expected::Version(1),
            tenant_id: job.tenant_id,
            store_id: Some(job.store_id),
            order_id: job.order_id.clone(),
            job_id: None,
            event: closed.into(),
            sealed: None,
        });
        append.view(ViewRow::ClosedBatch(batch_id), index);
        let (job_id, attempts) = (job.id, job.attempts);
        let cause = JobError::new(ErrorCode::UpstreamUnavailable, "It did not answer.");
        let event: Event = match self.below(6) {
            0 => {
                let next_attempt_at = now.plus(Duration::from_secs(1));
                JobRetryScheduled {
                    at: now,
                    job_id,
                    attempts,
                    next_attempt_at,
                    cause,
                }
                .into()
            }
            1 => JobRequeued {
                at: now,
                job_id,
                attempts: attempts - 1,
            }
            .into(),
            2 => JobFailed {
                at: now,
                job_id,
                attempts,
                error: cause,
                result: None,
            }
            .into(),
            _ => {
                let order_id = job
                    .order_id
                    .as_ref()
                    .map_or_else(|| self.below(9).to_string(), ToString::to_string);
                let result = JobResult {
                    order_id: Some(order_id),
                    changed: true,
                    ..JobResult::default()
                };
                JobSucceeded {
                    at: now,
                    job_id,
                    attempts,
                    result,
                }
                .into()
            }
        };
        let ended = append.job(&job, event, Some(sample::sealed("outcome")));
        if let (JobStatus::Succeeded, Some(order)) = (ended.status, ended.order_id.clone()) {
            if removes_order(&ended) {
                append.view(ViewRow::NoImage(ended.store_id, order), 1);
            } else {
                let store = self.views.stores[&ended.store_id].clone();
                sample::add_image(
                    &mut append,
                    &store,
                    order.as_str(),
                    &format!("digest {}", self.clock),
                );
            }
        }
        sample::land(&*self.backend, append).await;
    }

    async fn cancel(&mut self) {
        let now = self.now();
        let mut append = sample::append(now);
        if self.below(4) == 0 {
            let Some(job) = self.job(&[JobStatus::Failed]) else {
                return;
            };
            append.job(
                &job,
                JobRetriedAs {
                    at: now,
                    job_id: job.id,
                    new_job_id: sample::id(),
                },
                None,
            );
        } else {
            let Some(job) = self.job(&[JobStatus::Queued, JobStatus::Retrying]) else {
                return;
            };
            append.job(
                &job,
                JobCancelled {
                    at: now,
                    job_id: job.id,
                    reason: CancelReason::User,
                },
                None,
            );
        }
        sample::land(&*self.backend, append).await;
    }

    async fn change_store(&mut self) {
        let (store, at) = (self.store(), self.now());
        let store_id = store.id;
        let event: Event = match self.below(8) {
            0 if store.deleted_at.is_none() => StoreDeleted { at, store_id }.into(),
            1 | 2 => StorePaused {
                at,
                store_id,
                reason: PauseReason::User,
            }
            .into(),
            3 | 4 => StoreResumed { at, store_id }.into(),
            _ => StoreRenamed {
                at,
                store_id,
                label: Some(format!("label {}", self.clock)),
            }
            .into(),
        };
        let mut append = sample::append(at);
        append.store(&store, event, None);
        sample::land(&*self.backend, append).await;
    }

    async fn change_order(&mut self) {
        let (store, at) = (self.store(), self.now());
        let order: OrderId = self.pick(&["1", "2", "3", "4"]).expect("four").parse().unwrap();
        let event = OrderChangedExternally {
            at,
            tenant_id: store.tenant_id,
            store_id: store.id,
            order_id: order.clone(),
            digest_before: "before".to_owned(),
            digest_after: format!("after {}", self.clock),
        };
        let image = OrderImage {
            tenant_id: store.tenant_id,
            store_id: store.id,
            order_id: order.clone(),
            digest: event.digest_after.clone(),
            at,
            position: 0,
            image: Some(sample::sealed("foreign")),
        };
        let mut append = sample::append(at);
        let index = append.event(NewEvent {
            stream: Stream::Order(store.id, order.clone()),
            expected: Expected::Any,
            tenant_id: store.tenant_id,
            store_id: Some(store.id),
            order_id: Some(order),
            job_id: None,
            event: event.into(),
            sealed: image.image.clone(),
        });
        append.view(ViewRow::Image(Box::new(image)), index);
        sample::land(&*self.backend, append).await;
    }

    /// A stale decision, between two good ones.
    async fn must_fail(&mut self) {
        let Some(mut job) = self.job(JobStatus::ALL) else {
            return;
        };
        job.version -= 1;
        let store = self.store();
        let mut stale = sample::append(self.now());
        let (good, _) = sample::submit(&store, Some("1"), self.now());
        stale.events.clone_from(&good.events);
        stale.views.clone_from(&good.views);
        stale.events[0].stream = Stream::Job(sample::id());
        stale.job(
            &job,
            JobCancelled {
                at: self.now(),
                job_id: job.id,
                reason: CancelReason::User,
            },
            None,
        );
        let (last, _) = sample::submit(&store, Some("2"), self.now());
        let batch: [Append; 3] = [good, stale, last];
        let results = self.backend.append_batch(&batch).await.unwrap();
        assert!(results[0].is_ok() && results[2].is_ok());
        assert_eq!(
            results[1],
            Err(Refusal::Conflict {
                stream: format!("job-{}", job.id)
            })
        );
    }
}
