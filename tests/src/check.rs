//! The promise of the product, as a check: what was accepted ends in one final state, and its effect is there as often
//! as that state says.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use simulator::Handle;

use crate::{Client, desk};

/// What can be seen in Order Desk of one job, and of no other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A note of this text, which no other job writes.
    Note {
        /// The order.
        order: String,
        /// The text.
        text: String,
    },
    /// An item of this code, which no other job adds.
    Item {
        /// The order.
        order: String,
        /// The code.
        code: String,
    },
    /// An order of this e-mail address, which no other has.
    Created {
        /// The address.
        email: String,
    },
    /// An inventory item of this code, which no other has.
    Inventory {
        /// The code.
        code: String,
    },
    /// Something that leaves nothing to count, such as a move or a changed field.
    Uncounted,
}

/// What became of the jobs.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The jobs by their id, each in its final state.
    pub jobs: BTreeMap<String, Value>,
    /// How many succeeded.
    pub succeeded: usize,
    /// How many failed, those that need a review not counted.
    pub failed: usize,
    /// How many were cancelled.
    pub cancelled: usize,
    /// How many need a review.
    pub needs_review: usize,
    /// How many say that their effect was found rather than seen to happen.
    pub recovered: usize,
}

/// Remembers what was submitted to one store, and compares it with what became of it.
#[derive(Clone, Debug)]
pub struct EveryJobEndedOnce {
    store: String,
    accepted: Vec<(String, Effect)>,
}

impl EveryJobEndedOnce {
    /// For jobs of this store.
    pub fn of(store: &str) -> Self {
        Self {
            store: store.to_owned(),
            accepted: Vec::new(),
        }
    }

    /// A job that was accepted.
    pub fn accepted(&mut self, job: impl Into<String>, effect: Effect) {
        self.accepted.push((job.into(), effect));
    }

    /// Submits a note and remembers it.
    ///
    /// # Panics
    /// If it is not accepted.
    pub async fn note(&mut self, client: &Client, order: &str, text: &str) -> String {
        let job = client.submit_note(&self.store, order, text).await;
        self.accepted(
            &*job,
            Effect::Note {
                order: order.to_owned(),
                text: text.to_owned(),
            },
        );
        job
    }

    /// How many were accepted.
    pub fn len(&self) -> usize {
        self.accepted.len()
    }

    /// Whether none was.
    pub fn is_empty(&self) -> bool {
        self.accepted.is_empty()
    }

    /// Waits until all have ended, and compares.
    ///
    /// # Panics
    /// If a job does not end before the deadline, or its effect is there more or less often than its state says.
    pub async fn check(&self, client: &Client, desk: &Handle, deadline: Duration) -> Report {
        let mut report = Report::default();
        let until = tokio::time::Instant::now() + deadline;
        for (id, _) in &self.accepted {
            let left = until.saturating_duration_since(tokio::time::Instant::now());
            let job = client.wait_ended(id, left.max(Duration::from_millis(500))).await;
            let known = report.jobs.insert(id.clone(), job);
            assert!(known.is_none(), "job {id} was given twice");
        }
        for (id, effect) in &self.accepted {
            let job = &report.jobs[id];
            let (least, most) = match (job["status"].as_str(), job["error"]["code"].as_str()) {
                (Some("succeeded"), _) => {
                    report.succeeded += 1;
                    (1, 1)
                }
                (_, Some("needs_review")) => {
                    report.needs_review += 1;
                    (0, 1)
                }
                (Some("failed"), _) => {
                    report.failed += 1;
                    (0, 0)
                }
                _ => {
                    report.cancelled += 1;
                    (0, 0)
                }
            };
            report.recovered += usize::from(job["result"]["recovered"] == true);
            if let Some(found) = self.times(desk, effect) {
                assert!(
                    (least..=most).contains(&found),
                    "{effect:?} is there {found} times, but its job is {job}"
                );
            }
        }
        report
    }

    /// How often an effect is there.
    fn times(&self, desk: &Handle, effect: &Effect) -> Option<usize> {
        let with = |list: Vec<Value>, member: &str, value: &str| {
            list.iter().filter(|entry| entry[member] == *value).count()
        };
        Some(match effect {
            Effect::Note { order, text } => desk::count(&desk::notes_of(desk, &self.store, order), text),
            Effect::Item { order, code } => desk::count(&desk::items_of(desk, &self.store, order), code),
            Effect::Created { email } => with(desk.orders(&self.store).unwrap_or_default(), "email", email),
            Effect::Inventory { code } => with(desk.inventory(&self.store).unwrap_or_default(), "code", code),
            Effect::Uncounted => return None,
        })
    }
}
