//! Idempotency keys: a repeated request is answered, not done again.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use domain::job::Job;
use domain::{Sealed, TenantId};
use ledger::{Append, IdempotencyAnswer, IdempotencyRecord};

use crate::seals::hashed_row;
use crate::settle::Settled;
use crate::{App, Caller, Denied, Purpose, SealError};

/// A client's key for one request, and what tells that request from others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// The client's key, or what stands for it: it is stored in plain.
    pub key: String,
    /// `Keyring::fingerprint` of method, path, query, precondition and body.
    pub fingerprint: [u8; 32],
}

/// An answer as the HTTP layer wrote it.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredAnswer {
    /// The HTTP status.
    pub status: u16,
    /// Headers and body, in whatever form the HTTP layer reads back.
    pub body: Vec<u8>,
}

impl std::fmt::Debug for StoredAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StoredAnswer({}, {} bytes)", self.status, self.body.len())
    }
}

/// An idempotency key for a call that is no command, and how its answer is written from what it made: the answer is
/// kept in the same commit as the change.
#[derive(Clone)]
pub struct Once<T: ?Sized> {
    /// The key.
    pub key: IdempotencyKey,
    /// Writes the answer. Must not block.
    pub render: Arc<dyn Fn(&T) -> StoredAnswer + Send + Sync>,
}

/// How a call that takes a [`Once`] ended well.
#[derive(Clone, Debug)]
pub enum Outcome<T> {
    /// It was done now.
    Done(T),
    /// It had been done before and was answered like this.
    Replayed(StoredAnswer),
}

impl<T> Outcome<T> {
    /// What was done now; none if it had been done before.
    pub fn done(self) -> Option<T> {
        match self {
            Self::Done(made) => Some(made),
            Self::Replayed(_) => None,
        }
    }
}

/// Requests with a key that go to Order Desk before they are accepted: a twin must not go there as well.
#[derive(Clone, Default)]
pub(crate) struct InProgress(Arc<Mutex<HashSet<(TenantId, String)>>>);

pub(crate) struct Entered {
    all: InProgress,
    own: (TenantId, String),
}

impl InProgress {
    /// None if a twin is under way.
    pub(crate) fn enter(&self, tenant: TenantId, key: &str) -> Option<Entered> {
        let own = (tenant, key.to_owned());
        let fresh = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(own.clone());
        fresh.then(|| Entered {
            all: self.clone(),
            own,
        })
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.all
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.own);
    }
}

/// What an earlier request under an idempotency key led to.
#[derive(Clone, Debug)]
pub enum Earlier {
    /// The answer that it got.
    Answer(StoredAnswer),
    /// Its jobs in request order, in their present state.
    Jobs(Vec<Job>),
}

impl App {
    /// What an earlier request of the caller under `key` led to, if there was one: for a repeat whose store is gone
    /// meanwhile, so that there is nothing left to call. All other calls look by themselves.
    ///
    /// # Errors
    /// [`Denied::KeyReused`] if it was another request.
    pub async fn idempotent_lookup(
        &self,
        caller: &Caller,
        key: &IdempotencyKey,
    ) -> Result<Option<Earlier>, Denied> {
        let Some(tenant) = caller.tenant_id() else {
            return Ok(None);
        };
        Ok(match self.recorded(tenant, key).await? {
            None => None,
            Some(IdempotencyAnswer::Job(id)) => Some(Earlier::Jobs(self.present_jobs(tenant, &[id]).await?)),
            Some(IdempotencyAnswer::Jobs(ids)) => Some(Earlier::Jobs(self.present_jobs(tenant, &ids).await?)),
            Some(IdempotencyAnswer::Response { status, body }) => {
                let body = self.open_answer(tenant, &key.key, &body).await?;
                Some(Earlier::Answer(StoredAnswer { status, body }))
            }
        })
    }

    /// The record of an earlier request under the key, if it was the same request.
    ///
    /// # Errors
    /// [`Denied::KeyReused`] if it was another one.
    pub(crate) async fn recorded(
        &self,
        tenant: TenantId,
        key: &IdempotencyKey,
    ) -> Result<Option<IdempotencyAnswer>, Denied> {
        match self.0.ledger.idempotency(tenant, &key.key, self.now()).await? {
            None => Ok(None),
            Some(record) if record.fingerprint == key.fingerprint => Ok(Some(record.answer)),
            Some(_) => Err(Denied::KeyReused),
        }
    }

    /// The stored answer of an earlier call under the key.
    pub(crate) async fn replay<T>(
        &self,
        tenant: TenantId,
        once: Option<&Once<T>>,
    ) -> Result<Option<StoredAnswer>, Denied> {
        let Some(once) = once else { return Ok(None) };
        match self.recorded(tenant, &once.key).await? {
            None => Ok(None),
            Some(IdempotencyAnswer::Response { status, body }) => {
                let body = self.open_answer(tenant, &once.key.key, &body).await?;
                Ok(Some(StoredAnswer { status, body }))
            }
            // The fingerprint holds method and path, so the same request cannot have been a command.
            Some(IdempotencyAnswer::Job(_) | IdempotencyAnswer::Jobs(_)) => Err(Denied::KeyReused),
        }
    }

    /// Keeps the answer about `made` with `append`.
    pub(crate) async fn remember<T>(
        &self,
        append: &mut Append,
        settled: &Settled,
        once: Option<&Once<T>>,
        made: &T,
    ) -> Result<(), Denied> {
        let tenant = settled.tenant;
        let Some(once) = once else { return Ok(()) };
        let StoredAnswer { status, body } = (once.render)(made);
        let body = if body.is_empty() {
            Sealed::new(Vec::new())
        } else {
            let sealer = match settled.answers() {
                Some(sealer) => sealer.clone(),
                None => self.0.seals.for_tenant(tenant).await?,
            };
            sealer.attach(append);
            sealer.seal(Purpose::IdempotentAnswer, row(tenant, &once.key.key), &body)
        };
        append.idempotency.push(self.record(
            append,
            tenant,
            &once.key,
            IdempotencyAnswer::Response { status, body },
        ));
        Ok(())
    }

    pub(crate) fn record(
        &self,
        append: &Append,
        tenant: TenantId,
        key: &IdempotencyKey,
        answer: IdempotencyAnswer,
    ) -> IdempotencyRecord {
        IdempotencyRecord {
            tenant_id: tenant,
            key: key.key.clone(),
            fingerprint: key.fingerprint,
            answer,
            expires_at: append.now.plus(self.0.config.idempotency_ttl),
        }
    }

    async fn open_answer(&self, tenant: TenantId, key: &str, body: &Sealed) -> Result<Vec<u8>, SealError> {
        if body.as_bytes().is_empty() {
            return Ok(Vec::new());
        }
        let opened = self
            .0
            .seals
            .open(tenant, Purpose::IdempotentAnswer, row(tenant, key), body)
            .await?;
        Ok(opened.to_vec())
    }
}

pub(crate) fn row(tenant: TenantId, key: &str) -> uuid::Uuid {
    hashed_row(&[b"idempotent answer", tenant.0.as_bytes(), key.as_bytes()])
}
