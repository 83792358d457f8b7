//! Signed tree heads (C2SP `tlog-checkpoint`).

use crate::hash::Hash;
use crate::note::{self, NoteError, PublicKey, Signer};

/// A tree's head: which log, how many leaves, which root. Its text is three lines:
///
/// ```text
/// orderdesk-gateway/0192f0c1-2d3e-7f00-8a00-0000000000ff/1
/// 4711
/// CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log; also the name of the key that signs for it.
    pub origin: String,
    /// How many leaves.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
}

/// Why a text is no checkpoint of a log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// It is not signed as it must be.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The signed text is no tree head.
    #[error("the signed text is not a tree head")]
    Malformed,
    /// It is the head of another log.
    #[error("the checkpoint is that of {found}, not of {expected}")]
    Origin {
        /// The log that it names.
        found: String,
        /// The log whose key signed it.
        expected: String,
    },
}

impl Checkpoint {
    /// The text that is signed.
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, self.root)
    }

    /// The signed note.
    ///
    /// # Errors
    /// [`CheckpointError::Origin`] if the key is another log's.
    pub fn sign(&self, signer: &Signer) -> Result<String, CheckpointError> {
        self.of(signer.name())?;
        Ok(signer.sign(&self.text())?)
    }

    /// Reads a signed note that `key` has signed.
    ///
    /// # Errors
    /// [`CheckpointError`] if it has not, or if the note is no head of the key's log.
    pub fn open(note: &str, key: &PublicKey) -> Result<Self, CheckpointError> {
        let checkpoint = Self::parse(key.verify(note)?)?;
        checkpoint.of(key.name())?;
        Ok(checkpoint)
    }

    /// Reads a signed note without looking at its signatures: for finding out which key to use, and no more.
    ///
    /// # Errors
    /// [`CheckpointError`] if it is none.
    pub fn peek(note: &str) -> Result<Self, CheckpointError> {
        let (text, _) = note::parts(note)?;
        Self::parse(text)
    }

    fn of(&self, name: &str) -> Result<(), CheckpointError> {
        if self.origin == name {
            return Ok(());
        }
        Err(CheckpointError::Origin {
            found: self.origin.clone(),
            expected: name.to_owned(),
        })
    }

    /// Reads the text of a note. Lines after the third are for others and passed over.
    fn parse(text: &str) -> Result<Self, CheckpointError> {
        let mut lines = text.split_terminator('\n');
        let mut line = || lines.next().filter(|line| !line.is_empty());
        let read = (|| {
            let (origin, size, root) = (line()?, line()?, line()?);
            let number: u64 = size.parse().ok()?;
            (number.to_string() == size).then_some(())?;
            Some(Self {
                origin: origin.to_owned(),
                size: number,
                root: root.parse().ok()?,
            })
        })();
        read.filter(|_| lines.all(|line| !line.is_empty()))
            .ok_or(CheckpointError::Malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";

    fn signer() -> Signer {
        Signer::new("example.com/behind-the-sofa", &[3; 32]).unwrap()
    }

    fn checkpoint() -> Checkpoint {
        Checkpoint {
            origin: "example.com/behind-the-sofa".to_owned(),
            size: 20_852_163,
            root: ROOT.parse().unwrap(),
        }
    }

    #[test]
    fn a_checkpoint_is_the_text_of_the_specification() {
        let text = format!("example.com/behind-the-sofa\n20852163\n{ROOT}\n");
        assert_eq!(checkpoint().text(), text);
        let note = checkpoint().sign(&signer()).unwrap();
        assert!(note.starts_with(&format!("{text}\n\u{2014} example.com/behind-the-sofa ")));
        assert_eq!(Checkpoint::open(&note, &signer().public()), Ok(checkpoint()));
        assert_eq!(Checkpoint::peek(&note), Ok(checkpoint()));
    }

    #[test]
    fn further_lines_are_passed_over_and_everything_else_is_refused() {
        let read = |text: &str| Checkpoint::open(&signer().sign(text).unwrap(), &signer().public());
        let name = "example.com/behind-the-sofa";
        assert!(read(&format!("{name}\n1\n{ROOT}\nmore\n")).is_ok());
        for bad in [
            format!("{name}\n1\n"),
            format!("{name}\n01\n{ROOT}\n"),
            format!("{name}\n+1\n{ROOT}\n"),
            format!("{name}\n-1\n{ROOT}\n"),
            format!("{name}\n18446744073709551616\n{ROOT}\n"),
            format!("{name}\n1\n{}\n", &ROOT[1..]),
            format!("\n1\n{ROOT}\n"),
            format!("{name}\n1\n{ROOT}\n\n"),
        ] {
            assert_eq!(read(&bad), Err(CheckpointError::Malformed), "{bad:?}");
        }
        let other = format!("example.com/elsewhere\n1\n{ROOT}\n");
        assert!(matches!(read(&other), Err(CheckpointError::Origin { .. })));
        let stranger = Signer::new("stranger", &[3; 32]).unwrap();
        assert!(matches!(
            checkpoint().sign(&stranger),
            Err(CheckpointError::Origin { .. })
        ));
    }
}
