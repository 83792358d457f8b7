//! Recording what a call tells of an order.

use std::time::Duration;

use cache::{Area, Topic as CacheTopic};
use domain::batch::RequestKind;
use domain::event::{Event, OrderChangedExternally, OrderEditOverwritten};
use domain::image::OrderImage;
use domain::order::diff::diff;
use domain::order::{ETag, OrderDoc};
use domain::store::Store;
use domain::{BatchId, OrderId};
use ledger::view::ViewRow;
use ledger::{
    Append, AppendError, BackendError, Expected, Guard, Meta, NewEvent, OrderEventFilter, Recorded, Refusal,
    Stream,
};
use queue::{Announcement, Subject};
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::decide::{Last, Ours, Told, decide};
use crate::after::News;
use crate::bus::Topic;
use crate::payload::{BatchBefore, ImageBody};
use crate::seals::image_row;
use crate::{App, Denied, Purpose, SealError};

/// How long a call waits for the jobs of its order; Order Desk gives it 30 seconds.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it looks by itself.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How many jobs of an order are looked at; more are work enough.
const MAX_JOBS: u32 = 50;
/// How many images are looked back on.
const LOOK_BACK: u32 = 20;
/// How often it is decided anew because something was recorded meanwhile.
const MAX_TRIES: usize = 5;
/// Everything in an order's own stream.
const STREAM: [&str; 3] = [
    "order.changed_externally.v1",
    "order.edit_overwritten.v1",
    "order.written.v1",
];

/// Why it was not recorded.
#[derive(Debug, thiserror::Error)]
enum Failed {
    /// The append failed.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// Something before it did.
    #[error(transparent)]
    Denied(#[from] Denied),
}

impl From<BackendError> for Failed {
    fn from(error: BackendError) -> Self {
        Self::Denied(error.into())
    }
}

impl From<SealError> for Failed {
    fn from(error: SealError) -> Self {
        Self::Denied(error.into())
    }
}

impl App {
    /// Forgets what is cached of an order and records what its image tells.
    pub(super) async fn hear_of_order(
        &self,
        store: &Store,
        order: &OrderId,
        image: &OrderDoc,
    ) -> Result<(), Denied> {
        self.forget_order(store, order).await;
        let until = Instant::now() + PATIENCE;
        let mut waiter = self.0.waiters.register(Topic::Tenant(store.tenant_id));
        while self.is_at_work(store, order).await? {
            let now = Instant::now();
            if now >= until {
                return Ok(());
            }
            let _ = tokio::time::timeout_at(until.min(now + LOOK_EVERY), waiter.news()).await;
        }
        for _ in 0..MAX_TRIES {
            match self.record_told(store, order, image).await {
                Ok(()) => return Ok(()),
                Err(Failed::Append(AppendError::Refused(Refusal::Conflict { .. }))) => {}
                Err(Failed::Append(AppendError::Refused(Refusal::DataKeyGone))) => {
                    let sealer = self
                        .0
                        .seals
                        .for_order(store.tenant_id, store.id, Some(order))
                        .await?;
                    self.0.seals.forget_key(sealer.key_id()).await;
                }
                Err(Failed::Append(AppendError::Refused(Refusal::StoreGone | Refusal::TenantGone))) => {
                    return Ok(());
                }
                Err(Failed::Append(error)) => return Err(error.into()),
                Err(Failed::Denied(error)) => return Err(error),
            }
        }
        Err(Denied::contended())
    }

    /// Whether the owner of the order reads it now or soon, and sees for itself.
    async fn is_at_work(&self, store: &Store, order: &OrderId) -> Result<bool, Denied> {
        let jobs = self
            .0
            .ledger
            .open_jobs_of_order(store.id, order, MAX_JOBS)
            .await?;
        let now = self.now();
        let paused = store.paused.is_some();
        let at_work = jobs
            .iter()
            .filter(|job| job.kind.is_order())
            .any(|job| job.batch_id.is_some() || (!paused && job.eligible_at() <= now));
        Ok(at_work || jobs.len() >= MAX_JOBS as usize)
    }

