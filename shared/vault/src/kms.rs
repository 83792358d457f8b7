//! `MCP_KMS_KEY`: the operator's key, which does nothing but wrap the root key.

use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::label;
use crate::root::{OpenedRoot, UnwrapError, WrappedRoot};

/// The fewest bytes of key material accepted.
const MIN_BYTES: usize = 32;

/// The longest text accepted; more is a file given by mistake.
const MAX_TEXT: usize = 4096;

/// Lenient about padding and unused last bits, which say nothing about the strength of a key.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The operator's wrapping key, from `MCP_KMS_KEY` or `MCP_KMS_KEY_PREVIOUS`.
#[derive(Clone)]
pub struct KmsKey {
    id: KmsKeyId,
    wrap: Zeroizing<[u8; 32]>,
}

/// Why a text is no KMS key. Reads after the name of the variable; never holds the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KmsKeyError {
    /// Nothing was given.
    #[error("is empty; expected 32 or more random bytes as base64 or base64url")]
    Empty,
    /// The text is far longer than any key.
    #[error("is longer than {MAX_TEXT} characters; expected 32 or more random bytes as base64 or base64url")]
    TooLong,
    /// The text is in neither alphabet.
    #[error("is neither base64 nor base64url; expected 32 or more random bytes in one of them")]
    NotBase64,
    /// The text holds too few bytes.
    #[error("holds only {bytes} bytes; expected 32 or more random bytes as base64 or base64url")]
    TooShort {
        /// How many bytes the text decodes to.
        bytes: usize,
    },
}

impl KmsKey {
    /// Reads 32 or more bytes of base64 or base64url, padded or not; surrounding white space is ignored.
    pub fn parse(text: &str) -> Result<Self, KmsKeyError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(KmsKeyError::Empty);
        }
        if text.len() > MAX_TEXT {
            return Err(KmsKeyError::TooLong);
        }
        let standard = Zeroizing::new(text.replace('-', "+").replace('_', "/"));
        let bytes = BASE64
            .decode(standard.as_str())
            .map(Zeroizing::new)
            .map_err(|_| KmsKeyError::NotBase64)?;
        if bytes.len() < MIN_BYTES {
            return Err(KmsKeyError::TooShort { bytes: bytes.len() });
        }
        Ok(Self::from_material(&bytes))
    }

    /// The raw material is dropped at once; only what it derives is kept.
    fn from_material(material: &[u8]) -> Self {
        let source = Hkdf::<Sha256>::new(None, material);
        let mut id = KmsKeyId([0; 8]);
        id.0.copy_from_slice(&label::derive(&source, &[label::KMS_ID])[..8]);
        Self {
            id,
            wrap: label::derive(&source, &[label::KMS_WRAP]),
        }
    }

    /// The public name of this key.
    pub fn id(&self) -> KmsKeyId {
        self.id
    }

    pub(crate) fn wrap_key(&self) -> &[u8; 32] {
        &self.wrap
    }
}

impl fmt::Debug for KmsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KmsKey(***)")
    }
}

/// A KMS key's public name: 64 bits derived from it, by which a wrong key is recognised before it fails.
///
/// Safe to store and to print. Shown as 16 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KmsKeyId(pub(crate) [u8; 8]);

impl fmt::Display for KmsKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for KmsKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KmsKeyId({self})")
    }
}

/// The keys a process was started with: the current one, and the one before it while a rotation is under way.
#[derive(Clone, Debug)]
pub struct KmsKeys {
    /// `MCP_KMS_KEY`: everything is wrapped with it from now on.
    pub current: KmsKey,
    /// `MCP_KMS_KEY_PREVIOUS`: opens what was wrapped before.
    pub previous: Option<KmsKey>,
}

