//! The names under which keys are derived (HKDF `info`, RFC 5869 §3.2).
//!
//! A label is part of the stored data: changing one locks everybody out or makes what it sealed unreadable.
//! The known answers in `keyring.rs`, `kms.rs` and `seal.rs` fail when that happens.

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

pub(crate) const KMS_WRAP: &[u8] = b"orderdesk-gateway/v1/kms/wrap";
pub(crate) const KMS_ID: &[u8] = b"orderdesk-gateway/v1/kms/id";

pub(crate) const LOOKUP: &[u8] = b"orderdesk-gateway/v1/root/lookup";
pub(crate) const DIGEST: &[u8] = b"orderdesk-gateway/v1/root/digest";
pub(crate) const ETAG: &[u8] = b"orderdesk-gateway/v1/root/etag";
pub(crate) const FINGERPRINT: &[u8] = b"orderdesk-gateway/v1/root/fingerprint";
pub(crate) const UPSTREAM: &[u8] = b"orderdesk-gateway/v1/root/upstream";
pub(crate) const SIGNING: &[u8] = b"orderdesk-gateway/v1/root/signing";
pub(crate) const CACHE_NAME: &[u8] = b"orderdesk-gateway/v1/root/cache-name";
/// Followed by the tenant's salt.
pub(crate) const TENANT: &[u8] = b"orderdesk-gateway/v1/root/tenant/";

/// Domains of associated data, so that no ciphertext of one kind opens as another.
pub(crate) const AAD_ROOT: &[u8] = b"orderdesk-gateway/v1/aad/root";
pub(crate) const AAD_DATA_KEY: &[u8] = b"orderdesk-gateway/v1/aad/data-key";
pub(crate) const AAD_ROW: &[u8] = b"orderdesk-gateway/v1/aad/row";

/// Derives the 256-bit key that `label` (and what follows it) names.
pub(crate) fn derive(source: &Hkdf<Sha256>, label: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0; 32]);
    source
        .expand_multi_info(label, key.as_mut())
        .expect("32 bytes are within HKDF's limit");
    key
}

/// Joins `parts` unambiguously: each is preceded by its length, so no two lists share an encoding.
pub(crate) fn joined(parts: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
    for part in parts {
        out.extend_from_slice(&(part.len() as u64).to_be_bytes());
        out.extend_from_slice(part);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joined_parts_cannot_be_confused_with_others() {
        assert_ne!(joined(&[b"ab", b"c"]), joined(&[b"a", b"bc"]));
        assert_ne!(joined(&[b"ab"]), joined(&[b"ab", b""]));
    }

    #[test]
    fn all_labels_differ() {
        let mut labels = [
            KMS_WRAP,
            KMS_ID,
            LOOKUP,
            DIGEST,
            ETAG,
            FINGERPRINT,
            UPSTREAM,
            SIGNING,
            CACHE_NAME,
            TENANT,
            AAD_ROOT,
            AAD_DATA_KEY,
            AAD_ROW,
        ]
        .to_vec();
        labels.sort_unstable();
        labels.dedup();
        assert_eq!(labels.len(), 13);
    }
}
