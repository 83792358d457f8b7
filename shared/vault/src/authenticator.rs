//! Log-ins: one argon2 verification per key, and none for a key nobody knows.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use moka::future::Cache;
use moka::policy::EvictionPolicy;
use tokio::sync::OnceCell;

use crate::argon::{ArgonPool, HashError};
use crate::keyring::{Keyring, LookupHash};
use crate::secret::MasterKey;

/// How often a log-in starts over because a revocation came in its way.
const MAX_TRIES: usize = 3;

/// How long and how many log-ins are remembered.
#[derive(Clone, Copy, Debug)]
pub struct AuthenticatorConfig {
    /// After this what was loaded counts no longer, so that a revocation takes hold although nobody announced it.
    /// Default 900 ms.
    pub fresh_for: Duration,
    /// After this one log-in loads again while the others go on with what is remembered. Default 450 ms.
    pub refresh_after: Duration,
    /// After this the key itself is proven again. Default 12 h.
    ///
    /// That a key belongs to a hash cannot become false, so a reload that shows the same hash costs no
    /// argon2: otherwise 70 verifications a second would be all the active tenants a machine can carry.
    pub proof_lifetime: Duration,
    /// The most keys remembered; the one unused for longest goes first. Default 100,000.
    pub capacity: u64,
}

impl Default for AuthenticatorConfig {
    fn default() -> Self {
        Self {
            fresh_for: Duration::from_millis(900),
            refresh_after: Duration::from_millis(450),
            proof_lifetime: Duration::from_hours(12),
            capacity: 100_000,
        }
    }
}

/// What the ledger knows under a lookup hash.
#[derive(Clone, Debug)]
pub struct Candidate<T> {
    /// The stored argon2 hash as a PHC string.
    pub phc: Arc<str>,
    /// What a log-in yields, such as the tenant and the key's expiry.
    pub payload: T,
}

