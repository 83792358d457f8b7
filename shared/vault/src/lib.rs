//! Master keys, key derivation and sealing; secrets that never print.
//!
//! **What it is for.** Everything secret passes through here: `MCP_KMS_KEY` ([`KmsKey`]) wraps one random
//! [`RootKey`]; the [`Keyring`] derived from it looks master keys up, keys digests and tags, and yields a
//! [`TenantKey`] per tenant, which wraps random [`DataKey`]s, which seal rows. [`ArgonPool`] proves master
//! keys without letting argon2id take the machine, and [`Authenticator`] remembers what was proven.
//!
//! **What it is not for.** It does no I/O and stores nothing: wrapped keys and sealed bytes belong to the
//! ledger. It decides no policy either: who may log in, what a tombstone answers and how often an address
//! may fail is told to it or asked elsewhere.
//!
//! **How to add a derived key.** Add a label to `label.rs` (a new one: an existing label never changes, since
//! what it sealed or looked up would be lost), a field and an accessor to [`Keyring`], and its known answer to
//! `keyring.rs`' tests. A new sealed format gets a new version byte beside the old one.

mod aead;
mod argon;
mod authenticator;
mod entropy;
mod keyring;
mod kms;
mod label;
pub mod metric;
mod root;
mod seal;
mod secret;
mod tenant;

pub use aead::OpenError;
pub use argon::{ArgonPool, HashError, PoolConfig};
pub use authenticator::{AuthenticateError, Authenticator, AuthenticatorConfig, Candidate};
pub use entropy::{Entropy, SystemEntropy, random};
pub use keyring::{Keyring, LookupHash, TenantSalt, UpstreamKey};
pub use kms::{KmsKey, KmsKeyError, KmsKeyId, KmsKeys};
pub use root::{OpenedRoot, RootKey, UnwrapError, WrappedRoot, WrappedRootError};
pub use seal::{Aad, DataKey, SEAL_OVERHEAD, sealed_key_id};
pub use secret::{ApiKey, MasterKey, SecretError};
pub use tenant::TenantKey;
pub use zeroize::Zeroizing;
