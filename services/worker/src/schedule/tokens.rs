//! Tokens: for reads, for running cycles, and what became of the requests that they were spent on.

use std::time::Duration;

use orderdesk::bucket::{Bucket, Ticket};
use orderdesk::circuit::Circuit;
use uuid::Uuid;

use super::gate::Read;
use super::{Now, Partition, Schedule, Upstream};

impl Schedule {
    /// A read asks for a token.
    pub fn ask_read(&mut self, upstream: &str, partition: u16, read: Read, now: Now) -> bool {
        let Some(known) = self.partitions.get(&partition).copied().filter(Partition::starts) else {
            return false;
        };
        let limits = self.limits;
        self.upstreams
            .entry(upstream.to_owned())
            .or_insert_with(|| Upstream::new(partition, &limits, known.idle_since, now))
            .ask_read(read);
        self.awake.wake(upstream);
        true
    }

    /// A granted read has ended.
    pub fn end_read(&mut self, grant: Uuid, now: Now) {
        self.close_read(grant, true, now);
    }

    /// Nobody waits for a granted read any more: it does not begin, and its token is there again.
    pub fn cancel_read(&mut self, grant: Uuid, now: Now) {
        self.close_read(grant, false, now);
    }

    fn close_read(&mut self, grant: Uuid, began: bool, now: Now) {
        let Some(key) = self.grants.remove(&grant) else {
            return;
        };
        if let Some(upstream) = self.upstreams.get_mut(&key) {
            upstream.end_read(grant, began, now);
            self.awake.wake(&key);
        }
    }

    /// Takes further tokens for a running cycle; says how long to wait if they are not there. A waiting cycle goes
    /// before everything that is not yet started.
    pub fn take_more(&mut self, upstream: &str, tokens: u32, now: Now) -> Result<(), Duration> {
        let Some(found) = self.upstreams.get_mut(upstream) else {
            return Ok(());
        };
        let taken = found.take_more(tokens, now);
        self.awake.wake(upstream);
        taken
    }

    /// Gives back tokens that a cycle did not need.
    pub fn refund(&mut self, upstream: &str, tokens: u32, now: Now) {
        if let Some(found) = self.upstreams.get_mut(upstream) {
            found.bucket.refund(tokens, now.boot);
            self.awake.wake(upstream);
        }
    }

    /// A request goes out on a token taken before.
    pub fn sent(&mut self, upstream: &str, now: Now) -> Option<Ticket> {
        self.upstreams
            .get_mut(upstream)
            .map(|upstream| upstream.bucket.sent(now.boot))
    }

    /// Runs `report` on the upstream store's bucket and circuit: what became of a request.
    pub fn report(&mut self, upstream: &str, report: impl FnOnce(&mut Bucket, &mut Circuit)) {
        if let Some(found) = self.upstreams.get_mut(upstream) {
            report(&mut found.bucket, &mut found.circuit);
            self.awake.wake(upstream);
        }
    }

    /// The partition of an upstream store, while it is ours.
    pub fn partition_of(&self, upstream: &str) -> Option<u16> {
        self.upstreams.get(upstream).map(|upstream| upstream.partition)
    }

    /// Whether an upstream store's circuit is open: time that does not count against a job.
    pub fn circuit_is_open(&self, upstream: &str) -> bool {
        self.upstreams
            .get(upstream)
            .is_some_and(|upstream| upstream.circuit.open_since().is_some())
    }

    /// How long a 429 of an upstream store still forbids sending.
    pub fn blocked_for(&self, upstream: &str, now: Now) -> Duration {
        self.upstreams
            .get(upstream)
            .map_or(Duration::ZERO, |upstream| upstream.bucket.blocked_for(now.boot))
    }

    /// Tokens that can be taken from an upstream store's bucket now.
    pub fn tokens(&self, upstream: &str, now: Now) -> Option<u32> {
        self.upstreams
            .get(upstream)
            .map(|upstream| upstream.bucket.available(now.boot))
    }
}
