//! The secret that signs what jobs' own addresses are told.

use domain::event::CallbackSecretCreated;
use domain::{SecretId, TenantId, Timestamp};
use ledger::Append;

use super::{CallbackBody, MAX_TRIES, SigningSecret, is_race, news, rotated};
use crate::{App, Caller, Denied, Once, Outcome, Purpose};

/// A secret that was made.
#[derive(Clone)]
pub struct MadeSecret {
    /// Its id.
    pub id: SecretId,
    /// When.
    pub created_at: Timestamp,
    /// The secret, which is shown nowhere else.
    pub secret: String,
}

impl std::fmt::Debug for MadeSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MadeSecret({}, ***)", self.id)
    }
}

impl App {
    /// Gives the caller's tenant a secret that signs the callbacks of its jobs. One that it had signs for a day beside it.
    pub async fn create_callback_secret(
        &self,
        caller: &Caller,
        once: Option<Once<MadeSecret>>,
    ) -> Result<Outcome<MadeSecret>, Denied> {
        let once = once.as_ref();
        let secret = SigningSecret::generate(self.id());
        for _ in 0..MAX_TRIES {
            let settled = self.settle(caller).await?;
            if let Some(answer) = self.replay(settled.tenant, once).await? {
                return Ok(Outcome::Replayed(answer));
            }
            let mut append = Append::new(self.now(), settled.meta.clone());
            let tenant = match settled.attach(&mut append) {
                Some(tenant) => tenant,
                None => self.tenant_row(settled.tenant).await?,
            };
            let sealer = self.sealer_of(&settled).await?;
            sealer.attach(&mut append);
            let before = self.0.seals.callback_body(&tenant).await?;
            let before = before.map(|body| body.secrets).unwrap_or_default();
            let body = CallbackBody {
                secrets: rotated(&before, secret.clone(), append.now),
            };
            let event = CallbackSecretCreated {
                at: append.now,
                tenant_id: tenant.id,
                secret_id: secret.id,
            };
            let sealed = sealer.seal_json(Purpose::CallbackSecret, tenant.id.0, &body);
            append.tenant_with(&tenant, event, Some(sealed));
            let made = MadeSecret {
                id: secret.id,
                created_at: append.now,
                secret: secret.secret.clone(),
            };
            self.remember(&mut append, &settled, once, &made).await?;
            match self.commit(append, news(tenant.id)).await {
                Ok(_) => return Ok(Outcome::Done(made)),
                Err(error) if is_race(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Denied::contended())
    }

    /// Whether there is something that signs the callbacks of a tenant's jobs.
    pub(crate) async fn signs_callbacks(&self, tenant: TenantId) -> Result<bool, Denied> {
        let tenant = self.0.ledger.tenant(tenant).await?;
        Ok(tenant.is_some_and(|tenant| tenant.callback.is_some()))
    }
}
