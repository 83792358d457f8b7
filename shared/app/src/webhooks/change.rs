//! Changing, testing and removing an endpoint.

use domain::EndpointId;
use domain::event::{
    EndpointDeleted, EndpointDisabled, EndpointEnabled, EndpointSecretRotated, EndpointTested,
    EndpointUpdated,
};
use domain::webhook::{DisableReason, Endpoint, OLD_SECRET_SIGNS, WebhookEvent};
use ledger::Append;

use super::{EndpointBody, EndpointError, EndpointView, MAX_TRIES, SigningSecret};
use super::{is_race, news, rotated, seal_endpoint};
use crate::{App, Caller, Denied, Once, Outcome, Sealer};

/// What is to change about an endpoint; what is none stays.
#[derive(Clone, Default)]
pub struct PatchEndpoint {
    /// Another address.
    pub url: Option<String>,
    /// What it is told about; empty means everything.
    pub events: Option<Vec<WebhookEvent>>,
    /// Of which stores; empty means of all.
    pub stores: Option<Vec<String>>,
    /// Whether it is told anything.
    pub enabled: Option<bool>,
}

impl std::fmt::Debug for PatchEndpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PatchEndpoint(***)")
    }
}

enum Change<'c> {
    Patch(&'c PatchEndpoint),
    Rotate(SigningSecret),
    Test,
    Delete,
}

impl App {
    /// Changes an endpoint, all in one commit. One that is enabled again begins anew: what failed before counts no more.
    pub async fn patch_endpoint(
        &self,
        caller: &Caller,
        id: EndpointId,
        patch: &PatchEndpoint,
        once: Option<Once<EndpointView>>,
    ) -> Result<Outcome<EndpointView>, EndpointError> {
        self.change_endpoint(caller, id, once, Change::Patch(patch)).await
    }

    /// Gives an endpoint a new secret, which the answer shows; the old one signs for a day beside it.
    pub async fn rotate_endpoint_secret(
        &self,
        caller: &Caller,
        id: EndpointId,
        once: Option<Once<EndpointView>>,
    ) -> Result<Outcome<EndpointView>, EndpointError> {
        let secret = SigningSecret::generate(self.id());
        self.change_endpoint(caller, id, once, Change::Rotate(secret))
            .await
    }

    /// Asks for a test event to be told.
    pub async fn test_endpoint(
        &self,
        caller: &Caller,
        id: EndpointId,
        once: Option<Once<EndpointView>>,
    ) -> Result<Outcome<EndpointView>, EndpointError> {
        self.change_endpoint(caller, id, once, Change::Test).await
    }

    /// Removes an endpoint. What was to be told to it is told no more.
    pub async fn delete_endpoint(
        &self,
        caller: &Caller,
        id: EndpointId,
        once: Option<Once<EndpointView>>,
    ) -> Result<Outcome<EndpointView>, EndpointError> {
        self.change_endpoint(caller, id, once, Change::Delete).await
    }

    async fn change_endpoint(
        &self,
        caller: &Caller,
        id: EndpointId,
        once: Option<Once<EndpointView>>,
        change: Change<'_>,
    ) -> Result<Outcome<EndpointView>, EndpointError> {
        let once = once.as_ref();
        let tenant = caller.tenant_id().ok_or(EndpointError::NotFound)?;
        for _ in 0..MAX_TRIES {
            if let Some(answer) = self.replay(tenant, once).await? {
                return Ok(Outcome::Replayed(answer));
            }
            let settled = self.settle(caller).await?;
            let present = self.own_endpoint(caller, id).await?;
            let body = self.0.seals.endpoint_body(&present).await?;
            let health = self.0.ledger.endpoint_health(&[id]).await?.pop();
            let mut append = Append::new(self.now(), settled.meta.clone());
            settled.attach(&mut append);
            let sealer = self.sealer_of(&settled).await?;
            let (endpoint, url) = match &change {
                Change::Patch(patch) => {
                    self.plan_patch_of(caller, &mut append, &present, body, patch, &sealer)
                        .await?
                }
                Change::Rotate(secret) => (rotate(&mut append, &present, &body, secret, &sealer), body.url),
                Change::Test => (test(&mut append, &present)?, body.url),
                Change::Delete => {
                    let event = EndpointDeleted {
                        at: append.now,
                        endpoint_id: id,
                    };
                    (append.endpoint(&present, event, None), body.url)
                }
            };
            let made = EndpointView {
                endpoint,
                url,
                health,
                secret: match &change {
                    Change::Rotate(secret) => Some(secret.secret.clone()),
                    Change::Patch(_) | Change::Test | Change::Delete => None,
                },
            };
            self.remember(&mut append, &settled, once, &made).await?;
            if append.events.is_empty() && append.idempotency.is_empty() {
                return Ok(Outcome::Done(made));
            }
            match self.commit(append, news(tenant)).await {
                Ok(_) => return Ok(Outcome::Done(made)),
                Err(error) if is_race(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Denied::contended().into())
    }

    async fn plan_patch_of(
        &self,
        caller: &Caller,
        append: &mut Append,
        present: &Endpoint,
        mut body: EndpointBody,
        patch: &PatchEndpoint,
        sealer: &Sealer,
    ) -> Result<(Endpoint, String), EndpointError> {
        let (at, endpoint_id) = (append.now, present.id);
        let url = patch
            .url
            .as_deref()
            .map(|url| self.checked_url(url))
            .transpose()?;
        let new_url = url.as_ref().is_some_and(|url| *url != body.url);
        let events = patch.events.clone().unwrap_or_else(|| present.events.clone());
        let store_ids = match &patch.stores {
            Some(names) => self.named_stores(caller, names).await?,
            None => present.store_ids.clone(),
        };
        let mut next = present.clone();
        if new_url || events != present.events || store_ids != present.store_ids {
            let mut sealed = None;
            if let Some(url) = url.filter(|_| new_url) {
                body.url = url;
                sealer.attach(append);
                sealed = Some(seal_endpoint(sealer, endpoint_id, &body));
            }
            let event = EndpointUpdated {
                at,
                endpoint_id,
                events,
                store_ids,
                new_url,
            };
            next = append.endpoint(&next, event, sealed);
        }
        match patch.enabled {
            Some(true) if next.disabled.is_some() => {
                next = append.endpoint(&next, EndpointEnabled { at, endpoint_id }, None);
            }
            Some(false) if next.disabled.is_none() => {
                let event = EndpointDisabled {
                    at,
                    endpoint_id,
                    reason: DisableReason::User,
                };
                next = append.endpoint(&next, event, None);
            }
            Some(_) | None => {}
        }
        Ok((next, body.url))
    }
}

fn rotate(
    append: &mut Append,
    present: &Endpoint,
    body: &EndpointBody,
    secret: &SigningSecret,
    sealer: &Sealer,
) -> Endpoint {
    let at = append.now;
    let body = EndpointBody {
        url: body.url.clone(),
        secrets: rotated(&body.secrets, secret.clone(), at),
    };
    sealer.attach(append);
    let event = EndpointSecretRotated {
        at,
        endpoint_id: present.id,
        secret_id: secret.id,
        old_until: at.plus(OLD_SECRET_SIGNS),
    };
    append.endpoint(present, event, Some(seal_endpoint(sealer, present.id, &body)))
}

fn test(append: &mut Append, present: &Endpoint) -> Result<Endpoint, EndpointError> {
    if !present.is_active() {
        return Err(EndpointError::Disabled);
    }
    let event = EndpointTested {
        at: append.now,
        endpoint_id: present.id,
    };
    Ok(append.endpoint(present, event, None))
}
