//! Making an endpoint.

use domain::event::EndpointCreated;
use domain::webhook::WebhookEvent;
use domain::{EndpointId, UpstreamStoreId};
use ledger::Append;

use super::{
    EndpointBody, EndpointError, EndpointView, MAX_TRIES, MOST_ENDPOINTS, SigningSecret, StoreNames,
};
use super::{is_race, news, seal_endpoint};
use crate::settle::Settled;
use crate::{App, Caller, Denied, FindStoreError, Once, Outcome, Sealer};

/// An endpoint to be made.
#[derive(Clone)]
pub struct NewEndpoint {
    /// Its address.
    pub url: String,
    /// What it is told about; empty means everything.
    pub events: Vec<WebhookEvent>,
    /// Of which stores, each as it is named in paths; empty means of all.
    pub stores: Vec<String>,
}

impl std::fmt::Debug for NewEndpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NewEndpoint(***)")
    }
}

impl App {
    /// Makes an endpoint with a secret of its own, which the answer shows and nothing after it.
    pub async fn create_endpoint(
        &self,
        caller: &Caller,
        new: &NewEndpoint,
        once: Option<Once<EndpointView>>,
    ) -> Result<Outcome<EndpointView>, EndpointError> {
        let once = once.as_ref();
        let url = self.checked_url(&new.url)?;
        let secret = SigningSecret::generate(self.id());
        let id: EndpointId = self.id();
        for _ in 0..MAX_TRIES {
            let settled = self.settle(caller).await?;
            if let Some(answer) = self.replay(settled.tenant, once).await? {
                return Ok(Outcome::Replayed(answer));
            }
            let store_ids = self.named_stores(caller, &new.stores).await?;
            if self.0.ledger.endpoints_of(settled.tenant).await?.len() >= MOST_ENDPOINTS {
                return Err(EndpointError::TooMany);
            }
            let mut append = Append::new(self.now(), settled.meta.clone());
            settled.attach(&mut append);
            let sealer = self.sealer_of(&settled).await?;
            sealer.attach(&mut append);
            let body = EndpointBody {
                url: url.clone(),
                secrets: vec![secret.clone()],
            };
            let event = EndpointCreated {
                at: append.now,
                tenant_id: settled.tenant,
                endpoint_id: id,
                events: new.events.clone(),
                store_ids,
                secret_id: secret.id,
            };
            let endpoint = append.create_endpoint(&event, Some(seal_endpoint(&sealer, id, &body)));
            let made = EndpointView {
                endpoint,
                url: url.clone(),
                health: None,
                secret: Some(secret.secret.clone()),
            };
            self.remember(&mut append, &settled, once, &made).await?;
            match self.commit(append, news(settled.tenant)).await {
                Ok(_) => return Ok(Outcome::Done(made)),
                Err(error) if is_race(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Denied::contended().into())
    }

    pub(super) fn checked_url(&self, url: &str) -> Result<String, EndpointError> {
        let checked = webhook::check_url(url, &self.0.config.webhook_allow_nets);
        checked.map(String::from).map_err(EndpointError::Url)
    }

    /// Order Desk's ids of the stores that `names` mean.
    pub(super) async fn named_stores(
        &self,
        caller: &Caller,
        names: &[String],
    ) -> Result<Vec<UpstreamStoreId>, EndpointError> {
        let mut ids: Vec<UpstreamStoreId> = Vec::with_capacity(names.len());
        for (index, name) in names.iter().enumerate() {
            match self.find_store(caller, name).await {
                Ok(store) if ids.contains(&store.store_id) => {}
                Ok(store) => ids.push(store.store_id),
                Err(FindStoreError::Denied(denied)) => return Err(denied.into()),
                Err(error) => return Err(EndpointError::Store(StoreNames { index, error })),
            }
        }
        Ok(ids)
    }

    /// What seals what belongs to the tenant as a whole.
    pub(super) async fn sealer_of(&self, settled: &Settled) -> Result<Sealer, Denied> {
        match settled.answers() {
            Some(sealer) => Ok(sealer.clone()),
            None => Ok(self.0.seals.for_tenant(settled.tenant).await?),
        }
    }
}