    /// Records what the image tells beside what is on record now.
    async fn record_told(&self, store: &Store, order: &OrderId, image: &OrderDoc) -> Result<(), Failed> {
        let rows = self.0.ledger.order_events(&recent(store, order)).await?;
        let known = self.0.ledger.order_image(store.id, order).await?;
        // Deleted or erased by us: a late call brings nothing back.
        let deleted = known.is_none() && !rows.is_empty();
        let tag = self.etag(image);
        if deleted
            || rows
                .iter()
                .any(|row| digest(row).as_deref() == Some(tag.as_str()))
        {
            return Ok(());
        }
        let last = match &known {
            Some(known) => self.last(store, known, &rows).await?,
            None => None,
        };
        let told = decide(image, last.as_ref(), |doc| self.etag(doc));
        let at = self.now();
        let (event, body) = match told {
            Told::Nothing => return Ok(()),
            Told::Changed => {
                let event = OrderChangedExternally {
                    at,
                    tenant_id: store.tenant_id,
                    store_id: store.id,
                    order_id: order.clone(),
                    digest_before: known.map(|known| known.digest).unwrap_or_default(),
                    digest_after: tag.as_str().to_owned(),
                };
                let diff = last.and_then(|last| serde_json::to_value(diff(&last.image, image)).ok());
                (Event::from(event), diff)
            }
            Told::Overwritten(lost) => {
                let Some(batch_id) = rows.iter().find_map(writer) else {
                    return Ok(());
                };
                let event = OrderEditOverwritten {
                    at,
                    tenant_id: store.tenant_id,
                    store_id: store.id,
                    order_id: order.clone(),
                    batch_id,
                };
                (event.into(), serde_json::to_value(lost).ok())
            }
        };
        let body = ImageBody {
            image: image.to_value(),
            diff: body,
        };
        self.append_told(
            store,
            order,
            rows.first().map_or(0, |row| row.version),
            event,
            &tag,
            &body,
        )
        .await?;
        Ok(())
    }

    async fn append_told(
        &self,
        store: &Store,
        order: &OrderId,
        version: u64,
        event: Event,
        tag: &ETag,
        body: &ImageBody,
    ) -> Result<(), Failed> {
        let sealer = self
            .0
            .seals
            .for_order(store.tenant_id, store.id, Some(order))
            .await?;
        let sealed = sealer.seal_json(Purpose::OrderImage, image_row(store.id, order), body);
        let meta = Meta {
            actor: Some("orderdesk".to_owned()),
            ..Meta::default()
        };
        let mut append = Append::new(event.at(), meta)
            .guard(Guard::TenantOpen(store.tenant_id))
            .guard(Guard::StoreOpen(store.id));
        sealer.attach(&mut append);
        let is_change = matches!(event, Event::OrderChangedExternally(_));
        let index = append.event(NewEvent {
            stream: Stream::Order(store.id, order.clone()),
            expected: Expected::Version(version),
            tenant_id: store.tenant_id,
            store_id: Some(store.id),
            order_id: Some(order.clone()),
            job_id: None,
            event,
            sealed: Some(sealed.clone()),
        });
        if is_change {
            let row = OrderImage {
                tenant_id: store.tenant_id,
                store_id: store.id,
                order_id: order.clone(),
                digest: tag.as_str().to_owned(),
                at: append.now,
                position: 0,
                image: Some(sealed),
            };
            append.view(ViewRow::Image(Box::new(row)), index);
        }
        let subject = Subject::Order {
            store_id: store.id,
            order_id: order.clone(),
        };
        let news = News {
            tenant: store.tenant_id,
            partitions: Vec::new(),
            subjects: vec![subject],
        };
        self.commit(append, news).await?;
        let counter = if is_change {
            metrics::counter!("orders_changed_externally_total")
        } else {
            metrics::counter!("orders_edit_overwritten_total")
        };
        counter.increment(1);
        // In case a read that began before the call put the old order back.
        self.raise_order(store, order).await;
        Ok(())
    }

