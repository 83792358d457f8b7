//! The first successful change of an unknown key writes its tenant.

use domain::event::{KeyAdded, TenantCreated};
use domain::tenant::{Key, Tenant};
use domain::{KeyId, TenantId};
use ledger::view::ViewRow;
use ledger::{Append, Expected, Guard, Meta, NewEvent, Stream};
use vault::{MasterKey, SystemEntropy, TenantSalt, random};

use crate::auth::{Authenticated, hash_failure};
use crate::{App, Caller, Denied, Sealer, TenantRef};

/// The tenant that a change belongs to, and what must be written with the change.
pub(crate) struct Settled {
    pub tenant: TenantId,
    pub meta: Meta,
    /// The tenant's first key, if the tenant is yet to be written.
    founder: Option<Founder>,
}

struct Founder {
    key: KeyId,
    lookup: String,
    phc: String,
    salt: TenantSalt,
    answers: Sealer,
    label: Option<String>,
    provisioned: bool,
}

impl App {
    /// Prepares a change of `caller`. That of a provisional tenant carries the tenant's beginning with it, and is
    /// refused with `Exists(Key)` if another first change was faster: then this is asked again.
    pub(crate) async fn settle(&self, caller: &Caller) -> Result<Settled, Denied> {
        let key = match &caller.tenant {
            TenantRef::Known(tenant) => {
                return Ok(Settled {
                    tenant: *tenant,
                    meta: caller.meta(caller.key_id),
                    founder: None,
                });
            }
            TenantRef::Provisional(key) => key,
        };
        match self.authenticate(key).await? {
            Authenticated {
                tenant: TenantRef::Known(tenant),
                key_id,
            } => Ok(Settled {
                tenant,
                meta: caller.meta(key_id),
                founder: None,
            }),
            Authenticated {
                tenant: TenantRef::Provisional(_),
                ..
            } => self.found(caller, key).await,
        }
    }

    async fn found(&self, caller: &Caller, key: &MasterKey) -> Result<Settled, Denied> {
        let (tenant, founder) = self.founder(key, None, true).await?;
        Ok(Settled {
            tenant,
            meta: caller.meta(Some(founder.key)),
            founder: Some(founder),
        })
    }

    /// Prepares a tenant that the administrator asks for.
    pub(crate) async fn settle_new(
        &self,
        meta: Meta,
        key: &MasterKey,
        label: String,
    ) -> Result<Settled, Denied> {
        let (tenant, founder) = self.founder(key, Some(label), false).await?;
        Ok(Settled {
            tenant,
            meta,
            founder: Some(founder),
        })
    }

    async fn founder(
        &self,
        key: &MasterKey,
        label: Option<String>,
        provisioned: bool,
    ) -> Result<(TenantId, Founder), Denied> {
        let phc = self
            .0
            .pool
            .hash(key, random(&mut SystemEntropy))
            .await
            .map_err(hash_failure)?;
        let (tenant, key_id) = (self.id::<TenantId>(), self.id::<KeyId>());
        let salt: TenantSalt = random(&mut SystemEntropy);
        self.0.seals.introduce(tenant, &salt).await;
        let founder = Founder {
            key: key_id,
            lookup: hex::encode(self.0.keyring.lookup_hash(key)),
            phc,
            salt,
            answers: self.0.seals.make_for_tenant(tenant).await?,
            label,
            provisioned,
        };
        Ok((tenant, founder))
    }
}

impl Settled {
    /// What seals answers, of a tenant that is yet to be written.
    pub(crate) fn answers(&self) -> Option<&Sealer> {
        self.founder.as_ref().map(|founder| &founder.answers)
    }

    /// Writes the tenant with `append` and returns it, or makes `append` depend on its being there.
    pub(crate) fn attach(&self, append: &mut Append) -> Option<Tenant> {
        let Some(founder) = &self.founder else {
            append.guards.push(Guard::TenantOpen(self.tenant));
            return None;
        };
        let event = |append: &mut Append, version, event| {
            append.event(NewEvent {
                stream: Stream::Tenant(self.tenant),
                expected: Expected::Version(version),
                event,
                sealed: None,
                tenant_id: self.tenant,
                store_id: None,
                order_id: None,
                job_id: None,
            })
        };
        let created = TenantCreated {
            at: append.now,
            tenant_id: self.tenant,
            label: founder.label.clone(),
            provisioned: founder.provisioned,
            salt: hex::encode(founder.salt),
        };
        let added = KeyAdded {
            at: append.now,
            tenant_id: self.tenant,
            key_id: founder.key,
            lookup: founder.lookup.clone(),
            phc: founder.phc.clone(),
            label: None,
            expires_at: None,
        };
        let mut tenant = Tenant::created(&created, 1);
        tenant.version = 2;
        event(append, 0, created.into());
        let key = Key::added(&added);
        let index = event(append, 1, added.into());
        append.view(ViewRow::Tenant(Box::new(tenant.clone())), index);
        append.view(ViewRow::Key(Box::new(key)), index);
        founder.answers.attach(append);
        Some(tenant)
    }
}
