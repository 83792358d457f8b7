//! What `append_batch` takes: the composite types of `migrations/postgres/0002_append.sql`, field by field.

use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::types::PgRecordEncoder;
use sqlx::postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo};
use sqlx::{Encode, Postgres, Type};
use uuid::Uuid;

use crate::time::At;

macro_rules! composites {
    ($($(#[$doc:meta])* $name:ident $(<$life:lifetime>)? = $sql:literal { $($field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        pub(crate) struct $name $(<$life>)? {
            $(pub(crate) $field: $type,)*
        }

        impl $(<$life>)? Type<Postgres> for $name $(<$life>)? {
            fn type_info() -> PgTypeInfo {
                PgTypeInfo::with_name($sql)
            }
        }

        impl $(<$life>)? PgHasArrayType for $name $(<$life>)? {
            fn array_type_info() -> PgTypeInfo {
                PgTypeInfo::array_of($sql)
            }
        }

        impl $(<$life>)? Encode<'_, Postgres> for $name $(<$life>)? {
            fn encode_by_ref(&self, buf: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
                let mut record = PgRecordEncoder::new(buf);
                $(record.encode(&self.$field)?;)*
                record.finish();
                Ok(IsNull::No)
            }
        }
    )*};
}

composites! {
    /// One append; `guards` are numbers in the group's list, from 1.
    AppendIn = "append_in" {
        now: At,
        events: i32,
        meta: String,
        guards: Vec<i32>,
    }

    /// One condition, once per group.
    GuardIn = "guard_in" {
        kind: &'static str,
        id: Uuid,
        partition: Option<i32>,
        epoch: Option<i64>,
    }

    /// One event; `ahead` says how many events of its stream come before it in its append.
    EventIn<'a> = "event_in" {
        append: i32,
        event: i64,
        stream: String,
        ahead: i32,
        expected: Option<i64>,
        type_name: &'static str,
        tenant_id: Uuid,
        store_id: Option<Uuid>,
        order_id: Option<&'a str>,
        job_id: Option<Uuid>,
        data: String,
        sealed: Option<&'a [u8]>,
    }

    /// A row of `tenants`.
    TenantIn = "tenant_in" {
        append: i32,
        id: Uuid,
        created_at: At,
        deleted_at: Option<At>,
        doc: String,
    }

    /// A row of `tenant_keys`.
    KeyIn<'a> = "key_in" {
        append: i32,
        id: Uuid,
        tenant_id: Uuid,
        created_at: At,
        lookup: &'a str,
        doc: String,
    }

    /// A row of `stores`.
    StoreIn<'a> = "store_in" {
        append: i32,
        event: i64,
        id: Uuid,
        tenant_id: Uuid,
        store_id: &'a str,
        label: Option<&'a str>,
        partition: i32,
        created_at: At,
        deleted_at: Option<At>,
        doc: String,
        credentials: Option<&'a [u8]>,
    }

    /// A row of `jobs`; without a `position` it is that of `first_event`.
    JobIn<'a> = "job_in" {
        append: i32,
        first_event: i64,
        last_event: i64,
        id: Uuid,
        tenant_id: Uuid,
        store_id: Uuid,
        partition: i32,
        position: Option<i64>,
        submitted_at: At,
        due_at: At,
        kind: &'static str,
        status: &'static str,
        order_id: Option<&'a str>,
        lane: &'a str,
        doc: String,
        body: Option<&'a [u8]>,
        outcome: Option<&'a [u8]>,
    }

    /// A row of `open_batches`.
    BatchIn<'a> = "batch_in" {
        append: i32,
        event: i64,
        id: Uuid,
        store_id: Uuid,
        partition: i32,
        doc: String,
        plan: Option<&'a [u8]>,
    }

    /// A row of `open_batches` that goes.
    ClosedBatchIn = "closed_batch_in" {
        append: i32,
        id: Uuid,
    }

    /// A row of `order_images`.
    ImageIn<'a> = "image_in" {
        append: i32,
        event: i64,
        store_id: Uuid,
        order_id: &'a str,
        doc: String,
        image: Option<&'a [u8]>,
    }

    /// A row of `order_images` that goes.
    NoImageIn<'a> = "no_image_in" {
        append: i32,
        store_id: Uuid,
        order_id: &'a str,
    }

    /// Rows of `data_keys` that go: a store's credentials', an order's, or one.
    DestroyIn<'a> = "destroy_in" {
        append: i32,
        credentials_of: Option<Uuid>,
        order_store: Option<Uuid>,
        order_id: Option<&'a str>,
        id: Option<Uuid>,
    }

    /// A row of `data_keys`.
    DataKeyIn<'a> = "data_key_in" {
        append: i32,
        id: Uuid,
        tenant_id: Uuid,
        store_id: Option<Uuid>,
        credentials: bool,
        order_id: Option<&'a str>,
        wrapped: &'a [u8],
        created_at: At,
    }

    /// A row of `data_keys` whose order is known now.
    BindIn<'a> = "bind_in" {
        append: i32,
        id: Uuid,
        order_id: &'a str,
    }

    /// A row of `idempotency`.
    IdempotencyIn<'a> = "idempotency_in" {
        append: i32,
        now: At,
        tenant_id: Uuid,
        key: &'a str,
        fingerprint: &'a [u8],
        job: Option<Uuid>,
        jobs: Option<Vec<Uuid>>,
        status: Option<i32>,
        body: Option<&'a [u8]>,
        expires_at: At,
    }

    /// A row of `webhook_endpoints`; without a `position` it is that of `first_event`.
    EndpointIn<'a> = "endpoint_in" {
        append: i32,
        first_event: i64,
        last_event: i64,
        id: Uuid,
        tenant_id: Uuid,
        position: Option<i64>,
        deleted_at: Option<At>,
        doc: String,
        sealed: Option<&'a [u8]>,
    }

    /// How an attempt at a delivery went.
    OutcomeIn<'a> = "outcome_in" {
        id: Uuid,
        worker: Uuid,
        state: &'static str,
        retry_at: Option<At>,
        now: At,
        tried: bool,
        at: Option<At>,
        latency_ms: Option<i64>,
        status: Option<i32>,
        error: Option<&'a str>,
        answer: Option<&'a [u8]>,
    }

    /// Appends that cannot change each other's conditions.
    #[derive(Default)]
    GroupIn<'a> = "group_in" {
        appends: Vec<AppendIn>,
        guards: Vec<GuardIn>,
        events: Vec<EventIn<'a>>,
        tenants: Vec<TenantIn>,
        keys: Vec<KeyIn<'a>>,
        stores: Vec<StoreIn<'a>>,
        jobs: Vec<JobIn<'a>>,
        batches: Vec<BatchIn<'a>>,
        closed_batches: Vec<ClosedBatchIn>,
        images: Vec<ImageIn<'a>>,
        no_images: Vec<NoImageIn<'a>>,
        destroys: Vec<DestroyIn<'a>>,
        data_keys: Vec<DataKeyIn<'a>>,
        binds: Vec<BindIn<'a>>,
        idempotency: Vec<IdempotencyIn<'a>>,
    }
}
