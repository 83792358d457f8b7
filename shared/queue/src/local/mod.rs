//! Within one process.

mod grants;
mod slots;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;
use uuid::Uuid;

use crate::grant::{GrantAnswer, GrantHandler, GrantRequest};
use crate::port::{Announcement, Hint, Hints, Queue};

/// How many announcements a reader may be behind before it loses the oldest.
const BACKLOG: usize = 4096;

/// The queue of a process that does everything itself: no broker, nothing stored, nothing lost but by its end.
pub struct LocalQueue {
    slots: slots::Slots,
    bus: broadcast::Sender<Announcement>,
    handlers: Arc<grants::Handlers>,
}

impl LocalQueue {
    /// An empty queue.
    pub fn new() -> Self {
        Self {
            slots: slots::Slots::default(),
            bus: broadcast::Sender::new(BACKLOG),
            handlers: Arc::default(),
        }
    }
}

impl Default for LocalQueue {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Queue for LocalQueue {
    async fn hint(&self, hint: Hint) -> bool {
        self.slots.put(hint);
        true
    }

    async fn hints(&self, partition: u16) -> Hints {
        self.slots.take(partition)
    }

    async fn announce(&self, announcement: &Announcement) -> bool {
        // An error says that nobody listens, which is no failure.
        let _ = self.bus.send(announcement.clone());
        true
    }

    async fn announcements(&self) -> BoxStream<'static, Announcement> {
        BroadcastStream::new(self.bus.subscribe())
            .filter_map(async |announcement| announcement.ok())
            .boxed()
    }

    fn is_live(&self) -> bool {
        true
    }

    async fn request_grant(&self, request: &GrantRequest, patience: Duration) -> Option<GrantAnswer> {
        let handler = self.handlers.newest(request.partition)?;
        tokio::time::timeout(patience, handler.grant(request.clone()))
            .await
            .ok()
    }

    async fn release_grant(&self, partition: u16, grant_id: Uuid) {
        for handler in self.handlers.all(partition) {
            handler.released(partition, grant_id).await;
        }
    }

    async fn serve_grants(&self, partition: u16, handler: Arc<dyn GrantHandler>) -> Box<dyn Send + Sync> {
        Box::new(self.handlers.add(partition, handler))
    }

    async fn ping(&self) -> Result<(), String> {
        Ok(())
    }
}
