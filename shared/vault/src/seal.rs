//! Sealing of rows: credentials under a store's data key, personal data under a subject's.

use std::fmt;

use uuid::Uuid;
use zeroize::Zeroizing;

use crate::aead::{self, NONCE, OpenError, TAG};
use crate::entropy::{Entropy, random_key};
use crate::label::{self, joined};

const VERSION: u8 = 1;
const HEADER: usize = 1 + 16;

/// How much longer sealed bytes are than what they hold: version, key id, nonce and tag.
pub const SEAL_OVERHEAD: usize = HEADER + NONCE + TAG;

/// Where sealed bytes belong; they open nowhere else, so no row can pass for another.
#[derive(Clone, Copy, Debug)]
pub struct Aad<'a> {
    /// The table, or what else tells one kind of content from another. Never changes once used.
    pub purpose: &'a str,
    /// The row's id.
    pub row: &'a [u8],
    /// The tenant it belongs to.
    pub tenant: Uuid,
}

impl Aad<'_> {
    /// The header is bound as well, so that a changed key id fails even under the right key.
    fn encode(&self, header: &[u8]) -> Vec<u8> {
        joined(&[
            label::AAD_ROW,
            header,
            self.purpose.as_bytes(),
            self.row,
            self.tenant.as_bytes(),
        ])
    }
}

/// A random 256-bit key that seals the rows of one store or one subject; without it they are gone.
pub struct DataKey(pub(crate) Zeroizing<[u8; 32]>);

impl DataKey {
    /// Makes a new key.
    pub fn generate(entropy: &mut dyn Entropy) -> Self {
        Self(random_key(entropy))
    }

    /// Encrypts `plaintext` for the place `aad` names; `key_id` is this key's own id, written in front.
    ///
    /// The result describes itself: version (1 byte), key id (16), nonce (12), ciphertext and tag (16).
    pub fn seal(&self, key_id: Uuid, aad: &Aad<'_>, plaintext: &[u8], entropy: &mut dyn Entropy) -> Vec<u8> {
        let mut header = [VERSION; HEADER];
        header[1..].copy_from_slice(key_id.as_bytes());
        aead::encrypt(&self.0, &header, &aad.encode(&header), plaintext, entropy)
    }

    /// Opens what [`seal`](Self::seal) returned for the same place.
    pub fn open(&self, aad: &Aad<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let (header, body) = sealed.split_first_chunk::<HEADER>().ok_or(OpenError)?;
        if header[0] != VERSION {
            return Err(OpenError);
        }
        aead::decrypt(&self.0, &aad.encode(header), body)
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(***)")
    }
}

/// Tells which data key opens `sealed`; none if these are not bytes that [`DataKey::seal`] made.
pub fn sealed_key_id(sealed: &[u8]) -> Option<Uuid> {
    if sealed.len() < SEAL_OVERHEAD || sealed[0] != VERSION {
        return None;
    }
    Uuid::from_slice(&sealed[1..HEADER]).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::entropy::SystemEntropy;
    use crate::entropy::tests::Counting;

    const KEY_ID: Uuid = Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_00aa);
    const TENANT: Uuid = Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_00bb);
    const AAD: Aad<'static> = Aad {
        purpose: "jobs.body",
        row: b"row-1",
        tenant: TENANT,
    };

    fn key() -> DataKey {
        DataKey(Zeroizing::new([5; 32]))
    }

    #[test]
    fn sealed_bytes_name_their_key_and_hide_their_content() {
        let sealed = key().seal(KEY_ID, &AAD, b"Erika Mustermann", &mut SystemEntropy);
        assert_eq!(sealed.len(), 16 + SEAL_OVERHEAD);
        assert_eq!(sealed_key_id(&sealed), Some(KEY_ID));
        assert!(!sealed.windows(5).any(|window| window == b"Erika"));
        let again = key().seal(KEY_ID, &AAD, b"Erika Mustermann", &mut SystemEntropy);
        assert_ne!(
            sealed[HEADER..],
            again[HEADER..],
            "equal content does not show as equal"
        );
    }

    #[test]
    fn sealed_bytes_open_only_where_they_belong() {
        let sealed = key().seal(KEY_ID, &AAD, b"secret", &mut SystemEntropy);
        assert_eq!(key().open(&AAD, &sealed).unwrap().as_slice(), b"secret");
        for elsewhere in [
            Aad {
                purpose: "jobs.patch",
                ..AAD
            },
            Aad { row: b"row-2", ..AAD },
            Aad {
                tenant: KEY_ID,
                ..AAD
            },
            Aad {
                purpose: "jobs.bodyr",
                row: b"ow-1",
                ..AAD
            },
        ] {
            assert_eq!(key().open(&elsewhere, &sealed), Err(OpenError), "{elsewhere:?}");
        }
        let other = DataKey::generate(&mut SystemEntropy);
        assert_eq!(other.open(&AAD, &sealed), Err(OpenError));
    }

    #[test]
    fn what_was_sealed_once_opens_for_ever() {
        let known = "01019200000000700080000000000000aa000102030405060708090a0ba9cbe5db2b33899bb07c53970d9ee8fc440718c4b4ac";
        assert_eq!(
            hex::encode(key().seal(KEY_ID, &AAD, b"secret", &mut Counting(0))),
            known
        );
        assert_eq!(
            key().open(&AAD, &hex::decode(known).unwrap()).unwrap().as_slice(),
            b"secret"
        );
    }

    #[test]
    fn a_data_key_prints_as_stars() {
        assert_eq!(format!("{:?}", key()), "DataKey(***)");
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens(
            content in prop::collection::vec(any::<u8>(), 0..300),
            purpose in ".{0,20}",
            row in prop::collection::vec(any::<u8>(), 0..40),
            tenant in any::<u128>(),
        ) {
            let aad = Aad { purpose: &purpose, row: &row, tenant: Uuid::from_u128(tenant) };
            let sealed = key().seal(KEY_ID, &aad, &content, &mut SystemEntropy);
            let opened = key().open(&aad, &sealed).unwrap();
            prop_assert_eq!(opened.as_slice(), content.as_slice());
        }

        #[test]
        fn any_flipped_bit_fails(bit in 0..(40 + SEAL_OVERHEAD) * 8) {
            let mut sealed = key().seal(KEY_ID, &AAD, &[b'x'; 40], &mut Counting(0));
            sealed[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(key().open(&AAD, &sealed), Err(OpenError));
        }

        #[test]
        fn any_other_length_fails(cut in 0_usize..40 + SEAL_OVERHEAD) {
            let mut sealed = key().seal(KEY_ID, &AAD, &[b'x'; 40], &mut Counting(0));
            prop_assert_eq!(key().open(&AAD, &sealed[..cut]), Err(OpenError));
            sealed.push(0);
            prop_assert_eq!(key().open(&AAD, &sealed), Err(OpenError));
        }

        #[test]
        fn reading_any_bytes_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = sealed_key_id(&bytes);
            prop_assert_eq!(key().open(&AAD, &bytes), Err(OpenError));
        }
    }
}
