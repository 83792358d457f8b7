//! Tenants, stores and jobs to test with.

use std::time::{SystemTime, UNIX_EPOCH};

use domain::event::{EndpointCreated, JobSubmitted, KeyAdded, OrderWritten, StoreRegistered, TenantCreated};
use domain::image::OrderImage;
use domain::job::{Job, JobClass, Priority};
use domain::order::CommandKind;
use domain::store::Store;
use domain::tenant::{Key, Tenant};
use domain::{DataKeyId, JobId, Sealed, TenantId, Timestamp};
use uuid::Uuid;

use crate::view::ViewRow;
use crate::{Append, Appended, Backend, DataKeyRow, Expected, Meta, NewEvent, Refusal, Stream};

/// The wall clock.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap())
}

/// A fixed time, so many milliseconds after a round one.
pub fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000 + millis)
}

/// A new id.
pub fn id<T: From<Uuid>>() -> T {
    T::from(Uuid::now_v7())
}

/// Bytes that are no text.
pub fn sealed(text: &str) -> Sealed {
    let mut bytes = vec![0, 255, 0x27, 0xfe];
    bytes.extend_from_slice(text.as_bytes());
    Sealed::new(bytes)
}

/// Appends alone, and says how that went.
pub async fn attempt(backend: &dyn Backend, append: Append) -> Result<Appended, Refusal> {
    let mut results = backend
        .append_batch(std::slice::from_ref(&append))
        .await
        .expect("the database works");
    assert_eq!(results.len(), 1);
    results.remove(0)
}

/// Appends alone, which must work.
pub async fn land(backend: &dyn Backend, append: Append) -> Appended {
    attempt(backend, append).await.expect("nothing stands in the way")
}

/// An empty append.
pub fn append(now: Timestamp) -> Append {
    Append::new(
        now,
        Meta {
            actor: Some("conformance".to_owned()),
            ..Meta::default()
        },
    )
}

/// A tenant with one key and one store.
#[derive(Clone, Debug)]
pub struct Place {
    /// The tenant.
    pub tenant: Tenant,
    /// Its key.
    pub key: Key,
    /// Its store.
    pub store: Store,
    /// The data key of the store's credentials.
    pub credentials: DataKeyId,
}

/// Makes and appends a tenant with one key and one store in partition 3.
pub async fn place(backend: &dyn Backend) -> Place {
    let mut append = append(at(0));
    let (tenant, key) = add_tenant(&mut append);
    let (store, credentials) = add_store(&mut append, &tenant, "101", 3);
    land(backend, append).await;
    Place {
        tenant,
        key,
        store,
        credentials,
    }
}

/// Adds a new tenant with one key.
pub fn add_tenant(append: &mut Append) -> (Tenant, Key) {
    let event = TenantCreated {
        at: append.now,
        tenant_id: id(),
        label: Some("Ünï ' \"code\"".to_owned()),
        provisioned: true,
        salt: "00ff".to_owned(),
    };
    let tenant = Tenant::created(&event, 1);
    let index = append.event(NewEvent {
        stream: Stream::Tenant(event.tenant_id),
        expected: Expected::Version(0),
        tenant_id: event.tenant_id,
        store_id: None,
        order_id: None,
        job_id: None,
        event: event.into(),
        sealed: None,
    });
    append.view(ViewRow::Tenant(Box::new(tenant.clone())), index);
    let lookup = Uuid::new_v4().simple().to_string();
    add_key(append, tenant, &lookup)
}

/// Adds a key to a tenant.
pub fn add_key(append: &mut Append, mut tenant: Tenant, lookup: &str) -> (Tenant, Key) {
    let event = KeyAdded {
        at: append.now,
        tenant_id: tenant.id,
        key_id: id(),
        lookup: lookup.to_owned(),
        phc: "$argon2id$".to_owned(),
        label: None,
        expires_at: Some(at(1_000_000)),
    };
    let key = Key::added(&event);
    let index = append.event(NewEvent {
        stream: Stream::Tenant(tenant.id),
        expected: Expected::Version(tenant.version),
        tenant_id: tenant.id,
        store_id: None,
        order_id: None,
        job_id: None,
        event: event.into(),
        sealed: None,
    });
    tenant.version += 1;
    append.view(ViewRow::Key(Box::new(key.clone())), index);
    append.view(ViewRow::Tenant(Box::new(tenant.clone())), index);
    (tenant, key)
}

