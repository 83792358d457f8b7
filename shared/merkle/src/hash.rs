//! The hash of a node.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// A node's hash; in text and JSON as base64 (RFC 4648 §4), as checkpoints have it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Hash([u8; 32]);

/// A text that is not the base64 of 32 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a hash: 32 bytes in base64 are expected")]
pub struct HashError;

impl Hash {
    /// The bytes of a hash, as stored.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The root of a tree without leaves.
    pub fn empty() -> Self {
        Self(Sha256::digest([]).into())
    }

    /// The hash of a leaf of these bytes: SHA-256(0x00 ‖ bytes).
    pub fn leaf(bytes: &[u8]) -> Self {
        let mut hasher = Sha256::new_with_prefix([0]);
        hasher.update(bytes);
        Self(hasher.finalize().into())
    }

    /// The hash of a node above two others: SHA-256(0x01 ‖ left ‖ right).
    pub fn node(left: &Self, right: &Self) -> Self {
        let mut hasher = Sha256::new_with_prefix([1]);
        hasher.update(left.0);
        hasher.update(right.0);
        Self(hasher.finalize().into())
    }
}

impl TryFrom<&[u8]> for Hash {
    type Error = HashError;

    fn try_from(bytes: &[u8]) -> Result<Self, HashError> {
        bytes.try_into().map(Self).map_err(|_| HashError)
    }
}

impl FromStr for Hash {
    type Err = HashError;

    fn from_str(text: &str) -> Result<Self, HashError> {
        let bytes = BASE64_STANDARD.decode(text).map_err(|_| HashError)?;
        Self::try_from(bytes.as_slice())
    }
}

impl TryFrom<String> for Hash {
    type Error = HashError;

    fn try_from(text: String) -> Result<Self, HashError> {
        text.parse()
    }
}

impl From<Hash> for String {
    fn from(hash: Hash) -> Self {
        hash.to_string()
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64_STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}
