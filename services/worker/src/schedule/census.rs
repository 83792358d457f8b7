//! How the schedule stands, counted for the metrics.

use std::time::Duration;

use super::{Now, Schedule};

/// What the schedule holds at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Jobs that wait for their first attempt, or for another that does not count.
    pub queued: usize,
    /// Jobs with a request under way or in doubt.
    pub running: usize,
    /// Jobs that wait after a failed attempt.
    pub retrying: usize,
    /// How long the job that waits longest has been eligible.
    pub oldest_wait: Duration,
    /// Cycles under way.
    pub cycles: usize,
    /// Requests whose outcome is unknown.
    pub in_doubt: usize,
    /// Upstream stores.
    pub upstreams: usize,
    /// Those without a single token.
    pub without_tokens: usize,
    /// Those with an open circuit.
    pub circuits_open: usize,
    /// The tokens of all.
    pub tokens: u64,
}

impl Schedule {
    /// Upstream stores with an open circuit.
    pub fn outages(&self) -> usize {
        let upstreams = self.upstreams.values();
        upstreams
            .filter(|upstream| upstream.circuit.open_since().is_some())
            .count()
    }

    /// Counts everything: its cost grows with the number of open jobs.
    pub fn census(&self, now: Now) -> Census {
        let mut census = Census {
            cycles: self.cycles.len(),
            upstreams: self.upstreams.len(),
            circuits_open: self.outages(),
            ..Census::default()
        };
        for upstream in self.upstreams.values() {
            let tokens = upstream.bucket.available(now.boot);
            census.tokens += u64::from(tokens);
            census.without_tokens += usize::from(tokens == 0);
            census.in_doubt += upstream.lanes.iter().filter(|lane| lane.doubt.is_some()).count();
            for entry in upstream.entries() {
                if entry.batch.is_some() {
                    census.running += 1;
                    continue;
                }
                if entry.retrying {
                    census.retrying += 1;
                } else {
                    census.queued += 1;
                }
                census.oldest_wait = census.oldest_wait.max(now.at.since(entry.eligible_at));
            }
        }
        census
    }
}
