//! One Order Desk store: its bucket, its circuit, its lanes and the reads that wait for its tokens.

use std::time::Duration;

use domain::{StoreId, TenantId};
use orderdesk::bucket::Bucket;
use orderdesk::circuit::{Circuit, State};
use uuid::Uuid;

use super::entry::{Entry, Place};
use super::gate::{Read, Reads, Shows};
use super::lane::{Busy, InDoubt, Stores};
use super::lanes::Lanes;
use super::lists::Lists;
use super::plan::{Action, Doubt, Finish, Plan};
use super::{Limits, Now};

/// How long a change lets reads go before it while it waits for tokens.
const YIELD: Duration = Duration::from_secs(2);
/// How soon lanes that wait for a time are looked at again, in case the calendar was set.
const CALENDAR: Duration = Duration::from_mins(1);
/// When a read may ask again while Order Desk is down.
const DOWN_MS: u64 = 10_000;

/// One upstream store.
#[derive(Debug)]
pub(super) struct Upstream {
    pub(super) partition: u16,
    pub(super) bucket: Bucket,
    pub(super) circuit: Circuit,
    pub(super) lanes: Lanes,
    running: usize,
    reads: Reads,
    lists: Lists,
    /// Running cycles that wait for further tokens.
    urgent: u32,
    urgent_until: Duration,
    /// Since when a change has been waiting for so many tokens.
    starved: Option<(Duration, u32)>,
}

/// What a look needs to know of the rest of the schedule.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    pub(super) limits: &'a Limits,
    pub(super) stores: &'a Stores,
    /// How long a request that nobody remembers may still be on its way.
    pub(super) settle: Duration,
    /// Whether a further cycle may run.
    pub(super) room: bool,
    /// The number of this look, and of the cycle that it may start.
    pub(super) turn: u64,
    pub(super) now: Now,
}

/// What came of a look.
#[derive(Debug)]
pub(super) enum Look {
    /// Something is to be started; look again.
    Start(Action),
    /// Nothing to do before the given time on the boot clock, unless there are news.
    Sleep {
        until: Option<Duration>,
        wants_room: bool,
    },
}

impl Upstream {
    pub(super) fn new(partition: u16, limits: &Limits, idle_since: Option<Duration>, now: Now) -> Self {
        let idle = idle_since.map(|since| now.boot.saturating_sub(since));
        Self {
            partition,
            bucket: Bucket::after_takeover(limits.bucket_size, limits.refill_per_second, idle, now.boot),
            circuit: Circuit::new(),
            lanes: Lanes::default(),
            running: 0,
            reads: Reads::default(),
            lists: Lists::default(),
            urgent: 0,
            urgent_until: Duration::ZERO,
            starved: None,
        }
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.lanes.iter().flat_map(|lane| lane.entries.values())
    }

    /// Whether nothing waits and nothing is under way: apart from bucket and circuit it could as well not be there.
    pub(super) fn is_at_rest(&self) -> bool {
        self.running == 0 && self.lanes.is_empty() && self.reads.is_empty()
    }

    /// Whether reads are under way.
    pub(super) fn is_being_read(&self) -> bool {
        self.reads.are_under_way()
    }

    pub(super) fn insert(&mut self, lane: &str, entry: Entry) {
        self.lanes.make(lane).entries.insert(entry.place, entry);
    }

    pub(super) fn remove(&mut self, lane: &str, place: Place) -> Option<Entry> {
        self.lanes.change(lane)?.entries.remove(&place)
    }

    /// A job, and whether it is free: neither in a cycle nor in doubt.
    pub(super) fn look(&self, lane: &str, place: Place) -> Option<(&Entry, bool)> {
        let lane = self.lanes.get(lane)?;
        let entry = lane.entries.get(&place)?;
        Some((entry, lane.busy.is_none() && entry.batch.is_none()))
    }

    pub(super) fn change(&mut self, lane: &str, place: Place) -> Option<&mut Entry> {
        self.lanes.change(lane)?.entries.get_mut(&place)
    }

