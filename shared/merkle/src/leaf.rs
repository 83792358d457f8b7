//! Which bytes of an event are hashed.

use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::hash::Hash;

/// What every leaf begins with, so that no other encoding, earlier or later, gives the same bytes.
const PREFIX: &[u8] = b"orderdesk-gateway/leaf/v1\n";

/// Stands for the length of what is absent.
const ABSENT: [u8; 8] = [0xff; 8];

/// SHA-256 of one column's stored bytes; in text as lower-case hex.
#[derive(Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl TryFrom<String> for Digest {
    type Error = hex::FromHexError;

    fn try_from(text: String) -> Result<Self, hex::FromHexError> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes)?;
        Ok(Self(bytes))
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// An event as the tree has it.
///
/// The leaf's bytes are the 26 bytes `orderdesk-gateway/leaf/v1\n` and then the members of this struct in this order.
/// Each is preceded by its length in 8 bytes, big-endian; for one that is absent there is the length
/// 0xffffffffffffffff and nothing else. Numbers are in decimal digits, ids in their text form (UUIDs in lower case with
/// hyphens), times in RFC 3339, UTC, with three digits of a second and `Z`. `data`, `sealed` and `meta` stand with the
/// SHA-256 of their stored bytes (32 bytes, not hex), so that whoever shows an event to others may withhold one of
/// them (the ciphertext, say, which is long and of no use to them) and still prove all the rest.
///
/// ```text
/// def field(b): return b"\xff" * 8 if b is None else len(b).to_bytes(8, "big") + b
/// leaf = b"orderdesk-gateway/leaf/v1\n" + b"".join(map(field, [position, tenant_seq, stream, …, recorded_at]))
/// leaf_hash = sha256(b"\x00" + leaf)
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaf<'a> {
    /// Global position, from 1; the leaf's index is one less.
    pub position: u64,
    /// Position among the tenant's events, from 1.
    pub tenant_seq: u64,
    /// The stream.
    pub stream: &'a str,
    /// Version within the stream, from 1.
    pub version: u64,
    /// The type name.
    pub type_name: &'a str,
    /// Whose.
    pub tenant_id: &'a str,
    /// Which store.
    pub store_id: Option<&'a str>,
    /// Which order or item.
    pub order_id: Option<&'a str>,
    /// Which job.
    pub job_id: Option<&'a str>,
    /// Of the data as stored.
    pub data: Digest,
    /// Of the ciphertext as stored.
    pub sealed: Option<Digest>,
    /// Of who and why as stored.
    pub meta: Digest,
    /// When.
    pub recorded_at: &'a str,
}

impl Leaf<'_> {
    /// The bytes that are hashed.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(512);
        bytes.extend_from_slice(PREFIX);
        let mut field = |value: Option<&[u8]>| match value {
            Some(value) => {
                bytes.extend_from_slice(&(value.len() as u64).to_be_bytes());
                bytes.extend_from_slice(value);
            }
            None => bytes.extend_from_slice(&ABSENT),
        };
        field(Some(self.position.to_string().as_bytes()));
        field(Some(self.tenant_seq.to_string().as_bytes()));
        field(Some(self.stream.as_bytes()));
        field(Some(self.version.to_string().as_bytes()));
        field(Some(self.type_name.as_bytes()));
        field(Some(self.tenant_id.as_bytes()));
        for id in [self.store_id, self.order_id, self.job_id] {
            field(id.map(str::as_bytes));
        }
        field(Some(&self.data.0));
        field(self.sealed.as_ref().map(|digest| digest.0.as_slice()));
        field(Some(&self.meta.0));
        field(Some(self.recorded_at.as_bytes()));
        bytes
    }

    /// The leaf's hash.
    pub fn hash(&self) -> Hash {
        Hash::leaf(&self.encode())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf() -> Leaf<'static> {
        Leaf {
            position: 7,
            tenant_seq: 2,
            stream: "job-0192f0c1-2d3e-7f00-8a00-000000000001",
            version: 1,
            type_name: "job.submitted.v1",
            tenant_id: "0192f0c1-2d3e-7f00-8a00-00000000000a",
            store_id: Some("0192f0c1-2d3e-7f00-8a00-00000000000b"),
            order_id: Some("4312"),
            job_id: None,
            data: Digest::of(br#"{"at":"2026-01-02T03:04:05.678Z"}"#),
            sealed: Some(Digest::of(&[0, 1, 2, 255])),
            meta: Digest::of(b"{}"),
            recorded_at: "2026-01-02T03:04:05.678Z",
        }
    }

    /// Computed by an independent implementation (Python's `hashlib`) from the description above.
    #[test]
    fn the_encoding_never_changes() {
        assert_eq!(
            hex::encode(leaf().hash().as_bytes()),
            "ecd7100b5c227bf35b1f6605f8ec08200bbe7330a8dfc9e959841cbe2e610899"
        );
    }

    #[test]
    fn every_field_counts() {
        let one = leaf();
        let others = [
            Leaf { position: 8, ..one },
            Leaf { tenant_seq: 3, ..one },
            Leaf { stream: "job", ..one },
            Leaf { version: 2, ..one },
            Leaf {
                type_name: "job.failed.v1",
                ..one
            },
            Leaf {
                tenant_id: "x",
                ..one
            },
            Leaf {
                store_id: None,
                ..one
            },
            Leaf {
                order_id: Some(""),
                ..one
            },
            Leaf {
                order_id: None,
                job_id: Some("4312"),
                ..one
            },
            Leaf {
                data: one.meta,
                meta: one.data,
                ..one
            },
            Leaf { sealed: None, ..one },
            Leaf {
                sealed: Some(one.data),
                ..one
            },
            Leaf {
                meta: one.data,
                ..one
            },
            Leaf {
                recorded_at: "2026-01-02T03:04:05.679Z",
                ..one
            },
        ];
        let mut hashes: Vec<Hash> = others.iter().map(Leaf::hash).chain([one.hash()]).collect();
        hashes.sort();
        hashes.dedup();
        assert_eq!(hashes.len(), others.len() + 1);
        let absent = Leaf {
            order_id: None,
            ..one
        };
        assert_ne!(
            absent.hash(),
            Leaf {
                order_id: Some(""),
                ..one
            }
            .hash()
        );
    }
}
