//! A schedule with a manual clock, and builders for what is told to it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use domain::batch::{OpenBatch, RequestKind};
use domain::event::{JobSubmitted, StoreRegistered};
use domain::job::{Job, JobClass, JobStatus, Priority};
use domain::order::CommandKind;
use domain::store::{PauseReason, Store};
use domain::{BatchId, JobId, StoreId, TenantId, Timestamp};
use uuid::Uuid;

use super::super::*;

pub(super) const PARTITION: u16 = 7;
pub(super) const SETTLE: Duration = Duration::from_secs(44);
pub(super) const DEADLINE: Duration = Duration::from_hours(24);

pub(super) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(super) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A schedule, its clock, and the rows as the ledger would have them.
pub(super) struct Desk {
    pub(super) schedule: Schedule,
    pub(super) now: Now,
    pub(super) position: u64,
    pub(super) jobs: HashMap<JobId, Job>,
    pub(super) stores: HashMap<StoreId, Store>,
}

impl Desk {
    /// One partition, loaded, idle for ever; tokens in plenty unless limits say otherwise.
    pub(super) fn new() -> Self {
        Self::with(Limits {
            bucket_size: 10_000,
            refill_per_second: 10_000.0,
            ..Limits::default()
        })
    }

    pub(super) fn with(limits: Limits) -> Self {
        let now = Now {
            at: Timestamp::from_millis(1_700_000_000_000),
            boot: secs(1_000),
        };
        let mut schedule = Schedule::new(limits, SETTLE);
        schedule.add_partition(PARTITION, None, now);
        schedule.open_partition(PARTITION);
        Self {
            schedule,
            now,
            position: 0,
            jobs: HashMap::new(),
            stores: HashMap::new(),
        }
    }

    pub(super) fn advance(&mut self, by: Duration) {
        self.now.at = self.now.at.plus(by);
        self.now.boot += by;
    }

    pub(super) fn position(&mut self) -> u64 {
        self.position += 1;
        self.position
    }

    /// A store of `tenant` with the upstream key `key`.
    pub(super) fn store(&mut self, tenant: u128, key: &str) -> StoreId {
        self.store_in(PARTITION, tenant, key)
    }

    pub(super) fn store_in(&mut self, partition: u16, tenant: u128, key: &str) -> StoreId {
        let id = StoreId(Uuid::from_u128(0x5000 + self.stores.len() as u128));
        let event = StoreRegistered {
            at: self.now.at,
            store_id: id,
            tenant_id: TenantId(Uuid::from_u128(tenant)),
            upstream_store_id: "101".parse().unwrap(),
            label: None,
            upstream_key: key.to_owned(),
            data_key_id: domain::DataKeyId(Uuid::nil()),
            partition,
        };
        let mut store = Store::registered(&event, None, 1);
        store.last_position = self.position();
        self.tell_store(store);
        id
    }

    pub(super) fn change_store(&mut self, id: StoreId, change: impl FnOnce(&mut Store, Timestamp)) {
        let mut store = self.stores[&id].clone();
        change(&mut store, self.now.at);
        store.version += 1;
        store.last_position = self.position();
        self.tell_store(store);
    }

    pub(super) fn tell_store(&mut self, store: Store) {
        self.stores.insert(store.id, store.clone());
        self.schedule.set_store(Arc::new(store), self.now);
    }

    pub(super) fn pause(&mut self, id: StoreId) {
        self.change_store(id, |store, now| {
            store.paused = Some(PauseReason::User);
            store.paused_at = Some(now);
        });
    }

    pub(super) fn resume(&mut self, id: StoreId) {
        self.change_store(id, |store, now| {
            store.paused_ms = store.paused_ms_at(now);
            store.paused = None;
            store.paused_at = None;
        });
    }

