//! Calls about orders, made by Order Desk or by a relay that knows the gateway's secret.
//!
//! **Who records.** While a job of the order is due or under way, its owner reads the order and records what others
//! changed; then nothing is recorded here. Else the change is recorded here, guarded by the version of the order's stream:
//! whatever was recorded of the order meanwhile makes the append fail, and it is decided anew. Whether a job is at work
//! is asked before what is on record: an image that shows our own update can only arrive after its intent, so either the
//! job is still seen at work or its result is on record already.

mod decide;
mod record;
mod signature;

use domain::order::OrderDoc;
use domain::store::Store;
use domain::{OrderId, UpstreamStoreId};
use secrecy::ExposeSecret as _;
use serde_json::Value;

use crate::denied::may_be_denied;
use crate::{App, Denied, SealError};
use signature::{is_order_desks, is_signed};

/// How many registrations of one upstream store are looked at.
const MAX_REGISTRATIONS: u32 = 1_000;

/// Why a call about an order was not taken.
#[derive(Debug, thiserror::Error)]
pub enum IncomingError {
    /// Nobody who may tell of this store has signed it.
    #[error("the signature does not fit")]
    Unsigned,
    /// It is signed and holds no order.
    #[error("there is no order in it")]
    NoOrder,
    /// See [`Denied`].
    #[error(transparent)]
    Denied(#[from] Denied),
}

may_be_denied!(IncomingError);

/// A form as Order Desk posts it.
#[derive(Clone, Copy)]
pub struct PostedOrder<'a> {
    /// The store that it names.
    pub store: &'a str,
    /// The field `order`, decoded once.
    pub field: &'a str,
    /// The signature that it carries, in hex.
    pub signature: &'a str,
}

impl App {
    /// Takes an order that Order Desk has posted: for every registration of the store with the API key that signed it.
    /// A repeat does nothing.
    pub async fn order_posted(&self, posted: PostedOrder<'_>) -> Result<(), IncomingError> {
        let mut signed = Vec::new();
        for store in self.registrations(posted.store).await? {
            let credentials = match self.0.seals.credentials(&store).await {
                Ok(credentials) => credentials,
                Err(SealError::KeyGone) => continue,
                Err(error) => return Err(error.into()),
            };
            if is_order_desks(
                credentials.api_key().expose_secret(),
                posted.field,
                posted.signature,
            ) {
                signed.push(store);
            }
        }
        if signed.is_empty() {
            return Err(IncomingError::Unsigned);
        }
        let image: Value = serde_json::from_str(posted.field).map_err(|_| IncomingError::NoOrder)?;
        self.order_told(&signed, image).await
    }

    /// Whether `signature`, in hex, is that of a relay with the gateway's secret; without a secret nothing is.
    pub fn is_relayed(&self, body: &[u8], signature: &str) -> bool {
        let secret = self.0.config.webhook_secret.as_ref();
        secret.is_some_and(|secret| is_signed(secret.expose_secret().as_bytes(), body, signature))
    }

    /// Takes an order that a relay has sent: for every registration of the store. A repeat does nothing.
    pub async fn order_relayed(&self, store: &str, image: Value) -> Result<(), IncomingError> {
        let stores = self.registrations(store).await?;
        self.order_told(&stores, image).await
    }

    async fn registrations(&self, store: &str) -> Result<Vec<Store>, IncomingError> {
        let Ok(store) = store.parse::<UpstreamStoreId>() else {
            return Ok(Vec::new());
        };
        Ok(self.0.ledger.registrations(&store, MAX_REGISTRATIONS).await?)
    }

    async fn order_told(&self, stores: &[Store], image: Value) -> Result<(), IncomingError> {
        let image = OrderDoc::from_value(image).map_err(|_| IncomingError::NoOrder)?;
        let order: OrderId = image
            .id()
            .and_then(|id| id.parse().ok())
            .ok_or(IncomingError::NoOrder)?;
        for store in stores {
            self.hear_of_order(store, &order, &image).await?;
        }
        Ok(())
    }
}
