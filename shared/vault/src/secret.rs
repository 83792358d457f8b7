//! Secrets that arrive as text: checked once, wiped when dropped, never printed.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::de::{Deserialize, Deserializer, Visitor};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::entropy::{Entropy, random_key};

/// The longest secret accepted, in bytes; a header or body that holds more is a mistake or an attack.
const MAX_LEN: usize = 512;

/// Why a text is no secret of ours. Never holds the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Nothing was given.
    #[error("must not be empty")]
    Empty,
    /// More than 512 characters were given.
    #[error("must be at most {MAX_LEN} characters long")]
    TooLong,
    /// A space, a control character or something outside ASCII.
    #[error("must be printable ASCII without spaces")]
    Characters,
}

/// Text that prints as `***` and compares in constant time.
#[derive(Clone)]
struct SecretText(Zeroizing<String>);

impl SecretText {
    fn parse(text: &str) -> Result<Self, SecretError> {
        if text.is_empty() {
            Err(SecretError::Empty)
        } else if text.len() > MAX_LEN {
            Err(SecretError::TooLong)
        } else if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Err(SecretError::Characters)
        } else {
            Ok(Self(Zeroizing::new(text.to_owned())))
        }
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl PartialEq for SecretText {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for SecretText {}

/// A tenant's bearer secret: 1–512 printable ASCII characters without spaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MasterKey(SecretText);

impl MasterKey {
    /// The characters an unknown key must have before it may become a tenant of its own.
    pub const PROVISION_MIN: usize = 32;

    /// What every generated key begins with, so that secret scanners and people recognise one.
    pub const PREFIX: &str = "odgk_";

    /// Checks `text`; the error never repeats it.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        SecretText::parse(text).map(Self)
    }

    /// Makes a new key of 256 random bits.
    pub fn generate(entropy: &mut dyn Entropy) -> Self {
        let mut text = Zeroizing::new(String::with_capacity(Self::PREFIX.len() + 43));
        text.push_str(Self::PREFIX);
        BASE64_URL_SAFE_NO_PAD.encode_string(random_key(entropy).as_ref(), &mut text);
        Self(SecretText(text))
    }

    /// Tells whether the key is long enough to be provisioned automatically.
    pub fn can_provision(&self) -> bool {
        self.expose().len() >= Self::PROVISION_MIN
    }

    /// The key itself: to show it once to its owner, and for nothing else.
    pub fn expose(&self) -> &str {
        &self.0.0
    }
}

/// A store's Order Desk API key: 1–512 printable ASCII characters without spaces.
///
/// It can be read from a request body but not written into an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey(SecretText);

impl ApiKey {
    /// Checks `text`; the error never repeats it.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        SecretText::parse(text).map(Self)
    }

    /// The key itself: to seal it, or for the header of a request to Order Desk.
    pub fn expose(&self) -> &str {
        &self.0.0
    }
}

impl<'de> Deserialize<'de> for ApiKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Not `deserialize_str`: for that, `serde_json` refuses other types itself.
        deserializer.deserialize_any(ApiKeyVisitor)
    }
}

/// Written by hand because serde's own refusals quote the value they refuse.
struct ApiKeyVisitor;

impl Visitor<'_> for ApiKeyVisitor {
    type Value = ApiKey;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<ApiKey, E> {
        ApiKey::parse(text).map_err(E::custom)
    }

    fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<ApiKey, E> {
        Err(E::custom("must be a string"))
    }

    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<ApiKey, E> {
        Err(E::custom("must be a string"))
    }

    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<ApiKey, E> {
        Err(E::custom("must be a string"))
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<ApiKey, E> {
        Err(E::custom("must be a string"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::entropy::SystemEntropy;
    use crate::entropy::tests::Counting;

    #[test]
    fn a_generated_key_is_recognisable_parses_and_may_provision() {
        let key = MasterKey::generate(&mut Counting(0));
        assert_eq!(key.expose(), "odgk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8");
        assert_eq!(MasterKey::parse(key.expose()), Ok(key.clone()));
        assert!(key.can_provision());
        assert_ne!(
            MasterKey::generate(&mut SystemEntropy),
            MasterKey::generate(&mut SystemEntropy)
        );
    }

    #[test]
    fn a_key_below_32_characters_may_not_provision() {
        assert!(!MasterKey::parse(&"k".repeat(31)).unwrap().can_provision());
        assert!(MasterKey::parse(&"k".repeat(32)).unwrap().can_provision());
    }

    #[test]
    fn texts_that_cannot_travel_in_a_header_are_refused() {
        assert_eq!(MasterKey::parse(""), Err(SecretError::Empty));
        assert_eq!(MasterKey::parse("a b"), Err(SecretError::Characters));
        assert_eq!(MasterKey::parse("schlüssel"), Err(SecretError::Characters));
        assert_eq!(ApiKey::parse("key\n"), Err(SecretError::Characters));
        assert!(ApiKey::parse(&"k".repeat(512)).is_ok());
        assert_eq!(ApiKey::parse(&"k".repeat(513)), Err(SecretError::TooLong));
    }

    #[test]
    fn secrets_print_as_stars() {
        let shown = format!("{:?} {:?}", MasterKey::parse("hunter2"), ApiKey::parse("hunter2"));
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains("***"), "{shown}");
    }

    #[test]
    fn an_api_key_of_the_wrong_type_is_refused_without_quoting_it() {
        for json in [
            "417417417",
            "-417417417",
            "417417417.5",
            "true",
            "[417417417]",
            r#""417417417 x""#,
        ] {
            let error = serde_json::from_str::<ApiKey>(json).unwrap_err().to_string();
            assert!(!error.contains("417417417") && !error.contains("true"), "{error}");
        }
        assert_eq!(
            serde_json::from_str::<ApiKey>(r#""abc""#).unwrap().expose(),
            "abc"
        );
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_its_error_never_holds_the_text(text in ".{2,600}") {
            if let Err(error) = MasterKey::parse(&text) {
                prop_assert!(text.len() < 8 || !error.to_string().contains(&text));
            }
        }
    }
}
