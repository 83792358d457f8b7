//! What is neither event nor view: data keys, idempotency records, settings.

use domain::{DataKeyId, JobId, OrderId, Sealed, StoreId, TenantId, Timestamp};
use ledger::{DataKeyRow, IdempotencyAnswer, IdempotencyRecord};
use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::connect::PostgresLedger;
use crate::error::{Reading, Result, corrupt};
use crate::time::At;

macro_rules! select_keys {
    ($rest:literal) => {
        concat!(
            "select id, tenant_id, store_id, credentials, order_id, wrapped, created_at from data_keys where ",
            $rest
        )
    };
}

impl PostgresLedger {
    pub(crate) async fn data_key_by_id(&self, id: DataKeyId) -> Result<Option<DataKeyRow>> {
        let rows = self
            .readers
            .read(|| sqlx::query(select_keys!("id = $1")).bind(id.0))
            .await?;
        rows.first().map(data_key).transpose()
    }

    pub(crate) async fn read_data_keys(&self, ids: &[DataKeyId]) -> Result<Vec<DataKeyRow>> {
        let ids: Vec<_> = ids.iter().map(|id| id.0).collect();
        let make = || sqlx::query(select_keys!("id = any ($1)")).bind(&ids);
        self.readers.read(make).await?.iter().map(data_key).collect()
    }

    pub(crate) async fn data_key_for_order(
        &self,
        store: StoreId,
        order: &OrderId,
    ) -> Result<Option<DataKeyRow>> {
        let sql = select_keys!(
            "store_id = $1 and order_id = $2 and not credentials order by created_at, id limit 1"
        );
        let rows = self
            .readers
            .read(|| sqlx::query(sql).bind(store.0).bind(order.as_str()))
            .await?;
        rows.first().map(data_key).transpose()
    }

    pub(crate) async fn data_keys_for_tenant(&self, tenant: TenantId, limit: u32) -> Result<Vec<DataKeyId>> {
        // By store, because the keys have an index by store; those of no store are few.
        let sql = "select id from data_keys where tenant_id = $1 and store_id in \
                   (select id from stores where tenant_id = $1) \
                   union all select id from data_keys where tenant_id = $1 and store_id is null limit $2";
        let make = || sqlx::query(sql).bind(tenant.0).bind(i64::from(limit));
        let rows = self.readers.read(make).await?;
        rows.iter()
            .map(|row| Ok(DataKeyId(Reading::new(row, "data_keys", tenant).get("id")?)))
            .collect()
    }

    pub(crate) async fn idempotency_record(
        &self,
        tenant: TenantId,
        key: &str,
        now: Timestamp,
    ) -> Result<Option<IdempotencyRecord>> {
        let sql = "select fingerprint, job, jobs, status, body, expires_at from idempotency \
                   where tenant_id = $1 and key = $2 and expires_at > $3";
        let rows = self
            .readers
            .read(|| sqlx::query(sql).bind(tenant.0).bind(key).bind(At(now)))
            .await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let row = Reading::new(row, "idempotency", format!("{tenant}/{key}"));
        let fingerprint: Vec<u8> = row.get("fingerprint")?;
        let answer = if let Some(job) = row.get::<Option<Uuid>, _>("job")? {
            IdempotencyAnswer::Job(JobId(job))
        } else if let Some(jobs) = row.get::<Option<Vec<Uuid>>, _>("jobs")? {
            IdempotencyAnswer::Jobs(jobs.into_iter().map(JobId).collect())
        } else {
            let status: i32 = row.get("status")?;
            IdempotencyAnswer::Response {
                status: u16::try_from(status).map_err(|error| row.corrupt(error))?,
                body: Sealed::new(row.get("body")?),
            }
        };
        Ok(Some(IdempotencyRecord {
            tenant_id: tenant,
            key: key.to_owned(),
            fingerprint: fingerprint
                .try_into()
                .map_err(|_| row.corrupt("a fingerprint has 32 bytes"))?,
            answer,
            expires_at: row.get::<At, _>("expires_at")?.0,
        }))
    }

    pub(crate) async fn purge_dead_idempotency(&self, now: Timestamp, limit: u32) -> Result<u64> {
        // Skipping what an append is just replacing: the two must never wait for each other.
        let sql = "with gone as (delete from idempotency where (tenant_id, key) in (\
                   select tenant_id, key from idempotency where expires_at <= $1 order by expires_at limit $2 \
                   for update skip locked) returning 1) select count(*) as gone from gone";
        let rows = self
            .writers
            .write(sqlx::query(sql).bind(At(now)).bind(i64::from(limit)))
            .await?;
        rows.first().map_or(Ok(0), |row| {
            Reading::new(row, "idempotency", "count").number("gone")
        })
    }

    pub(crate) async fn setting_named(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let rows = self
            .readers
            .read(|| sqlx::query("select value from settings where name = $1").bind(name))
            .await?;
        rows.first()
            .map(|row| Reading::new(row, "settings", name).get("value"))
            .transpose()
    }

    pub(crate) async fn first_setting(&self, name: &str, value: &[u8]) -> Result<Vec<u8>> {
        let sql = "insert into settings (name, value) values ($1, $2) on conflict (name) do nothing";
        self.writers
            .write(sqlx::query(sql).bind(name).bind(value))
            .await?;
        // A statement of its own, which sees who was first.
        let set = self.setting_named(name).await?;
        set.ok_or_else(|| corrupt("settings", name, "it was removed meanwhile"))
    }

    pub(crate) async fn changed_setting(&self, name: &str, from: &[u8], to: &[u8]) -> Result<bool> {
        let sql = "update settings set value = $3 where name = $1 and value = $2 returning true";
        let rows = self
            .writers
            .write(sqlx::query(sql).bind(name).bind(from).bind(to))
            .await?;
        Ok(!rows.is_empty())
    }

    pub(crate) async fn answer(&self) -> Result<()> {
        self.readers.read(|| sqlx::query("select 1")).await.map(drop)
    }
}

fn data_key(row: &PgRow) -> Result<DataKeyRow> {
    let key = DataKeyId(Reading::new(row, "data_keys", "?").get("id")?);
    let row = Reading::new(row, "data_keys", key);
    Ok(DataKeyRow {
        id: key,
        tenant_id: TenantId(row.get("tenant_id")?),
        store_id: row.get::<Option<Uuid>, _>("store_id")?.map(StoreId),
        credentials: row.get("credentials")?,
        order_id: row.parsed("order_id")?,
        wrapped: row.get("wrapped")?,
        created_at: row.get::<At, _>("created_at")?.0,
    })
}
