//! Registering a store.

use std::time::Duration;

use domain::event::StoreRegistered;
use domain::store::Store;
use domain::{StoreId, TenantId, UpstreamStoreId};
use ledger::view::ViewRow;
use ledger::{Append, AppendError, DataKeyRow, Expected, NewEvent, Refusal, Stream, Unique};
use orderdesk::Credentials;
use queue::{ReadScope, Subject};
use secrecy::SecretString;
use vault::ApiKey;

use crate::after::News;
use crate::denied::may_be_denied;
use crate::reads::{ReadError, Target};
use crate::settle::Settled;
use crate::{App, Caller, Denied, Once, Outcome, SealError, TenantRef};

/// A store to register.
#[derive(Clone, Debug)]
pub struct RegisterStore {
    /// Order Desk's id of the store.
    pub store_id: UpstreamStoreId,
    /// Its API key.
    pub api_key: ApiKey,
    /// A name for people.
    pub label: Option<String>,
}

/// Why a store was not registered.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// The caller has registered it already.
    #[error("the store is registered already")]
    Exists,
    /// Order Desk was asked and refused the API key.
    #[error("order desk refused the credentials")]
    CredentialsRejected,
    /// Order Desk was to be asked and could not be.
    #[error("the credentials could not be verified")]
    Unverified {
        /// When to try again.
        retry_after: Duration,
    },
    /// See [`Denied`].
    #[error(transparent)]
    Denied(#[from] Denied),
}

may_be_denied!(RegisterError);

impl App {
    /// Registers a store for the caller; with `verify`, only after Order Desk has accepted its key.
    pub async fn register_store(
        &self,
        caller: &Caller,
        store: RegisterStore,
        verify: bool,
        once: Option<Once<Store>>,
    ) -> Result<Outcome<Store>, RegisterError> {
        let once = once.as_ref();
        let mut checked = false;
        let mut entered = None;
        // A race of first writes and one for the idempotency key, each decided at its second round.
        for _ in 0..4 {
            let settled = self.settle(caller).await?;
            if let Some(answer) = self.replay(settled.tenant, once).await? {
                return Ok(Outcome::Replayed(answer));
            }
            if verify && !checked {
                // A provisional tenant has no id yet that twins would share; its key does for one.
                let scope = match &caller.tenant {
                    TenantRef::Known(tenant) => *tenant,
                    TenantRef::Provisional(key) => {
                        let lookup = self.0.keyring.lookup_hash(key);
                        TenantId(crate::seals::hashed_row(&[b"provisional", &lookup]))
                    }
                };
                if let Some(once) = once {
                    let place = self.0.verifying.enter(scope, &once.key.key);
                    entered = Some(place.ok_or(Denied::InProgress)?);
                    // The twin may have ended between the look-up and here.
                    if let Some(answer) = self.replay(settled.tenant, Some(once)).await? {
                        return Ok(Outcome::Replayed(answer));
                    }
                }
                self.refuse_twice(settled.tenant, &store.store_id).await?;
                self.verify(&store).await?;
                checked = true;
            }
            match self.append_store(&settled, &store, once).await {
                Ok(store) => return Ok(Outcome::Done(store)),
                Err(Lost::Append(AppendError::Refused(Refusal::Exists(unique)))) => match unique {
                    Unique::Store => {
                        // A repeat of the request that registered it is a replay and no conflict.
                        if let Some(answer) = self.replay(settled.tenant, once).await? {
                            return Ok(Outcome::Replayed(answer));
                        }
                        return Err(RegisterError::Exists);
                    }
                    Unique::Key | Unique::Idempotency(_) => {}
                },
                Err(Lost::Append(error)) => return Err(error.into()),
                Err(Lost::Denied(denied)) => return Err(denied.into()),
            }
        }
        drop(entered);
        Err(Denied::contended().into())
    }

