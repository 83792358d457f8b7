//! What is appended in one transaction, and under which conditions.

use domain::event::{EndpointCreated, Event};
use domain::job::Job;
use domain::store::Store;
use domain::tenant::Tenant;
use domain::webhook::Endpoint;
use domain::{
    DataKeyId, IncarnationId, JobId, KeyId, OrderId, RequestId, Sealed, StoreId, TenantId, Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::backend::{DataKeyRow, DestroyKeys};
use crate::idempotency::IdempotencyRecord;
use crate::stream::Stream;
use crate::view::{View, ViewRow};

/// Who caused the events and in which context; stored with each of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// The master key that asked; `None` for the program itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<KeyId>,
    /// The address it asked from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_ip: Option<String>,
    /// The HTTP request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<RequestId>,
    /// The part of the program that acted by itself, e.g. `worker`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// W3C trace context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
}

/// Which version a stream must be at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Exactly this one; 0 means that the stream does not exist. Within one append, a second event of a
    /// stream expects the version that the first one makes.
    Version(u64),
    /// Whatever it is: the ledger numbers on.
    Any,
}

/// One event to append.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// Its stream.
    pub stream: Stream,
    /// The version of the stream before it.
    pub expected: Expected,
    /// The event.
    pub event: Event,
    /// Personal data beside it.
    pub sealed: Option<Sealed>,
    /// For queries: whose.
    pub tenant_id: TenantId,
    /// For queries: which store.
    pub store_id: Option<StoreId>,
    /// For queries: which order or item.
    pub order_id: Option<OrderId>,
    /// For queries: which job.
    pub job_id: Option<JobId>,
}

/// A condition that is tested under the head lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guard {
    /// The partition is owned by this incarnation in this epoch.
    Owner {
        /// The partition.
        partition: u16,
        /// Who claims to own it.
        incarnation: IncarnationId,
        /// Since which take-over.
        epoch: u64,
    },
    /// The store exists and its deletion was not asked for.
    StoreOpen(StoreId),
    /// The tenant exists and was not erased.
    TenantOpen(TenantId),
    /// The data key still exists: what was sealed under it can be read later.
    DataKey(DataKeyId),
}

/// A uniqueness rule; every adapter tests it under the head lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unique {
    /// One living registration of an Order Desk store per tenant.
    Store,
    /// One key per lookup hash, tombstones included.
    Key,
    /// One living idempotency record per tenant and key; carries the key.
    Idempotency(String),
}

/// Why an append was refused. Nothing of it was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A stream is not at the expected version: load and decide again.
    #[error("stream {stream} is at another version")]
    Conflict {
        /// The stream.
        stream: String,
    },
    /// The partition has another owner or epoch.
    #[error("partition {partition} is no longer owned")]
    NotOwner {
        /// The partition.
        partition: u16,
    },
    /// The store does not exist or is being deleted.
    #[error("the store is gone")]
    StoreGone,
    /// The tenant does not exist or was erased.
    #[error("the tenant is gone")]
    TenantGone,
    /// The data key was destroyed.
    #[error("the data key is gone")]
    DataKeyGone,
    /// Something that must be unique exists.
    #[error("{0:?} exists already")]
    Exists(Unique),
}

/// One transaction's worth of writing.
#[derive(Clone, Debug)]
pub struct Append {
    /// The time of the decision; `recorded_at` is this or the head's, whichever is later.
    pub now: Timestamp,
    /// Who and why.
    pub meta: Meta,
    /// Conditions beyond the stream versions.
    pub guards: Vec<Guard>,
    /// The events, in order. May be empty if only idempotency records or keys are written.
    pub events: Vec<NewEvent>,
    /// The view rows they imply.
    pub views: Vec<View>,
    /// Data keys to keep.
    pub data_keys: Vec<DataKeyRow>,
    /// Data keys to destroy, before those of `data_keys` are kept: so one append can replace a key.
    pub destroy_keys: Vec<DestroyKeys>,
    /// Data keys to bind to an order that has got its id.
    pub bind_keys: Vec<(DataKeyId, OrderId)>,
    /// Idempotency records to keep.
    pub idempotency: Vec<IdempotencyRecord>,
}

impl Append {
    /// An empty append, decided at `now`.
    pub fn new(now: Timestamp, meta: Meta) -> Self {
        Self {
            now,
            meta,
            guards: Vec::new(),
            events: Vec::new(),
            views: Vec::new(),
            data_keys: Vec::new(),
            destroy_keys: Vec::new(),
            bind_keys: Vec::new(),
            idempotency: Vec::new(),
        }
    }

    /// Adds a condition.
    #[must_use]
    pub fn guard(mut self, guard: Guard) -> Self {
        if !self.guards.contains(&guard) {
            self.guards.push(guard);
        }
        self
    }

    /// Adds an event and returns its index, for [`Append::view`].
    pub fn event(&mut self, event: NewEvent) -> usize {
        self.events.push(event);
        self.events.len() - 1
    }

