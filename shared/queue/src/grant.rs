//! Token grants: the owner of a partition is the one spender of its stores' tokens, so readers ask it.

use async_trait::async_trait;
use domain::OrderId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What a read will show, so that the owner can keep it apart from a change of the same thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "scope", rename_all = "snake_case")]
pub enum ReadScope {
    /// One order.
    Order {
        /// The order.
        order_id: OrderId,
    },
    /// A list of orders.
    Orders,
    /// Something that no order command changes.
    Other,
}

/// "May I spend one token of this store?"
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantRequest {
    /// The store's partition.
    pub partition: u16,
    /// Hex of the keyed hash that names the upstream store.
    pub upstream_key: String,
    /// What will be read.
    pub read: ReadScope,
    /// Whether a person waits for the answer.
    pub interactive: bool,
    /// How long the asker waits for an answer, milliseconds: an answer after that would waste the token.
    pub patience_ms: u64,
}

/// A token, spent on the asker's behalf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Names it for the release.
    pub id: Uuid,
    /// The read must begin within this time from the answer, milliseconds.
    pub valid_ms: u64,
    /// What is read must be in hand within this time from the answer, milliseconds; later it must not be
    /// shown, since a change may have been begun meanwhile.
    pub show_within_ms: u64,
}

/// The owner's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum GrantAnswer {
    /// Go ahead.
    Granted {
        /// The token.
        grant: Grant,
    },
    /// Not now.
    Refused {
        /// When asking again makes sense, milliseconds.
        retry_after_ms: u64,
        /// Whether that is because Order Desk does not answer.
        #[serde(default)]
        outage: bool,
    },
}

impl GrantAnswer {
    /// A refusal for want of a token.
    pub const fn refused(retry_after_ms: u64) -> Self {
        Self::Refused {
            retry_after_ms,
            outage: false,
        }
    }
}

/// The owner's side.
#[async_trait]
pub trait GrantHandler: Send + Sync + 'static {
    /// Answers a request, within the asker's patience.
    async fn grant(&self, request: GrantRequest) -> GrantAnswer;
    /// Takes note that a granted read has ended. The token stays spent.
    async fn released(&self, partition: u16, grant_id: Uuid);
}
