//! Reading data keys and idempotency records.

use domain::{DataKeyId, OrderId, StoreId, TenantId, Timestamp};
use ledger::{DataKeyRow, IdempotencyRecord};

use crate::error::{Result, failed};
use crate::jobs::list;
use crate::open::SqliteLedger;
use crate::readers::Read as _;
use crate::rows::{self, Cells};

macro_rules! data_keys {
    ($rest:literal) => {
        concat!(
            "SELECT id, tenant_id, store_id, credentials, order_id, wrapped, created_at FROM data_keys ",
            $rest
        )
    };
}

impl SqliteLedger {
    pub(crate) async fn read_data_key(&self, id: DataKeyId) -> Result<Option<DataKeyRow>> {
        let query = sqlx::query(data_keys!("WHERE id = ?")).bind(id.to_string());
        query
            .maybe(&self.readers)
            .await
            .map_err(failed)?
            .as_ref()
            .map(rows::data_key)
            .transpose()
    }

    pub(crate) async fn read_data_keys(&self, ids: &[DataKeyId]) -> Result<Vec<DataKeyRow>> {
        let query = sqlx::query(data_keys!("WHERE id IN (SELECT value FROM json_each(?))")).bind(list(ids));
        let rows = query.all(&self.readers).await.map_err(failed)?;
        rows.iter().map(rows::data_key).collect()
    }

    pub(crate) async fn read_data_key_of_order(
        &self,
        store: StoreId,
        order: &OrderId,
    ) -> Result<Option<DataKeyRow>> {
        let query = sqlx::query(data_keys!(
            "WHERE store_id = ? AND order_id = ? AND credentials = 0 ORDER BY created_at, id LIMIT 1"
        ));
        let row = query
            .bind(store.to_string())
            .bind(order.to_string())
            .maybe(&self.readers)
            .await
            .map_err(failed)?;
        row.as_ref().map(rows::data_key).transpose()
    }

    pub(crate) async fn read_data_keys_of_tenant(
        &self,
        tenant: TenantId,
        limit: u32,
    ) -> Result<Vec<DataKeyId>> {
        // By store, because the keys have an index by store; those of no store are few.
        let rows = sqlx::query(
            "SELECT id FROM data_keys WHERE tenant_id = ?1 AND store_id IN \
             (SELECT id FROM stores WHERE stores.tenant_id = ?1) \
             UNION ALL SELECT id FROM data_keys WHERE tenant_id = ?1 AND store_id IS NULL LIMIT ?2",
        )
        .bind(tenant.to_string())
        .bind(i64::from(limit))
        .all(&self.readers)
        .await
        .map_err(failed)?;
        rows.iter()
            .map(|row| Cells::new(row, "data_keys").parsed(0))
            .collect()
    }

    pub(crate) async fn read_idempotency(
        &self,
        tenant: TenantId,
        key: &str,
        now: Timestamp,
    ) -> Result<Option<IdempotencyRecord>> {
        let row = sqlx::query(
            "SELECT key, tenant_id, fingerprint, jobs, status, body, expires_at FROM idempotency \
             WHERE tenant_id = ? AND key = ? AND expires_at > ?",
        )
        .bind(tenant.to_string())
        .bind(key.to_owned())
        .bind(now.to_string())
        .maybe(&self.readers)
        .await
        .map_err(failed)?;
        row.as_ref().map(rows::idempotency).transpose()
    }

    pub(crate) async fn purge_dead(&self, now: Timestamp, limit: u32) -> Result<u64> {
        let mut write = self.begin().await?;
        let result = sqlx::query(
            "DELETE FROM idempotency WHERE (tenant_id, key) IN \
             (SELECT tenant_id, key FROM idempotency WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)",
        )
        .bind(now.to_string())
        .bind(i64::from(limit))
        .execute(write.on())
        .await
        .map(|done| done.rows_affected())
        .map_err(failed);
        write.finish(result).await
    }
}
