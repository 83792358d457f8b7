//! Computing everything anew, and saying where the database differs.

use std::collections::{HashMap, VecDeque};

use domain::{TenantId, Timestamp};
use merkle::{Checkpoint, Frontier, Hash, PublicKey};

use super::store::{LOWEST_STORED, SignedHead, TreeNode};
use crate::backend::{Backend, BackendError};
use crate::recorded::Recorded;

const PAGE: u32 = 500;
/// Heads read at once; far more than there are generations.
const HEADS: u32 = 200;

/// What was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Events of the log.
    pub events: u64,
    /// Those of them that are sealed.
    pub sealed: u64,
    /// Signed heads.
    pub heads: u64,
    /// The last one.
    pub checkpoint: Option<Checkpoint>,
}

/// Why the log was not verified.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// It is not what it was.
    #[error(transparent)]
    Bad(#[from] Bad),
    /// It could not be read.
    #[error(transparent)]
    Backend(#[from] BackendError),
}

/// The first position at which the log is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("position {position}: {wrong}")]
pub struct Bad {
    /// The position.
    pub position: u64,
    /// What is wrong with it.
    pub wrong: Wrong,
}

/// What is wrong with a position.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// There is no event.
    #[error("the event is missing")]
    Missing,
    /// A column holds what no program has written.
    #[error("the event cannot be read: {0}")]
    Unreadable(String),
    /// It is not the event that was sealed.
    #[error(
        "the event is not the one that was sealed here: it was altered, moved, or one before it was removed"
    )]
    Altered,
    /// The tenant's numbers have a gap here, or one twice.
    #[error("tenant_seq is {found} where {expected} follows")]
    TenantSeq {
        /// What follows.
        expected: u64,
        /// What stands there.
        found: u64,
    },
    /// It is older than the event before it.
    #[error("it is older than the event before it")]
    Time,
    /// What was sealed of it is missing.
    #[error("its sealed hash is missing or damaged")]
    Unsealed,
    /// A stored subtree is not what its leaves say.
    #[error("the stored hash of the tree from here to position {until} is wrong")]
    Node {
        /// The subtree's last position.
        until: u64,
    },
    /// A signed head is not what the events say, though their sealed hashes are: both were altered, here or later.
    #[error("an event from here to position {until} was altered together with its sealed hash: {by} says so")]
    Head {
        /// The head's size.
        until: u64,
        /// Which head.
        by: &'static str,
    },
    /// The stored head of this size is not signed by the log's key, or not what its note says.
    #[error("the signed head of this size is damaged or forged")]
    Forged,
    /// Signed, and not there any more.
    #[error("events from here to position {until} were signed and are missing")]
    Truncated {
        /// The head's size.
        until: u64,
    },
    /// An event beyond the head of the log.
    #[error("an event stands beyond the log's head")]
    Beyond,
}

/// Verifies the whole log against what is stored of its tree and against its signed heads, whose keys `key` gives by
/// generation; and against `pinned`, checkpoints that were kept elsewhere, without which nobody can know that the end
/// of the log with all that was signed of it has not been cut off. Reads as it goes, in memory for the tenants' numbers
/// only; events that are appended meanwhile are left to the next time.
///
/// # Errors
/// [`VerifyError::Bad`] names the first position that is not what it should be.
pub async fn verify(
    backend: &dyn Backend,
    key: impl Fn(u32) -> PublicKey,
    pinned: &[Checkpoint],
) -> Result<Report, VerifyError> {
    let mut pinned: Vec<&Checkpoint> = pinned.iter().collect();
    pinned.sort_by_key(|checkpoint| checkpoint.size);
    let mut heads = Heads {
        next: VecDeque::new(),
        from: Some(0),
        pinned: pinned.into(),
        seen: 0,
        last: None,
        proven: 0,
    };
    let sealed = backend.sealed_size().await?;
    let end = backend.head().await?.position;
    let mut reading = Reading::default();
    heads.compare(backend, &reading.tree, &key).await?;
    let mut limit = PAGE;
    while reading.tree.size() < end {
        let after = reading.tree.size();
        let events = match backend.events_after(after, limit.min((end - after) as u32)).await {
            Ok(events) => events,
            // One by one, to find which.
            Err(BackendError::Corrupt { .. }) if limit > 1 => {
                limit = 1;
                continue;
            }
            Err(BackendError::Corrupt { source, .. }) => {
                return Err(bad(after + 1, Wrong::Unreadable(source.to_string())).into());
            }
            Err(error) => return Err(error.into()),
        };
        if events.is_empty() {
            return Err(reading.cut_off(&heads, sealed).into());
        }
        let leaves = match backend.leaf_hashes(after, events.len() as u32).await {
            Ok(leaves) => leaves,
            Err(BackendError::Corrupt { .. }) if limit > 1 => {
                limit = 1;
                continue;
            }
            Err(BackendError::Corrupt { .. }) => return Err(bad(after + 1, Wrong::Unsealed).into()),
            Err(error) => return Err(error.into()),
        };
        for (at, event) in events.iter().enumerate() {
            reading.event(event, leaves.get(at), sealed)?;
            heads.compare(backend, &reading.tree, &key).await?;
        }
        reading.nodes(backend, sealed).await?;
    }
    if let Some(until) = heads.beyond(backend).await?
        && until > backend.head().await?.position
    {
        return Err(bad(end + 1, Wrong::Truncated { until }).into());
    }
    if sealed > end {
        return Err(bad(end + 1, Wrong::Truncated { until: sealed }).into());
    }
    let more = backend.events_after(end, 1).await?;
    if !more.is_empty() && backend.head().await?.position == end {
        return Err(bad(end + 1, Wrong::Beyond).into());
    }
    Ok(Report {
        events: end,
        sealed,
        heads: heads.seen,
        checkpoint: heads.last,
    })
}

