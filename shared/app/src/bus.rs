//! The standing subscription of a process: it wakes who waits and forgets what is no longer true.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::JobId;
use futures::StreamExt;
use queue::{Announcement, Subject};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use vault::LookupHash;

use crate::App;

/// Those who wait for jobs, by job: as many as there are requests that wait.
#[derive(Clone, Default)]
pub(crate) struct Waiters(Arc<Mutex<HashMap<JobId, watch::Sender<u64>>>>);

/// One who waits for a job; the last one to leave clears the job away.
pub(crate) struct Waiter {
    all: Waiters,
    job: JobId,
    news: Option<watch::Receiver<u64>>,
}

impl Waiters {
    pub(crate) fn register(&self, job: JobId) -> Waiter {
        let mut jobs = self.lock();
        let news = jobs
            .entry(job)
            .or_insert_with(|| watch::Sender::new(0))
            .subscribe();
        Waiter {
            all: self.clone(),
            job,
            news: Some(news),
        }
    }

    fn wake(&self, job: JobId) {
        if let Some(sender) = self.lock().get(&job) {
            sender.send_modify(|count| *count += 1);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<JobId, watch::Sender<u64>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiter {
    /// Returns when there is news of the job since the registration or the last news.
    pub(crate) async fn news(&mut self) {
        if let Some(news) = &mut self.news {
            // The sender lives as long as this receiver does.
            let _ = news.changed().await;
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut jobs = self.all.lock();
        self.news = None;
        if jobs
            .get(&self.job)
            .is_some_and(|sender| sender.receiver_count() == 0)
        {
            jobs.remove(&self.job);
        }
    }
}

impl App {
    /// Listens to the other processes until `draining` is cancelled: to be spawned once per process.
    ///
    /// Without it everything still works, later: waiting calls look each second, revoked keys are found out within
    /// a minute.
    pub fn start_bus(&self, draining: CancellationToken) -> impl Future<Output = ()> + Send + use<> {
        let app = self.clone();
        async move {
            let mut announcements = app.0.queue.announcements().await;
            loop {
                tokio::select! {
                    () = draining.cancelled() => return,
                    announcement = announcements.next() => match announcement {
                        Some(announcement) => app.hear(announcement).await,
                        None => return,
                    }
                }
            }
        }
    }

    async fn hear(&self, announcement: Announcement) {
        match announcement.subject {
            Subject::Job { job_id, ended, .. } => {
                if ended {
                    self.0.waiters.wake(job_id);
                }
            }
            Subject::Key { key_id, lookup } => {
                let mut hash = LookupHash::default();
                if hex::decode_to_slice(&lookup, &mut hash).is_ok() {
                    self.0.authenticator.invalidate(&hash).await;
                } else {
                    tracing::warn!(%key_id, "an announcement names no lookup hash");
                }
            }
            // Nothing is remembered of stores and orders: they are read anew each time.
            Subject::Store { .. } | Subject::Order { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn job(n: u128) -> JobId {
        JobId(uuid::Uuid::from_u128(n))
    }

    #[test]
    fn news_between_registering_and_waiting_are_not_lost() {
        let waiters = Waiters::default();
        let (mut one, mut other) = (waiters.register(job(1)), waiters.register(job(2)));
        waiters.wake(job(1));
        assert!(one.news().now_or_never().is_some());
        assert!(one.news().now_or_never().is_none(), "once");
        assert!(other.news().now_or_never().is_none(), "another job's");
    }

    #[test]
    fn the_last_to_leave_clears_a_job_away() {
        let waiters = Waiters::default();
        let (one, two) = (waiters.register(job(1)), waiters.register(job(1)));
        drop(one);
        assert_eq!(waiters.lock().len(), 1);
        drop(two);
        assert!(waiters.lock().is_empty());
    }
}
