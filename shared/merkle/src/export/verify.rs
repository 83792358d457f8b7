//! Checking an export, line by line.

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::cover::cover;
use crate::frontier::Frontier;
use crate::hash::Hash;
use crate::note::PublicKey;

use super::line::{End, Entry, Header, Line, Mark};

/// What a verified export holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Whose events.
    pub tenant_id: String,
    /// How many.
    pub entries: u64,
    /// First and last `tenant_position`.
    pub tenant_positions: Option<(u64, u64)>,
    /// Whether these are all events of the tenant between the two.
    pub complete: bool,
    /// The head that it was checked against.
    pub checkpoint: Checkpoint,
    /// The key that signed it.
    pub key: PublicKey,
}

/// The first line at which an export is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}{}: {fault}", place(*position))]
pub struct BadLine {
    /// Number of the line, from 1; one past the last if the file broke off.
    pub line: u64,
    /// The position in the log that is affected, the first one if there are several.
    pub position: Option<u64>,
    /// What is wrong.
    pub fault: Fault,
}

fn place(position: Option<u64>) -> String {
    position.map_or_else(String::new, |position| format!(", position {position}"))
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It is not a line of an export.
    #[error("not a line of an export of this format: {0}")]
    Malformed(String),
    /// The first line must be the header, and no other.
    #[error("this line is out of place")]
    Misplaced,
    /// The checkpoint is not signed with the key.
    #[error("the checkpoint does not hold: {0}")]
    Checkpoint(CheckpointError),
    /// The key is another than the one that was given to check with.
    #[error("the key is {0}, not the one to check with")]
    Key(String),
    /// Positions must rise, and stay within the checkpoint.
    #[error("the position is out of order")]
    Order,
    /// An entry of the tenant is missing before this one, or one is there twice.
    #[error("tenant_position should be {expected}, since nothing may be missing")]
    TenantPosition {
        /// The one after that of the entry before.
        expected: u64,
    },
    /// More or fewer hashes than the gap is made of.
    #[error("the gap before it has {found} hashes instead of {expected}: lines are missing or were moved")]
    Gap {
        /// As many as there are.
        found: usize,
        /// As many as its positions ask for.
        expected: usize,
    },
    /// What the entry says is not what was sealed.
    #[error("the event is not the one that was sealed")]
    Altered,
    /// The root over what was read is not the signed one.
    #[error(
        "the entries of positions {from} to {to}, or the hashes between them, are not those of the signed checkpoint"
    )]
    Root {
        /// The first that may be wrong.
        from: u64,
        /// The last that may be wrong.
        to: u64,
    },
    /// The numbers at the end are not those of the entries.
    #[error("the last line counts other entries than there are")]
    Count,
    /// The last line is missing.
    #[error("the export broke off: its last line is missing")]
    Incomplete,
}

/// Reads an export line by line, in constant memory.
#[derive(Debug)]
pub struct Verifier {
    trusted: Option<PublicKey>,
    line: u64,
    open: Option<Open>,
    ended: bool,
}

#[derive(Debug)]
struct Open {
    header: Header,
    key: PublicKey,
    checkpoint: Checkpoint,
    tree: Frontier,
    /// Up to where the last checkpoint proved everything.
    proven: u64,
    /// The first entry since.
    suspect: Option<u64>,
    entries: u64,
    first: Option<u64>,
    last: Option<u64>,
}

impl Verifier {
    /// Checks against `trusted`; without it against the key that the export itself names, which proves no more than
    /// that whoever holds that key signed it.
    pub fn new(trusted: Option<PublicKey>) -> Self {
        Self {
            trusted,
            line: 0,
            open: None,
            ended: false,
        }
    }

    /// Reads the next line.
    ///
    /// # Errors
    /// [`BadLine`] if it is not what must follow; the export is not to be trusted from there.
    pub fn line(&mut self, text: &str) -> Result<(), BadLine> {
        self.line += 1;
        let number = self.line;
        let bad = |position, fault| BadLine {
            line: number,
            position,
            fault,
        };
        let line: Line =
            serde_json::from_str(text).map_err(|error| bad(None, Fault::Malformed(error.to_string())))?;
        if self.ended {
            return Err(bad(None, Fault::Misplaced));
        }
        match (line, &mut self.open) {
            (Line::Header(header), None) => {
                let open = Open::new(header, self.trusted.as_ref()).map_err(|fault| bad(None, fault))?;
                self.open = Some(open);
                Ok(())
            }
            (Line::Entry(entry), Some(open)) => {
                let position = Some(entry.position);
                open.entry(&entry).map_err(|fault| bad(position, fault))
            }
            (Line::Checkpoint(mark), Some(open)) => {
                let result = open.mark(&mark);
                result.map_err(|fault| bad(open.place_of(&fault), fault))
            }
            (Line::End(end), Some(open)) => {
                let result = open.end(&end);
                result.map_err(|fault| bad(open.place_of(&fault), fault))?;
                self.ended = true;
                Ok(())
            }
            (Line::Header(_), Some(_)) | (_, None) => Err(bad(None, Fault::Misplaced)),
        }
    }

