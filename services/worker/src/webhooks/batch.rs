//! What deliveries that were claimed together have in common: whom and what to tell is found once.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use app::payload::JobBody;
use app::{Denied, Purpose, SealError};
use domain::webhook::Target;
use domain::{EndpointId, JobId, TenantId, Timestamp};
use ledger::{BackendError, Delivery};
use serde_json::value::RawValue;
use tokio::sync::OnceCell;
use url::Url;
use webhook::{Message, Secret};

use super::Telling;

/// Why a delivery is not tried now.
#[derive(Clone, Debug)]
pub(super) enum Hindrance {
    /// There is nobody to tell any more, or nothing.
    Never(&'static str),
    /// Something that is needed cannot be had at present.
    Later(String),
}

impl From<BackendError> for Hindrance {
    fn from(error: BackendError) -> Self {
        Self::Later(error.to_string())
    }
}

impl From<SealError> for Hindrance {
    fn from(error: SealError) -> Self {
        match error {
            SealError::KeyGone => Self::Never("it was erased"),
            SealError::Damaged => Self::Never("it cannot be opened"),
            SealError::Ledger(error) => error.into(),
        }
    }
}

impl From<Denied> for Hindrance {
    fn from(error: Denied) -> Self {
        Self::Later(error.to_string())
    }
}

/// Who is told.
#[derive(Clone)]
pub(super) struct Addressee {
    pub(super) url: Url,
    pub(super) secrets: Arc<[Secret]>,
}

type Found<T> = Result<T, Hindrance>;
type Cells<K, T> = Mutex<HashMap<K, Arc<OnceCell<Found<T>>>>>;

/// Deliveries that were claimed together.
pub(super) struct Batch {
    telling: Arc<Telling>,
    endpoints: Cells<EndpointId, Addressee>,
    callback_secrets: Cells<TenantId, Arc<[Secret]>>,
    bodies: Cells<u64, Arc<str>>,
}

impl Batch {
    pub(super) fn new(telling: Arc<Telling>) -> Self {
        Self {
            telling,
            endpoints: Mutex::default(),
            callback_secrets: Mutex::default(),
            bodies: Mutex::default(),
        }
    }

    /// Where a delivery goes, and what signs it.
    pub(super) async fn addressee(&self, delivery: &Delivery) -> Found<Addressee> {
        match delivery.target {
            Target::Endpoint(id) => once(&self.endpoints, id, || self.endpoint(id)).await,
            Target::Callback(job) => {
                let tenant = delivery.tenant_id;
                let secrets = once(&self.callback_secrets, tenant, || self.callback_secrets(tenant)).await?;
                let url = self.callback_url(job).await?;
                Ok(Addressee { url, secrets })
            }
        }
    }

    /// What is told, to whomever.
    pub(super) async fn body(&self, delivery: &Delivery) -> Found<Arc<str>> {
        once(&self.bodies, delivery.position, || self.write(delivery)).await
    }

    async fn endpoint(&self, id: EndpointId) -> Found<Addressee> {
        let endpoint = self.telling.ledger.endpoint(id).await?;
        let endpoint = endpoint
            .filter(domain::webhook::Endpoint::is_active)
            .ok_or(Hindrance::Never("its endpoint is disabled or was removed"))?;
        let body = self.telling.seals().endpoint_body(&endpoint).await?;
        Ok(Addressee {
            url: parsed(&body.url)?,
            secrets: usable(&body.secrets, self.telling.now())?,
        })
    }

    async fn callback_secrets(&self, tenant: TenantId) -> Found<Arc<[Secret]>> {
        let tenant = self.telling.ledger.tenant(tenant).await?;
        let tenant = tenant.ok_or(Hindrance::Never("its tenant is gone"))?;
        let body = self.telling.seals().callback_body(&tenant).await?;
        let body = body.ok_or(Hindrance::Never("there is no callback secret any more"))?;
        usable(&body.secrets, self.telling.now())
    }

    async fn callback_url(&self, id: JobId) -> Found<Url> {
        let gone = Hindrance::Never("its job names no address any more");
        let job = self.telling.ledger.job(id).await?.ok_or(gone.clone())?;
        let sealed = job.body.as_ref().ok_or(gone.clone())?;
        let body: JobBody = self
            .telling
            .seals()
            .open_json(job.tenant_id, Purpose::JobBody, id.0, sealed)
            .await?;
        parsed(&body.callback_url.ok_or(gone)?)
    }

    async fn write(&self, delivery: &Delivery) -> Found<Arc<str>> {
        let position = delivery.position;
        let rows = self
            .telling
            .ledger
            .events_after(position.saturating_sub(1), 1)
            .await?;
        let row = rows.first().filter(|row| row.position == position);
        let row = row.ok_or(Hindrance::Never("its event is not in the log"))?;
        let notice = self.telling.app.notice(row).await?;
        let notice = notice.ok_or(Hindrance::Never("its event tells nothing"))?;
        let data = serde_json::value::to_raw_value(&(self.telling.render)(&notice))
            .map_err(|_| Hindrance::Never("it cannot be written"))?;
        let data: &RawValue = &data;
        let message = Message {
            r#type: delivery.kind.as_str(),
            timestamp: &row.recorded_at.to_string(),
            data,
            sequence: position,
        };
        Ok(message.body().into())
    }
}

fn parsed(url: &str) -> Found<Url> {
    Url::parse(url).map_err(|_| Hindrance::Never("its address is none"))
}

fn usable(secrets: &[app::SigningSecret], now: Timestamp) -> Found<Arc<[Secret]>> {
    let secrets: Arc<[Secret]> = secrets
        .iter()
        .filter(|secret| secret.signs_at(now))
        .filter_map(|secret| Secret::parse(&secret.secret).ok())
        .collect();
    if secrets.is_empty() {
        return Err(Hindrance::Never("no secret signs it"));
    }
    Ok(secrets)
}

/// Looks up what belongs to `key` unless another delivery of the batch has done so or is doing it.
async fn once<K, T, F>(cells: &Cells<K, T>, key: K, find: impl FnOnce() -> F) -> Found<T>
where
    K: Eq + Hash,
    T: Clone,
    F: Future<Output = Found<T>>,
{
    let cell = {
        let mut cells = cells.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(cells.entry(key).or_default())
    };
    cell.get_or_init(find).await.clone()
}
