//! Jobs that ended a short while ago.
//!
//! A row that was read before a job ended may arrive after the end is known. It must not bring the job back.

use std::collections::{HashSet, VecDeque};

use domain::JobId;

/// How many are remembered: those of the longest time that a read row can be on its way.
const KEPT: usize = 20_000;

/// The last jobs that ended.
#[derive(Debug, Default)]
pub(super) struct Ended {
    known: HashSet<JobId>,
    order: VecDeque<JobId>,
}

impl Ended {
    pub(super) fn add(&mut self, job: JobId) {
        if !self.known.insert(job) {
            return;
        }
        self.order.push_back(job);
        if self.order.len() > KEPT
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }

    pub(super) fn contains(&self, job: JobId) -> bool {
        self.known.contains(&job)
    }
}
