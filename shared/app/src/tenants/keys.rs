//! A tenant's keys. Several may live at once, so that one can be replaced while the other is in use.

use domain::event::{KeyAdded, KeyRevoked};
use domain::tenant::{Key, Tenant};
use domain::{KeyId, TenantId, Timestamp};
use ledger::view::ViewRow;
use ledger::{Append, AppendError, Refusal};
use queue::Subject;
use vault::{LookupHash, MasterKey, SystemEntropy, random};

use super::MAX_TRIES;
use crate::after::News;
use crate::auth::hash_failure;
use crate::denied::may_be_denied;
use crate::{App, Caller, Denied, Once, Outcome};

/// How many keys that were not revoked a tenant may have.
const MOST_KEYS: usize = 100;

/// A key to be made.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// A name for people.
    pub label: String,
    /// From when on it is refused.
    pub expires_at: Option<Timestamp>,
}

/// A key that was made, with the secret, which is nowhere else.
#[derive(Clone, Debug)]
pub struct MadeKey {
    /// What is kept of it.
    pub key: Key,
    /// The key itself.
    pub secret: MasterKey,
}

/// Why no key was made.
#[derive(Debug, thiserror::Error)]
pub enum AddKeyError {
    /// The tenant has as many as it may have.
    #[error("the tenant has too many keys")]
    TooMany,
    /// See [`Denied`].
    #[error(transparent)]
    Denied(#[from] Denied),
}

may_be_denied!(AddKeyError);

/// Why a key was not revoked.
#[derive(Debug, thiserror::Error)]
pub enum RevokeKeyError {
    /// The caller has no such key.
    #[error("there is no such key")]
    NotFound,
    /// No other key would open the tenant.
    #[error("it is the last live key")]
    LastLive,
    /// See [`Denied`].
    #[error(transparent)]
    Denied(#[from] Denied),
}

may_be_denied!(RevokeKeyError);

impl App {
    /// The caller's keys, oldest first, tombstones included.
    pub async fn keys(&self, caller: &Caller) -> Result<Vec<Key>, Denied> {
        match caller.tenant_id() {
            Some(tenant) => Ok(self.0.ledger.keys_of(tenant).await?),
            None => Ok(Vec::new()),
        }
    }

    /// Makes one more key for the caller's tenant.
    pub async fn add_key(
        &self,
        caller: &Caller,
        new: &NewKey,
        once: Option<Once<MadeKey>>,
    ) -> Result<Outcome<MadeKey>, AddKeyError> {
        let once = once.as_ref();
        let secret = MasterKey::generate(&mut SystemEntropy);
        let mut phc: Option<String> = None;
        for _ in 0..MAX_TRIES {
            let settled = self.settle(caller).await?;
            if let Some(answer) = self.replay(settled.tenant, once).await? {
                return Ok(Outcome::Replayed(answer));
            }
            let keys = self.0.ledger.keys_of(settled.tenant).await?;
            if keys.iter().filter(|key| key.revoked_at.is_none()).count() >= MOST_KEYS {
                return Err(AddKeyError::TooMany);
            }
            let phc = match &phc {
                Some(phc) => phc.clone(),
                None => phc.insert(self.hashed(&secret).await?).clone(),
            };
            let mut append = Append::new(self.now(), settled.meta.clone());
            let tenant = match settled.attach(&mut append) {
                Some(tenant) => tenant,
                None => self.tenant_row(settled.tenant).await?,
            };
            let event = KeyAdded {
                at: append.now,
                tenant_id: tenant.id,
                key_id: self.id(),
                lookup: hex::encode(self.0.keyring.lookup_hash(&secret)),
                phc,
                label: Some(new.label.clone()),
                expires_at: new.expires_at,
            };
            let key = Key::added(&event);
            append.tenant(&tenant, event);
            append.last(ViewRow::Key(Box::new(key.clone())));
            let made = MadeKey {
                key,
                secret: secret.clone(),
            };
            self.remember(&mut append, &settled, once, &made).await?;
            match self.commit(append, news(tenant.id, Vec::new())).await {
                Ok(_) => return Ok(Outcome::Done(made)),
                Err(error) if is_race(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Denied::contended().into())
    }

    async fn hashed(&self, secret: &MasterKey) -> Result<String, Denied> {
        let salt = random(&mut SystemEntropy);
        self.0.pool.hash(secret, salt).await.map_err(hash_failure)
    }

    /// Revokes one of the caller's keys, for ever; in this process before the answer, in the others within a second.
    /// A repeat is a success that changes nothing.
    pub async fn revoke_key(
        &self,
        caller: &Caller,
        id: KeyId,
        once: Option<Once<Key>>,
    ) -> Result<Outcome<Key>, RevokeKeyError> {
        let once = once.as_ref();
        let tenant = caller.tenant_id().ok_or(RevokeKeyError::NotFound)?;
        for _ in 0..MAX_TRIES {
            let settled = self.settle(caller).await?;
            if let Some(answer) = self.replay(tenant, once).await? {
                return Ok(Outcome::Replayed(answer));
            }
            // The tenant first: who changes its keys after that makes the append fail.
            let row = self.tenant_row(tenant).await?;
            let keys = self.0.ledger.keys_of(tenant).await?;
            let key = keys
                .iter()
                .find(|key| key.id == id)
                .ok_or(RevokeKeyError::NotFound)?;
            if key.revoked_at.is_some() {
                return Ok(Outcome::Done(key.clone()));
            }
            let mut append = Append::new(self.now(), settled.meta.clone());
            settled.attach(&mut append);
            let is_live = |key: &Key| key.is_live(append.now);
            if is_live(key) && !keys.iter().any(|other| other.id != id && is_live(other)) {
                return Err(RevokeKeyError::LastLive);
            }
            let (_, revoked) = revoke(&mut append, &row, key);
            self.remember(&mut append, &settled, once, &revoked).await?;
            match self.commit(append, news(tenant, vec![subject(&revoked)])).await {
                Ok(_) => {
                    self.forget(&revoked).await;
                    return Ok(Outcome::Done(revoked));
                }
                Err(error) if is_race(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Denied::contended().into())
    }

    /// Forgets that the key was ever proven here.
    pub(super) async fn forget(&self, key: &Key) {
        let mut hash = LookupHash::default();
        if hex::decode_to_slice(&key.lookup, &mut hash).is_ok() {
            self.0.authenticator.invalidate(&hash).await;
        }
    }
}

/// Adds a key's revocation; the tenant and the key after it.
pub(super) fn revoke(append: &mut Append, tenant: &Tenant, key: &Key) -> (Tenant, Key) {
    let event = KeyRevoked {
        at: append.now,
        tenant_id: tenant.id,
        key_id: key.id,
    };
    let revoked = key.clone().revoked(&event);
    let tenant = append.tenant(tenant, event);
    append.last(ViewRow::Key(Box::new(revoked.clone())));
    (tenant, revoked)
}

pub(super) fn subject(key: &Key) -> Subject {
    Subject::Key {
        key_id: key.id,
        lookup: key.lookup.clone(),
    }
}

pub(super) fn news(tenant: TenantId, subjects: Vec<Subject>) -> News {
    News {
        tenant,
        partitions: Vec::new(),
        subjects,
    }
}

/// Another change came first: decide anew.
pub(super) fn is_race(error: &AppendError) -> bool {
    matches!(
        error,
        AppendError::Refused(Refusal::Conflict { .. } | Refusal::Exists(_) | Refusal::DataKeyGone)
    )
}
