//! Reading tenants, their keys and their stores.

use domain::store::Store;
use domain::tenant::{Key, Tenant};
use domain::{Sealed, StoreId, TenantId, UpstreamStoreId};
use sqlx::postgres::PgRow;

use crate::connect::PostgresLedger;
use crate::error::{Reading, Result};

macro_rules! select_stores {
    ($rest:literal) => {
        concat!(
            "select id, last_position, doc, credentials from stores where ",
            $rest
        )
    };
}

impl PostgresLedger {
    pub(crate) async fn tenant_by_id(&self, id: TenantId) -> Result<Option<Tenant>> {
        let rows = self
            .readers
            .read(|| sqlx::query("select doc from tenants where id = $1").bind(id.0))
            .await?;
        rows.first()
            .map(|row| Reading::new(row, "tenants", id).json("doc"))
            .transpose()
    }

    pub(crate) async fn page_of_tenants(&self, before: Option<TenantId>, limit: u32) -> Result<Vec<Tenant>> {
        let sql = "select id, doc from tenants where $1 is null or id < $1 order by id desc limit $2";
        let make = || {
            sqlx::query(sql)
                .bind(before.map(|id| id.0))
                .bind(i64::from(limit))
        };
        self.readers.read(make).await?.iter().map(tenant).collect()
    }

    pub(crate) async fn unerased_tenants(&self, limit: u32) -> Result<Vec<Tenant>> {
        let sql = "select id, doc from tenants where deleted_at is not null \
                   and doc::jsonb ->> 'erased_at' is null limit $1";
        let make = || sqlx::query(sql).bind(i64::from(limit));
        self.readers.read(make).await?.iter().map(tenant).collect()
    }

    pub(crate) async fn key_with_lookup(&self, lookup: &str) -> Result<Option<Key>> {
        let sql = "select doc from tenant_keys where lookup = $1";
        let rows = self.readers.read(|| sqlx::query(sql).bind(lookup)).await?;
        rows.first()
            .map(|row| Reading::new(row, "tenant_keys", lookup).json("doc"))
            .transpose()
    }

    pub(crate) async fn keys_of_tenant(&self, tenant: TenantId) -> Result<Vec<Key>> {
        let sql = "select doc from tenant_keys where tenant_id = $1 order by created_at, id";
        let rows = self.readers.read(|| sqlx::query(sql).bind(tenant.0)).await?;
        rows.iter()
            .map(|row| Reading::new(row, "tenant_keys", format!("of {tenant}")).json("doc"))
            .collect()
    }

    pub(crate) async fn store_by_id(&self, id: StoreId) -> Result<Option<Store>> {
        let rows = self
            .readers
            .read(|| sqlx::query(select_stores!("id = $1")).bind(id.0))
            .await?;
        rows.first().map(store).transpose()
    }

    pub(crate) async fn read_registrations(
        &self,
        store_id: &UpstreamStoreId,
        limit: u32,
    ) -> Result<Vec<Store>> {
        let sql = select_stores!("store_id = $1 and deleted_at is null order by created_at, id limit $2");
        let make = || sqlx::query(sql).bind(store_id.as_str()).bind(i64::from(limit));
        self.readers.read(make).await?.iter().map(store).collect()
    }

    pub(crate) async fn store_of_upstream(
        &self,
        tenant: TenantId,
        store_id: &UpstreamStoreId,
    ) -> Result<Option<Store>> {
        let sql = select_stores!("tenant_id = $1 and store_id = $2 and deleted_at is null");
        let make = || sqlx::query(sql).bind(tenant.0).bind(store_id.as_str());
        let rows = self.readers.read(make).await?;
        rows.first().map(store).transpose()
    }

    pub(crate) async fn stores_of_tenant(&self, tenant: TenantId) -> Result<Vec<Store>> {
        let sql = select_stores!("tenant_id = $1 and deleted_at is null order by created_at, id");
        self.readers
            .read(|| sqlx::query(sql).bind(tenant.0))
            .await?
            .iter()
            .map(store)
            .collect()
    }

    pub(crate) async fn stores_with_credentials_of(
        &self,
        tenant: TenantId,
        limit: u32,
    ) -> Result<Vec<Store>> {
        let sql =
            select_stores!("tenant_id = $1 and doc::jsonb ->> 'credentials_destroyed_at' is null limit $2");
        let make = || sqlx::query(sql).bind(tenant.0).bind(i64::from(limit));
        self.readers.read(make).await?.iter().map(store).collect()
    }

    pub(crate) async fn stores_after(
        &self,
        partitions: &[u16],
        after: u64,
        limit: u32,
    ) -> Result<Vec<Store>> {
        let sql =
            select_stores!("partition = any ($1) and last_position > $2 order by last_position, id limit $3");
        let numbers: Vec<i32> = partitions.iter().copied().map(i32::from).collect();
        let make = || {
            sqlx::query(sql)
                .bind(&numbers)
                .bind(after as i64)
                .bind(i64::from(limit))
        };
        self.readers.read(make).await?.iter().map(store).collect()
    }
}

fn tenant(row: &PgRow) -> Result<Tenant> {
    let key = TenantId(Reading::new(row, "tenants", "?").get("id")?);
    Reading::new(row, "tenants", key).json("doc")
}

fn store(row: &PgRow) -> Result<Store> {
    let key = StoreId(Reading::new(row, "stores", "?").get("id")?);
    let row = Reading::new(row, "stores", key);
    let mut store: Store = row.json("doc")?;
    store.last_position = row.number("last_position")?;
    store.credentials = row.get::<Option<Vec<u8>>, _>("credentials")?.map(Sealed::new);
    Ok(store)
}
