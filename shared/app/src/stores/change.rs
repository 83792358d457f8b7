//! Changing and removing a store.

use domain::event::{StoreCredentialsReplaced, StoreDeleted, StorePaused, StoreRenamed, StoreResumed};
use domain::store::{PauseReason, Store};
use ledger::{Append, AppendError, Guard, Refusal};
use queue::Subject;
use vault::ApiKey;

use crate::after::News;
use crate::denied::may_be_denied;
use crate::{App, Caller, Denied, Once, Outcome, Purpose};

/// What is to change about a store; what is none stays.
#[derive(Clone, Debug, Default)]
pub struct PatchStore {
    /// Another label, or none at all.
    pub label: Option<Option<String>>,
    /// Another API key.
    pub api_key: Option<ApiKey>,
    /// Stop or go on.
    pub paused: Option<bool>,
}

/// Why a store was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeStoreError {
    /// The caller has no such store, or not any more.
    #[error("there is no such store")]
    NotFound,
    /// See [`Denied`].
    #[error(transparent)]
    Denied(#[from] Denied),
}

may_be_denied!(ChangeStoreError);

/// How often a change is decided anew because the store changed meanwhile.
const MAX_TRIES: usize = 5;

impl App {
    /// Renames a store, replaces its API key, stops it or lets it go on, all in one commit.
    ///
    /// A new key resumes a store that is paused because the old one was rejected, unless `paused` says otherwise.
    pub async fn patch_store(
        &self,
        caller: &Caller,
        store: &Store,
        patch: PatchStore,
        once: Option<Once<Store>>,
    ) -> Result<Outcome<Store>, ChangeStoreError> {
        self.change_store(caller, store, once, &Change::Patch(patch))
            .await
    }

    /// Asks for a store's deletion. It takes no commands from then on; its worker lets the change in flight end,
    /// cancels the rest and destroys its credentials.
    pub async fn delete_store(
        &self,
        caller: &Caller,
        store: &Store,
        once: Option<Once<Store>>,
    ) -> Result<Outcome<Store>, ChangeStoreError> {
        self.change_store(caller, store, once, &Change::Delete).await
    }

    async fn change_store(
        &self,
        caller: &Caller,
        store: &Store,
        once: Option<Once<Store>>,
        change: &Change,
    ) -> Result<Outcome<Store>, ChangeStoreError> {
        let settled = self.settle(caller).await?;
        if settled.tenant != store.tenant_id {
            return Err(ChangeStoreError::NotFound);
        }
        let once = once.as_ref();
        if let Some(answer) = self.replay(settled.tenant, once).await? {
            return Ok(Outcome::Replayed(answer));
        }
        for _ in 0..MAX_TRIES {
            // Read anew: what the caller holds may be out of date, and a patch that changes nothing has no version
            // to be refused by.
            let present = self
                .0
                .ledger
                .store(store.id)
                .await?
                .ok_or(ChangeStoreError::NotFound)?;
            if present.deleted_at.is_some() {
                return Err(ChangeStoreError::NotFound);
            }
            let mut append = Append::new(self.now(), settled.meta.clone()).guard(Guard::StoreOpen(store.id));
            settled.attach(&mut append);
            let next = match change {
                Change::Patch(patch) => self.plan_patch(&mut append, &present, patch).await?,
                Change::Delete => {
                    let event = StoreDeleted {
                        at: append.now,
                        store_id: store.id,
                    };
                    append.store(&present, event, None)
                }
            };
            self.remember(&mut append, &settled, once, &next).await?;
            if append.events.is_empty() && append.idempotency.is_empty() {
                return Ok(Outcome::Done(next));
            }
            let news = News {
                tenant: settled.tenant,
                partitions: vec![store.partition],
                subjects: vec![Subject::Store { store_id: store.id }],
            };
            match self.commit(append, news).await {
                Ok(appended) => {
                    return Ok(Outcome::Done(Store {
                        last_position: appended.last,
                        ..next
                    }));
                }
                Err(AppendError::Refused(Refusal::StoreGone)) => {
                    // A twin that carried the same key may have removed it.
                    return match self.replay(settled.tenant, once).await? {
                        Some(answer) => Ok(Outcome::Replayed(answer)),
                        None => Err(ChangeStoreError::NotFound),
                    };
                }
                Err(AppendError::Refused(
                    Refusal::Conflict { .. } | Refusal::Exists(_) | Refusal::DataKeyGone,
                )) => {
                    if let Some(answer) = self.replay(settled.tenant, once).await? {
                        return Ok(Outcome::Replayed(answer));
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(Denied::contended().into())
    }

    async fn plan_patch(
        &self,
        append: &mut Append,
        store: &Store,
        patch: &PatchStore,
    ) -> Result<Store, ChangeStoreError> {
        let (at, store_id) = (append.now, store.id);
        let mut next = store.clone();
        if let Some(label) = &patch.label
            && *label != next.label
        {
            next = append.store(
                &next,
                StoreRenamed {
                    at,
                    store_id,
                    label: label.clone(),
                },
                None,
            );
        }
        let mut paused = patch.paused;
        if let Some(key) = &patch.api_key {
            // Under the same data key: who works with the credentials as they were must still be able to open them.
            let old = store.credentials.as_ref().ok_or(ChangeStoreError::NotFound)?;
            let sealer = self.0.seals.for_sealed(store.tenant_id, old).await?;
            sealer.attach(append);
            let sealed = sealer.seal(Purpose::Credentials, store.id.0, key.expose().as_bytes());
            let upstream_key = self.upstream_key(&store.store_id, key);
            let replaced = StoreCredentialsReplaced {
                at,
                store_id,
                upstream_key,
            };
            next = append.store(&next, replaced, Some(sealed));
            if next.paused == Some(PauseReason::CredentialsRejected) {
                paused = paused.or(Some(false));
            }
        }
        match paused {
            Some(true) if next.paused != Some(PauseReason::User) => {
                next = append.store(
                    &next,
                    StorePaused {
                        at,
                        store_id,
                        reason: PauseReason::User,
                    },
                    None,
                );
            }
            Some(false) if next.paused.is_some() => {
                next = append.store(&next, StoreResumed { at, store_id }, None);
            }
            Some(_) | None => {}
        }
        Ok(next)
    }
}

enum Change {
    Patch(PatchStore),
    Delete,
}
