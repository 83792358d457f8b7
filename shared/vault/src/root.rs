//! The root key: random, made once, stored only wrapped by the KMS key.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::aead::{self, NONCE, TAG};
use crate::entropy::{Entropy, random_key};
use crate::kms::{KmsKey, KmsKeyId};
use crate::label::{self, joined};

/// The 256 random bits from which every other key derives.
pub struct RootKey(pub(crate) Zeroizing<[u8; 32]>);

/// A root key as it was found, and what is to be done about it.
#[derive(Debug)]
pub struct OpenedRoot {
    /// The key.
    pub root: RootKey,
    /// True if the previous KMS key opened it: wrap it with the current one and store that.
    pub rewrap: bool,
}

/// Why a wrapped root key did not open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnwrapError {
    /// It was wrapped with another key than those given.
    #[error(
        "the root key is wrapped with KMS key {needed}, but {} was given",
        names(offered)
    )]
    WrongKey {
        /// The key that wrapped it.
        needed: KmsKeyId,
        /// The keys that were given.
        offered: Vec<KmsKeyId>,
    },
    /// The right key was given and still it does not open: what is stored was altered.
    #[error("the wrapped root key is damaged")]
    Damaged,
}

fn names(ids: &[KmsKeyId]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl RootKey {
    /// Makes a new root key, once in the life of a ledger.
    pub fn generate(entropy: &mut dyn Entropy) -> Self {
        Self(random_key(entropy))
    }

    /// Encrypts the root key under `kms`. Wrapping twice gives different bytes of the same meaning.
    pub fn wrap(&self, kms: &KmsKey, entropy: &mut dyn Entropy) -> WrappedRoot {
        let body = aead::encrypt(kms.wrap_key(), &[], &aad(kms.id()), self.0.as_ref(), entropy);
        WrappedRoot {
            kms_key_id: kms.id(),
            body,
        }
    }

    /// Opens what [`wrap`](Self::wrap) returned; same as [`WrappedRoot::unwrap`].
    pub fn unwrap(kms: &KmsKey, wrapped: &WrappedRoot) -> Result<Self, UnwrapError> {
        wrapped.unwrap(kms)
    }
}

impl fmt::Debug for RootKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RootKey(***)")
    }
}

fn aad(id: KmsKeyId) -> Vec<u8> {
    joined(&[label::AAD_ROOT, &id.0])
}

const PREFIX: &str = "root.v1.";
const BODY: usize = NONCE + 32 + TAG;

/// A wrapped root key: safe to store, of no use without the KMS key.
///
/// Its text form, which is also its form in serde, describes itself: `root.v1.<KMS key id>.<base64url>`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WrappedRoot {
    kms_key_id: KmsKeyId,
    body: Vec<u8>,
}

/// Why a text is no wrapped root key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrappedRootError {
    /// It does not begin with a version this program knows; perhaps a newer one wrote it.
    #[error("unknown version of a wrapped root key")]
    Version,
    /// It is cut or altered.
    #[error("not a wrapped root key")]
    Malformed,
}

impl WrappedRoot {
    /// The name of the KMS key that opens it.
    pub fn kms_key_id(&self) -> KmsKeyId {
        self.kms_key_id
    }

    /// Opens it with `kms`.
    ///
    /// # Errors
    /// [`UnwrapError::WrongKey`] if another key wrapped it, [`UnwrapError::Damaged`] if it was altered.
    pub fn unwrap(&self, kms: &KmsKey) -> Result<RootKey, UnwrapError> {
        if kms.id() != self.kms_key_id {
            return Err(UnwrapError::WrongKey {
                needed: self.kms_key_id,
                offered: vec![kms.id()],
            });
        }
        aead::decrypt_key(kms.wrap_key(), &aad(self.kms_key_id), &self.body)
            .map(RootKey)
            .map_err(|_| UnwrapError::Damaged)
    }
}

impl fmt::Display for WrappedRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{PREFIX}{}.{}",
            self.kms_key_id,
            BASE64_URL_SAFE_NO_PAD.encode(&self.body)
        )
    }
}

impl fmt::Debug for WrappedRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WrappedRoot({PREFIX}{}.***)", self.kms_key_id)
    }
}

impl FromStr for WrappedRoot {
    type Err = WrappedRootError;

    fn from_str(text: &str) -> Result<Self, WrappedRootError> {
        let rest = text.strip_prefix(PREFIX).ok_or(WrappedRootError::Version)?;
        let (id, body) = rest.split_once('.').ok_or(WrappedRootError::Malformed)?;
        let mut kms_key_id = KmsKeyId([0; 8]);
        hex::decode_to_slice(id, &mut kms_key_id.0).map_err(|_| WrappedRootError::Malformed)?;
        let body = BASE64_URL_SAFE_NO_PAD
            .decode(body)
            .map_err(|_| WrappedRootError::Malformed)?;
        if body.len() != BODY {
            return Err(WrappedRootError::Malformed);
        }
        Ok(Self { kms_key_id, body })
    }
}

