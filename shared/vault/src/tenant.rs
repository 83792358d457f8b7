//! The key of a tenant, which wraps the data keys of its stores and subjects.

use std::fmt;

use uuid::Uuid;
use zeroize::Zeroizing;

use crate::aead::{self, OpenError};
use crate::entropy::Entropy;
use crate::label::{self, joined};
use crate::seal::DataKey;

const VERSION: u8 = 1;

/// A tenant's key, derived by [`Keyring::tenant_key`](crate::Keyring::tenant_key).
pub struct TenantKey(pub(crate) Zeroizing<[u8; 32]>);

impl TenantKey {
    /// Encrypts `key` for storage in the row named `data_key_id`; it opens under that name only.
    ///
    /// The result is 61 bytes: version, nonce, ciphertext, tag.
    pub fn wrap(&self, data_key_id: Uuid, key: &DataKey, entropy: &mut dyn Entropy) -> Vec<u8> {
        aead::encrypt(&self.0, &[VERSION], &aad(data_key_id), key.0.as_ref(), entropy)
    }

    /// Opens what [`wrap`](Self::wrap) returned for the same tenant and name.
    pub fn unwrap(&self, data_key_id: Uuid, wrapped: &[u8]) -> Result<DataKey, OpenError> {
        match wrapped.split_first() {
            Some((&VERSION, body)) => aead::decrypt_key(&self.0, &aad(data_key_id), body).map(DataKey),
            _ => Err(OpenError),
        }
    }
}

fn aad(data_key_id: Uuid) -> Vec<u8> {
    joined(&[label::AAD_DATA_KEY, &[VERSION], data_key_id.as_bytes()])
}

impl fmt::Debug for TenantKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TenantKey(***)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::entropy::SystemEntropy;
    use crate::entropy::tests::Counting;

    fn tenant(fill: u8) -> TenantKey {
        TenantKey(Zeroizing::new([fill; 32]))
    }

    const ID: Uuid = Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0001);

    #[test]
    fn a_data_key_opens_for_its_tenant_and_name_only() {
        let key = DataKey::generate(&mut SystemEntropy);
        let wrapped = tenant(1).wrap(ID, &key, &mut SystemEntropy);
        assert_eq!(wrapped.len(), 61);
        assert_eq!(tenant(1).unwrap(ID, &wrapped).unwrap().0, key.0);
        assert_eq!(tenant(2).unwrap(ID, &wrapped).unwrap_err(), OpenError);
        assert_eq!(tenant(1).unwrap(Uuid::nil(), &wrapped).unwrap_err(), OpenError);
        assert_eq!(tenant(1).unwrap(ID, &[]).unwrap_err(), OpenError);
    }

    #[test]
    fn what_was_wrapped_once_opens_for_ever() {
        let wrapped = hex::decode("01000102030405060708090a0bbea3902325fb037cfb6fe2c1256ccda6abc36e0ff094400574cf3d85a48238b7cefbcdbbfb6d844bbe753b68b680fffd").unwrap();
        assert_eq!(*tenant(1).unwrap(ID, &wrapped).unwrap().0, [5; 32]);
    }

    #[test]
    fn a_tenant_key_prints_as_stars() {
        assert_eq!(format!("{:?}", tenant(1)), "TenantKey(***)");
    }

    proptest! {
        #[test]
        fn any_flipped_bit_of_a_wrapped_data_key_fails(bit in 0_usize..61 * 8) {
            let mut wrapped = tenant(1).wrap(ID, &DataKey::generate(&mut Counting(0)), &mut Counting(7));
            wrapped[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(tenant(1).unwrap(ID, &wrapped).unwrap_err(), OpenError);
        }
    }
}
