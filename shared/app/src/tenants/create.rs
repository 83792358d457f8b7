//! Tenants that the administrator makes, and the list of all.

use domain::TenantId;
use domain::tenant::Tenant;
use ledger::{Append, IdempotencyAnswer};
use uuid::Uuid;
use vault::{MasterKey, SystemEntropy};

use super::keys::{is_race, news};
use super::{Admin, MAX_TRIES};
use crate::idempotency::row;
use crate::{App, Denied, IdempotencyKey, Once, Outcome, Purpose, StoredAnswer};

/// Under whose name the administrator's idempotency keys are kept: nobody's.
const ADMINISTRATOR: TenantId = TenantId(Uuid::nil());

/// A tenant that was made, with its first key, which is nowhere else.
#[derive(Clone, Debug)]
pub struct MadeTenant {
    /// The tenant.
    pub tenant: Tenant,
    /// Its key.
    pub key: MasterKey,
}

/// A page of tenants, newest first.
#[derive(Clone, Debug)]
pub struct TenantPage {
    /// The tenants, tombstones included.
    pub tenants: Vec<Tenant>,
    /// The cursor of the page after, if there is one.
    pub next: Option<TenantId>,
}

impl App {
    /// Makes a tenant with one key.
    pub async fn create_tenant(
        &self,
        admin: &Admin,
        label: &str,
        once: Option<Once<MadeTenant>>,
    ) -> Result<Outcome<MadeTenant>, Denied> {
        let once = once.as_ref();
        for _ in 0..MAX_TRIES {
            if let Some(once) = once
                && let Some(answer) = self.replay_admin(&once.key).await?
            {
                return Ok(Outcome::Replayed(answer));
            }
            let key = MasterKey::generate(&mut SystemEntropy);
            let settled = self.settle_new(admin.meta(), &key, label.to_owned()).await?;
            let mut append = Append::new(self.now(), settled.meta.clone());
            let tenant = settled.attach(&mut append);
            let tenant = tenant.ok_or_else(|| Denied::internal("a new tenant is not new"))?;
            let made = MadeTenant { tenant, key };
            if let (Some(once), Some(sealer)) = (once, settled.answers()) {
                let StoredAnswer { status, body } = (once.render)(&made);
                let place = row(ADMINISTRATOR, &once.key.key);
                let body = sealer.seal(Purpose::IdempotentAnswer, place, &body);
                let answer = IdempotencyAnswer::Response { status, body };
                append
                    .idempotency
                    .push(self.record(&append, ADMINISTRATOR, &once.key, answer));
            }
            match self.commit(append, news(made.tenant.id, Vec::new())).await {
                Ok(_) => return Ok(Outcome::Done(made)),
                Err(error) if is_race(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Denied::contended())
    }

    /// The answer to a repeat is sealed by the key of the tenant that the first one made, and is erased with it.
    async fn replay_admin(&self, key: &IdempotencyKey) -> Result<Option<StoredAnswer>, Denied> {
        let Some(answer) = self.recorded(ADMINISTRATOR, key).await? else {
            return Ok(None);
        };
        let IdempotencyAnswer::Response { status, body } = answer else {
            return Err(Denied::KeyReused);
        };
        let owner = self.0.seals.owner(&body).await?.ok_or(Denied::KeyReused)?;
        let place = row(ADMINISTRATOR, &key.key);
        let opened = self
            .0
            .seals
            .open(owner, Purpose::IdempotentAnswer, place, &body)
            .await?;
        Ok(Some(StoredAnswer {
            status,
            body: opened.to_vec(),
        }))
    }

    /// A page of all tenants; `before` is the `next` of the page before.
    pub async fn tenants(&self, before: Option<TenantId>, limit: u32) -> Result<TenantPage, Denied> {
        let mut tenants = self
            .0
            .ledger
            .tenants_page(before, limit.saturating_add(1))
            .await?;
        let more = tenants.len() > limit as usize;
        tenants.truncate(limit as usize);
        let next = tenants.last().map(|tenant| tenant.id).filter(|_| more);
        Ok(TenantPage { tenants, next })
    }
}