fn bad(position: u64, wrong: Wrong) -> Bad {
    Bad { position, wrong }
}

/// The log as far as it was read.
#[derive(Default)]
struct Reading {
    tree: Frontier,
    tenants: HashMap<TenantId, u64>,
    latest: Option<Timestamp>,
    /// Subtrees that are complete, to be compared with those stored.
    complete: Vec<TreeNode>,
}

impl Reading {
    fn event(&mut self, event: &Recorded, sealed_hash: Option<&Hash>, sealed: u64) -> Result<(), Bad> {
        let position = self.tree.size() + 1;
        if event.position != position {
            return Err(bad(position, Wrong::Missing));
        }
        let leaf = event.leaf_hash();
        match sealed_hash {
            Some(hash) if *hash != leaf => return Err(bad(position, Wrong::Altered)),
            None if position <= sealed => return Err(bad(position, Wrong::Unsealed)),
            Some(_) | None => {}
        }
        let seq = self.tenants.entry(event.tenant_id).or_default();
        let (expected, found) = (*seq + 1, event.tenant_seq);
        if found != expected {
            return Err(bad(position, Wrong::TenantSeq { expected, found }));
        }
        *seq = found;
        if self.latest.is_some_and(|latest| event.recorded_at < latest) {
            return Err(bad(position, Wrong::Time));
        }
        self.latest = Some(event.recorded_at);
        self.tree.push(leaf, |id, hash| {
            if id.level >= LOWEST_STORED && id.leaves().end <= sealed {
                self.complete.push(TreeNode { id, hash });
            }
        });
        Ok(())
    }

    async fn nodes(&mut self, backend: &dyn Backend, sealed: u64) -> Result<(), VerifyError> {
        let complete = std::mem::take(&mut self.complete);
        if complete.is_empty() || sealed == 0 {
            return Ok(());
        }
        let ids: Vec<_> = complete.iter().map(|node| node.id).collect();
        let stored = backend.tree_nodes(&ids).await?;
        for node in complete {
            if !stored.contains(&node) {
                let leaves = node.id.leaves();
                return Err(bad(leaves.start + 1, Wrong::Node { until: leaves.end }).into());
            }
        }
        Ok(())
    }

    fn cut_off(&self, heads: &Heads<'_>, sealed: u64) -> Bad {
        let position = self.tree.size() + 1;
        let signed = heads.next.back().map_or(sealed, |head| head.size.max(sealed));
        if signed >= position {
            bad(position, Wrong::Truncated { until: signed })
        } else {
            bad(position, Wrong::Missing)
        }
    }
}

/// The signed heads, and the checkpoints that were kept elsewhere.
struct Heads<'a> {
    next: VecDeque<SignedHead>,
    /// From which size to read on.
    from: Option<u64>,
    pinned: VecDeque<&'a Checkpoint>,
    seen: u64,
    last: Option<Checkpoint>,
    proven: u64,
}

impl Heads<'_> {
    /// Compares the tree with the heads of its size.
    async fn compare(
        &mut self,
        backend: &dyn Backend,
        tree: &Frontier,
        key: &impl Fn(u32) -> PublicKey,
    ) -> Result<(), VerifyError> {
        let size = tree.size();
        self.fill(backend).await?;
        let mut agreed = None;
        while let Some(head) = self.next.pop_front_if(|head| head.size == size) {
            let signed = Checkpoint::open(&head.note, &key(head.generation)).ok();
            let Some(signed) = signed.filter(|signed| signed.size == size && signed.root == head.root) else {
                return Err(bad(size.max(1), Wrong::Forged).into());
            };
            self.agrees(&signed, tree, "the signed head")?;
            self.seen += 1;
            agreed = Some(signed);
            self.fill(backend).await?;
        }
        while let Some(checkpoint) = self.pinned.pop_front_if(|checkpoint| checkpoint.size == size) {
            self.agrees(checkpoint, tree, "the given checkpoint")?;
            self.proven = size;
        }
        if agreed.is_some() {
            self.proven = size;
            self.last = agreed;
        }
        Ok(())
    }

    fn agrees(&self, signed: &Checkpoint, tree: &Frontier, by: &'static str) -> Result<(), Bad> {
        if signed.root == tree.root() {
            return Ok(());
        }
        let until = tree.size();
        Err(bad(self.proven + 1, Wrong::Head { until, by }))
    }

    async fn fill(&mut self, backend: &dyn Backend) -> Result<(), BackendError> {
        let Some(from) = self.from.filter(|_| self.next.is_empty()) else {
            return Ok(());
        };
        let heads = backend.signed_heads_from(from, HEADS).await?;
        self.from = (heads.len() == HEADS as usize)
            .then(|| heads.last().map(|head| head.size))
            .flatten();
        self.next = heads.into();
        // Heads of several generations may share a size: those of the last one come again with the next page.
        if let Some(last) = self.from {
            self.next.retain(|head| head.size < last);
        }
        Ok(())
    }

    /// The size of a head beyond what was read.
    async fn beyond(&mut self, backend: &dyn Backend) -> Result<Option<u64>, BackendError> {
        self.fill(backend).await?;
        let head = self.next.front().map(|head| head.size);
        Ok(head.or(self.pinned.front().map(|checkpoint| checkpoint.size)))
    }
}
