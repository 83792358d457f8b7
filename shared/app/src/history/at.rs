//! An order as it was known at some time.

use domain::batch::RequestKind;
use domain::event::{Event, OrderView};
use domain::order::{CommandKind, OrderDoc};
use domain::store::Store;
use domain::{OrderId, Timestamp};
use ledger::{OrderEventFilter, Recorded};
use serde_json::Value;

use crate::denied::may_be_denied;
use crate::payload::{BatchBefore, ImageBody};
use crate::seals::image_row;
use crate::{App, Caller, Denied, Purpose, Reading, SealError};

/// How many events are read at once; nearly always one of the first says it.
const SLICE: u32 = 4;
/// How many are read at all: requests and jobs of an inventory item with the order's id may lie between.
const MAX_READ: u32 = 20_000;

/// What tells how an order was.
const IMAGES: [&str; 4] = [
    "batch.opened.v1",
    "job.succeeded.v1",
    "order.changed_externally.v1",
    "order.written.v1",
];

/// Why an order cannot be shown as it was.
#[derive(Debug, thiserror::Error)]
pub enum OrderAtError {
    /// Nothing was known of it then, or it had been deleted.
    #[error("the order was not known then")]
    Unknown,
    /// What was known then has been erased.
    #[error("the order's content was erased")]
    Erased,
    /// See [`Denied`].
    #[error(transparent)]
    Denied(#[from] Denied),
}

may_be_denied!(OrderAtError);

/// What one event says of how the order was.
enum Told {
    /// So.
    Image(Value),
    /// It was deleted.
    Deleted,
    /// Nothing.
    Nothing,
}

impl App {
    /// An order of the caller's store as it was known at a time; a time that lies ahead is now.
    ///
    /// It is known from what we wrote, from what we saw that others had made of it, and, before the first of these, from
    /// what we had read when we announced an update.
    pub async fn order_at(
        &self,
        caller: &Caller,
        store: &Store,
        order: &OrderId,
        at: Timestamp,
    ) -> Result<Reading, OrderAtError> {
        if caller.tenant_id() != Some(store.tenant_id) {
            return Err(OrderAtError::Unknown);
        }
        let mut filter = OrderEventFilter {
            store_id: store.id,
            order_id: order.clone(),
            types: IMAGES.to_vec(),
            before: None,
            until: Some(at),
            limit: SLICE,
        };
        for _ in 0..MAX_READ / SLICE {
            let rows = self.0.ledger.order_events(&filter).await?;
            filter.before = rows.last().map(|row| row.position);
            for row in &rows {
                match self.told(store, order, row).await? {
                    Told::Image(image) => {
                        self.note_order(caller, store, order, OrderView::History);
                        return self.shown(image);
                    }
                    Told::Deleted => return Err(OrderAtError::Unknown),
                    Told::Nothing => {}
                }
            }
            if rows.len() < SLICE as usize {
                break;
            }
        }
        Err(OrderAtError::Unknown)
    }

    async fn told(&self, store: &Store, order: &OrderId, row: &Recorded) -> Result<Told, OrderAtError> {
        match row.event().map_err(Denied::internal)? {
            Event::OrderWritten(_) | Event::OrderChangedExternally(_) => {
                let place = image_row(store.id, order);
                let body: ImageBody = self.unseal(store, row, Purpose::OrderImage, place).await?;
                Ok(Told::Image(body.image))
            }
            Event::BatchOpened(event)
                if matches!(
                    event.request,
                    RequestKind::Put | RequestKind::Move | RequestKind::Delete
                ) =>
            {
                let plan: BatchBefore = self
                    .unseal(store, row, Purpose::BatchPlan, event.batch_id.0)
                    .await?;
                // A move after an update remembers what was read before that update.
                Ok(match plan.before {
                    Some(image) if !plan.after_put => Told::Image(image),
                    _ => Told::Nothing,
                })
            }
            // A deletion leaves no tag, as hardly any other success: most need not be looked up.
            Event::JobSucceeded(event) if event.result.changed && event.result.etag_after.is_none() => {
                let job = self.0.ledger.job(event.job_id).await?;
                Ok(match job.map(|job| job.kind) {
                    Some(CommandKind::OrderDelete) => Told::Deleted,
                    _ => Told::Nothing,
                })
            }
            _ => Ok(Told::Nothing),
        }
    }

    async fn unseal<T: serde::de::DeserializeOwned>(
        &self,
        store: &Store,
        row: &Recorded,
        purpose: Purpose,
        place: uuid::Uuid,
    ) -> Result<T, OrderAtError> {
        let sealed = row.sealed.as_ref().ok_or(OrderAtError::Erased)?;
        let opened = self
            .0
            .seals
            .open_json(store.tenant_id, purpose, place, sealed)
            .await;
        match opened {
            Err(SealError::KeyGone) => Err(OrderAtError::Erased),
            opened => Ok(opened?),
        }
    }

    fn shown(&self, image: Value) -> Result<Reading, OrderAtError> {
        let order = OrderDoc::from_value(image).map_err(Denied::internal)?;
        let body = serde_json::to_vec(order.as_object()).map_err(Denied::internal)?;
        Ok(Reading {
            body: body.into(),
            etag: Some(self.etag(&order).as_str().to_owned()),
            cache: cache::State::Bypass,
            age: std::time::Duration::ZERO,
        })
    }
}
