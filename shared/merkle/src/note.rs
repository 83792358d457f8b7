//! Signed notes (C2SP `signed-note`), with Ed25519 keys.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};

/// Ed25519, among the note format's signature types.
const ED25519: u8 = 1;
/// What a signature line begins with: an em dash and a space.
const SIGNATURE: &str = "\u{2014} ";
/// The longest note that is looked at, witnesses' signatures included.
const LONGEST: usize = 256 * 1024;

/// Why a note or a key cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// The name of a key is empty or has a space or a plus.
    #[error("a key's name must not be empty or contain spaces or a plus")]
    Name,
    /// Not of the form `name+id+base64`, or the id is not that of the key.
    #[error("not a verifier key: name+id+base64 is expected")]
    Key,
    /// The text of a note must be lines without control characters, the last one ended.
    #[error("not a signed note")]
    Malformed,
    /// No signature is of the key.
    #[error("the note is not signed with the key {0}")]
    Unsigned(String),
    /// A signature of the key does not verify.
    #[error("the signature of {0} is wrong")]
    Forged(String),
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+')
}

/// A named key that signs.
pub struct Signer {
    name: String,
    key: SigningKey,
}

impl Signer {
    /// The key pair of a 256-bit secret seed (RFC 8032 §5.1.5).
    ///
    /// # Errors
    /// [`NoteError::Name`].
    pub fn new(name: impl Into<String>, seed: &[u8; 32]) -> Result<Self, NoteError> {
        let name = name.into();
        if !is_name(&name) {
            return Err(NoteError::Name);
        }
        let key = SigningKey::from_bytes(seed);
        Ok(Self { name, key })
    }

    /// The key's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What others verify with.
    pub fn public(&self) -> PublicKey {
        PublicKey {
            name: self.name.clone(),
            key: self.key.verifying_key(),
        }
    }

    /// The signed note of `text`; the same text gives the same note.
    ///
    /// # Errors
    /// [`NoteError::Malformed`] if `text` is not lines without control characters, each of them ended.
    pub fn sign(&self, text: &str) -> Result<String, NoteError> {
        if !is_text(text) {
            return Err(NoteError::Malformed);
        }
        let mut signature = self.public().id().to_vec();
        signature.extend_from_slice(&self.key.sign(text.as_bytes()).to_bytes());
        let signature = BASE64_STANDARD.encode(signature);
        Ok(format!("{text}\n{SIGNATURE}{} {signature}\n", self.name))
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({}, ***)", self.name)
    }
}

fn is_text(text: &str) -> bool {
    text.ends_with('\n') && !text.contains(|c: char| c < ' ' && c != '\n')
}

/// A named key that verifies. Its text form is the verifier key of the note format's tools: `name+id+base64`.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    name: String,
    key: VerifyingKey,
}

impl PublicKey {
    /// The key's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The public key (RFC 8032 §5.1.5).
    pub fn bytes(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// What signatures name the key by.
    pub fn id(&self) -> [u8; 4] {
        let mut hasher = Sha256::new();
        hasher.update(self.name.as_bytes());
        hasher.update([b'\n', ED25519]);
        hasher.update(self.key.as_bytes());
        let hash = hasher.finalize();
        [hash[0], hash[1], hash[2], hash[3]]
    }

    /// The text of `note` if this key has signed it. Signatures of other keys are passed over.
    ///
    /// # Errors
    /// [`NoteError`] if it has not, or anything else is wrong with the note.
    pub fn verify<'n>(&self, note: &'n str) -> Result<&'n str, NoteError> {
        let (text, signatures) = parts(note)?;
        let mut signed = false;
        for line in signatures.split_terminator('\n') {
            let (name, signature) = line
                .strip_prefix(SIGNATURE)
                .and_then(|line| line.split_once(' '))
                .ok_or(NoteError::Malformed)?;
            let signature = BASE64_STANDARD
                .decode(signature)
                .map_err(|_| NoteError::Malformed)?;
            let (id, signature) = signature.split_first_chunk().ok_or(NoteError::Malformed)?;
            if !is_name(name) || signature.is_empty() {
                return Err(NoteError::Malformed);
            }
            if name != self.name || *id != self.id() {
                continue;
            }
            Signature::from_slice(signature)
                .and_then(|signature| self.key.verify_strict(text.as_bytes(), &signature))
                .map_err(|_| NoteError::Forged(self.name.clone()))?;
            signed = true;
        }
        if signed {
            Ok(text)
        } else {
            Err(NoteError::Unsigned(self.name.clone()))
        }
    }
}