/// Adds a registration of an Order Desk store, with the data key of its credentials.
pub fn add_store(append: &mut Append, tenant: &Tenant, upstream: &str, partition: u16) -> (Store, DataKeyId) {
    let event = StoreRegistered {
        at: append.now,
        tenant_id: tenant.id,
        store_id: id(),
        upstream_store_id: upstream.parse().unwrap(),
        label: Some(format!("store {upstream}")),
        upstream_key: format!("key of {upstream}"),
        partition,
        data_key_id: id(),
    };
    let credentials = Some(sealed("credentials"));
    let store = Store::registered(&event, credentials.clone(), 1);
    append.data_keys.push(DataKeyRow {
        id: event.data_key_id,
        tenant_id: tenant.id,
        store_id: Some(store.id),
        credentials: true,
        order_id: None,
        wrapped: vec![0, 1, 2, 255],
        created_at: append.now,
    });
    let key = event.data_key_id;
    let index = append.event(NewEvent {
        stream: Stream::Store(store.id),
        expected: Expected::Version(0),
        tenant_id: tenant.id,
        store_id: Some(store.id),
        order_id: None,
        job_id: None,
        event: event.into(),
        sealed: credentials,
    });
    append.view(ViewRow::Store(Box::new(store.clone())), index);
    (store, key)
}

/// What a submission for a store says; `order` is an order id.
pub fn submission(store: &Store, order: Option<&str>, at: Timestamp) -> JobSubmitted {
    let job_id: JobId = id();
    JobSubmitted {
        at,
        job_id,
        tenant_id: store.tenant_id,
        store_id: store.id,
        upstream_store_id: store.store_id.clone(),
        partition: store.partition,
        kind: if order.is_some() {
            CommandKind::OrderAddNote
        } else {
            CommandKind::OrderCreate
        },
        class: JobClass::Shared,
        order_id: order.map(|id| id.parse().unwrap()),
        lane: order.map_or_else(|| format!("create:{job_id}"), |id| format!("order:{id}")),
        priority: Priority::Normal,
        run_at: None,
        due_at: at,
        deadline_at: at.plus(std::time::Duration::from_hours(1)),
        max_attempts: 8,
        if_match: Some("*".to_owned()),
        strict: true,
        has_callback: false,
        key_id: None,
        request_id: "req-1".parse().unwrap(),
        retry_of: None,
        revert_of: None,
        store_paused_ms: 0,
    }
}

/// What the beginning of a webhook endpoint says.
pub fn endpoint_created(tenant_id: TenantId, at: Timestamp) -> EndpointCreated {
    EndpointCreated {
        at,
        tenant_id,
        endpoint_id: id(),
        events: Vec::new(),
        store_ids: Vec::new(),
        secret_id: id(),
    }
}

/// An append of one submission.
pub fn submit(store: &Store, order: Option<&str>, now: Timestamp) -> (Append, Job) {
    let mut append = append(now);
    let job = submission(store, order, now);
    append.submit_job(&job, Some(sealed("body")));
    (append, Job::submitted(&job, Some(sealed("body"))))
}

/// A data key for subject records.
pub fn data_key(tenant: TenantId, store: &Store, order: Option<&str>, created_at: Timestamp) -> DataKeyRow {
    DataKeyRow {
        id: id(),
        tenant_id: tenant,
        store_id: Some(store.id),
        credentials: false,
        order_id: order.map(|id| id.parse().unwrap()),
        wrapped: vec![9, 0, 8],
        created_at,
    }
}

/// Adds the image of an order that was written.
pub fn add_image(append: &mut Append, store: &Store, order: &str, digest: &str) -> OrderImage {
    let event = OrderWritten {
        at: append.now,
        tenant_id: store.tenant_id,
        store_id: store.id,
        order_id: order.parse().unwrap(),
        batch_id: id(),
        digest: digest.to_owned(),
    };
    let image = OrderImage {
        tenant_id: store.tenant_id,
        store_id: store.id,
        order_id: event.order_id.clone(),
        digest: event.digest.clone(),
        at: event.at,
        position: 0,
        image: Some(sealed("image")),
    };
    let index = append.event(NewEvent {
        stream: Stream::Order(store.id, event.order_id.clone()),
        expected: Expected::Any,
        tenant_id: store.tenant_id,
        store_id: Some(store.id),
        order_id: Some(event.order_id.clone()),
        job_id: None,
        event: event.into(),
        sealed: image.image.clone(),
    });
    append.view(ViewRow::Image(Box::new(image.clone())), index);
    image
}