impl KmsKeys {
    /// Opens the root key with whichever key wrapped it, and tells whether it should be wrapped anew.
    ///
    /// # Errors
    /// [`UnwrapError::WrongKey`] names the key that is needed and those that were offered.
    pub fn open(&self, wrapped: &WrappedRoot) -> Result<OpenedRoot, UnwrapError> {
        if wrapped.kms_key_id() == self.current.id {
            return Ok(OpenedRoot {
                root: wrapped.unwrap(&self.current)?,
                rewrap: false,
            });
        }
        match &self.previous {
            Some(previous) if wrapped.kms_key_id() == previous.id => Ok(OpenedRoot {
                root: wrapped.unwrap(previous)?,
                rewrap: true,
            }),
            _ => Err(UnwrapError::WrongKey {
                needed: wrapped.kms_key_id(),
                offered: std::iter::once(&self.current)
                    .chain(&self.previous)
                    .map(KmsKey::id)
                    .collect(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::prelude::*;
    use proptest::prelude::*;

    use super::*;

    /// Bytes whose base64 has both characters in which the alphabets differ.
    const MATERIAL: [u8; 32] = {
        let mut bytes = [0xfb; 32];
        bytes[1] = 0xff;
        bytes
    };

    #[test]
    fn both_alphabets_padded_or_not_give_the_same_key() {
        let id = KmsKey::from_material(&MATERIAL).id();
        for text in [
            BASE64_STANDARD.encode(MATERIAL),
            BASE64_STANDARD_NO_PAD.encode(MATERIAL),
            BASE64_URL_SAFE.encode(MATERIAL),
            BASE64_URL_SAFE_NO_PAD.encode(MATERIAL),
            format!("  {}\n", BASE64_URL_SAFE.encode(MATERIAL)),
        ] {
            assert_eq!(KmsKey::parse(&text).unwrap().id(), id, "{text}");
        }
    }

    #[test]
    fn the_output_of_pythons_token_urlsafe_is_a_key() {
        // python -c "import secrets; print(secrets.token_urlsafe(32))"
        assert!(KmsKey::parse("nVvTzC0n5yqGk_0PpQ0h0O0bQ4Xr-1mSx6D9cV2uWkE\n").is_ok());
    }

    #[test]
    fn too_little_material_is_refused_with_the_number_of_bytes() {
        let short = BASE64_STANDARD.encode([7; 31]);
        assert_eq!(
            KmsKey::parse(&short).unwrap_err(),
            KmsKeyError::TooShort { bytes: 31 }
        );
        assert_eq!(KmsKey::parse(" \n").unwrap_err(), KmsKeyError::Empty);
        assert_eq!(
            KmsKey::parse(&"A".repeat(4097)).unwrap_err(),
            KmsKeyError::TooLong
        );
        assert_eq!(
            KmsKey::parse("change me, please!").unwrap_err(),
            KmsKeyError::NotBase64
        );
    }

    #[test]
    fn more_than_32_bytes_all_count() {
        let mut long = [7; 48];
        let first = KmsKey::parse(&BASE64_STANDARD.encode(long)).unwrap();
        long[47] = 8;
        assert_ne!(
            first.id(),
            KmsKey::parse(&BASE64_STANDARD.encode(long)).unwrap().id()
        );
    }

    #[test]
    fn a_kms_key_prints_as_stars() {
        let key = KmsKey::from_material(&MATERIAL);
        assert_eq!(format!("{key:?}"), "KmsKey(***)");
        let keys = KmsKeys {
            current: key,
            previous: None,
        };
        assert_eq!(
            format!("{keys:?}"),
            "KmsKeys { current: KmsKey(***), previous: None }"
        );
    }

    #[test]
    fn what_a_kms_key_derives_never_changes() {
        let key = KmsKey::from_material(&[7; 32]);
        assert_eq!(key.id().to_string(), "ad874dcb153722a2");
        assert_eq!(
            hex::encode(key.wrap_key()),
            "14e4ae8d2e2beb89be6b92fd4879221a0039aaec792cd21861e453770e34f971"
        );
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_its_error_never_holds_the_text(text in ".{8,80}") {
            if let Err(error) = KmsKey::parse(&text) {
                prop_assert!(!error.to_string().contains(text.trim()) || text.trim().len() < 8);
            }
        }

        #[test]
        fn any_bytes_of_sufficient_number_are_a_key(bytes in prop::collection::vec(any::<u8>(), 32..100)) {
            let text = BASE64_URL_SAFE_NO_PAD.encode(&bytes);
            prop_assert_eq!(KmsKey::parse(&text).unwrap().id(), KmsKey::from_material(&bytes).id());
        }
    }
}