/// The text and the signature lines of a note.
pub(crate) fn parts(note: &str) -> Result<(&str, &str), NoteError> {
    if note.len() > LONGEST || !is_text(note) {
        return Err(NoteError::Malformed);
    }
    let empty_line = note.rfind("\n\n").ok_or(NoteError::Malformed)?;
    let (text, signatures) = (&note[..=empty_line], &note[empty_line + 2..]);
    if signatures.is_empty() {
        return Err(NoteError::Malformed);
    }
    Ok((text, signatures))
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = vec![ED25519];
        key.extend_from_slice(self.key.as_bytes());
        let key = BASE64_STANDARD.encode(key);
        write!(f, "{}+{}+{key}", self.name, hex::encode(self.id()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

impl FromStr for PublicKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        // The key itself may contain a plus.
        let mut parts = text.splitn(3, '+');
        let mut part = || parts.next().ok_or(NoteError::Key);
        let (name, id, key) = (part()?, part()?, part()?);
        let key = BASE64_STANDARD.decode(key).map_err(|_| NoteError::Key)?;
        let [ED25519, key @ ..] = key.as_slice() else {
            return Err(NoteError::Key);
        };
        let key = key
            .try_into()
            .ok()
            .and_then(|key| VerifyingKey::from_bytes(key).ok());
        let public = Self {
            name: name.to_owned(),
            key: key.ok_or(NoteError::Key)?,
        };
        if is_name(name) && !public.key.is_weak() && id == hex::encode(public.id()) {
            Ok(public)
        } else {
            Err(NoteError::Key)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The example of the format's first implementation (Go, golang.org/x/mod/sumdb/note).
    const KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const SECRET: &str = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    const TEXT: &str = "If you think cryptography is the answer to your problem,\n\
                        then you don't know what your problem is.\n";
    const LINE: &str = "\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    fn signer() -> Signer {
        let secret = BASE64_STANDARD.decode(SECRET).unwrap();
        Signer::new("PeterNeumann", secret[1..].try_into().unwrap()).unwrap()
    }

    #[test]
    fn the_known_example_is_signed_and_verified_byte_for_byte() {
        let note = format!("{TEXT}\n{LINE}");
        assert_eq!(signer().sign(TEXT).unwrap(), note);
        assert_eq!(signer().public().to_string(), KEY);
        let key: PublicKey = KEY.parse().unwrap();
        assert_eq!(key, signer().public());
        assert_eq!(key.verify(&note), Ok(TEXT));
    }

    #[test]
    fn another_implementation_of_ed25519_agrees() {
        for seed in 0..32_u8 {
            let signer = Signer::new("example.com/log", &[seed; 32]).unwrap();
            let note = signer.sign("line\n").unwrap();
            let line = note.split_terminator('\n').next_back().unwrap();
            let signature = BASE64_STANDARD.decode(line.rsplit(' ').next().unwrap()).unwrap();
            let key = ring::signature::UnparsedPublicKey::new(
                &ring::signature::ED25519,
                signer.public().bytes().to_vec(),
            );
            key.verify(b"line\n", &signature[4..]).unwrap();
            let pair = ring::signature::Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
            assert_eq!(pair.sign(b"line\n").as_ref(), &signature[4..]);
        }
    }

    #[test]
    fn signatures_of_strangers_are_passed_over_and_a_forged_one_counts() {
        let key = signer().public();
        let other = Signer::new("other", &[7; 32]).unwrap().sign(TEXT).unwrap();
        assert_eq!(
            key.verify(&other),
            Err(NoteError::Unsigned("PeterNeumann".to_owned()))
        );
        assert_eq!(key.verify(&format!("{other}{LINE}")), Ok(TEXT));
        let namesake = Signer::new("PeterNeumann", &[7; 32]).unwrap().sign(TEXT).unwrap();
        assert!(matches!(key.verify(&namesake), Err(NoteError::Unsigned(_))));
        let note = format!("{TEXT}\n{LINE}");
        let changed = note.replace("problem is", "trouble is");
        assert!(matches!(key.verify(&changed), Err(NoteError::Forged(_))));
        // Moving a line of the text beyond the empty line is no way out either.
        assert_eq!(
            key.verify(&format!("\n{note}")),
            Err(NoteError::Forged("PeterNeumann".to_owned()))
        );
    }

    #[test]
    fn what_is_no_note_and_no_key_is_refused() {
        let key = signer().public();
        let line = LINE.trim_end();
        for bad in [
            String::new(),
            TEXT.to_owned(),
            format!("{TEXT}\n"),
            format!("{TEXT}{LINE}"),
            format!("{TEXT}\n{line}"),
            format!("{TEXT}\n{}", LINE.replace('\u{2014}', "-")),
            format!("{TEXT}\n\u{2014} PeterNeumann !\n"),
            format!("{TEXT}\n\u{2014} PeterNeumann AAAA\n"),
            format!("{TEXT}\t\n\n{LINE}"),
            format!("{TEXT}\n{LINE}trailing\n"),
        ] {
            assert_eq!(key.verify(&bad), Err(NoteError::Malformed), "{bad:?}");
        }
        for bad in [
            "",
            "PeterNeumann",
            &KEY.replace("c74f20a3", "c74f20a4"),
            &KEY.replace("PeterNeumann", "Peter"),
            &KEY.replace("ARpc", "Ahpc"),
            &KEY[..KEY.len() - 4],
        ] {
            assert_eq!(bad.parse::<PublicKey>(), Err(NoteError::Key), "{bad}");
        }
        for name in ["", "a b", "a+b", "a\u{a0}b"] {
            assert_eq!(Signer::new(name, &[0; 32]).unwrap_err(), NoteError::Name);
        }
        assert_eq!(signer().sign("no end"), Err(NoteError::Malformed));
        assert_eq!(format!("{:?}", signer()), "Signer(PeterNeumann, ***)");
    }
}
