//! Whose key it is.

use std::sync::Arc;
use std::time::Instant;

use domain::event::LoginRefusal;
use domain::{KeyId, RequestId, TenantId, Timestamp};
use ledger::{BackendError, Meta};
use vault::{AuthenticateError, Candidate, HashError, LookupHash, MasterKey};

use crate::audit::Refused;
use crate::{App, Denied};

/// The tenant that a key opens.
#[derive(Clone, Debug)]
pub enum TenantRef {
    /// One that is written.
    Known(TenantId),
    /// One that its first successful change will write, with this key; until then it sees an empty tenant.
    Provisional(MasterKey),
}

/// A proven key.
#[derive(Clone, Debug)]
pub struct Authenticated {
    /// What it opens.
    pub tenant: TenantRef,
    /// Its id; none while the tenant is provisional.
    pub key_id: Option<KeyId>,
}

/// Who calls, and from where; stored with every event that the call causes.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Whose.
    pub tenant: TenantRef,
    /// With which key.
    pub key_id: Option<KeyId>,
    /// The key itself: who listens for long has it proven again.
    pub key: MasterKey,
    /// From which address.
    pub client_ip: String,
    /// In which request.
    pub request_id: RequestId,
    /// W3C trace context.
    pub traceparent: Option<String>,
}

impl Caller {
    /// The tenant, unless it is yet to be written.
    pub fn tenant_id(&self) -> Option<TenantId> {
        match self.tenant {
            TenantRef::Known(id) => Some(id),
            TenantRef::Provisional(_) => None,
        }
    }

    pub(crate) fn meta(&self, key_id: Option<KeyId>) -> Meta {
        Meta {
            key_id,
            client_ip: Some(self.client_ip.clone()),
            request_id: Some(self.request_id.clone()),
            actor: None,
            traceparent: self.traceparent.clone(),
        }
    }
}

/// Why a key opens nothing.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// Nobody's, and too short or not allowed to become somebody's.
    #[error("the key is unknown")]
    Unknown,
    /// Revoked, expired, or of an erased tenant; for ever.
    #[error("the key is revoked")]
    KeyRevoked,
    /// Too many keys are being proven; a second later it may work.
    #[error("too many keys are being verified")]
    Busy,
    /// The ledger is away, or a fault of ours: [`Denied::Unavailable`] or [`Denied::Internal`].
    #[error(transparent)]
    Denied(Denied),
}

impl From<AuthError> for Denied {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::Unknown | AuthError::KeyRevoked => Self::KeyRevoked,
            AuthError::Busy => Self::Busy,
            AuthError::Denied(denied) => denied,
        }
    }
}

/// What is remembered of a proven key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Proven {
    tenant: TenantId,
    key: KeyId,
    expires_at: Option<Timestamp>,
}

enum LoadError {
    /// Withdrawn; whose it was, unless the whole tenant is gone.
    Revoked(Option<Refused>),
    Ledger(BackendError),
}

impl From<BackendError> for LoadError {
    fn from(error: BackendError) -> Self {
        Self::Ledger(error)
    }
}

impl App {
    /// As [`App::authenticate`], for a request from outside: that a withdrawn key was tried goes into the audit log.
    pub async fn log_in(
        &self,
        key: &MasterKey,
        client_ip: &str,
        request_id: &RequestId,
    ) -> Result<Authenticated, AuthError> {
        self.identify(key).await.map_err(|(error, refused)| {
            if let Some(refused) = refused {
                self.note_refused(refused, client_ip.to_owned(), request_id.clone());
            }
            error
        })
    }

    /// Tells what `key` opens. A key that nobody knows costs one look-up and no argon2.
    pub async fn authenticate(&self, key: &MasterKey) -> Result<Authenticated, AuthError> {
        self.identify(key).await.map_err(|(error, _)| error)
    }

    /// What `key` opens; of one that was withdrawn, whose it was.
    async fn identify(&self, key: &MasterKey) -> Result<Authenticated, (AuthError, Option<Refused>)> {
        let other = |error| Err((error, None));
        let load = |lookup: LookupHash| self.candidate(lookup);
        let proven = match self.0.authenticator.authenticate(key, Instant::now(), load).await {
            Ok(proven) => proven,
            Err(AuthenticateError::Load(LoadError::Revoked(refused))) => {
                return Err((AuthError::KeyRevoked, refused));
            }
            Err(AuthenticateError::Load(LoadError::Ledger(error))) => {
                return other(AuthError::Denied(error.into()));
            }
            Err(AuthenticateError::Mismatch) => {
                tracing::error!("a stored key hash belongs to another key");
                return other(AuthError::Unknown);
            }
            Err(AuthenticateError::Hash(HashError::Busy) | AuthenticateError::Unsettled) => {
                return other(AuthError::Busy);
            }
            Err(AuthenticateError::Hash(error)) => return other(AuthError::Denied(hash_failure(error))),
        };
        match proven {
            // Checked here and not only on loading: it may pass while the proof is remembered.
            Some(proven) if proven.expires_at.is_some_and(|at| at <= self.now()) => {
                let refused = Refused {
                    tenant: proven.tenant,
                    key: proven.key,
                    reason: LoginRefusal::Expired,
                };
                Err((AuthError::KeyRevoked, Some(refused)))
            }
            Some(proven) => Ok(Authenticated {
                tenant: TenantRef::Known(proven.tenant),
                key_id: Some(proven.key),
            }),
            None if self.0.config.auto_provision && key.can_provision() => Ok(Authenticated {
                tenant: TenantRef::Provisional(key.clone()),
                key_id: None,
            }),
            None => other(AuthError::Unknown),
        }
    }

    /// Whether `key` has opened a tenant before and this process remembers it: neither the ledger nor argon2 is asked.
    ///
    /// A key that was revoked elsewhere a moment ago may still count; it opens nothing any more.
    pub async fn is_proven(&self, key: &MasterKey) -> bool {
        self.0.authenticator.is_proven(key, Instant::now()).await
    }

    async fn candidate(&self, lookup: LookupHash) -> Result<Option<Candidate<Proven>>, LoadError> {
        let Some(key) = self.0.ledger.key_by_lookup(&hex::encode(lookup)).await? else {
            return Ok(None);
        };
        let tenant = self.0.ledger.tenant(key.tenant_id).await?;
        if tenant.is_none_or(|tenant| tenant.deleted_at.is_some()) {
            return Err(LoadError::Revoked(None));
        }
        if !key.is_live(self.now()) {
            let reason = if key.revoked_at.is_some() {
                LoginRefusal::Revoked
            } else {
                LoginRefusal::Expired
            };
            return Err(LoadError::Revoked(Some(Refused {
                tenant: key.tenant_id,
                key: key.id,
                reason,
            })));
        }
        let payload = Proven {
            tenant: key.tenant_id,
            key: key.id,
            expires_at: key.expires_at,
        };
        Ok(Some(Candidate {
            phc: Arc::from(key.phc),
            payload,
        }))
    }
}

/// What to say when a key could not be hashed.
pub(crate) fn hash_failure(error: HashError) -> Denied {
    match error {
        HashError::Busy => Denied::Busy,
        HashError::Aborted => Denied::Unavailable(error.into()),
        HashError::Malformed | HashError::Parameters => Denied::Internal(error.into()),
    }
}