    pub(super) fn doubt(&mut self, lane: &str, tenant: TenantId, store: StoreId, doubt: Doubt) {
        let lane = self.lanes.make(lane);
        if lane.busy.is_none() {
            lane.doubt = Some(InDoubt { tenant, store, doubt });
        }
    }

    /// Ends a cycle; says whether it was known here.
    pub(super) fn end_cycle(&mut self, plan: &Plan, finish: &Finish) -> bool {
        self.lists.change_ended(plan.cycle);
        let known = self
            .lanes
            .change(&plan.lane)
            .is_some_and(|lane| lane.end_cycle(plan, finish));
        if known {
            self.running = self.running.saturating_sub(1);
        }
        known
    }

    pub(super) fn ask_read(&mut self, read: Read) {
        self.reads.waiting.push_back(read);
    }

    /// A granted read has ended. If it never began, its token is there again.
    pub(super) fn end_read(&mut self, grant: Uuid, began: bool, now: Now) {
        let Some(granted) = self.reads.end(grant) else {
            return;
        };
        if began {
            self.bucket.observed(granted.ticket, None, now.boot);
        } else {
            self.bucket.unsent(granted.ticket, now.boot);
        }
        self.lists.ended(grant);
        if let Shows::Order(lane) = granted.shows
            && let Some(lane) = self.lanes.change(&lane)
        {
            lane.readers.remove(&grant);
        }
    }

    pub(super) fn take_more(&mut self, tokens: u32, now: Now) -> Result<(), Duration> {
        if self.bucket.try_take(tokens, now.boot) {
            self.urgent = self.urgent.saturating_sub(1);
            return Ok(());
        }
        self.urgent = self.urgent.max(1);
        let wait = self
            .bucket
            .ready_in(tokens, now.boot)
            .min(Duration::from_secs(5))
            .max(Duration::from_millis(1));
        // A cycle that gives up waiting must not close the store to everyone else.
        self.urgent_until = now.boot + wait * 2 + Duration::from_millis(50);
        Err(wait)
    }

    /// What to start, if anything. `ended` gets the grants of reads that ran out.
    pub(super) fn next(&mut self, key: &str, view: &View<'_>, ended: &mut Vec<Uuid>) -> Look {
        let now = view.now;
        while let Some(grant) = self.reads.expired(now.boot) {
            self.end_read(grant, true, now);
            ended.push(grant);
        }
        if self.urgent_until <= now.boot {
            self.urgent = 0;
        }
        self.lanes.refresh(view.stores, view.settle, now.at);
        let mut alarm = Alarm(None);
        if let Some(action) = self.next_read(view.stores, now, &mut alarm) {
            return Look::Start(action);
        }
        let mut wants_room = false;
        if self.running < view.limits.cycles_per_upstream {
            match self.next_cycle(key, view, &mut alarm) {
                Next::Start(plan) => return Look::Start(Action::Run(plan)),
                Next::NoRoom => wants_room = true,
                Next::Nothing => {}
            }
        }
        if let Some(at) = self.reads.next_at() {
            alarm.at(at);
        }
        if let Some(at) = self.lanes.next_at() {
            alarm.at(now.boot + at.since(now.at).min(CALENDAR));
        }
        Look::Sleep {
            until: alarm.0,
            wants_room,
        }
    }

