//! The standing subscription of a process: it wakes who waits and forgets what is no longer true.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::{JobId, TenantId};
use futures::StreamExt;
use queue::{Announcement, Subject};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use vault::LookupHash;

use crate::App;
use crate::metric::Waiting;

/// What somebody waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Topic {
    /// A change of one job.
    Job(JobId),
    /// A change of any job of a tenant.
    Tenant(TenantId),
}

/// Those who wait, by what they wait for: as many as there are requests that wait.
#[derive(Clone, Default)]
pub(crate) struct Waiters(Arc<Mutex<HashMap<Topic, watch::Sender<u64>>>>);

/// One who waits; the last one to leave clears the topic away.
pub(crate) struct Waiter {
    all: Waiters,
    topic: Topic,
    news: Option<watch::Receiver<u64>>,
    _counted: Waiting,
}

impl Waiters {
    /// Every wait begins here: those of long polls, of `Prefer: wait` and of streams.
    pub(crate) fn register(&self, topic: Topic) -> Waiter {
        let mut topics = self.lock();
        let news = topics
            .entry(topic)
            .or_insert_with(|| watch::Sender::new(0))
            .subscribe();
        Waiter {
            all: self.clone(),
            topic,
            news: Some(news),
            _counted: Waiting::begin(),
        }
    }

    fn wake(&self, topic: Topic) {
        if let Some(sender) = self.lock().get(&topic) {
            sender.send_modify(|count| *count += 1);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Topic, watch::Sender<u64>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiter {
    /// Returns when there is news of the topic since the registration or the last news.
    pub(crate) async fn news(&mut self) {
        if let Some(news) = &mut self.news {
            // The sender lives as long as this receiver does.
            let _ = news.changed().await;
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut topics = self.all.lock();
        self.news = None;
        if topics
            .get(&self.topic)
            .is_some_and(|sender| sender.receiver_count() == 0)
        {
            topics.remove(&self.topic);
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
            Subject::Job {
                job_id,
                store_id,
                order_id,
                ended,
            } => {
                // Before anybody is woken who will show the end.
                if ended {
                    self.heard_of_change(announcement.tenant_id, store_id, order_id)
                        .await;
                }
                self.0.waiters.wake(Topic::Job(job_id));
                self.0.waiters.wake(Topic::Tenant(announcement.tenant_id));
            }
            Subject::Key { key_id, lookup } => {
                let mut hash = LookupHash::default();
                if hex::decode_to_slice(&lookup, &mut hash).is_ok() {
                    self.0.authenticator.invalidate(&hash).await;
                } else {
                    tracing::warn!(%key_id, "an announcement names no lookup hash");
                }
            }
            Subject::Order { store_id, order_id } => {
                self.heard_of_change(announcement.tenant_id, store_id, Some(order_id))
                    .await;
            }
            Subject::Erased { store_id, order_id } => match store_id {
                Some(store) => {
                    self.0.seals.forget_keys();
                    self.heard_of_change(announcement.tenant_id, store, order_id)
                        .await;
                }
                None => self.0.seals.forget_tenant(announcement.tenant_id).await,
            },
            Subject::Store { .. } => self.0.stores.forget(),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn job(n: u128) -> Topic {
        Topic::Job(JobId(uuid::Uuid::from_u128(n)))
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
