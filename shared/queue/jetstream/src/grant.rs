//! Grants by request and reply.

use std::sync::Arc;
use std::time::Duration;

use async_nats::{Client, Message, Request, Subscriber};
use futures::StreamExt;
use queue::{GrantAnswer, GrantHandler, GrantRequest};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::bus::publish;
use crate::link::{ANSWER, WatchedLink};
use crate::names::Names;
use crate::task::Task;

/// Requests of one partition that are answered at a time.
const IN_FLIGHT: usize = 1024;
/// What those beyond are told.
const BUSY: GrantAnswer = GrantAnswer::refused(1_000);
/// No asker waits longer, whatever it says.
const LONGEST: Duration = Duration::from_secs(30);

#[derive(Serialize, Deserialize)]
struct Release {
    grant_id: Uuid,
}

/// Asks the owner of a partition.
pub(crate) async fn request(
    link: &WatchedLink,
    subject: String,
    request: &GrantRequest,
    patience: Duration,
) -> Option<GrantAnswer> {
    if !link.is_connected() {
        return None;
    }
    let payload = serde_json::to_vec(request).expect("a request is plain data");
    // An inbox of its own is forgotten with the request; the shared one would remember it until an answer comes.
    let asked = Request::new()
        .payload(payload.into())
        .timeout(Some(patience))
        .inbox(link.client.new_inbox());
    let answered = tokio::time::timeout(patience, link.client.send_request(subject, asked)).await;
    serde_json::from_slice(&answered.ok()?.ok()?.payload).ok()
}

/// Tells the owner that a granted read has ended.
pub(crate) async fn release(link: &WatchedLink, subject: String, grant_id: Uuid) {
    if link.is_connected() {
        publish(&link.client, subject, &Release { grant_id }).await;
    }
}

/// Begins to answer for a partition, and returns when requests arrive, or after a second if there is no connection.
pub(crate) async fn serve(
    link: &Arc<WatchedLink>,
    names: &Names,
    partition: u16,
    handler: Arc<dyn GrantHandler>,
) -> Task {
    let (ready, subscribed) = oneshot::channel();
    let owner = Owner {
        client: link.client.clone(),
        partition,
        handler,
        at_work: JoinSet::new(),
    };
    let subjects = (names.grant(partition), names.release(partition));
    let task = Task::spawn(owner.run(subjects, ready));
    let round_trip = async {
        let _ = subscribed.await;
        link.round_trip().await;
    };
    let _ = tokio::time::timeout(ANSWER, round_trip).await;
    task
}

/// Answers for one partition. What it is about to answer ends with it.
struct Owner {
    client: Client,
    partition: u16,
    handler: Arc<dyn GrantHandler>,
    at_work: JoinSet<()>,
}

impl Owner {
    async fn run(mut self, (requests, releases): (String, String), ready: oneshot::Sender<()>) {
        let Ok(mut requests) = subscribe(&self.client, requests).await else {
            return;
        };
        let Ok(mut releases) = subscribe(&self.client, releases).await else {
            return;
        };
        let _ = ready.send(());
        loop {
            tokio::select! {
                Some(message) = requests.next() => self.answer(message).await,
                Some(message) = releases.next() => self.released(&message),
                Some(_) = self.at_work.join_next() => {}
                else => return,
            }
        }
    }

    async fn answer(&mut self, message: Message) {
        let Some(asker) = message.reply else { return };
        let Ok(request) = serde_json::from_slice::<GrantRequest>(&message.payload) else {
            return;
        };
        if request.partition != self.partition {
            return;
        }
        if self.at_work.len() >= IN_FLIGHT {
            publish(&self.client, asker.to_string(), &BUSY).await;
            return;
        }
        let (client, handler) = (self.client.clone(), Arc::clone(&self.handler));
        self.at_work.spawn(async move {
            let patience = Duration::from_millis(request.patience_ms).min(LONGEST);
            // Nobody would hear a later answer.
            if let Ok(answer) = tokio::time::timeout(patience, handler.grant(request)).await {
                publish(&client, asker.to_string(), &answer).await;
            }
        });
    }

    fn released(&mut self, message: &Message) {
        let Ok(release) = serde_json::from_slice::<Release>(&message.payload) else {
            return;
        };
        // A release that is dropped costs the wait until the grant runs out.
        if self.at_work.len() < IN_FLIGHT {
            let (handler, partition) = (Arc::clone(&self.handler), self.partition);
            self.at_work
                .spawn(async move { handler.released(partition, release.grant_id).await });
        }
    }
}

/// Without a queue group: a stopped process that still counts as a member would swallow its share of requests.
async fn subscribe(client: &Client, subject: String) -> Result<Subscriber, async_nats::SubscribeError> {
    client.subscribe(subject).await
}