    /// A job for `lane`, to be [submitted](Submission::submit).
    pub(super) fn job(&mut self, store: StoreId, lane: &str) -> Submission<'_> {
        let due = self.now.at;
        Submission {
            desk: self,
            store,
            lane: lane.to_owned(),
            due,
            class: JobClass::Shared,
            priority: Priority::Normal,
            deadline: DEADLINE,
            strict: false,
        }
    }

    pub(super) fn submit(&mut self, store: StoreId, lane: &str) -> JobId {
        self.job(store, lane).submit()
    }

    /// What a job has become, told by the feed.
    pub(super) fn tell(&mut self, job: JobId, change: impl FnOnce(&mut Job)) {
        let row = self.row(job, change);
        self.schedule.upsert(&row, self.now);
    }

    /// What a job has become, not yet told.
    pub(super) fn row(&mut self, job: JobId, change: impl FnOnce(&mut Job)) -> Job {
        let position = self.position();
        let row = self.jobs.get_mut(&job).unwrap();
        change(row);
        row.last_position = position;
        row.clone()
    }

    pub(super) fn next(&mut self) -> Option<Action> {
        self.schedule.next(self.now)
    }

    /// Everything that starts now.
    pub(super) fn actions(&mut self) -> Vec<Action> {
        let mut actions = Vec::new();
        while let Some(action) = self.next() {
            actions.push(action);
            assert!(actions.len() < 100_000, "it never ends");
        }
        actions
    }

    /// All cycles that start now; nothing else does.
    pub(super) fn plans(&mut self) -> Vec<Plan> {
        let plan = |action| match action {
            Action::Run(plan) => plan,
            other => panic!("{other:?}"),
        };
        self.actions().into_iter().map(plan).collect()
    }

    /// The one cycle that starts now.
    pub(super) fn plan(&mut self) -> Plan {
        let mut plans = self.plans();
        assert_eq!(plans.len(), 1, "{plans:?}");
        plans.remove(0)
    }

    /// Ends a cycle with all its jobs succeeded.
    pub(super) fn succeed(&mut self, plan: &Plan) {
        let jobs = jobs_of(plan)
            .iter()
            .map(|job| self.row(*job, |row| end(row, JobStatus::Succeeded)))
            .collect();
        self.finish(
            plan,
            &Finish {
                jobs,
                ..Finish::default()
            },
        );
    }

    /// Sends as many requests as a plan has tokens, and has them answered.
    pub(super) fn spend(&mut self, plan: &Plan) {
        self.spend_tokens(&plan.upstream, plan.tokens);
    }

    pub(super) fn spend_tokens(&mut self, upstream: &str, tokens: u32) {
        let now = self.now;
        for _ in 0..tokens {
            let ticket = self.schedule.sent(upstream, now).unwrap();
            self.schedule
                .report(upstream, |bucket, _| bucket.observed(ticket, None, now.boot));
        }
    }

    /// Ends a cycle and gives back its tokens, as if it had sent nothing.
    pub(super) fn finish(&mut self, plan: &Plan, finish: &Finish) {
        self.schedule.refund(&plan.upstream, plan.tokens, self.now);
        self.schedule.finish(plan, finish, self.now);
    }

    /// Runs everything that can run at once, one cycle after the other; returns the jobs batch by batch.
    pub(super) fn drain(&mut self) -> Vec<Vec<JobId>> {
        let mut batches = Vec::new();
        while let Some(action) = self.next() {
            let Action::Run(plan) = action else {
                panic!("{action:?}")
            };
            self.succeed(&plan);
            batches.push(jobs_of(&plan).to_vec());
        }
        batches
    }

    pub(super) fn sleep(&self) -> Duration {
        self.schedule.sleep(self.now)
    }
}

/// A job in the making.
pub(super) struct Submission<'a> {
    desk: &'a mut Desk,
    store: StoreId,
    lane: String,
    due: Timestamp,
    class: JobClass,
    priority: Priority,
    deadline: Duration,
    strict: bool,
}

impl Submission<'_> {
    pub(super) fn due_in(mut self, by: Duration) -> Self {
        self.due = self.due.plus(by);
        self
    }

    pub(super) fn due_ago(mut self, by: Duration) -> Self {
        self.due = self.due.minus(by);
        self
    }

    pub(super) fn class(mut self, class: JobClass) -> Self {
        self.class = class;
        self
    }

    pub(super) fn priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    pub(super) fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    pub(super) fn strict(mut self) -> Self {
        self.strict = true;
        self
    }

    pub(super) fn submit(self) -> JobId {
        let Self {
            desk,
            store,
            lane,
            due,
            class,
            priority,
            deadline,
            strict,
        } = self;
        let position = desk.position();
        let event = JobSubmitted {
            at: desk.now.at,
            job_id: JobId(Uuid::from_u128(0x1_0000 + u128::from(position))),
            tenant_id: desk.stores[&store].tenant_id,
            store_id: store,
            upstream_store_id: "101".parse().unwrap(),
            partition: desk.stores[&store].partition,
            kind: CommandKind::OrderAddNote,
            class,
            order_id: None,
            lane,
            priority,
            run_at: None,
            due_at: due,
            deadline_at: due.plus(deadline),
            store_paused_ms: desk.stores[&store].paused_ms_at(desk.now.at),
            max_attempts: 8,
            if_match: None,
            strict,
            has_callback: false,
            key_id: None,
            request_id: "test".parse().unwrap(),
            retry_of: None,
            revert_of: None,
        };
        let mut job = Job::submitted(&event, None);
        job.position = position;
        job.last_position = position;
        desk.schedule.upsert(&job, desk.now);
        desk.jobs.insert(job.id, job.clone());
        job.id
    }
}

pub(super) fn jobs_of(plan: &Plan) -> &[JobId] {
    match &plan.work {
        Work::Change(jobs) => jobs,
        Work::Judge(_) => &[],
    }
}

pub(super) fn end(row: &mut Job, status: JobStatus) {
    row.status = status;
    row.batch_id = None;
}

/// An intent of a job.
pub(super) fn intend(batch: BatchId) -> impl FnOnce(&mut Job) {
    move |row| {
        row.status = JobStatus::Running;
        row.batch_id = Some(batch);
    }
}

pub(super) fn retry_at(at: Timestamp) -> impl FnOnce(&mut Job) {
    move |row| {
        row.status = JobStatus::Retrying;
        row.batch_id = None;
        row.next_attempt_at = Some(at);
    }
}

pub(super) fn batch(number: u128) -> BatchId {
    BatchId(Uuid::from_u128(number))
}

/// An intent as a former owner left it.
pub(super) fn open_batch(desk: &Desk, store: StoreId, lane: &str, id: BatchId, jobs: &[JobId]) -> OpenBatch {
    OpenBatch {
        id,
        tenant_id: desk.stores[&store].tenant_id,
        store_id: store,
        partition: desk.stores[&store].partition,
        order_id: None,
        lane: lane.to_owned(),
        request: RequestKind::Put,
        jobs: jobs.to_vec(),
        opened_at: desk.now.at,
        position: desk.position,
        plan: None,
    }
}
