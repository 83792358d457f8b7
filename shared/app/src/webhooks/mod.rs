//! Webhook endpoints of a tenant, the secret that signs its jobs' own callbacks, and what was told to whom.
//!
//! Addresses hold tokens as often as not, so they are sealed like the secrets; both are shown to nobody but their owner,
//! the secrets once.

mod callback;
mod change;
mod create;
mod deliveries;
mod error;
mod repeat;

use domain::tenant::Tenant;
use domain::webhook::{Endpoint, OLD_SECRET_SIGNS};
use domain::{EndpointId, SecretId, TenantId, Timestamp};
use ledger::{AppendError, EndpointHealth, Refusal};
use serde::{Deserialize, Serialize};
use vault::{SystemEntropy, random};

use crate::after::News;
use crate::{App, Caller, Purpose, SealError, Sealer, Seals};

pub use callback::MadeSecret;
pub use change::PatchEndpoint;
pub use create::NewEndpoint;
pub use deliveries::{AttemptView, DeliveryPage, DeliveryQuery, DeliveryView};
pub use error::{DeliveryError, EndpointError, StoreNames};
pub use repeat::{ReplayRange, Replayed};

/// How many endpoints a tenant may have.
pub const MOST_ENDPOINTS: usize = 100;

/// How often a change is decided anew because its subject changed meanwhile.
const MAX_TRIES: usize = 5;

/// A secret that signs.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigningSecret {
    /// Its id.
    pub id: SecretId,
    /// The secret, in the form in which its owner was told.
    pub secret: String,
    /// Until when it signs; none for the present one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl SigningSecret {
    /// Whether it signs at `now`.
    pub fn signs_at(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    fn generate(id: SecretId) -> Self {
        let secret = webhook::Secret::new(random(&mut SystemEntropy));
        Self {
            id,
            secret: secret.reveal().to_string(),
            until: None,
        }
    }
}

impl std::fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningSecret({}, ***)", self.id)
    }
}

/// Puts a new secret before the others. The present one signs on for a while; what came before it has been replaced
/// twice, and signs no longer than it was promised.
fn rotated(secrets: &[SigningSecret], new: SigningSecret, now: Timestamp) -> Vec<SigningSecret> {
    let mut rotated = vec![new];
    rotated.extend(secrets.iter().filter(|old| old.signs_at(now)).cloned());
    for old in rotated.iter_mut().skip(1) {
        old.until.get_or_insert(now.plus(OLD_SECRET_SIGNS));
    }
    rotated.truncate(MOST_SECRETS);
    rotated
}

/// So many secrets sign at most: each makes the header longer.
const MOST_SECRETS: usize = 5;

/// What is sealed of an endpoint.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointBody {
    /// Its address.
    pub url: String,
    /// The secrets that sign, the present one first.
    pub secrets: Vec<SigningSecret>,
}

impl std::fmt::Debug for EndpointBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EndpointBody(***)")
    }
}

/// What is sealed of a tenant's callback secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallbackBody {
    /// The secrets that sign, the present one first.
    pub secrets: Vec<SigningSecret>,
}

/// An endpoint as its owner sees it.
#[derive(Clone)]
pub struct EndpointView {
    /// What is kept of it.
    pub endpoint: Endpoint,
    /// Its address.
    pub url: String,
    /// How it has been doing; none if it was never told anything.
    pub health: Option<EndpointHealth>,
    /// Its secret, if it was made by this call.
    pub secret: Option<String>,
}

impl std::fmt::Debug for EndpointView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EndpointView({}, ***)", self.endpoint.id)
    }
}

/// A page of a tenant's endpoints, newest first.
#[derive(Clone, Debug)]
pub struct EndpointPage {
    /// The endpoints.
    pub endpoints: Vec<EndpointView>,
    /// The position below which the next page begins.
    pub next: Option<u64>,
}

impl Seals {
    /// Opens what is sealed of an endpoint; [`SealError::KeyGone`] once it was removed or its tenant erased.
    pub async fn endpoint_body(&self, endpoint: &Endpoint) -> Result<EndpointBody, SealError> {
        let sealed = endpoint.sealed.as_ref().ok_or(SealError::KeyGone)?;
        self.open_json(
            endpoint.tenant_id,
            Purpose::WebhookEndpoint,
            endpoint.id.0,
            sealed,
        )
        .await
    }

    /// Opens what is sealed of a tenant's callback secret, if it has one.
    pub async fn callback_body(&self, tenant: &Tenant) -> Result<Option<CallbackBody>, SealError> {
        let Some(callback) = &tenant.callback else {
            return Ok(None);
        };
        let body = self.open_json(tenant.id, Purpose::CallbackSecret, tenant.id.0, &callback.sealed);
        body.await.map(Some)
    }
}

fn seal_endpoint(sealer: &Sealer, id: EndpointId, body: &EndpointBody) -> domain::Sealed {
    sealer.seal_json(Purpose::WebhookEndpoint, id.0, body)
}

