//! A job as the schedule sees it.

use std::time::Duration;

use domain::job::{Job, JobClass, Priority};
use domain::order::CommandKind;
use domain::store::Store;
use domain::{JobId, StoreId, TenantId, Timestamp};

/// The place in a lane: due time, then ledger position. Fixed at submission.
pub(super) type Place = (Timestamp, u64);

/// How long a lane waits until it counts as one priority higher.
const AGEING: Duration = Duration::from_secs(30);

/// One job.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) job: JobId,
    pub(super) tenant: TenantId,
    pub(super) store: StoreId,
    pub(super) place: Place,
    pub(super) eligible_at: Timestamp,
    pub(super) class: JobClass,
    /// An intent is open: only its judgement moves it.
    pub(super) running: bool,
    /// Jobs with one mark travel together and with nobody else.
    pub(super) group: Option<u64>,
    pub(super) last_position: u64,
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
            running: job.batch_id.is_some(),
            group: None,
            last_position: job.last_position,
            tokens: tokens(job),
            priority: job.priority,
            deadline_at: job.deadline_at,
            store_paused_ms: job.store_paused_ms,
        }
    }

    /// Rank between lanes: lower goes first; waiting lowers it.
    pub(super) fn rank(&self, now: Timestamp) -> i64 {
        let base = match self.priority {
            Priority::High => 0,
            Priority::Normal => 1,
            Priority::Low => 2,
        };
        let waited = now.since(self.place.0).as_secs() / AGEING.as_secs();
        base - i64::try_from(waited).unwrap_or(i64::MAX / 2)
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
        CommandKind::OrderMutate if job.class == JobClass::Last => 3,
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
