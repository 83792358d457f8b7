//! Asking for the erasure of personal data: an order's, or a customer's in one store. The owner of the store carries it
//! out, for only that one knows when nothing is in flight any more; see `worker::erasure`.

use domain::event::ErasureRequested;
use domain::store::Store;
use domain::{ErasureId, OrderId, StoreId, Timestamp};
use ledger::{Append, AppendError, Expected, Guard, NewEvent, Refusal, Stream};

use crate::after::News;
use crate::denied::may_be_denied;
use crate::{App, Caller, Denied, Once, Outcome, Purpose};

/// How often a request is decided anew because something came between.
const MAX_TRIES: usize = 5;

/// An erasure that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// Its id, by which the log names it.
    pub id: ErasureId,
    /// The registration.
    pub store: StoreId,
    /// The order; none for a customer.
    pub order: Option<OrderId>,
    /// When it was asked for.
    pub requested_at: Timestamp,
}

/// Why an erasure was not begun.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// The store is gone.
    #[error("the store is gone")]
    StoreGone,
    /// See [`Denied`].
    #[error(transparent)]
    Denied(#[from] Denied),
}

may_be_denied!(EraseError);

impl App {
    /// Begins to erase what is recorded of an order, whether there is anything or not.
    pub async fn erase_order(
        &self,
        caller: &Caller,
        store: &Store,
        order: OrderId,
        once: Option<Once<Erasure>>,
    ) -> Result<Outcome<Erasure>, EraseError> {
        self.erase(caller, store, Some(order), None, once).await
    }

    /// Begins to erase what is recorded of all orders, and of what never became one, that speak of an e-mail address.
    pub async fn erase_customer(
        &self,
        caller: &Caller,
        store: &Store,
        address: &str,
        once: Option<Once<Erasure>>,
    ) -> Result<Outcome<Erasure>, EraseError> {
        self.erase(caller, store, None, Some(address), once).await
    }

    async fn erase(
        &self,
        caller: &Caller,
        store: &Store,
        order: Option<OrderId>,
        address: Option<&str>,
        once: Option<Once<Erasure>>,
    ) -> Result<Outcome<Erasure>, EraseError> {
        let settled = self.settle(caller).await?;
        if settled.tenant != store.tenant_id {
            return Err(EraseError::StoreGone);
        }
        let once = once.as_ref();
        for _ in 0..MAX_TRIES {
            if let Some(answer) = self.replay(settled.tenant, once).await? {
                return Ok(Outcome::Replayed(answer));
            }
            let mut append = Append::new(self.now(), settled.meta.clone()).guard(Guard::StoreOpen(store.id));
            settled.attach(&mut append);
            let id: ErasureId = self.id();
            let sealed = match address {
                // A key of its own, which goes when the erasure is done: so nothing keeps whom it was about.
                Some(address) => {
                    let seals = self.0.seals.for_order(settled.tenant, store.id, None);
                    let sealer = seals.await.map_err(Denied::from)?;
                    sealer.attach(&mut append);
                    Some(sealer.seal_json(Purpose::ErasureSubject, id.0, &address))
                }
                None => None,
            };
            let erasure = Erasure {
                id,
                store: store.id,
                order: order.clone(),
                requested_at: append.now,
            };
            append.event(NewEvent {
                stream: Stream::Erasure(id),
                expected: Expected::Version(0),
                tenant_id: settled.tenant,
                store_id: Some(store.id),
                order_id: order.clone(),
                job_id: None,
                event: ErasureRequested {
                    at: append.now,
                    erasure_id: id,
                    tenant_id: settled.tenant,
                    store_id: store.id,
                    partition: store.partition,
                    order_id: order.clone(),
                    part_of: None,
                }
                .into(),
                sealed,
            });
            self.remember(&mut append, &settled, once, &erasure).await?;
            let news = News {
                tenant: settled.tenant,
                partitions: Vec::new(),
                subjects: Vec::new(),
            };
            match self.commit(append, news).await {
                Ok(_) => return Ok(Outcome::Done(erasure)),
                Err(AppendError::Refused(Refusal::StoreGone)) => return Err(EraseError::StoreGone),
                Err(AppendError::Refused(
                    Refusal::Conflict { .. } | Refusal::Exists(_) | Refusal::DataKeyGone,
                )) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Denied::contended().into())
    }
}
