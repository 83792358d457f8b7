//! A job as the schedule sees it.

use std::time::Duration;

use domain::job::{Job, JobClass, JobStatus, Priority};
use domain::order::CommandKind;
use domain::store::Store;
use domain::{BatchId, JobId, StoreId, TenantId, Timestamp};

/// The place in a lane: due time, then ledger position. Fixed at submission.
pub(super) type Place = (Timestamp, u64);

/// How much longer than a job of the next higher priority a job waits until it goes first. Long enough for an urgent
/// job to pass a backlog of some hundred changes, short enough for none to starve.
const AGEING: Duration = Duration::from_mins(5);

/// One job.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) job: JobId,
    pub(super) tenant: TenantId,
    pub(super) store: StoreId,
    pub(super) place: Place,
    pub(super) eligible_at: Timestamp,
    pub(super) class: JobClass,
    /// The open request that it travels in: only its end or its judgement moves it.
    pub(super) batch: Option<BatchId>,
    /// Its time is over and it is being ended; tried again at this time.
    pub(super) expiring: Option<Timestamp>,
    /// Jobs with one mark travel together and with nobody else.
    pub(super) group: Option<u64>,
    pub(super) last_position: u64,
    /// It waits after a failed attempt.
    pub(super) retrying: bool,
    pub(super) tokens: u32,
    priority: Priority,
    deadline_at: Timestamp,
    store_paused_ms: u64,
}

impl Entry {
    pub(super) fn of(job: &Job) -> Self {
        Self {
            job: job.id,
            tenant: job.tenant_id,
            store: job.store_id,
            place: (job.due_at, job.position),
            eligible_at: job.eligible_at(),
            class: job.class,
            batch: job.batch_id,
            expiring: None,
            group: None,
            last_position: job.last_position,
            retrying: job.status == JobStatus::Retrying,
            tokens: tokens(job),
            priority: job.priority,
            deadline_at: job.deadline_at,
            store_paused_ms: job.store_paused_ms,
        }
    }

    /// Whether it can be started, apart from its time: neither in a request nor being ended.
    pub(super) fn is_free(&self) -> bool {
        self.batch.is_none() && self.expiring.is_none()
    }

    /// Earlier goes first: the due time, later the lower the priority. Fixed, so that waiting is what lowers it
    /// against newcomers.
    pub(super) fn urgency(&self) -> Timestamp {
        let steps = match self.priority {
            Priority::High => 0,
            Priority::Normal => 1,
            Priority::Low => 2,
        };
        self.place.0.plus(AGEING * steps)
    }

    /// The deadline, moved by the time that the store has been paused since submission.
    pub(super) fn deadline(&self, store: &Store, now: Timestamp) -> Timestamp {
        let paused = store.paused_ms_at(now).saturating_sub(self.store_paused_ms);
        self.deadline_at.plus(Duration::from_millis(paused))
    }
}

/// Tokens to have in hand before a batch with this job begins; rarely needed further ones are taken on the way.
fn tokens(job: &Job) -> u32 {
    let base = match job.kind {
        CommandKind::OrderCreate if job.lane.starts_with("source:") => 2,
        CommandKind::OrderCreate | CommandKind::InventoryCreate | CommandKind::InventoryDelete => 1,
        CommandKind::OrderMoveFolder => 3,
        // Read, update, move, and the read that shows where the order lies.
        CommandKind::OrderMutate if job.class == JobClass::Last => 4,
        CommandKind::OrderMutate
        | CommandKind::OrderReplace
        | CommandKind::OrderAddItems
        | CommandKind::OrderUpdateAddress
        | CommandKind::OrderAddNote
        | CommandKind::OrderDelete
        | CommandKind::InventoryUpdate => 2,
    };
    base + u32::from(job.strict)
}