/// Why a log-in neither succeeded nor failed as unknown.
#[derive(Debug, thiserror::Error)]
pub enum AuthenticateError<E> {
    /// The load refused or failed; its error is passed on. A tombstone answers through this.
    #[error("the key could not be loaded")]
    Load(#[source] E),
    /// The stored hash is not of this key although its lookup hash is: the row is damaged. Answer as unknown.
    #[error("the stored hash belongs to another key")]
    Mismatch,
    /// The key could not be proven; [`HashError::Busy`] passes by itself.
    #[error("the key could not be verified")]
    Hash(#[source] HashError),
    /// Revocations kept coming in between; as good as busy.
    #[error("the key changed while it was being verified")]
    Unsettled,
}

/// Remembers proven master keys by their lookup hash, never by themselves.
///
/// Only proven keys are remembered: a flood of random ones leaves nothing behind and evicts nobody.
pub struct Authenticator<T> {
    keyring: Arc<Keyring>,
    pool: ArgonPool,
    config: AuthenticatorConfig,
    proven: Cache<LookupHash, Arc<Proof<T>>>,
    attempts: Attempts,
}

struct Proof<T> {
    phc: Arc<str>,
    payload: T,
    proven_at: Instant,
    loaded_at: Instant,
    /// Whether somebody loads again.
    refreshing: AtomicBool,
    /// Whether that came to nothing: what was loaded before counts no longer.
    refuted: AtomicBool,
    revoked: Arc<AtomicBool>,
}

/// What concurrent log-ins with one key share.
#[derive(Default)]
struct Attempt {
    /// Set by a revocation. What the attempt loaded before it is worth nothing, wherever it got to.
    revoked: Arc<AtomicBool>,
    /// The hash that was proven: the first to come verifies, the others wait; if it gives up, the next verifies.
    verified: OnceCell<Proven>,
}

#[derive(Clone)]
struct Proven {
    phc: Arc<str>,
    at: Instant,
}

impl<T: Clone + Send + Sync + 'static> Authenticator<T> {
    /// Starts with nothing remembered.
    pub fn new(keyring: Arc<Keyring>, pool: ArgonPool, config: AuthenticatorConfig) -> Self {
        let proven = Cache::builder()
            .max_capacity(config.capacity)
            .time_to_live(config.proof_lifetime)
            // Not TinyLFU: under pressure it would turn new tenants away, log-in after log-in.
            .eviction_policy(EvictionPolicy::lru())
            .build();
        Self {
            keyring,
            pool,
            config,
            proven,
            attempts: Attempts::default(),
        }
    }

    /// Tells whose `key` is; none if nobody's, which costs no argon2 and is not remembered.
    ///
    /// `load` finds the candidate of a lookup hash; it runs when nothing fresh is remembered, and again if a
    /// revocation interferes. To refuse a key without proving it (revoked, expired, erased), fail the load.
    /// The payload is up to [`AuthenticatorConfig::fresh_for`] old, so an expiry time belongs into it.
    ///
    /// # Errors
    /// See [`AuthenticateError`]; none of them is remembered.
    pub async fn authenticate<F, L, E>(
        &self,
        key: &MasterKey,
        now: Instant,
        load: F,
    ) -> Result<Option<T>, AuthenticateError<E>>
    where
        F: Fn(LookupHash) -> L,
        L: Future<Output = Result<Option<Candidate<T>>, E>>,
    {
        let lookup = self.keyring.lookup_hash(key);
        for _ in 0..MAX_TRIES {
            let remembered = self.remembered(&lookup, now).await;
            if let Some(proof) = &remembered
                && self.is_fresh(proof, now)
            {
                return Ok(Some(proof.payload.clone()));
            }
            // Entered before loading: from here on a revocation finds this log-in.
            let entered = self.attempts.enter(lookup);
            let loaded = load(lookup).await;
            if !matches!(loaded, Ok(Some(_)))
                && let Some(proof) = &remembered
            {
                // Else the others, who do not load, would let in whom this one has seen refused.
                proof.refuted.store(true, Ordering::SeqCst);
            }
            let Some(candidate) = loaded.map_err(AuthenticateError::Load)? else {
                return Ok(None);
            };
            let proven = match remembered {
                Some(proof) if proof.phc == candidate.phc => Proven {
                    phc: proof.phc.clone(),
                    at: proof.proven_at,
                },
                _ => self.prove(key, &candidate.phc, now, &entered.attempt).await?,
            };
            if entered.attempt.revoked.load(Ordering::SeqCst) {
                continue;
            }
            let proof = Proof {
                phc: proven.phc,
                payload: candidate.payload.clone(),
                proven_at: proven.at,
                loaded_at: now,
                refreshing: AtomicBool::new(false),
                refuted: AtomicBool::new(false),
                revoked: entered.attempt.revoked.clone(),
            };
            self.proven.insert(lookup, Arc::new(proof)).await;
            return Ok(Some(candidate.payload));
        }
        Err(AuthenticateError::Unsettled)
    }

    /// Whether `key` was proven and is remembered: a memory look-up, nothing is loaded or hashed by argon2.
    pub async fn is_proven(&self, key: &MasterKey, now: Instant) -> bool {
        self.remembered(&self.keyring.lookup_hash(key), now)
            .await
            .is_some()
    }

    /// Forgets a key: call it after its revocation, expiry or any change of its payload has been committed.
    ///
    /// Log-ins under way start over; once this returns, no log-in sees what was loaded before.
    pub async fn invalidate(&self, lookup: &LookupHash) {
        self.attempts.revoke(lookup);
        if let Some(proof) = self.proven.remove(lookup).await {
            proof.revoked.store(true, Ordering::SeqCst);
        }
    }

    /// How many keys are remembered, roughly.
    pub fn remembered_keys(&self) -> u64 {
        self.proven.entry_count()
    }

    /// A proof is looked at twice: it may have been stored by a log-in that a revocation had just overtaken.
    async fn remembered(&self, lookup: &LookupHash, now: Instant) -> Option<Arc<Proof<T>>> {
        let proof = self.proven.get(lookup).await?;
        let alive = now.saturating_duration_since(proof.proven_at) < self.config.proof_lifetime;
        (alive && !proof.revoked.load(Ordering::SeqCst)).then_some(proof)
    }

    /// Says no to one log-in before the time is up, so that under load nobody has to wait for a load but this one.
    fn is_fresh(&self, proof: &Proof<T>, now: Instant) -> bool {
        let age = now.saturating_duration_since(proof.loaded_at);
        let refuted = proof.refuted.load(Ordering::SeqCst);
        !refuted
            && (age < self.config.refresh_after
                || (age < self.config.fresh_for && proof.refreshing.swap(true, Ordering::SeqCst)))
    }

    async fn prove<E>(
        &self,
        key: &MasterKey,
        phc: &Arc<str>,
        now: Instant,
        attempt: &Attempt,
    ) -> Result<Proven, AuthenticateError<E>> {
        let verify = || async {
            match self.pool.verify(key, phc).await {
                Ok(true) => Ok(Proven {
                    phc: phc.clone(),
                    at: now,
                }),
                Ok(false) => Err(AuthenticateError::Mismatch),
                Err(error) => Err(AuthenticateError::Hash(error)),
            }
        };
        let proven = attempt.verified.get_or_try_init(verify).await?;
        // The row changed between two loads of one attempt: what was proven is not what this one loaded.
        if proven.phc == *phc {
            Ok(proven.clone())
        } else {
            verify().await
        }
    }
}

impl<T> fmt::Debug for Authenticator<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator")
            .field("config", &self.config)
            .field("pool", &self.pool)
            .finish_non_exhaustive()
    }
}

/// The log-ins under way, by lookup hash: as many as there are requests, no more.
#[derive(Default)]
struct Attempts(Mutex<HashMap<LookupHash, Shared>>);

#[derive(Default)]
struct Shared {
    attempt: Arc<Attempt>,
    members: usize,
}

impl Attempts {
    fn enter(&self, lookup: LookupHash) -> Entered<'_> {
        let mut attempts = self.lock();
        let shared = attempts.entry(lookup).or_default();
        shared.members += 1;
        Entered {
            attempts: self,
            lookup,
            attempt: shared.attempt.clone(),
        }
    }

    /// Those who come later begin an attempt of their own.
    fn revoke(&self, lookup: &LookupHash) {
        if let Some(shared) = self.lock().remove(lookup) {
            shared.attempt.revoked.store(true, Ordering::SeqCst);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<LookupHash, Shared>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A log-in's part in an attempt; the last to leave clears it away.
struct Entered<'a> {
    attempts: &'a Attempts,
    lookup: LookupHash,
    attempt: Arc<Attempt>,
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        let mut attempts = self.attempts.lock();
        // After a revocation there is none, or another's.
        if let Some(shared) = attempts.get_mut(&self.lookup)
            && Arc::ptr_eq(&shared.attempt, &self.attempt)
        {
            shared.members -= 1;
            if shared.members == 0 {
                attempts.remove(&self.lookup);
            }
        }
    }
}

#[cfg(test)]
mod tests;
