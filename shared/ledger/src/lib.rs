//! The ledger: the log of events that is the truth, and the views that are folded from it.
//!
//! [`Ledger`] is what the rest of the program holds. Writes go through its group-commit [`appender`]; reads
//! go straight to the [`Backend`], of which there are two, `ledger-sqlite` and `ledger-postgres`. What both
//! must do is said in [`Backend`] and tested by one suite, the feature `conformance`.
//!
//! To add a view: give it a row in [`view::ViewRow`], write it in both adapters' `append_batch`, fold it in
//! [`rebuild`], and add its queries to [`Backend`].

mod append;
pub mod appender;
pub mod audit;
mod backend;
#[cfg(feature = "conformance")]
pub mod conformance;
mod filter;
mod idempotency;
pub mod metric;
mod ownership;
pub mod rebuild;
mod recorded;
pub mod seal;
mod stream;
pub mod view;
mod webhook;

use std::ops::Deref;
use std::sync::Arc;

pub use append::{Append, Appended, Expected, Guard, Meta, NewEvent, Refusal, Unique};
pub use appender::{AppendError, AppenderConfig};
pub use backend::{
    Backend, BackendError, DataKeyRow, DestroyKeys, Head, MOST_AHEAD, PartitionQueue, QueueCounts,
    TokenCounts,
};
pub use filter::{JobFilter, ORDER_EVENT_TYPES, OrderEventFilter};
pub use idempotency::{IdempotencyAnswer, IdempotencyRecord};
pub use ownership::{Claimed, Membership, PartitionOwner};
pub use recorded::Recorded;
pub use stream::Stream;
pub use webhook::{
    AfterAttempt, Delivery, DeliveryAttempt, DeliveryClaim, DeliveryFilter, DeliveryOutcome, DeliveryState,
    DeliveryStateError, EndpointHealth, EraseDeliveries, MOST_ATTEMPTS_SHOWN, NewDelivery, OutcomeRecorded,
    Replay, Webhooks,
};

/// A handle on the ledger; cheap to clone.
#[derive(Clone)]
pub struct Ledger {
    backend: Arc<dyn Backend>,
    appender: appender::Appender,
}

impl Ledger {
    /// Starts the appender over `backend`. Must be called within a Tokio runtime.
    pub fn start(backend: Arc<dyn Backend>, config: AppenderConfig) -> Self {
        let appender = appender::Appender::start(Arc::clone(&backend), config);
        Self { backend, appender }
    }

    /// Appends `append`, all or nothing, and returns where its events stand.
    ///
    /// The commit happens in the appender's own task: dropping the returned future changes nothing about it.
    ///
    /// # Errors
    /// [`AppendError::Refused`] if a guard does not hold (nothing was written), [`AppendError::Unavailable`]
    /// if the database could not be reached (it is unknown whether anything was written).
    pub async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        self.appender.append(append, None).await
    }

    /// As [`Ledger::append`]; `after` runs in the appender's task right after the commit, even if the caller
    /// has gone away meanwhile. It must not block.
    pub async fn append_then(
        &self,
        append: Append,
        after: impl FnOnce(&Appended) + Send + 'static,
    ) -> Result<Appended, AppendError> {
        self.appender.append(append, Some(Box::new(after))).await
    }

    /// Waits until everything handed in so far is committed or refused, and takes nothing more.
    pub async fn close(&self) {
        self.appender.close().await;
    }
}

impl Deref for Ledger {
    type Target = dyn Backend;

    fn deref(&self) -> &Self::Target {
        &*self.backend
    }
}

impl std::fmt::Debug for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ledger")
    }
}