    /// Spares a token of a store that is there already.
    async fn refuse_twice(&self, tenant: TenantId, store: &UpstreamStoreId) -> Result<(), RegisterError> {
        if self.0.ledger.store_by_upstream(tenant, store).await?.is_some() {
            return Err(RegisterError::Exists);
        }
        Ok(())
    }

    async fn append_store(
        &self,
        settled: &Settled,
        store: &RegisterStore,
        once: Option<&Once<Store>>,
    ) -> Result<Store, Lost> {
        let id: StoreId = self.id();
        let (sealed, data_key) = self
            .0
            .seals
            .seal_credentials(settled.tenant, id, &store.api_key)
            .await?;
        let mut append = Append::new(self.now(), settled.meta.clone());
        settled.attach(&mut append);
        let registered = self.registered(&append, settled.tenant, id, store, &data_key);
        let view = Store::registered(&registered, Some(sealed.clone()), 1);
        append.data_keys.push(data_key);
        let index = append.event(NewEvent {
            stream: Stream::Store(id),
            expected: Expected::Version(0),
            event: registered.into(),
            sealed: Some(sealed),
            tenant_id: settled.tenant,
            store_id: Some(id),
            order_id: None,
            job_id: None,
        });
        append.view(ViewRow::Store(Box::new(view.clone())), index);
        self.remember(&mut append, settled, once, &view).await?;
        let news = News {
            tenant: settled.tenant,
            partitions: vec![view.partition],
            subjects: vec![Subject::Store { store_id: id }],
        };
        let appended = self.commit(append, news).await?;
        Ok(Store {
            last_position: appended.first + index as u64,
            ..view
        })
    }

    fn registered(
        &self,
        append: &Append,
        tenant: TenantId,
        id: StoreId,
        store: &RegisterStore,
        data_key: &DataKeyRow,
    ) -> StoreRegistered {
        StoreRegistered {
            at: append.now,
            tenant_id: tenant,
            store_id: id,
            upstream_store_id: store.store_id.clone(),
            label: store.label.clone(),
            upstream_key: self.upstream_key(&store.store_id, &store.api_key),
            partition: domain::partition::of(&store.store_id, self.0.config.partitions),
            data_key_id: data_key.id,
        }
    }

    pub(crate) fn upstream_key(&self, store: &UpstreamStoreId, key: &ApiKey) -> String {
        hex::encode(
            self.0
                .keyring
                .upstream_key(self.0.config.base_url.as_str(), store.as_str(), key),
        )
    }

    async fn verify(&self, store: &RegisterStore) -> Result<(), RegisterError> {
        let credentials = Credentials::new(
            store.store_id.as_str(),
            SecretString::from(store.api_key.expose()),
        );
        let target = Target {
            partition: domain::partition::of(&store.store_id, self.0.config.partitions),
            upstream_key: self.upstream_key(&store.store_id, &store.api_key),
        };
        let test = move |client: orderdesk::Client| async move { client.test(&credentials).await };
        match self.read_upstream(&target, ReadScope::Other, test).await {
            Ok(_) => Ok(()),
            // Order Desk calls a store that it does not know not found.
            Err(ReadError::CredentialsRejected | ReadError::NotFound | ReadError::Rejected { .. }) => {
                Err(RegisterError::CredentialsRejected)
            }
            Err(ReadError::Unavailable { retry_after }) => Err(RegisterError::Unverified { retry_after }),
            Err(ReadError::StoreGone) => Err(Denied::internal("a store to be verified is gone").into()),
            Err(ReadError::Denied(denied)) => Err(denied.into()),
        }
    }
}

/// Why the append came to nothing, kept apart so that a lost race can be told from the rest.
enum Lost {
    Append(AppendError),
    Denied(Denied),
}

impl From<AppendError> for Lost {
    fn from(error: AppendError) -> Self {
        Self::Append(error)
    }
}

impl From<SealError> for Lost {
    fn from(error: SealError) -> Self {
        Self::Denied(error.into())
    }
}

impl From<Denied> for Lost {
    fn from(error: Denied) -> Self {
        Self::Denied(error)
    }
}
