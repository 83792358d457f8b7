//! When jobs run out of time.

use std::collections::{BTreeSet, HashMap};

use domain::{JobId, Timestamp};

/// Jobs by deadline.
#[derive(Debug, Default)]
pub(super) struct Deadlines {
    by_time: BTreeSet<(Timestamp, JobId)>,
    by_job: HashMap<JobId, Timestamp>,
}

impl Deadlines {
    /// Sets or moves a job's deadline.
    pub(super) fn set(&mut self, job: JobId, at: Timestamp) {
        self.remove(job);
        self.by_time.insert((at, job));
        self.by_job.insert(job, at);
    }

    /// Forgets a job.
    pub(super) fn remove(&mut self, job: JobId) {
        if let Some(at) = self.by_job.remove(&job) {
            self.by_time.remove(&(at, job));
        }
    }

    /// Takes out one job whose deadline is not after `now`.
    pub(super) fn pop_until(&mut self, now: Timestamp) -> Option<JobId> {
        let (at, job) = *self.by_time.first()?;
        if at > now {
            return None;
        }
        self.remove(job);
        Some(job)
    }

    /// The next deadline.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.by_time.first().map(|(at, _)| *at)
    }
}
