//! Who is told of an event.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use app::payload::JobBody;
use app::{Purpose, SealError};
use domain::event::Event;
use domain::job::Job;
use domain::webhook::{Endpoint, Target, WebhookEvent};
use domain::{JobId, StoreId, TenantId, UpstreamStoreId};
use ledger::{BackendError, NewDelivery, Recorded};
use sha2::{Digest as _, Sha256};
use url::Url;
use uuid::Uuid;

use super::Telling;

/// What must be known to decide a page of events; each is asked for once.
#[derive(Default)]
struct Known {
    endpoints: HashMap<TenantId, Vec<Endpoint>>,
    stores: HashMap<StoreId, UpstreamStoreId>,
    callbacks: HashMap<JobId, Uuid>,
}

/// An event that somebody may want to hear of.
struct News<'a> {
    row: &'a Recorded,
    event: Event,
    kind: WebhookEvent,
}

/// The deliveries that follow from a page of events.
pub(super) async fn deliveries(
    telling: &Telling,
    page: &[Recorded],
) -> Result<Vec<NewDelivery>, BackendError> {
    let news: Vec<News<'_>> = page.iter().filter_map(read).collect();
    if news.is_empty() {
        return Ok(Vec::new());
    }
    let known = look_up(telling, &news).await?;
    Ok(news.iter().flat_map(|news| told(news, &known)).collect())
}

fn read(row: &Recorded) -> Option<News<'_>> {
    let event = match row.event() {
        Ok(event) => event,
        Err(error) => {
            tracing::warn!(error = %error, position = row.position, "an unknown event is told to nobody");
            return None;
        }
    };
    let kind = WebhookEvent::of(&event)?;
    Some(News { row, event, kind })
}

async fn look_up(telling: &Telling, news: &[News<'_>]) -> Result<Known, BackendError> {
    let ledger = &telling.ledger;
    let mut known = Known::default();
    let mut with_callback: Vec<JobId> = Vec::new();
    let mut has_secret: HashMap<TenantId, bool> = HashMap::new();
    for News { row, kind, .. } in news {
        let tenant = row.tenant_id;
        let endpoints = match known.endpoints.entry(tenant) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(ledger.endpoints_of(tenant).await?),
        };
        let by_store = endpoints.iter().any(|endpoint| !endpoint.store_ids.is_empty());
        if let Some(store) = row.store_id.filter(|_| by_store)
            && !known.stores.contains_key(&store)
            && let Some(found) = ledger.store(store).await?
        {
            known.stores.insert(store, found.store_id);
        }
        if let Some(job) = row.job_id.filter(|_| kind.ends_job()) {
            // Without a secret no job could be submitted with an address.
            let has_secret = match has_secret.entry(tenant) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => {
                    let found = ledger.tenant(tenant).await?;
                    unknown.insert(found.is_some_and(|tenant| tenant.callback.is_some()))
                }
            };
            if *has_secret {
                with_callback.push(job);
            }
        }
    }
    if !with_callback.is_empty() {
        for job in ledger.jobs(&with_callback).await? {
            if let Some(lane) = callback_lane(telling, &job).await? {
                known.callbacks.insert(job.id, lane);
            }
        }
    }
    Ok(known)
}

/// What stands for the place that a job's callback goes to: those of one place share a limit, as an endpoint's do.
async fn callback_lane(telling: &Telling, job: &Job) -> Result<Option<Uuid>, BackendError> {
    let Some(sealed) = job.body.as_ref().filter(|_| job.has_callback) else {
        return Ok(None);
    };
    let opened = telling
        .seals()
        .open_json::<JobBody>(job.tenant_id, Purpose::JobBody, job.id.0, sealed)
        .await;
    let url = match opened {
        Ok(body) => body.callback_url,
        Err(SealError::Ledger(error)) => return Err(error),
        // Erased: nobody knows any more where to.
        Err(SealError::KeyGone) => None,
        Err(SealError::Damaged) => {
            tracing::error!(job_id = %job.id, "a job's body cannot be opened");
            None
        }
    };
    let url = url.and_then(|url| Url::parse(&url).ok());
    Ok(url.map(|url| lane(job.tenant_id, &url)))
}

fn lane(tenant: TenantId, url: &Url) -> Uuid {
    let mut hash = Sha256::new();
    hash.update(tenant.0.as_bytes());
    hash.update(url.origin().ascii_serialization());
    let digest = hash.finalize();
    let mut lane = [0; 16];
    lane.copy_from_slice(&digest[..16]);
    Uuid::from_bytes(lane)
}

fn told<'a>(news: &'a News<'_>, known: &'a Known) -> impl Iterator<Item = NewDelivery> + 'a {
    let row = news.row;
    let store = row.store_id.and_then(|id| known.stores.get(&id));
    let endpoints = known.endpoints.get(&row.tenant_id).map_or(&[][..], Vec::as_slice);
    let to_endpoints = endpoints
        .iter()
        .filter(move |endpoint| is_told(news, endpoint, store))
        .map(|endpoint| {
            delivery(
                news,
                Target::Endpoint(endpoint.id),
                endpoint.id.0,
                !endpoint.is_active(),
            )
        });
    let callback = row
        .job_id
        .filter(|_| news.kind.ends_job())
        .and_then(|job| known.callbacks.get(&job).map(|lane| (job, *lane)))
        .map(|(job, lane)| delivery(news, Target::Callback(job), lane, false));
    to_endpoints.chain(callback)
}

fn is_told(news: &News<'_>, endpoint: &Endpoint, store: Option<&UpstreamStoreId>) -> bool {
    match &news.event {
        // Asked for by itself, whatever the endpoint wants otherwise.
        Event::EndpointTested(event) => event.endpoint_id == endpoint.id,
        // It is told nothing any more: the tenant's others are.
        Event::EndpointDisabled(event) if event.endpoint_id == endpoint.id => false,
        _ => endpoint.position < news.row.position && endpoint.wants(news.kind, store),
    }
}

fn delivery(news: &News<'_>, target: Target, lane: Uuid, skipped: bool) -> NewDelivery {
    let row = news.row;
    NewDelivery {
        tenant_id: row.tenant_id,
        target,
        lane,
        position: row.position,
        kind: news.kind,
        recorded_at: row.recorded_at,
        store_id: row.store_id,
        order_id: row.order_id.clone(),
        job_id: row.job_id,
        skipped,
    }
}
