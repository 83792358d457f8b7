//! The parts of a path.

use axum::extract::{FromRequestParts, MatchedPath, RawPathParams};
use domain::{DeliveryId, EndpointId, JobId, KeyId, OrderId, TenantId};
use http::request::Parts;

use crate::problem::{Code, Field, Problem, delivery_not_found, endpoint_not_found, key_not_found};

/// What can be done to an order by `{order_id}:verb`, with its path.
pub(crate) const ORDER_VERBS: [(&str, &str); 1] = [("mutate", "/stores/{store_id}/orders/{order_id}:mutate")];
/// What can be done to a job by `{job_id}:verb`, with its path.
pub(crate) const JOB_VERBS: [(&str, &str); 3] = [
    ("cancel", "/jobs/{job_id}:cancel"),
    ("retry", "/jobs/{job_id}:retry"),
    ("revert", "/jobs/{job_id}:revert"),
];
/// What can be done to a projection by `{name}:verb`, with its path.
pub(crate) const PROJECTION_VERBS: [(&str, &str); 1] = [("rebuild", "/admin/projections/{name}:rebuild")];

/// What can be done to a webhook endpoint by `{endpoint_id}:verb`, with its path.
pub(crate) const ENDPOINT_VERBS: [(&str, &str); 1] = [("replay", "/webhook-endpoints/{endpoint_id}:replay")];
/// What can be done to a webhook delivery by `{delivery_id}:verb`, with its path.
pub(crate) const DELIVERY_VERBS: [(&str, &str); 1] =
    [("redeliver", "/webhook-deliveries/{delivery_id}:redeliver")];

/// `{store_id}`: what addresses a store, to be looked up.
pub(crate) struct StorePath(pub(crate) String);

/// `{store_id}` and `{order_id}`.
pub(crate) struct OrderPath {
    pub(crate) store: String,
    pub(crate) order: OrderId,
}

/// `{store_id}` and `{item_id}`.
pub(crate) struct ItemPath {
    pub(crate) store: String,
    pub(crate) item: OrderId,
}

/// `{job_id}`.
pub(crate) struct JobPath(pub(crate) JobId);

impl JobPath {
    /// An id that is none of ours cannot name a job.
    pub(crate) fn parse(text: &str) -> Result<Self, Problem> {
        text.parse()
            .map(Self)
            .map_err(|_| Problem::new(Code::JobNotFound, "There is no job with this id."))
    }
}

/// `{key_id}`.
pub(crate) struct KeyPath(pub(crate) KeyId);

/// `{tenant_id}`.
pub(crate) struct TenantPath(pub(crate) TenantId);

impl<S: Sync + Send> FromRequestParts<S> for KeyPath {
    type Rejection = Problem;

    /// An id that is none of ours cannot name a key.
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let id = part(parts, state, "key_id").await?;
        id.parse().map(Self).map_err(|_| key_not_found())
    }
}

impl<S: Sync + Send> FromRequestParts<S> for TenantPath {
    type Rejection = Problem;

    /// An id that is none of ours cannot name a tenant.
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let id = part(parts, state, "tenant_id").await?;
        id.parse()
            .map(Self)
            .map_err(|_| app::DeleteTenantError::NotFound.into())
    }
}

/// `{name}:rebuild`: a projection.
pub(crate) struct ProjectionVerbPath(pub(crate) String);

impl<S: Sync + Send> FromRequestParts<S> for ProjectionVerbPath {
    type Rejection = Problem;

    /// A projection itself is at no path; it can only be made anew.
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let last = part(parts, state, "name").await?;
        match split_verb(&last) {
            (name, Some("rebuild")) => Ok(Self(name.to_owned())),
            _ => Err(unknown_verb()),
        }
    }
}

/// A part of the path, percent-decoded.
async fn part<S: Sync + Send>(parts: &mut Parts, state: &S, name: &str) -> Result<String, Problem> {
    let params = RawPathParams::from_request_parts(parts, state)
        .await
        .map_err(|_| Problem::new(Code::InvalidRequest, "The path does not decode to UTF-8."))?;
    let found = params.iter().find(|(key, _)| *key == name);
    Ok(found.map(|(_, value)| value.to_owned()).unwrap_or_default())
}

/// Cuts `4312:mutate` at its last colon.
pub(crate) fn split_verb(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        Some((id, verb)) => (id, Some(verb)),
        None => (text, None),
    }
}

/// A path that ends in an id, asked for by another method than POST: with a verb behind the id it is the path
/// of a POST.
fn refuse_verb(parts: &Parts, id: &str, verbs: &[(&str, &str)]) -> Result<(), Problem> {
    let ends_here = parts
        .extensions
        .get::<MatchedPath>()
        .is_some_and(|path| path.as_str().ends_with('}'));
    match split_verb(id) {
        (_, Some(verb)) if ends_here && verbs.iter().any(|(known, _)| *known == verb) => {
            Err(Problem::method_not_allowed("POST"))
        }
        (_, Some(_)) if ends_here => Err(unknown_verb()),
        _ => Ok(()),
    }
}

