//! What is measured here.

use domain::event::Event;
use domain::job::Job;
use ledger::Append;
use ledger::view::ViewRow;
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

/// Tells the recorder of every metric of this crate, so that each is there from the start.
pub fn describe() {
    describe_counter!("jobs_submitted_total", Unit::Count, "Accepted jobs by kind.");
    describe_counter!("jobs_ended_total", Unit::Count, "Jobs by kind and final status.");
    describe_histogram!(
        "job_duration_seconds",
        Unit::Seconds,
        "From when a job was due, its acceptance or its run_at, to its end, by kind and final status."
    );
    describe_gauge!(
        "job_waiters",
        Unit::Count,
        "Long polls and event streams that wait for news of jobs."
    );
    gauge!("job_waiters").increment(0.0);
    describe_counter!(
        "audit_notes_lost_total",
        Unit::Count,
        "Reads and refused log-ins that found no room on their way into the audit log."
    );
    counter!("audit_notes_lost_total").increment(0);
    // Counted by workers, too.
    describe_counter!(
        "orders_changed_externally_total",
        Unit::Count,
        "Orders that somebody else had changed since we last saw them."
    );
    counter!("orders_changed_externally_total").increment(0);
    describe_counter!(
        "orders_edit_overwritten_total",
        Unit::Count,
        "Edits of somebody else that an update of ours undid."
    );
    counter!("orders_edit_overwritten_total").increment(0);
}

/// A job has ended.
pub fn ended(job: &Job) {
    let (kind, status) = (job.kind.as_str(), job.status.as_str());
    counter!("jobs_ended_total", "kind" => kind, "status" => status).increment(1);
    if let Some(at) = job.finished_at {
        histogram!("job_duration_seconds", "kind" => kind, "status" => status)
            .record(at.since(job.due_at).as_secs_f64());
    }
}

/// The jobs that an append begins and ends, to be counted once it is committed.
pub(crate) struct Tally(Vec<Job>);

impl Tally {
    pub(crate) fn of(append: &Append) -> Self {
        let rows = append.views.iter().filter_map(|view| {
            let event = &append.events.get(view.event)?.event;
            match (&view.row, event) {
                (ViewRow::Job(job), Event::JobSubmitted(_) | Event::JobCancelled(_)) => Some(Job {
                    body: None,
                    outcome: None,
                    ..(**job).clone()
                }),
                _ => None,
            }
        });
        Self(rows.collect())
    }

    pub(crate) fn count(&self) {
        for job in &self.0 {
            if job.status.is_final() {
                ended(job);
            } else {
                counter!("jobs_submitted_total", "kind" => job.kind.as_str()).increment(1);
            }
        }
    }
}

/// One who waits for a job, as long as it lives.
pub(crate) struct Waiting;

impl Waiting {
    pub(crate) fn begin() -> Self {
        gauge!("job_waiters").increment(1.0);
        Self
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        gauge!("job_waiters").decrement(1.0);
    }
}
