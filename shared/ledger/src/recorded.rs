//! An event as it stands in the log.

use domain::event::{DecodeError, Event};
use domain::{JobId, OrderId, Sealed, StoreId, TenantId, Timestamp};
use merkle::{Digest, Hash, Leaf};

use crate::append::Meta;

/// One row of the log, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Global position, from 1, gapless.
    pub position: u64,
    /// Position among the tenant's events, from 1, gapless.
    pub tenant_seq: u64,
    /// The stream, in text form.
    pub stream: String,
    /// Version within the stream, from 1.
    pub version: u64,
    /// The type name.
    pub type_name: String,
    /// Whose.
    pub tenant_id: TenantId,
    /// Which store.
    pub store_id: Option<StoreId>,
    /// Which order or item.
    pub order_id: Option<OrderId>,
    /// Which job.
    pub job_id: Option<JobId>,
    /// The data, exactly as stored.
    pub data: String,
    /// The personal data beside it.
    pub sealed: Option<Sealed>,
    /// Who and why, exactly as stored.
    pub meta: String,
    /// When; never earlier than that of a lower position.
    pub recorded_at: Timestamp,
}

impl Recorded {
    /// The event in this row.
    ///
    /// # Errors
    /// [`DecodeError`] if this program does not know it.
    pub fn event(&self) -> Result<Event, DecodeError> {
        Event::decode(&self.type_name, &self.data)
    }

    /// The hash of this row as a leaf of the verifiable log.
    pub fn leaf_hash(&self) -> Hash {
        let tenant_id = self.tenant_id.to_string();
        let store_id = self.store_id.map(|id| id.to_string());
        let job_id = self.job_id.map(|id| id.to_string());
        let leaf = Leaf {
            position: self.position,
            tenant_seq: self.tenant_seq,
            stream: &self.stream,
            version: self.version,
            type_name: &self.type_name,
            tenant_id: &tenant_id,
            store_id: store_id.as_deref(),
            order_id: self.order_id.as_ref().map(OrderId::as_str),
            job_id: job_id.as_deref(),
            data: Digest::of(self.data.as_bytes()),
            sealed: self.sealed.as_ref().map(|sealed| Digest::of(sealed.as_bytes())),
            meta: Digest::of(self.meta.as_bytes()),
            recorded_at: &self.recorded_at.to_string(),
        };
        leaf.hash()
    }

    /// Who and why; empty if the stored form is unknown.
    pub fn meta(&self) -> Meta {
        serde_json::from_str(&self.meta).unwrap_or_default()
    }
}
