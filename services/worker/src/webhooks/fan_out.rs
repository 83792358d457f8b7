//! The reader of the log: decides, event by event, who is told.

use std::time::Duration;

use domain::Timestamp;
use ledger::BackendError;
use tokio_util::sync::CancellationToken;

use super::{Telling, interest, metric};

/// Events per page. Each may carry a megabyte of sealed content.
const PAGE: u32 = 128;
/// That nobody is told of an event need not be written down at once: at the latest after so many events,
const SILENT_EVENTS: u64 = 10_000;
/// or after this time.
const SILENT_TIME: Duration = Duration::from_secs(5);

/// How far the log was read.
#[derive(Default)]
struct Reader {
    /// Up to which position everything is decided.
    read: u64,
    /// Up to which position the ledger knows that.
    kept: u64,
    /// Since when the two differ.
    silent_since: Option<Timestamp>,
    /// Until when nobody else reads.
    held_until: Option<Timestamp>,
}

/// Reads what is new until `stopped`.
pub(super) async fn run(telling: &Telling, stopped: &CancellationToken) {
    let mut reader = Reader::default();
    loop {
        if let Err(error) = reader.catch_up(telling, stopped).await {
            // It is unknown what was kept.
            reader = Reader::default();
            tracing::warn!(error = %error, "what webhooks are to be told could not be read");
        }
        tokio::select! {
            () = telling.news.notified() => {}
            () = tokio::time::sleep(telling.config.sweep_every) => {}
            () = stopped.cancelled() => break,
        }
    }
    if let Err(error) = reader.hand_over(telling).await {
        tracing::debug!(error = %error, "the reading of the log was not handed over, it runs out");
    }
}

impl Reader {
    /// Reads up to the present head, if it is ours to read.
    async fn catch_up(&mut self, telling: &Telling, stopped: &CancellationToken) -> Result<(), BackendError> {
        let head = telling.ledger.head().await?.position;
        while self.read < head && !stopped.is_cancelled() && self.hold(telling).await? {
            if !self.page(telling).await? {
                break;
            }
            metric::lag(head.saturating_sub(self.read));
        }
        let late = self
            .silent_since
            .is_some_and(|since| telling.now().since(since) >= SILENT_TIME);
        if self.read > self.kept
            && (late || self.read - self.kept >= SILENT_EVENTS)
            && self.hold(telling).await?
        {
            self.keep(telling, &[], self.read).await?;
        }
        Ok(())
    }

    /// Makes sure that nobody else reads: asks only now and then, since asking is a write.
    async fn hold(&mut self, telling: &Telling) -> Result<bool, BackendError> {
        let (now, lease) = (telling.now(), telling.config.reader_lease);
        if self.held_until.is_some_and(|until| until.since(now) > lease / 2) {
            return Ok(true);
        }
        let Some(position) = telling.ledger.take_fan_out(telling.me, now, lease).await? else {
            self.held_until = None;
            return Ok(false);
        };
        if position != self.kept || self.held_until.is_none() {
            // Somebody else has read on, or this is where it begins.
            self.read = position;
            self.kept = position;
            self.silent_since = None;
        }
        self.held_until = Some(now.plus(lease));
        Ok(true)
    }

    /// Decides the next page; false if there is none, or if it is no longer ours to decide.
    async fn page(&mut self, telling: &Telling) -> Result<bool, BackendError> {
        let page = telling.ledger.events_after(self.read, PAGE).await?;
        let Some(last) = page.last() else {
            return Ok(false);
        };
        let deliveries = interest::deliveries(telling, &page).await?;
        let position = last.position;
        if deliveries.is_empty() {
            self.read = position;
            self.silent_since.get_or_insert_with(|| telling.now());
            return Ok(true);
        }
        let kept = self.keep(telling, &deliveries, position).await?;
        if kept {
            telling.due.notify_one();
        }
        Ok(kept)
    }

    async fn keep(
        &mut self,
        telling: &Telling,
        deliveries: &[ledger::NewDelivery],
        position: u64,
    ) -> Result<bool, BackendError> {
        let now = telling.now();
        let range = (self.kept, position);
        if telling.ledger.fan_out(telling.me, range, deliveries, now).await? {
            metric::kept(deliveries.len());
            self.read = position;
            self.kept = position;
            self.silent_since = None;
            return Ok(true);
        }
        *self = Self::default();
        Ok(false)
    }

    async fn hand_over(&mut self, telling: &Telling) -> Result<(), BackendError> {
        if self.held_until.is_none() {
            return Ok(());
        }
        if self.read > self.kept {
            self.keep(telling, &[], self.read).await?;
        }
        telling.ledger.release_fan_out(telling.me).await
    }
}