    /// The last image on record, opened; none if it was erased.
    async fn last(
        &self,
        store: &Store,
        known: &OrderImage,
        rows: &[Recorded],
    ) -> Result<Option<Last>, Denied> {
        let place = image_row(store.id, &known.order_id);
        let Some(sealed) = &known.image else {
            return Ok(None);
        };
        let Some(body) = self
            .reveal_of::<ImageBody>(store, Purpose::OrderImage, place, sealed)
            .await?
        else {
            return Ok(None);
        };
        let Ok(image) = OrderDoc::from_value(body.image) else {
            return Ok(None);
        };
        let row = rows.iter().find(|row| row.position == known.position);
        let ours = match row.and_then(writer) {
            Some(batch) => self.ours(store, batch).await?,
            None => None,
        };
        Ok(Some(Last { image, ours }))
    }

    /// What an update of ours made of which order.
    async fn ours(&self, store: &Store, batch: BatchId) -> Result<Option<Ours>, Denied> {
        let opened = self.0.ledger.stream_after(&Stream::Batch(batch), 0, 1).await?;
        let Some(opened) = opened.into_iter().next() else {
            return Ok(None);
        };
        let (Event::BatchOpened(event), Some(sealed)) =
            (opened.event().map_err(Denied::internal)?, opened.sealed)
        else {
            return Ok(None);
        };
        let plan = self
            .reveal_of::<BatchBefore>(store, Purpose::BatchPlan, batch.0, &sealed)
            .await?;
        let doc = |value: Option<serde_json::Value>| value.and_then(|value| OrderDoc::from_value(value).ok());
        let Some(plan) = plan else { return Ok(None) };
        let (Some(before), Some(after)) = (doc(plan.before), doc(plan.after)) else {
            return Ok(None);
        };
        Ok(Some(Ours {
            before,
            after,
            whole: event.request == RequestKind::Put,
        }))
    }

    async fn reveal_of<T: DeserializeOwned>(
        &self,
        store: &Store,
        purpose: Purpose,
        place: uuid::Uuid,
        sealed: &domain::Sealed,
    ) -> Result<Option<T>, Denied> {
        match self
            .0
            .seals
            .open_json(store.tenant_id, purpose, place, sealed)
            .await
        {
            Ok(content) => Ok(Some(content)),
            Err(SealError::KeyGone) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Forgets what is cached of an order, here and in all processes.
    async fn forget_order(&self, store: &Store, order: &OrderId) {
        self.raise_order(store, order).await;
        let subject = Subject::Order {
            store_id: store.id,
            order_id: order.clone(),
        };
        let news = Announcement {
            tenant_id: store.tenant_id,
            position: 0,
            subject,
        };
        self.0.queue.announce(&news).await;
    }

    async fn raise_order(&self, store: &Store, order: &OrderId) {
        let topics = [CacheTopic::Order(order.clone()), CacheTopic::Orders];
        let areas = topics.map(|topic| Area::new(store.tenant_id, store.id, topic));
        self.0.cache.raise(&areas).await;
    }
}

fn recent(store: &Store, order: &OrderId) -> OrderEventFilter {
    OrderEventFilter {
        store_id: store.id,
        order_id: order.clone(),
        types: STREAM.to_vec(),
        before: None,
        until: None,
        limit: LOOK_BACK,
    }
}

/// The digest of the image beside an event.
fn digest(row: &Recorded) -> Option<String> {
    match row.event().ok()? {
        Event::OrderWritten(event) => Some(event.digest),
        Event::OrderChangedExternally(event) => Some(event.digest_after),
        _ => None,
    }
}

/// The batch of ours that wrote the order.
fn writer(row: &Recorded) -> Option<BatchId> {
    match row.event().ok()? {
        Event::OrderWritten(event) => Some(event.batch_id),
        _ => None,
    }
}
