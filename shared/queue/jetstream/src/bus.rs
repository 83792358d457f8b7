//! The bus: one standing subscription of the process, handed on to its readers.

use std::sync::Arc;
use std::time::Duration;

use async_nats::{Client, Subscriber};
use futures::StreamExt;
use futures::stream::BoxStream;
use queue::Announcement;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;
use uuid::Uuid;

use crate::link::WatchedLink;
use crate::task::Task;

/// How many announcements a reader may be behind before it loses the oldest.
const BACKLOG: usize = 4096;
/// How long handing an announcement to the connection may take; the queue to it is full only if it is stuck.
const HAND_OVER: Duration = Duration::from_millis(50);

#[derive(Serialize, Deserialize)]
struct Wire {
    /// The sending process, which has heard it already.
    from: Uuid,
    announcement: Announcement,
}

/// Announcements, ours and others'.
pub(crate) struct Bus {
    link: Arc<WatchedLink>,
    subject: String,
    we: Uuid,
    readers: broadcast::Sender<Announcement>,
    _listening: Task,
}

impl Bus {
    /// `heard` is the subscription to `subject`.
    pub(crate) fn new(link: Arc<WatchedLink>, subject: String, we: Uuid, heard: Subscriber) -> Self {
        let readers = broadcast::Sender::new(BACKLOG);
        Self {
            link,
            subject,
            we,
            _listening: Task::spawn(listen(heard, we, readers.clone())),
            readers,
        }
    }

    /// Tells our own readers at once, broker or not, and then all other processes.
    pub(crate) async fn announce(&self, announcement: &Announcement) -> bool {
        // An error says that nobody listens here, which is no failure.
        let _ = self.readers.send(announcement.clone());
        if !self.link.is_live() {
            return false;
        }
        let wire = Wire {
            from: self.we,
            announcement: announcement.clone(),
        };
        publish(&self.link.client, self.subject.clone(), &wire).await
    }

    pub(crate) fn announcements(&self) -> BoxStream<'static, Announcement> {
        BroadcastStream::new(self.readers.subscribe())
            .filter_map(async |announcement| announcement.ok())
            .boxed()
    }
}

/// The client subscribes again by itself after each reconnection, so this ends only with the client.
async fn listen(mut heard: Subscriber, we: Uuid, readers: broadcast::Sender<Announcement>) {
    while let Some(message) = heard.next().await {
        match serde_json::from_slice::<Wire>(&message.payload) {
            Ok(wire) if wire.from == we => {}
            Ok(wire) => {
                let _ = readers.send(wire.announcement);
            }
            // A newer version of us may say more than we understand.
            Err(error) => tracing::debug!(%error, "an announcement was not understood"),
        }
    }
}

/// Hands a message to the connection without waiting for it; whether that worked.
pub(crate) async fn publish(client: &Client, subject: String, message: &impl Serialize) -> bool {
    let payload = serde_json::to_vec(message).expect("messages are plain data");
    let sent = tokio::time::timeout(HAND_OVER, client.publish(subject, payload.into())).await;
    matches!(sent, Ok(Ok(())))
}