impl TryFrom<String> for WrappedRoot {
    type Error = WrappedRootError;

    fn try_from(text: String) -> Result<Self, WrappedRootError> {
        text.parse()
    }
}

impl From<WrappedRoot> for String {
    fn from(wrapped: WrappedRoot) -> Self {
        wrapped.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::entropy::SystemEntropy;
    use crate::entropy::tests::Counting;
    use crate::kms::KmsKeys;

    fn kms(fill: u8) -> KmsKey {
        KmsKey::parse(&BASE64_URL_SAFE_NO_PAD.encode([fill; 32])).unwrap()
    }

    #[test]
    fn a_root_key_survives_storage() {
        let root = RootKey::generate(&mut SystemEntropy);
        let stored = serde_json::to_string(&root.wrap(&kms(7), &mut SystemEntropy)).unwrap();
        let read: WrappedRoot = serde_json::from_str(&stored).unwrap();
        assert_eq!(RootKey::unwrap(&kms(7), &read).unwrap().0, root.0);
    }

    #[test]
    fn a_wrong_kms_key_is_recognised_and_both_are_named() {
        let wrapped = RootKey::generate(&mut SystemEntropy).wrap(&kms(7), &mut SystemEntropy);
        let keys = KmsKeys {
            current: kms(8),
            previous: Some(kms(9)),
        };
        let error = keys.open(&wrapped).unwrap_err();
        assert_eq!(
            error,
            UnwrapError::WrongKey {
                needed: kms(7).id(),
                offered: vec![kms(8).id(), kms(9).id()]
            }
        );
        let line = error.to_string();
        assert!(
            [7, 8, 9]
                .iter()
                .all(|fill| line.contains(&kms(*fill).id().to_string())),
            "{line}"
        );
    }

    #[test]
    fn a_rotation_opens_with_the_previous_key_and_asks_to_be_wrapped_anew() {
        let root = RootKey::generate(&mut SystemEntropy);
        let old = root.wrap(&kms(7), &mut SystemEntropy);
        let keys = KmsKeys {
            current: kms(8),
            previous: Some(kms(7)),
        };

        let opened = keys.open(&old).unwrap();
        assert!(opened.rewrap);
        assert_eq!(opened.root.0, root.0, "nothing derived from the root key changes");

        let new = opened.root.wrap(&keys.current, &mut SystemEntropy);
        let opened = KmsKeys {
            current: kms(8),
            previous: None,
        }
        .open(&new)
        .unwrap();
        assert!(!opened.rewrap);
        assert_eq!(opened.root.0, root.0);
    }

    #[test]
    fn what_was_wrapped_once_opens_for_ever() {
        let text = "root.v1.ad874dcb153722a2.AAECAwQFBgcICQoLVZksaQlWvWSVP-SACgVOeaUY3R9dR1c8l6T9qTNaKU_NERObdHmgLvoXmYCLZJHU";
        let root = text.parse::<WrappedRoot>().unwrap().unwrap(&kms(7)).unwrap();
        assert_eq!(*root.0, [42; 32]);
        assert_eq!(
            RootKey(Zeroizing::new([42; 32]))
                .wrap(&kms(7), &mut Counting(0))
                .to_string(),
            text
        );
    }

    #[test]
    fn a_version_of_the_future_is_told_from_garbage() {
        assert_eq!(
            "root.v2.00.AA".parse::<WrappedRoot>(),
            Err(WrappedRootError::Version)
        );
        assert_eq!(
            "root.v1.00.AA".parse::<WrappedRoot>(),
            Err(WrappedRootError::Malformed)
        );
        assert_eq!(
            "root.v1.0011223344556677.AA".parse::<WrappedRoot>(),
            Err(WrappedRootError::Malformed)
        );
    }

    #[test]
    fn root_keys_print_as_stars() {
        let root = RootKey(Zeroizing::new([42; 32]));
        assert_eq!(format!("{root:?}"), "RootKey(***)");
        let wrapped = root.wrap(&kms(7), &mut Counting(0));
        assert_eq!(
            format!("{wrapped:?}"),
            format!("WrappedRoot(root.v1.{}.***)", kms(7).id())
        );
    }

    proptest! {
        #[test]
        fn any_flipped_bit_of_a_wrapped_root_fails(bit in 0..BODY * 8) {
            let mut wrapped = RootKey::generate(&mut Counting(3)).wrap(&kms(7), &mut Counting(9));
            wrapped.body[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(wrapped.unwrap(&kms(7)).unwrap_err(), UnwrapError::Damaged);
        }

        #[test]
        fn reading_any_text_never_panics(text in "(root\\.v1\\.)?.{0,120}") {
            let _ = text.parse::<WrappedRoot>();
        }
    }
}
