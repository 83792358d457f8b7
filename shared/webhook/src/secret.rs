//! Signing secrets in the form of Standard Webhooks: `whsec_` and base64.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use zeroize::Zeroizing;

const PREFIX: &str = "whsec_";
/// Standard Webhooks 1.0: between 24 and 64 bytes.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// A key that signs webhooks. Prints as `***`, is wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<Vec<u8>>);

/// A text is no signing secret. Never holds the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a signing secret is whsec_ followed by the base64 of 24 to 64 bytes")]
pub struct SecretError;

impl Secret {
    /// A secret of these bytes, which should be random.
    pub fn new(random: [u8; 32]) -> Self {
        Self(Zeroizing::new(random.to_vec()))
    }

    /// Reads what [`Secret::reveal`] wrote.
    ///
    /// # Errors
    /// [`SecretError`] if it is none.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        let encoded = text.strip_prefix(PREFIX).ok_or(SecretError)?;
        let bytes = BASE64_STANDARD.decode(encoded).map_err(|_| SecretError)?;
        if BYTES.contains(&bytes.len()) {
            Ok(Self(Zeroizing::new(bytes)))
        } else {
            Err(SecretError)
        }
    }

    /// The text that its owner is told once.
    pub fn reveal(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::from(PREFIX));
        BASE64_STANDARD.encode_string(&*self.0, &mut text);
        text
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_survives_being_written_and_read() {
        let secret = Secret::new([7; 32]);
        let text = secret.reveal();
        assert_eq!(
            text.as_str(),
            "whsec_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc="
        );
        assert_eq!(Secret::parse(&text), Ok(secret));
    }

    #[test]
    fn it_never_prints() {
        assert_eq!(format!("{:?}", Secret::new([7; 32])), "***");
    }

    #[test]
    fn other_texts_are_none() {
        for text in [
            "",
            "whsec_",
            "whsec_AAAA",
            "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=",
            "whsec_%%%",
        ] {
            assert_eq!(Secret::parse(text), Err(SecretError), "{text}");
        }
    }
}
