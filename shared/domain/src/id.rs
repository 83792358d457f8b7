//! Identifiers. Ours are UUIDv7, given from outside so that nothing here draws randomness; Order Desk's are
//! strings that are checked once, here.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! uuid_ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::try_parse(text).map(Self)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }
    )*};
}

uuid_ids! {
    /// A tenant: whoever holds its master keys.
    TenantId;
    /// One registration of an Order Desk store by one tenant.
    StoreId;
    /// One master key of a tenant.
    KeyId;
    /// One command on its way to Order Desk.
    JobId;
    /// Jobs of one order that travel in one upstream request.
    BatchId;
    /// One erasure of personal data.
    ErasureId;
    /// A random data key, kept wrapped by its tenant's key.
    DataKeyId;
    /// One run of one worker process.
    IncarnationId;
    /// One address that a tenant wants to be told at.
    EndpointId;
    /// One secret that signs what is told.
    SecretId;
    /// One event on its way to one address.
    DeliveryId;
}

/// Why a text is not an identifier of Order Desk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Order and item ids are made of digits.
    #[error("must be 1 to 20 digits")]
    NotDigits,
    /// Store ids are short and printable.
    #[error("must be 1 to 64 printable ASCII characters without spaces")]
    NotAStoreId,
    /// Request ids are short and safe to log.
    #[error("must be 1 to 128 characters of A-Z a-z 0-9 . _ -")]
    NotARequestId,
}

macro_rules! text_ids {
    ($($(#[$doc:meta])* $name:ident, $check:expr, $error:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                let check: fn(&str) -> bool = $check;
                if check(&text) { Ok(Self(text)) } else { Err($error) }
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

text_ids! {
    /// Order Desk's internal id of an order or an inventory item: digits only.
    OrderId,
        |text| (1..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit()),
        IdError::NotDigits;
    /// Order Desk's id of a store, as its merchant reads it in the settings.
    UpstreamStoreId,
        |text| (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()),
        IdError::NotAStoreId;
    /// The correlation id of one HTTP request, given by the client or made by us.
    RequestId,
        |text| (1..=128).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_".contains(&b)),
        IdError::NotARequestId;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_id_is_made_of_digits() {
        assert!("4312".parse::<OrderId>().is_ok());
        for bad in ["", "4312:mutate", "43 12", "-1", "٣", "123456789012345678901"] {
            assert_eq!(bad.parse::<OrderId>(), Err(IdError::NotDigits), "{bad:?}");
        }
    }

    #[test]
    fn a_request_id_is_safe_to_log() {
        assert!("a.B-9_z".parse::<RequestId>().is_ok());
        assert!("line\nbreak".parse::<RequestId>().is_err());
        assert!("x".repeat(129).parse::<RequestId>().is_err());
    }

    #[test]
    fn serde_goes_through_the_parser() {
        assert!(serde_json::from_str::<OrderId>("\"12x\"").is_err());
    }
}
