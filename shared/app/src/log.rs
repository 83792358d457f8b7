//! Proofs about the log, for whoever wants to check it.
//!
//! A proof is made of hashes of other people's events as well. They say nothing about them: each leaf holds random ids
//! and ciphertext that cannot be guessed. What does become known is how many events the whole gateway has recorded,
//! as it does from any two positions. Whether somebody else's position exists is not told.

use std::time::Duration;

use ledger::seal::{Identity, SignedHead, proof};
use merkle::{Hash, PublicKey};

use crate::denied::may_be_denied;
use crate::{App, Caller, Denied};

/// How soon what was recorded just now is sealed at the latest.
const SOON: Duration = Duration::from_secs(10);

/// Why nothing can be proven.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// The caller has no event there.
    #[error("there is no such position")]
    NotFound,
    /// It is there, or may come, but is not signed yet.
    #[error("not sealed yet")]
    NotSealed {
        /// When to ask again.
        retry_after: Duration,
    },
    /// See [`Denied`].
    #[error(transparent)]
    Denied(#[from] Denied),
}

may_be_denied!(ProofError);

impl ProofError {
    pub(crate) fn later() -> Self {
        Self::NotSealed { retry_after: SOON }
    }
}

/// That an event is in the log (RFC 9162 §2.1.3).
#[derive(Clone, Debug)]
pub struct Inclusion {
    /// Its position; its index in the tree is one less.
    pub position: u64,
    /// Its leaf's hash.
    pub leaf: Hash,
    /// The tree's size.
    pub size: u64,
    /// The path.
    pub hashes: Vec<Hash>,
    /// The signed head of that size, if there is one.
    pub head: Option<SignedHead>,
}

/// That a smaller tree is the beginning of a larger one (RFC 9162 §2.1.4).
#[derive(Clone, Debug)]
pub struct Consistency {
    /// The smaller tree's size and root.
    pub from: (u64, Hash),
    /// The larger tree's size and root.
    pub to: (u64, Hash),
    /// The proof.
    pub hashes: Vec<Hash>,
    /// The signed head of the larger one, if there is one.
    pub head: Option<SignedHead>,
}

/// A key that signs, or has signed, for the log.
#[derive(Clone, Debug)]
pub struct LogKey {
    /// The generation of the ledger that it signs for, from 1.
    pub generation: u32,
    /// Whether that is the present one.
    pub current: bool,
    /// The key.
    pub key: PublicKey,
}

impl App {
    /// The last signed head.
    pub async fn checkpoint(&self) -> Result<SignedHead, ProofError> {
        let head = self.ledger().latest_signed_head().await?;
        head.ok_or_else(ProofError::later)
    }

    /// Proves that the caller's event at `position` is in the tree of `size` leaves, by default the one signed last.
    pub async fn inclusion(
        &self,
        caller: &Caller,
        position: u64,
        size: Option<u64>,
    ) -> Result<Inclusion, ProofError> {
        let ledger = self.ledger();
        let before = position.checked_sub(1).ok_or(ProofError::NotFound)?;
        let event = match ledger.head().await?.position {
            end if position <= end => ledger.events_after(before, 1).await?.pop(),
            _ => None,
        };
        let own = |tenant| caller.tenant_id() == Some(tenant);
        if !event.is_some_and(|event| event.position == position && own(event.tenant_id)) {
            return Err(ProofError::NotFound);
        }
        let (size, head) = self.tree(size).await?;
        let Some(hashes) = proof::inclusion(&**ledger, position, size).await? else {
            return Err(ProofError::later());
        };
        let leaf = ledger.leaf_hashes(before, 1).await?.pop();
        Ok(Inclusion {
            position,
            leaf: leaf.ok_or_else(|| Denied::internal("a sealed hash is missing"))?,
            size,
            hashes,
            head,
        })
    }

    /// Proves that the tree of `from` leaves is the beginning of that of `to` leaves, by default of the one signed last.
    /// `None` if `from` is the larger one.
    pub async fn consistency(&self, from: u64, to: Option<u64>) -> Result<Option<Consistency>, ProofError> {
        let ledger = self.ledger();
        let (to, head) = self.tree(to).await?;
        let Some(hashes) = proof::consistency(&**ledger, from, to).await? else {
            return Ok(None);
        };
        Ok(Some(Consistency {
            from: (from, proof::root(&**ledger, from).await?),
            to: (to, proof::root(&**ledger, to).await?),
            hashes,
            head,
        }))
    }

    /// The keys of all generations, the first one's first.
    pub async fn log_keys(&self) -> Result<Vec<LogKey>, Denied> {
        let identity = Identity::open(&**self.ledger(), self.clock().uuid()).await?;
        let seed = self.keyring().signing_seed();
        let keys = (1..=identity.generation()).map(|generation| LogKey {
            generation,
            current: generation == identity.generation(),
            key: identity.public_key(generation, seed),
        });
        Ok(keys.collect())
    }

    /// A size up to which everything is signed, and the signed head of that size.
    async fn tree(&self, size: Option<u64>) -> Result<(u64, Option<SignedHead>), ProofError> {
        let latest = self.checkpoint().await?;
        let Some(size) = size.filter(|size| *size != latest.size) else {
            return Ok((latest.size, Some(latest)));
        };
        if size > latest.size {
            return Err(ProofError::later());
        }
        let mut heads = self.ledger().signed_heads_from(size, 1).await?;
        Ok((size, heads.pop().filter(|head| head.size == size)))
    }
}
