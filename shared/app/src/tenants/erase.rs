//! Erasing a tenant: its keys go at once, its stores end as deleted stores do, then everything that its data keys
//! sealed becomes unreadable. The log keeps every byte, so that it stays verifiable.
//!
//! **What is gone.** The rows of `data_keys`, the only place where data keys are kept. The tenant's own key stays
//! derivable from the salt in `tenant.created`, for the log cannot forget; but it seals no data, it only wraps data keys,
//! and of these nothing is left to unwrap. So no data key, wrapped or not, may ever be written anywhere else.
//!
//! Each step is one append that is decided by what the ledger says, so any process can take the next one, and a
//! process that dies loses nothing.

use std::time::Duration;

use domain::TenantId;
use domain::event::{StoreDeleted, TenantDeleted, TenantErased};
use domain::tenant::Tenant;
use ledger::{Append, AppendError, DestroyKeys, EraseDeliveries, Meta};
use queue::Subject;
use tokio_util::sync::CancellationToken;

use super::keys::{is_race, news, revoke, subject};
use super::{Admin, MAX_TRIES};
use crate::after::News;
use crate::denied::may_be_denied;
use crate::{App, Caller, Denied};

/// How many stores or data keys one step takes.
const CHUNK: u32 = 200;
/// Tenants that are looked at in one round.
const AT_ONCE: u32 = 50;
/// Between steps, while workers end a tenant's stores.
const STEP: Duration = Duration::from_millis(250);
/// Between looks for what another process began and did not end.
const SWEEP: Duration = Duration::from_mins(1);

/// Why a tenant is not erased.
#[derive(Debug, thiserror::Error)]
pub enum DeleteTenantError {
    /// There is no such tenant.
    #[error("there is no such tenant")]
    NotFound,
    /// See [`Denied`].
    #[error(transparent)]
    Denied(#[from] Denied),
}

may_be_denied!(DeleteTenantError);

impl App {
    /// Begins to erase the caller's tenant. From then on it takes no call.
    pub async fn delete_tenant(&self, caller: &Caller) -> Result<Tenant, DeleteTenantError> {
        let tenant = caller.tenant_id().ok_or(DeleteTenantError::NotFound)?;
        self.delete(tenant, caller.meta(caller.key_id), false).await
    }

    /// Begins to erase a tenant for the administrator. A repeat is a success that changes nothing.
    pub async fn delete_tenant_as(&self, admin: &Admin, id: TenantId) -> Result<Tenant, DeleteTenantError> {
        self.delete(id, admin.meta(), true).await
    }

    async fn delete(&self, id: TenantId, meta: Meta, by_admin: bool) -> Result<Tenant, DeleteTenantError> {
        for _ in 0..MAX_TRIES {
            let tenant = self.0.ledger.tenant(id).await?;
            let tenant = tenant.ok_or(DeleteTenantError::NotFound)?;
            if tenant.deleted_at.is_some() {
                return Ok(tenant);
            }
            let mut append = Append::new(self.now(), meta.clone());
            let event = TenantDeleted {
                at: append.now,
                tenant_id: id,
                by_admin,
            };
            let mut deleted = append.tenant(&tenant, event);
            let mut revoked = Vec::new();
            for key in self.0.ledger.keys_of(id).await? {
                if key.revoked_at.is_none() {
                    let (tenant, key) = revoke(&mut append, &deleted, &key);
                    deleted = tenant;
                    revoked.push(key);
                }
            }
            let subjects = revoked.iter().map(subject).collect();
            match self.commit(append, news(id, subjects)).await {
                Ok(_) => {
                    for key in &revoked {
                        self.forget(key).await;
                    }
                    self.0.erasures.notify_one();
                    return Ok(deleted);
                }
                Err(error) if is_race(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Denied::contended().into())
    }

    /// Erases what is to be erased until `draining` is cancelled, whichever process was asked for it: to be spawned
    /// once per process that takes requests. Several at once do no harm.
    pub fn start_erasures(&self, draining: CancellationToken) -> impl Future<Output = ()> + Send + use<> {
        let app = self.clone();
        async move {
            loop {
                let left = tokio::select! {
                    () = draining.cancelled() => return,
                    left = app.advance_erasures() => left.unwrap_or_else(|error| {
                        tracing::warn!(error = &error as &dyn std::error::Error, "an erasure did not get on");
                        1
                    }),
                };
                let pause = if left == 0 { SWEEP } else { STEP };
                tokio::select! {
                    () = draining.cancelled() => return,
                    () = app.0.erasures.notified() => {}
                    () = tokio::time::sleep(pause) => {}
                }
            }
        }
    }

    /// Takes the next step of every erasure; says how many are not done. One that fails delays no other: it is tried
    /// again in the next round.
    pub async fn advance_erasures(&self) -> Result<usize, Denied> {
        let tenants = self.0.ledger.tenants_to_erase(AT_ONCE).await?;
        let mut left = tenants.len();
        for tenant in tenants {
            match self.advance(&tenant).await {
                Ok(true) => left -= 1,
                Ok(false) => {}
                Err(error) => tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    tenant_id = %tenant.id,
                    "an erasure did not get on"
                ),
            }
        }
        Ok(left)
    }

    /// Takes the next step; whether it was the last.
    async fn advance(&self, tenant: &Tenant) -> Result<bool, Denied> {
        let stores = self.0.ledger.stores_with_credentials(tenant.id, CHUNK).await?;
        if !stores.is_empty() {
            for store in stores.iter().filter(|store| store.deleted_at.is_none()) {
                let mut append = Append::new(self.now(), own_meta());
                let event = StoreDeleted {
                    at: append.now,
                    store_id: store.id,
                };
                append.store(store, event, None);
                let news = News {
                    tenant: tenant.id,
                    partitions: vec![store.partition],
                    subjects: vec![Subject::Store { store_id: store.id }],
                };
                taken(self.commit(append, news).await)?;
            }
            return Ok(false);
        }
        let all = EraseDeliveries::Tenant(tenant.id);
        if self.0.ledger.erase_deliveries(&all, CHUNK).await? > 0 {
            return Ok(false);
        }
        let keys = self.0.ledger.data_keys_of_tenant(tenant.id, CHUNK).await?;
        let mut append = Append::new(self.now(), own_meta());
        let last = keys.len() < CHUNK as usize;
        append.destroy_keys = keys.iter().copied().map(DestroyKeys::One).collect();
        if last {
            let event = TenantErased {
                at: append.now,
                tenant_id: tenant.id,
            };
            append.tenant(tenant, event);
        }
        let erased = Subject::Erased {
            store_id: None,
            order_id: None,
        };
        let taken = taken(self.commit(append, news(tenant.id, vec![erased])).await)?;
        self.0.seals.forget_tenant(tenant.id).await;
        if last && taken {
            if !self.0.ledger.scrub().await? {
                tracing::info!(tenant_id = %tenant.id, "the database keeps traces of destroyed keys for now");
            }
            tracing::info!(tenant_id = %tenant.id, "a tenant is erased");
        }
        Ok(last && taken)
    }
}

fn own_meta() -> Meta {
    Meta {
        actor: Some("erasure".to_owned()),
        ..Meta::default()
    }
}

/// Whether a step was taken; another process may have been faster with it.
fn taken<T>(result: Result<T, AppendError>) -> Result<bool, Denied> {
    match result {
        Ok(_) => Ok(true),
        Err(error) if is_race(&error) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