    fn next_read(&mut self, stores: &Stores, now: Now, alarm: &mut Alarm) -> Option<Action> {
        if let Some(read) = self.reads.take_hopeless(now.boot) {
            return Some(Action::Refuse {
                grant: read.grant,
                retry_after_ms: self.retry_after(now),
            });
        }
        if self.reads.waiting.is_empty() {
            return None;
        }
        if self.reads.want_lists() && !self.lists.may_be_read() {
            self.lists.asked(now.boot);
        }
        if self.urgent > 0 {
            alarm.at(self.urgent_until);
            return None;
        }
        if !self.circuit.may_start(now.boot) {
            // Down: a read of its own would only wait for the time-out.
            let read = self.reads.waiting.pop_front()?;
            return Some(Action::Refuse {
                grant: read.grant,
                retry_after_ms: DOWN_MS,
            });
        }
        // A change that has let reads pass for long enough comes first: they leave it what it needs.
        let reserved = match self.starved {
            Some((since, tokens)) if now.boot.saturating_sub(since) >= YIELD => tokens,
            _ => 0,
        };
        let needed = (1 + reserved).min(self.bucket.size());
        if self.bucket.available(now.boot) < needed {
            alarm.at(now.boot.saturating_add(self.bucket.ready_in(needed, now.boot)));
            return None;
        }
        let may_show = |shows: &Shows| match shows {
            Shows::Order(lane) => self
                .lanes
                .get(lane)
                .is_none_or(|lane| !lane.is_wanted(stores, now.at)),
            Shows::Orders => self.lists.may_be_read(),
            Shows::Other => true,
        };
        let (index, _) = self.reads.by_rank().find(|(_, read)| may_show(&read.shows))?;
        if !self.bucket.try_take(1, now.boot) {
            alarm.at(now.boot.saturating_add(self.bucket.ready_in(1, now.boot)));
            return None;
        }
        let read = self.reads.waiting.remove(index)?;
        let ticket = self.bucket.sent(now.boot);
        self.reads.grant(&read, ticket, now.boot);
        match &read.shows {
            Shows::Order(lane) => drop(self.lanes.make(lane).readers.insert(read.grant)),
            Shows::Orders => self.lists.granted(read.grant),
            Shows::Other => {}
        }
        Some(Action::Grant { grant: read.grant })
    }

    fn retry_after(&self, now: Now) -> u64 {
        let wait = self
            .bucket
            .ready_in(1, now.boot)
            .max(Duration::from_millis(100))
            .min(Duration::from_mins(1));
        wait.as_millis() as u64
    }

    fn next_cycle(&mut self, key: &str, view: &View<'_>, alarm: &mut Alarm) -> Next {
        let View {
            limits,
            stores,
            room,
            turn,
            now,
            ..
        } = *view;
        let Some(candidate) = self.lanes.best(stores, limits.batch_jobs, now.at) else {
            self.starved = None;
            self.lists.no_change_waits();
            return Next::Nothing;
        };
        if self.urgent > 0 {
            alarm.at(self.urgent_until);
            return Next::Nothing;
        }
        if let State::Open { next_probe } = self.circuit.state(now.boot) {
            alarm.at(next_probe);
            self.lists.no_change_waits();
            return Next::Nothing;
        }
        if !room {
            self.lists.no_change_waits();
            return Next::NoRoom;
        }
        let concerns_lists = Lists::concern(&candidate.lane);
        if concerns_lists && let Err(until) = self.lists.may_be_changed(now.boot) {
            // Lists are short: what is kept waiting by them is not starved of tokens.
            if let Some(until) = until {
                alarm.at(until);
            }
            return Next::Nothing;
        }
        let tokens = candidate.tokens.min(self.bucket.size());
        if !self.bucket.try_take(tokens, now.boot) {
            self.starved = Some((self.starved.map_or(now.boot, |(since, _)| since), tokens));
            alarm.at(now.boot.saturating_add(self.bucket.ready_in(tokens, now.boot)));
            return Next::Nothing;
        }
        if !self.circuit.start(now.boot) {
            self.bucket.refund(tokens, now.boot);
            return Next::Nothing;
        }
        self.starved = None;
        if concerns_lists {
            self.lists.change_began(turn, now.boot);
        }
        self.lanes.served(candidate.tenant, turn);
        if let Some(lane) = self.lanes.change(&candidate.lane) {
            lane.busy = Some(Busy {
                cycle: turn,
                store: candidate.store,
            });
        }
        self.running += 1;
        Next::Start(Plan {
            cycle: turn,
            upstream: key.to_owned(),
            partition: self.partition,
            lane: candidate.lane.to_string(),
            tenant_id: candidate.tenant,
            store_id: candidate.store,
            work: candidate.work,
            tokens,
        })
    }
}

enum Next {
    Start(Plan),
    NoRoom,
    Nothing,
}

/// The earliest of several times.
struct Alarm(Option<Duration>);

impl Alarm {
    fn at(&mut self, at: Duration) {
        self.0 = Some(self.0.map_or(at, |other| other.min(at)));
    }
}
