//! Ciphertext as the domain sees it: bytes to carry, never to read.

use std::fmt;

/// Personal data or a credential, sealed under a data key; self-describing (it names its key).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Sealed(Vec<u8>);

impl Sealed {
    /// Wraps bytes made by the vault.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The stored bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The stored bytes, owned.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

/// Ciphertext within a document, as hex.
pub mod hex {
    use serde::{Deserialize, Deserializer, Serializer, de};

    use super::Sealed;

    /// Writes it.
    pub fn serialize<S: Serializer>(sealed: &Sealed, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&::hex::encode(&sealed.0))
    }

    /// Reads it.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Sealed, D::Error> {
        let text = String::deserialize(from)?;
        ::hex::decode(text).map(Sealed).map_err(de::Error::custom)
    }
}