impl App {
    /// The caller's endpoints, newest first.
    pub async fn endpoints(
        &self,
        caller: &Caller,
        before: Option<u64>,
        limit: u32,
    ) -> Result<EndpointPage, EndpointError> {
        let mut endpoints = match caller.tenant_id() {
            Some(tenant) => self.0.ledger.endpoints_of(tenant).await?,
            None => Vec::new(),
        };
        endpoints.reverse();
        endpoints.retain(|endpoint| before.is_none_or(|before| endpoint.position < before));
        let more = endpoints.len() > limit as usize;
        endpoints.truncate(limit as usize);
        let next = endpoints.last().filter(|_| more).map(|last| last.position);
        let ids: Vec<EndpointId> = endpoints.iter().map(|endpoint| endpoint.id).collect();
        let health = self.0.ledger.endpoint_health(&ids).await?;
        let mut views = Vec::with_capacity(endpoints.len());
        for endpoint in endpoints {
            let url = self.0.seals.endpoint_body(&endpoint).await?.url;
            views.push(EndpointView {
                health: health
                    .iter()
                    .find(|health| health.endpoint_id == endpoint.id)
                    .copied(),
                endpoint,
                url,
                secret: None,
            });
        }
        Ok(EndpointPage {
            endpoints: views,
            next,
        })
    }

    /// One of the caller's endpoints.
    pub async fn find_endpoint(
        &self,
        caller: &Caller,
        id: EndpointId,
    ) -> Result<EndpointView, EndpointError> {
        let endpoint = self.own_endpoint(caller, id).await?;
        let url = self.0.seals.endpoint_body(&endpoint).await?.url;
        Ok(EndpointView {
            health: self.0.ledger.endpoint_health(&[id]).await?.pop(),
            endpoint,
            url,
            secret: None,
        })
    }

    /// An endpoint of the caller's that was not removed.
    async fn own_endpoint(&self, caller: &Caller, id: EndpointId) -> Result<Endpoint, EndpointError> {
        let own = |endpoint: &Endpoint| {
            caller.tenant_id() == Some(endpoint.tenant_id) && endpoint.deleted_at.is_none()
        };
        let found = self.0.ledger.endpoint(id).await?;
        found.filter(own).ok_or(EndpointError::NotFound)
    }
}

/// Nobody has to be told at once: whoever tells endpoints reads the log.
fn news(tenant: TenantId) -> News {
    News {
        tenant,
        partitions: Vec::new(),
        subjects: Vec::new(),
    }
}

/// Another change came first: decide anew.
fn is_race(error: &AppendError) -> bool {
    matches!(
        error,
        AppendError::Refused(Refusal::Conflict { .. } | Refusal::Exists(_) | Refusal::DataKeyGone)
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use uuid::Uuid;

    use super::*;

    fn secret(n: u128) -> SigningSecret {
        SigningSecret::generate(SecretId(Uuid::from_u128(n)))
    }

    #[test]
    fn a_secret_that_was_replaced_signs_for_a_day() {
        let now = Timestamp::from_millis(1_700_000_000_000);
        let secrets = rotated(&[secret(1)], secret(2), now);
        let ids =
            |secrets: &[SigningSecret]| -> Vec<u128> { secrets.iter().map(|s| s.id.0.as_u128()).collect() };
        assert_eq!(ids(&secrets), [2, 1]);
        assert_eq!(
            (secrets[0].until, secrets[1].until),
            (None, Some(now.plus(OLD_SECRET_SIGNS)))
        );
        let end = now.plus(OLD_SECRET_SIGNS);
        assert!(secrets[1].signs_at(end.minus(Duration::from_millis(1))) && !secrets[1].signs_at(end));

        let soon = now.plus(Duration::from_hours(1));
        let twice = rotated(&secrets, secret(3), soon);
        assert_eq!(ids(&twice), [3, 2, 1]);
        assert_eq!(twice[2].until, secrets[1].until, "no longer than it was promised");
        assert_eq!(ids(&rotated(&twice, secret(4), end)), [4, 3, 2]);
    }

    #[test]
    fn nothing_secret_shows() {
        let secret = secret(1);
        let body = EndpointBody {
            url: "https://example.com/token".to_owned(),
            secrets: vec![secret.clone()],
        };
        let shown = format!("{body:?} {secret:?}");
        assert!(!shown.contains("whsec_") && !shown.contains("example"), "{shown}");
        assert!(secret.secret.starts_with("whsec_") && secret.secret.len() == 50);
    }

    #[test]
    fn what_was_stored_once_is_read_for_ever() {
        let text = r#"{"url":"https://example.com/hook","secrets":[{"id":"01920000-0000-7000-8000-000000000052","secret":"whsec_x"},{"id":"01920000-0000-7000-8000-000000000051","secret":"whsec_y","until":"2026-02-01T12:00:00.000Z"}]}"#;
        let body: EndpointBody = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&body).unwrap(), text);
        assert_eq!(body.secrets[0].until, None);
    }
}