/// Nothing can be done under this name.
pub(crate) fn unknown_verb() -> Problem {
    Problem::new(Code::NotFound, "There is nothing at this path.")
}

/// An id of Order Desk.
pub(crate) fn digits(name: &str, text: &str) -> Result<OrderId, Problem> {
    text.parse()
        .map_err(|error: domain::id::IdError| Problem::validation(vec![Field::path(name, error.to_string())]))
}

impl<S: Sync + Send> FromRequestParts<S> for StorePath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        part(parts, state, "store_id").await.map(Self)
    }
}

impl<S: Sync + Send> FromRequestParts<S> for OrderPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let store = part(parts, state, "store_id").await?;
        let order = part(parts, state, "order_id").await?;
        refuse_verb(parts, &order, &ORDER_VERBS)?;
        Ok(Self {
            store,
            order: digits("order_id", &order)?,
        })
    }
}

impl<S: Sync + Send> FromRequestParts<S> for ItemPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let store = part(parts, state, "store_id").await?;
        let item = digits("item_id", &part(parts, state, "item_id").await?)?;
        Ok(Self { store, item })
    }
}

impl<S: Sync + Send> FromRequestParts<S> for JobPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let job = part(parts, state, "job_id").await?;
        refuse_verb(parts, &job, &JOB_VERBS)?;
        Self::parse(&job)
    }
}

/// `{store_id}` and `{order_id}:verb`.
pub(crate) struct OrderVerbPath {
    pub(crate) store: String,
    pub(crate) order: OrderId,
    pub(crate) verb: OrderVerb,
}

/// What can be done to an order by a verb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OrderVerb {
    Mutate,
}

impl<S: Sync + Send> FromRequestParts<S> for OrderVerbPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let store = part(parts, state, "store_id").await?;
        let last = part(parts, state, "order_id").await?;
        let (order, verb) = split_verb(&last);
        let verb = match verb {
            None => return Err(Problem::method_not_allowed("GET, HEAD, PUT, DELETE")),
            Some("mutate") => OrderVerb::Mutate,
            Some(_) => return Err(unknown_verb()),
        };
        Ok(Self {
            store,
            order: digits("order_id", order)?,
            verb,
        })
    }
}

/// `{job_id}:verb`.
pub(crate) struct JobVerbPath {
    pub(crate) job: JobId,
    pub(crate) verb: JobVerb,
}

/// What can be done to a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JobVerb {
    Cancel,
    Retry,
    Revert,
}

impl<S: Sync + Send> FromRequestParts<S> for JobVerbPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let last = part(parts, state, "job_id").await?;
        let (job, verb) = split_verb(&last);
        let verb = match verb {
            None => return Err(Problem::method_not_allowed("GET, HEAD")),
            Some("cancel") => JobVerb::Cancel,
            Some("retry") => JobVerb::Retry,
            Some("revert") => JobVerb::Revert,
            Some(_) => return Err(unknown_verb()),
        };
        Ok(Self {
            job: JobPath::parse(job)?.0,
            verb,
        })
    }
}

/// `{endpoint_id}`.
pub(crate) struct EndpointPath(pub(crate) EndpointId);

impl<S: Sync + Send> FromRequestParts<S> for EndpointPath {
    type Rejection = Problem;

    /// An id that is none of ours cannot name an endpoint.
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let id = part(parts, state, "endpoint_id").await?;
        refuse_verb(parts, &id, &ENDPOINT_VERBS)?;
        id.parse().map(Self).map_err(|_| endpoint_not_found())
    }
}

/// `{endpoint_id}:replay`.
pub(crate) struct EndpointVerbPath(pub(crate) EndpointId);

impl<S: Sync + Send> FromRequestParts<S> for EndpointVerbPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let last = part(parts, state, "endpoint_id").await?;
        match split_verb(&last) {
            (id, Some("replay")) => id.parse().map(Self).map_err(|_| endpoint_not_found()),
            (_, Some(_)) => Err(unknown_verb()),
            (_, None) => Err(Problem::method_not_allowed("GET, HEAD, PATCH, DELETE")),
        }
    }
}

/// `{delivery_id}:redeliver`: a delivery itself is at no path.
pub(crate) struct DeliveryVerbPath(pub(crate) DeliveryId);

impl<S: Sync + Send> FromRequestParts<S> for DeliveryVerbPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let last = part(parts, state, "delivery_id").await?;
        match split_verb(&last) {
            (id, Some("redeliver")) => id.parse().map(Self).map_err(|_| delivery_not_found()),
            _ => Err(unknown_verb()),
        }
    }
}
