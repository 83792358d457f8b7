//! AES-256-GCM as every format here uses it: header, nonce, ciphertext, tag.

use aes_gcm::{AeadInOut, Aes256Gcm, KeyInit, Nonce, Tag};
use zeroize::Zeroizing;

use crate::entropy::{Entropy, random};

pub(crate) const NONCE: usize = 12;
pub(crate) const TAG: usize = 16;

/// Sealed bytes that do not open: altered, cut, of another row, or under another key.
///
/// Deliberately one error without detail, since the difference would help only an attacker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("sealed data cannot be opened")]
pub struct OpenError;

/// Returns `header`, a fresh nonce, and `plaintext` encrypted with its tag.
///
/// Nonces are random 96-bit values, safe for 2³² messages under one key (NIST SP 800-38D §8.3); a key here
/// serves one store or one subject and comes nowhere near.
pub(crate) fn encrypt(
    key: &[u8; 32],
    header: &[u8],
    aad: &[u8],
    plaintext: &[u8],
    entropy: &mut dyn Entropy,
) -> Vec<u8> {
    let nonce: [u8; NONCE] = random(entropy);
    let start = header.len() + NONCE;
    let mut out = Vec::with_capacity(start + plaintext.len() + TAG);
    out.extend_from_slice(header);
    out.extend_from_slice(&nonce);
    out.extend_from_slice(plaintext);
    let tag = Aes256Gcm::new(key.into())
        .encrypt_inout_detached(&Nonce::from(nonce), aad, (&mut out[start..]).into())
        .expect("a message is far below 64 GiB");
    out.extend_from_slice(&tag);
    out
}

/// Opens what [`encrypt`] returned after its header.
pub(crate) fn decrypt(key: &[u8; 32], aad: &[u8], body: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let (nonce, rest) = body.split_first_chunk::<NONCE>().ok_or(OpenError)?;
    let (ciphertext, tag) = rest.split_last_chunk::<TAG>().ok_or(OpenError)?;
    let mut plain = Zeroizing::new(ciphertext.to_vec());
    Aes256Gcm::new(key.into())
        .decrypt_inout_detached(
            &Nonce::from(*nonce),
            aad,
            plain.as_mut_slice().into(),
            &Tag::from(*tag),
        )
        .map_err(|_| OpenError)?;
    Ok(plain)
}

/// Opens what must be exactly one 256-bit key.
pub(crate) fn decrypt_key(key: &[u8; 32], aad: &[u8], body: &[u8]) -> Result<Zeroizing<[u8; 32]>, OpenError> {
    let plain = decrypt(key, aad, body)?;
    let mut opened = Zeroizing::new([0; 32]);
    if plain.len() != opened.len() {
        return Err(OpenError);
    }
    opened.copy_from_slice(&plain);
    Ok(opened)
}
