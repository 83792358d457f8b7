//! Reading tenants, keys and stores.

use domain::store::Store;
use domain::tenant::{Key, Tenant};
use domain::{StoreId, TenantId, UpstreamStoreId};

use crate::error::{Result, failed};
use crate::open::SqliteLedger;
use crate::readers::Read as _;
use crate::rows;

impl SqliteLedger {
    pub(crate) async fn read_tenant(&self, id: TenantId) -> Result<Option<Tenant>> {
        let row = sqlx::query("SELECT id, doc FROM tenants WHERE id = ?")
            .bind(id.to_string())
            .maybe(&self.readers)
            .await
            .map_err(failed)?;
        row.as_ref().map(rows::tenant).transpose()
    }

    pub(crate) async fn read_tenants(&self, before: Option<TenantId>, limit: u32) -> Result<Vec<Tenant>> {
        let rows = sqlx::query("SELECT id, doc FROM tenants WHERE id < ? ORDER BY id DESC LIMIT ?")
            // Above every id.
            .bind(before.map_or_else(|| "g".to_owned(), |id| id.to_string()))
            .bind(i64::from(limit))
            .all(&self.readers)
            .await
            .map_err(failed)?;
        rows.iter().map(rows::tenant).collect()
    }

    pub(crate) async fn read_unerased(&self, limit: u32) -> Result<Vec<Tenant>> {
        let rows = sqlx::query(
            "SELECT id, doc FROM tenants WHERE deleted_at IS NOT NULL AND json_extract(doc, '$.erased_at') IS NULL \
             LIMIT ?",
        )
        .bind(i64::from(limit))
        .all(&self.readers)
        .await
        .map_err(failed)?;
        rows.iter().map(rows::tenant).collect()
    }

    pub(crate) async fn read_key(&self, lookup: &str) -> Result<Option<Key>> {
        let row = sqlx::query("SELECT id, doc FROM tenant_keys WHERE lookup = ?")
            .bind(lookup.to_owned())
            .maybe(&self.readers)
            .await
            .map_err(failed)?;
        row.as_ref().map(rows::key).transpose()
    }

    pub(crate) async fn read_keys(&self, tenant: TenantId) -> Result<Vec<Key>> {
        let rows = sqlx::query("SELECT id, doc FROM tenant_keys WHERE tenant_id = ? ORDER BY created_at, id")
            .bind(tenant.to_string())
            .all(&self.readers)
            .await
            .map_err(failed)?;
        rows.iter().map(rows::key).collect()
    }

    pub(crate) async fn read_store(&self, id: StoreId) -> Result<Option<Store>> {
        let row = sqlx::query("SELECT id, doc, last_position, credentials FROM stores WHERE id = ?")
            .bind(id.to_string())
            .maybe(&self.readers)
            .await
            .map_err(failed)?;
        row.as_ref().map(rows::store).transpose()
    }

    pub(crate) async fn read_registrations(&self, store: &UpstreamStoreId, limit: u32) -> Result<Vec<Store>> {
        let query = sqlx::query(
            "SELECT id, doc, last_position, credentials FROM stores WHERE store_id = ? AND deleted_at IS NULL \
             ORDER BY created_at, id LIMIT ?",
        );
        let rows = query
            .bind(store.as_str().to_owned())
            .bind(i64::from(limit))
            .all(&self.readers)
            .await;
        rows.map_err(failed)?.iter().map(rows::store).collect()
    }

    pub(crate) async fn read_store_of(
        &self,
        tenant: TenantId,
        store: &UpstreamStoreId,
    ) -> Result<Option<Store>> {
        let row = sqlx::query(
            "SELECT id, doc, last_position, credentials FROM stores WHERE tenant_id = ? AND store_id = ? AND \
             deleted_at IS NULL",
        )
        .bind(tenant.to_string())
        .bind(store.as_str().to_owned())
        .maybe(&self.readers)
        .await
        .map_err(failed)?;
        row.as_ref().map(rows::store).transpose()
    }

    pub(crate) async fn read_stores(&self, tenant: TenantId) -> Result<Vec<Store>> {
        let rows = sqlx::query(
            "SELECT id, doc, last_position, credentials FROM stores WHERE tenant_id = ? AND deleted_at IS NULL \
             ORDER BY created_at, id",
        )
        .bind(tenant.to_string())
        .all(&self.readers)
        .await
        .map_err(failed)?;
        rows.iter().map(rows::store).collect()
    }

    pub(crate) async fn read_stores_with_credentials(
        &self,
        tenant: TenantId,
        limit: u32,
    ) -> Result<Vec<Store>> {
        let rows = sqlx::query(
            "SELECT id, doc, last_position, credentials FROM stores WHERE tenant_id = ? AND \
             json_extract(doc, '$.credentials_destroyed_at') IS NULL LIMIT ?",
        )
        .bind(tenant.to_string())
        .bind(i64::from(limit))
        .all(&self.readers)
        .await
        .map_err(failed)?;
        rows.iter().map(rows::store).collect()
    }

    pub(crate) async fn read_changed_stores(
        &self,
        partitions: &[u16],
        after: u64,
        limit: u32,
    ) -> Result<Vec<Store>> {
        let rows = sqlx::query(
            "SELECT id, doc, last_position, credentials FROM stores WHERE last_position > ? AND partition IN \
             (SELECT value FROM json_each(?)) ORDER BY last_position LIMIT ?",
        )
        .bind(after as i64)
        .bind(crate::jobs::list(partitions))
        .bind(i64::from(limit))
        .all(&self.readers)
        .await
        .map_err(failed)?;
        rows.iter().map(rows::store).collect()
    }
}
