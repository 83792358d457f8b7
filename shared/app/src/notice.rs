//! What a webhook shows of an event.

use domain::event::Event;
use domain::store::Store;
use domain::webhook::DisableReason;
use domain::{EndpointId, OrderId, Timestamp, UpstreamStoreId};
use ledger::Recorded;
use serde_json::Value;

use crate::payload::ImageBody;
use crate::seals::image_row;
use crate::{App, Denied, JobView, Purpose, SealError};

/// An event as those are told who asked for it: as things stood right after it, whenever it is told. Its `Debug` form
/// shows no content.
#[derive(Clone)]
pub enum Notice {
    /// A job ended.
    Job(Box<JobView>),
    /// Somebody else changed an order.
    Order(Box<OrderNotice>),
    /// A store stopped or goes on.
    Store(Box<Store>),
    /// An endpoint is told nothing any more.
    EndpointDisabled {
        /// The endpoint.
        endpoint_id: EndpointId,
        /// Why.
        reason: DisableReason,
        /// When.
        at: Timestamp,
    },
    /// Somebody wants to see whether it arrives.
    Test {
        /// The endpoint.
        endpoint_id: EndpointId,
    },
}

/// What somebody else did to an order.
#[derive(Clone)]
pub struct OrderNotice {
    /// Order Desk's id of the store.
    pub store_id: UpstreamStoreId,
    /// The order.
    pub order_id: OrderId,
    /// When it was noticed.
    pub at: Timestamp,
    /// What it was.
    pub edit: ForeignEdit,
}

/// What is known of somebody else's edit.
#[derive(Clone)]
pub enum ForeignEdit {
    /// It is in the order.
    Noticed {
        /// The order's tag as it was known before; none if nothing was known of it.
        etag_before: Option<String>,
        /// Its tag afterwards.
        etag_after: String,
        /// The RFC 6902 patch; none after erasure, or if the order before had been erased or was not
        /// known.
        diff: Option<Value>,
    },
    /// It fell between our last read and our update, which may have overwritten parts of it.
    Overwritten {
        /// What shows it; none after erasure.
        differences: Option<Value>,
    },
}

impl std::fmt::Debug for Notice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Job(_) => "Notice::Job(***)",
            Self::Order(_) => "Notice::Order(***)",
            Self::Store(_) => "Notice::Store(***)",
            Self::EndpointDisabled { .. } => "Notice::EndpointDisabled(***)",
            Self::Test { .. } => "Notice::Test(***)",
        })
    }
}

impl App {
    /// What is told of an event; nothing of one that is told to nobody, or whose subject is gone.
    pub async fn notice(&self, row: &Recorded) -> Result<Option<Notice>, Denied> {
        let notice = match row.event().map_err(Denied::internal)? {
            Event::JobSucceeded(_) | Event::JobFailed(_) | Event::JobCancelled(_) => {
                let Some(id) = row.job_id else { return Ok(None) };
                let Some(mut job) = self.0.ledger.job(id).await? else {
                    return Ok(None);
                };
                // That came later: every telling of the event says the same.
                job.retried_as = None;
                Notice::Job(Box::new(self.opened(job).await?))
            }
            Event::OrderChangedExternally(event) => {
                let diff = self.foreign(row).await?.and_then(|body| body.diff);
                let edit = ForeignEdit::Noticed {
                    etag_before: event.known_before(),
                    etag_after: event.digest_after,
                    diff,
                };
                return self.order_notice(row, edit).await;
            }
            Event::OrderEditOverwritten(_) => {
                let differences = self.foreign(row).await?.and_then(|body| body.diff);
                return self
                    .order_notice(row, ForeignEdit::Overwritten { differences })
                    .await;
            }
            Event::StorePaused(event) => {
                let Some(mut store) = self.0.ledger.store(event.store_id).await? else {
                    return Ok(None);
                };
                store.paused = Some(event.reason);
                store.updated_at = event.at;
                Notice::Store(Box::new(store))
            }
            Event::StoreResumed(event) => {
                let Some(mut store) = self.0.ledger.store(event.store_id).await? else {
                    return Ok(None);
                };
                store.paused = None;
                store.updated_at = event.at;
                Notice::Store(Box::new(store))
            }
            Event::EndpointDisabled(event) => Notice::EndpointDisabled {
                endpoint_id: event.endpoint_id,
                reason: event.reason,
                at: event.at,
            },
            Event::EndpointTested(event) => Notice::Test {
                endpoint_id: event.endpoint_id,
            },
            _ => return Ok(None),
        };
        Ok(Some(notice))
    }

    async fn order_notice(&self, row: &Recorded, edit: ForeignEdit) -> Result<Option<Notice>, Denied> {
        let (Some(store), Some(order_id)) = (row.store_id, row.order_id.clone()) else {
            return Ok(None);
        };
        let store = self.0.ledger.store(store).await?;
        Ok(store.map(|store| {
            Notice::Order(Box::new(OrderNotice {
                store_id: store.store_id,
                order_id,
                at: row.recorded_at,
                edit,
            }))
        }))
    }

    /// What is sealed beside an event of an order; none after erasure.
    async fn foreign(&self, row: &Recorded) -> Result<Option<ImageBody>, Denied> {
        let (Some(store), Some(order), Some(sealed)) = (row.store_id, &row.order_id, &row.sealed) else {
            return Ok(None);
        };
        let opened = self
            .0
            .seals
            .open_json(
                row.tenant_id,
                Purpose::OrderImage,
                image_row(store, order),
                sealed,
            )
            .await;
        match opened {
            Ok(body) => Ok(Some(body)),
            Err(SealError::KeyGone) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