    /// Adds a view row that the event at `event` implies.
    pub fn view(&mut self, row: ViewRow, event: usize) {
        self.views.push(View { row, event });
    }

    /// Adds a new job: its submission and its row.
    pub fn submit_job(&mut self, job: &domain::event::JobSubmitted, body: Option<Sealed>) {
        let index = self.event(NewEvent {
            stream: Stream::Job(job.job_id),
            expected: Expected::Version(0),
            tenant_id: job.tenant_id,
            store_id: Some(job.store_id),
            order_id: job.order_id.clone(),
            job_id: Some(job.job_id),
            event: job.clone().into(),
            sealed: body.clone(),
        });
        self.view(ViewRow::Job(Box::new(Job::submitted(job, body))), index);
    }

    /// Adds an event of an existing job and the row that follows from it, which is returned so that a
    /// second event can follow in the same append.
    pub fn job(&mut self, job: &Job, event: impl Into<Event>, sealed: Option<Sealed>) -> Job {
        let event = event.into();
        let next = job.clone().evolve(&event, sealed.as_ref(), job.version + 1);
        let index = self.event(NewEvent {
            stream: Stream::Job(job.id),
            expected: Expected::Version(job.version),
            tenant_id: job.tenant_id,
            store_id: Some(job.store_id),
            order_id: next.order_id.clone(),
            job_id: Some(job.id),
            event,
            sealed,
        });
        self.view(ViewRow::Job(Box::new(next.clone())), index);
        next
    }

    /// Adds an event of an existing tenant and the row that follows from it; of an event of one of its keys, the
    /// tenant's row only: the key's goes with [`Append::last`].
    pub fn tenant(&mut self, tenant: &Tenant, event: impl Into<Event>) -> Tenant {
        self.tenant_with(tenant, event, None)
    }

    /// The same, of an event with something sealed beside.
    pub fn tenant_with(
        &mut self,
        tenant: &Tenant,
        event: impl Into<Event>,
        sealed: Option<Sealed>,
    ) -> Tenant {
        let event = event.into();
        let next = tenant.clone().evolve(&event, sealed.as_ref(), tenant.version + 1);
        let index = self.event(NewEvent {
            stream: Stream::Tenant(tenant.id),
            expected: Expected::Version(tenant.version),
            tenant_id: tenant.id,
            store_id: None,
            order_id: None,
            job_id: None,
            event,
            sealed,
        });
        self.view(ViewRow::Tenant(Box::new(next.clone())), index);
        next
    }

    /// Adds a view row that the event added last implies too.
    pub fn last(&mut self, row: ViewRow) {
        self.view(row, self.events.len().saturating_sub(1));
    }

    /// Adds a new webhook endpoint: its beginning and its row.
    pub fn create_endpoint(&mut self, event: &EndpointCreated, sealed: Option<Sealed>) -> Endpoint {
        let endpoint = Endpoint::created(event, sealed.clone(), 1);
        self.endpoint_event(&endpoint, Expected::Version(0), event.clone().into(), sealed);
        endpoint
    }

    /// Adds an event of an existing webhook endpoint and the row that follows from it.
    pub fn endpoint(
        &mut self,
        endpoint: &Endpoint,
        event: impl Into<Event>,
        sealed: Option<Sealed>,
    ) -> Endpoint {
        let event = event.into();
        let next = endpoint
            .clone()
            .evolve(&event, sealed.as_ref(), endpoint.version + 1);
        self.endpoint_event(&next, Expected::Version(endpoint.version), event, sealed);
        next
    }

    fn endpoint_event(&mut self, row: &Endpoint, expected: Expected, event: Event, sealed: Option<Sealed>) {
        let index = self.event(NewEvent {
            stream: Stream::Endpoint(row.id),
            expected,
            tenant_id: row.tenant_id,
            store_id: None,
            order_id: None,
            job_id: None,
            event,
            sealed,
        });
        self.view(ViewRow::Endpoint(Box::new(row.clone())), index);
    }

    /// Adds an event of an existing store and the row that follows from it.
    pub fn store(&mut self, store: &Store, event: impl Into<Event>, sealed: Option<Sealed>) -> Store {
        let event = event.into();
        let next = store.clone().evolve(&event, sealed.as_ref(), store.version + 1);
        let index = self.event(NewEvent {
            stream: Stream::Store(store.id),
            expected: Expected::Version(store.version),
            tenant_id: store.tenant_id,
            store_id: Some(store.id),
            order_id: None,
            job_id: None,
            event,
            sealed,
        });
        self.view(ViewRow::Store(Box::new(next.clone())), index);
        next
    }
}

/// Where an append stands in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Position of its first event; the others follow without a gap. The head's, if it has no events.
    pub first: u64,
    /// Position of its last event.
    pub last: u64,
    /// When it was recorded.
    pub recorded_at: Timestamp,
}
