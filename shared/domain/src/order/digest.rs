//! Keyed digests of orders, and the entity tags made of them.
//!
//! The key keeps anyone who sees a digest from guessing an order's content.

use std::fmt;
use std::fmt::Write as _;
use std::str::FromStr;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::canonical::Canonical;
use super::document::OrderDoc;

/// What is hashed before the content, so that a digest of one purpose is never one of another.
const PURPOSE: &[u8] = b"order.comparable.v1\0";

/// HMAC-SHA256 of an order's comparable form.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The digest of `doc` under `key` (any length).
    pub fn of(key: &[u8], doc: &OrderDoc) -> Self {
        Self::of_canonical(key, &Canonical::of(doc))
    }

    /// The digest of a form that was made before.
    pub fn of_canonical(key: &[u8], canonical: &Canonical) -> Self {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
        mac.update(PURPOSE);
        mac.update(&canonical.to_bytes());
        Self(mac.finalize().into_bytes().into())
    }

    /// 64 hexadecimal digits.
    pub fn to_hex(self) -> String {
        hex(&self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({})", self.to_hex())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            write!(text, "{byte:02x}").expect("a String takes everything");
            text
        })
}

/// A strong entity tag (RFC 9110 §8.8.3), quotes included.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ETag(String);

impl ETag {
    /// The tag of `doc` under `key`: 128 bits of its digest.
    pub fn of(key: &[u8], doc: &OrderDoc) -> Self {
        Digest::of(key, doc).into()
    }

    /// The tag as it stands in the header, quotes included.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Digest> for ETag {
    fn from(digest: Digest) -> Self {
        Self(format!("\"{}\"", hex(&digest.0[..16])))
    }
}

impl From<ETag> for String {
    fn from(tag: ETag) -> Self {
        tag.0
    }
}

impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is no entity tag or no `If-Match`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    /// `W/"…"`: only strong tags can guard a change.
    #[error("must be a strong entity tag; weak tags (W/\"…\") cannot guard a change")]
    Weak,
    /// Not a quoted tag.
    #[error("must be an entity tag in double quotes, or *")]
    Malformed,
}

impl FromStr for ETag {
    type Err = TagError;

    fn from_str(text: &str) -> Result<Self, TagError> {
        if text.starts_with("W/") {
            return Err(TagError::Weak);
        }
        let inner = text
            .strip_prefix('"')
            .and_then(|t| t.strip_suffix('"'))
            .ok_or(TagError::Malformed)?;
        // RFC 9110 §8.8.3: etagc = %x21 / %x23-7E / obs-text; the quote itself is not in it.
        if inner.chars().all(|c| c != '"' && c > ' ' && c != '\u{7f}') {
            Ok(Self(text.to_owned()))
        } else {
            Err(TagError::Malformed)
        }
    }
}

impl TryFrom<String> for ETag {
    type Error = TagError;

    fn try_from(text: String) -> Result<Self, TagError> {
        text.parse()
    }
}

/// The precondition of a command (RFC 9110 §13.1.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum IfMatch {
    /// `*`: the order exists.
    Any,
    /// The order carries one of these tags.
    Tags(Vec<ETag>),
}

impl IfMatch {
    /// Whether an order with the tag `tag` fulfils the precondition.
    pub fn allows(&self, tag: &ETag) -> bool {
        match self {
            Self::Any => true,
            Self::Tags(tags) => tags.contains(tag),
        }
    }
}

impl FromStr for IfMatch {
    type Err = TagError;

    fn from_str(text: &str) -> Result<Self, TagError> {
        if text.trim() == "*" {
            return Ok(Self::Any);
        }
        // A tag may hold a comma, so the list is cut at commas outside of quotes.
        let mut quoted = false;
        let parts = text.split(|c| {
            quoted ^= c == '"';
            c == ',' && !quoted
        });
        let tags: Vec<ETag> = parts
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(str::parse)
            .collect::<Result<_, _>>()?;
        if tags.is_empty() {
            Err(TagError::Malformed)
        } else {
            Ok(Self::Tags(tags))
        }
    }
}

impl TryFrom<String> for IfMatch {
    type Error = TagError;

    fn try_from(text: String) -> Result<Self, TagError> {
        text.parse()
    }
}

impl From<IfMatch> for String {
    fn from(condition: IfMatch) -> Self {
        match condition {
            IfMatch::Any => "*".to_owned(),
            IfMatch::Tags(tags) => tags.iter().map(ETag::as_str).collect::<Vec<_>>().join(", "),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[expect(
        clippy::needless_pass_by_value,
        reason = "a json!() literal is given by value"
    )]
    fn doc(total: serde_json::Value) -> OrderDoc {
        OrderDoc::from_value(json!({"id": "1", "tax_total": total})).unwrap()
    }

    #[test]
    fn a_tag_depends_on_content_and_key_alone() {
        let tag = ETag::of(b"key", &doc(json!(10)));
        assert_eq!(tag, ETag::of(b"key", &doc(json!("10.00"))));
        assert_ne!(tag, ETag::of(b"key", &doc(json!(11))));
        assert_ne!(tag, ETag::of(b"other", &doc(json!(10))));
        assert_eq!(tag.as_str().len(), 34);
        assert_eq!(tag.as_str().parse::<ETag>().unwrap(), tag);
    }

    #[test]
    fn preconditions_are_read_as_rfc_9110_says() {
        assert_eq!("*".parse(), Ok(IfMatch::Any));
        let both: IfMatch = "\"a,b\" , \"c\"".parse().unwrap();
        assert!(both.allows(&"\"a,b\"".parse().unwrap()) && both.allows(&"\"c\"".parse().unwrap()));
        assert!(!both.allows(&"\"a\"".parse().unwrap()));
        assert_eq!("W/\"a\"".parse::<IfMatch>(), Err(TagError::Weak));
        assert_eq!("\"c\", W/\"a\"".parse::<IfMatch>(), Err(TagError::Weak));
        for bad in ["", "a", "\"a", "\"a b\"", "*, \"a\""] {
            assert_eq!(bad.parse::<IfMatch>(), Err(TagError::Malformed), "{bad}");
        }
        let text = serde_json::to_string(&both).unwrap();
        assert_eq!(serde_json::from_str::<IfMatch>(&text).unwrap(), both);
    }
}