    /// After the last line.
    ///
    /// # Errors
    /// [`Fault::Incomplete`] if it was not the last.
    pub fn finish(self) -> Result<Summary, BadLine> {
        match self.open {
            Some(open) if self.ended => Ok(Summary {
                tenant_positions: open.first.zip(open.last),
                tenant_id: open.header.tenant_id,
                entries: open.entries,
                complete: open.header.complete,
                checkpoint: open.checkpoint,
                key: open.key,
            }),
            open => Err(BadLine {
                line: self.line + 1,
                position: open.map(|open| open.tree.size() + 1),
                fault: Fault::Incomplete,
            }),
        }
    }
}

impl Open {
    fn new(header: Header, trusted: Option<&PublicKey>) -> Result<Self, Fault> {
        if header.format != super::FORMAT {
            return Err(Fault::Malformed(format!("the format is {:?}", header.format)));
        }
        let key: PublicKey = header
            .key
            .parse()
            .map_err(|error: crate::NoteError| Fault::Checkpoint(error.into()))?;
        if let Some(trusted) = trusted
            && trusted.bytes() != key.bytes()
        {
            return Err(Fault::Key(header.key));
        }
        let checkpoint = Checkpoint::open(&header.checkpoint, &key).map_err(Fault::Checkpoint)?;
        Ok(Self {
            header,
            key,
            checkpoint,
            tree: Frontier::new(),
            proven: 0,
            suspect: None,
            entries: 0,
            first: None,
            last: None,
        })
    }

    fn entry(&mut self, entry: &Entry) -> Result<(), Fault> {
        let Some(index) = entry.position.checked_sub(1) else {
            return Err(Fault::Order);
        };
        if index < self.tree.size() || entry.position > self.checkpoint.size {
            return Err(Fault::Order);
        }
        if let Some(last) = self.last {
            let expected = last.saturating_add(1);
            let fits = if self.header.complete {
                entry.tenant_position == expected
            } else {
                entry.tenant_position >= expected
            };
            if !fits {
                return Err(Fault::TenantPosition { expected });
            }
        }
        self.fill(index, &entry.gap)?;
        let computed = entry
            .computed(&self.header.tenant_id)
            .ok_or_else(|| Fault::Malformed("base64 is expected".to_owned()))?;
        if computed != entry.leaf {
            return Err(Fault::Altered);
        }
        self.tree.push(computed, |_, _| {});
        self.suspect.get_or_insert(entry.position);
        self.first.get_or_insert(entry.tenant_position);
        self.last = Some(entry.tenant_position);
        self.entries += 1;
        Ok(())
    }

    fn mark(&mut self, mark: &Mark) -> Result<(), Fault> {
        let key = match &mark.key {
            None => self.key.clone(),
            Some(text) => {
                let key: PublicKey = text
                    .parse()
                    .map_err(|error: crate::NoteError| Fault::Checkpoint(error.into()))?;
                // All generations of a log sign with one key under different names.
                if key.bytes() != self.key.bytes() {
                    return Err(Fault::Key(text.clone()));
                }
                key
            }
        };
        let checkpoint = Checkpoint::open(&mark.checkpoint, &key).map_err(Fault::Checkpoint)?;
        if checkpoint.size < self.tree.size() || checkpoint.size > self.checkpoint.size {
            return Err(Fault::Order);
        }
        self.reach(checkpoint.size, &checkpoint.root, &mark.gap)
    }

    fn end(&mut self, end: &End) -> Result<(), Fault> {
        let (size, root) = (self.checkpoint.size, self.checkpoint.root);
        self.reach(size, &root, &end.gap)?;
        let counted = (self.entries, self.first, self.last);
        if counted != (end.entries, end.first_tenant_position, end.last_tenant_position) {
            return Err(Fault::Count);
        }
        Ok(())
    }

    /// Goes on to a checkpoint and compares.
    fn reach(&mut self, size: u64, root: &Hash, gap: &[Hash]) -> Result<(), Fault> {
        self.fill(size, gap)?;
        if self.tree.root() != *root {
            return Err(Fault::Root {
                from: self.suspect.unwrap_or(self.proven + 1),
                to: size,
            });
        }
        self.proven = size;
        self.suspect = None;
        Ok(())
    }

    /// Fills the gap up to leaf `until`.
    fn fill(&mut self, until: u64, gap: &[Hash]) -> Result<(), Fault> {
        let nodes = cover(self.tree.size()..until);
        if nodes.len() != gap.len() {
            return Err(Fault::Gap {
                found: gap.len(),
                expected: nodes.len(),
            });
        }
        for (id, hash) in nodes.into_iter().zip(gap) {
            self.tree
                .push_subtree(id.level, *hash)
                .map_err(|_| Fault::Order)?;
        }
        Ok(())
    }

    fn place_of(&self, fault: &Fault) -> Option<u64> {
        match fault {
            Fault::Root { from, .. } => Some(*from),
            Fault::Gap { .. } => Some(self.tree.size() + 1),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
