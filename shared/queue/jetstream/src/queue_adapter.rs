//! The adapter: the port's methods over what this crate has for them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_nats::ConnectOptions;
use async_trait::async_trait;
use futures::stream::BoxStream;
use queue::{Announcement, GrantAnswer, GrantHandler, GrantRequest, Hint, Hints, Queue};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::address::Address;
use crate::bus::Bus;
use crate::link::WatchedLink;
use crate::names::Names;
use crate::outbox::Outbox;
use crate::store::Store;
use crate::{ConnectError, JetStreamOptions, grant, publisher, taker};

/// How long one attempt to connect may take.
const CONNECTING: Duration = Duration::from_secs(3);
/// The client's own pings; two without an answer end a connection.
const PING_EVERY: Duration = Duration::from_secs(5);
/// Between attempts to connect, at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Hints, bus and grants between processes. Dropping it sends the hints that are still waiting, for a second at most.
pub struct JetStreamQueue {
    link: Arc<WatchedLink>,
    names: Names,
    store: Arc<Store>,
    outbox: Arc<Outbox>,
    bus: Bus,
}

impl JetStreamQueue {
    /// Begins to connect and returns at once; [`Queue::is_live`] tells when the broker is there. Needs a tokio runtime.
    ///
    /// `url` is `nats://HOST:PORT`, with `USER:PASSWORD@` or `TOKEN@` before the host if need be (percent-encoded),
    /// `tls://` for TLS from the start, and several servers of one cluster separated by commas.
    ///
    /// # Errors
    /// [`ConnectError`] if the address or the options can never work; not if the broker is down or refuses us.
    pub async fn connect(url: &str, options: JetStreamOptions) -> Result<Self, ConnectError> {
        let names = Names::below(&options.prefix)?;
        let address = Address::parse(url)?;
        let changed = Arc::new(Notify::new());
        let on_event = Arc::clone(&changed);
        let connecting = ConnectOptions::new()
            .name("orderdesk-gateway")
            .retry_on_initial_connect()
            .max_reconnects(None)
            .connection_timeout(CONNECTING)
            .ping_interval(PING_EVERY)
            .reconnect_delay_callback(pause)
            .event_callback(move |_| {
                on_event.notify_one();
                std::future::ready(())
            });
        let client = address
            .authenticate(connecting)
            .connect(address.servers.as_slice())
            .await
            .map_err(|error| ConnectError::Client { kind: error.kind() })?;
        // Before the link's first round trip, so that a live link means that we hear the bus.
        let heard = client.subscribe(names.bus()).await;
        let heard = heard.expect("the subject is valid and the client is alive");

        let store = Arc::new(Store::new(&client, names.clone(), options.redeliver_after));
        let link = Arc::new(WatchedLink::new(client, names.echo(), changed));
        let outbox = Arc::new(Outbox::default());
        // Not aborted: it ends by itself, soon after the outbox is closed.
        tokio::spawn(publisher::run(
            Arc::clone(&outbox),
            Arc::clone(&link),
            Arc::clone(&store),
        ));
        let bus = Bus::new(Arc::clone(&link), names.bus(), Uuid::new_v4(), heard);
        Ok(Self {
            link,
            names,
            store,
            outbox,
            bus,
        })
    }
}

/// Between attempts to connect: none before the first, then 20 ms and more.
fn pause(attempts: usize) -> Duration {
    match attempts {
        0 | 1 => Duration::ZERO,
        more => LONGEST_PAUSE.min(Duration::from_millis(10) * 2_u32.pow(more.min(10) as u32 - 1)),
    }
}

impl Drop for JetStreamQueue {
    fn drop(&mut self) {
        self.outbox.close();
    }
}

impl fmt::Debug for JetStreamQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JetStreamQueue")
            .field("names", &self.names)
            .field("live", &self.link.is_live())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Queue for JetStreamQueue {
    /// Notes the hint for the publisher, even without a connection: it is sent when there is one again.
    async fn hint(&self, hint: Hint) -> bool {
        self.outbox.put(hint);
        self.link.is_live() && !self.outbox.is_failing()
    }

    async fn hints(&self, partition: u16) -> Hints {
        taker::hints(Arc::clone(&self.link), Arc::clone(&self.store), partition)
    }

    async fn announce(&self, announcement: &Announcement) -> bool {
        self.bus.announce(announcement).await
    }

    async fn announcements(&self) -> BoxStream<'static, Announcement> {
        self.bus.announcements()
    }

    fn is_live(&self) -> bool {
        self.link.is_live()
    }

    async fn request_grant(&self, request: &GrantRequest, patience: Duration) -> Option<GrantAnswer> {
        grant::request(&self.link, self.names.grant(request.partition), request, patience).await
    }

    async fn release_grant(&self, partition: u16, grant_id: Uuid) {
        grant::release(&self.link, self.names.release(partition), grant_id).await;
    }

    async fn serve_grants(&self, partition: u16, handler: Arc<dyn GrantHandler>) -> Box<dyn Send + Sync> {
        Box::new(grant::serve(&self.link, &self.names, partition, handler).await)
    }

    async fn ping(&self) -> Result<(), String> {
        if !self.link.is_connected() {
            return Err("not connected to NATS".to_owned());
        }
        if !self.link.round_trip().await {
            return Err("NATS did not answer within a second".to_owned());
        }
        Ok(())
    }
}
