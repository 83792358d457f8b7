//! The lines of an export.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::hash::Hash;
use crate::leaf::{Digest, Leaf};

/// A line of an export, told by its member `kind`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Line {
    /// The first line.
    Header(Header),
    /// An event.
    Entry(Box<Entry>),
    /// An earlier checkpoint.
    Checkpoint(Mark),
    /// The last line.
    End(End),
}

/// What the export is and what it is checked against.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// [`FORMAT`](super::FORMAT).
    pub format: String,
    /// Whose events these are.
    pub tenant_id: String,
    /// Whether these are all events of the tenant from the first to the last one shown, so that `tenant_position`
    /// rises by one from entry to entry; not if a filter chose among them.
    pub complete: bool,
    /// The signed checkpoint of the tree; no entry lies beyond its size.
    pub checkpoint: String,
    /// The verifier key that signed it. Compare it with the one that you noted earlier.
    pub key: String,
}

/// One event of the tenant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Global position, from 1.
    pub position: u64,
    /// Position among the tenant's events, from 1.
    pub tenant_position: u64,
    /// The type name.
    #[serde(rename = "type")]
    pub type_name: String,
    /// When, as hashed.
    pub at: String,
    /// The subtrees between the line before and this event.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gap: Vec<Hash>,
    /// The leaf's hash as it was sealed.
    pub leaf: Hash,
    /// The rest of what is hashed.
    pub record: Record,
    /// The event as the audit routes show it, for people. Nothing of it is proven beyond what `record` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<Value>,
}

/// An earlier checkpoint, between the entries that it covers and those that it does not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// The signed note.
    pub checkpoint: String,
    /// The verifier key that signed it, if it is another one than the header's: the log's earlier generation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The subtrees between the line before and the checkpoint's size.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gap: Vec<Hash>,
}

/// What was exported; without this line the export broke off.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct End {
    /// How many entries there are.
    pub entries: u64,
    /// `tenant_position` of the first; null if there is none.
    pub first_tenant_position: Option<u64>,
    /// `tenant_position` of the last; null if there is none.
    pub last_tenant_position: Option<u64>,
    /// The subtrees between the last entry and the checkpoint's size.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gap: Vec<Hash>,
}

/// What is hashed of an event beside the members of its entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The stream.
    pub stream: String,
    /// Version within the stream, from 1.
    pub version: u64,
    /// Which store, by the gateway's id.
    pub store_id: Option<String>,
    /// Which order or item.
    pub order_id: Option<String>,
    /// Which job.
    pub job_id: Option<String>,
    /// The data, exactly as stored.
    pub data: Content,
    /// The ciphertext, or its digest; null if there is none.
    pub sealed: Option<Content>,
    /// Who and why, exactly as stored.
    pub meta: Content,
}

/// A stored column: its bytes as text, or in base64, or no more than their digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Content {
    /// Text, exactly as stored.
    Text(String),
    /// Not the bytes themselves.
    Withheld(Withheld),
}

/// Bytes that are no text, or that are not shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Withheld {
    /// The bytes in base64.
    Base64(String),
    /// Their SHA-256 in hex: too long or too sensitive to be shown, and proven all the same.
    Sha256(Digest),
}

impl Content {
    /// Bytes in base64.
    pub fn base64(bytes: &[u8]) -> Self {
        Self::Withheld(Withheld::Base64(BASE64_STANDARD.encode(bytes)))
    }

    /// The digest of bytes that are not shown.
    pub fn digest_of(bytes: &[u8]) -> Self {
        Self::Withheld(Withheld::Sha256(Digest::of(bytes)))
    }

    /// The digest that is hashed; `None` if the base64 is none.
    pub fn digest(&self) -> Option<Digest> {
        match self {
            Self::Text(text) => Some(Digest::of(text.as_bytes())),
            Self::Withheld(Withheld::Base64(text)) => {
                BASE64_STANDARD.decode(text).ok().map(|bytes| Digest::of(&bytes))
            }
            Self::Withheld(Withheld::Sha256(digest)) => Some(*digest),
        }
    }
}

impl Entry {
    /// The hash of what the entry says; `None` if some of it cannot be read.
    pub fn computed(&self, tenant_id: &str) -> Option<Hash> {
        let record = &self.record;
        let leaf = Leaf {
            position: self.position,
            tenant_seq: self.tenant_position,
            stream: &record.stream,
            version: record.version,
            type_name: &self.type_name,
            tenant_id,
            store_id: record.store_id.as_deref(),
            order_id: record.order_id.as_deref(),
            job_id: record.job_id.as_deref(),
            data: record.data.digest()?,
            sealed: match &record.sealed {
                Some(sealed) => Some(sealed.digest()?),
                None => None,
            },
            meta: record.meta.digest()?,
            recorded_at: &self.at,
        };
        Some(leaf.hash())
    }
}
