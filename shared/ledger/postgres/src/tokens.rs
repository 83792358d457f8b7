//! What a tenant's jobs took of Order Desk's limit.

use domain::TenantId;
use ledger::TokenCounts;

use crate::connect::PostgresLedger;
use crate::error::{Reading, Result};

impl PostgresLedger {
    pub(crate) async fn count_tokens(&self, tenant: TenantId) -> Result<TokenCounts> {
        // What was kept, and what the log says beyond it.
        let sql = "with kept as (select tenant_seq, spent, saved from tenant_tokens where tenant_id = $1 \
             union all select 0, 0, 0 order by tenant_seq desc limit 1), \
             shares as (select tenant_seq, 1 + coalesce((result ->> 'coalesced_with')::bigint, 0) as jobs, \
             1000000 * coalesce((result ->> 'upstream_requests')::bigint, 0) as requests from (\
             select tenant_seq, data::json -> 'result' as result from events \
             where tenant_id = $1 and type = 'job.succeeded.v1' and tenant_seq > (select tenant_seq from kept)\
             ) as results) \
             select coalesce(max(shares.tenant_seq), max(kept.tenant_seq)) as tenant_seq, \
             count(shares.tenant_seq) as new, \
             (max(kept.spent) + coalesce(sum(requests / jobs), 0))::bigint as spent, \
             (max(kept.saved) + coalesce(sum(greatest(0, 2000000 - requests / jobs)) filter (where jobs > 1), 0)\
             )::bigint as saved \
             from kept left join shares on true";
        let rows = self.readers.read(|| sqlx::query(sql).bind(tenant.0)).await?;
        let Some(row) = rows.first() else {
            return Ok(TokenCounts::default());
        };
        let row = Reading::new(row, "tenant_tokens", tenant);
        let (spent, saved) = (row.number("spent")?, row.number("saved")?);
        if row.number("new")? >= TokenCounts::KEPT_FROM {
            self.keep_tokens(tenant, row.number("tenant_seq")?, spent, saved)
                .await?;
        }
        Ok(TokenCounts::of_parts(spent, saved))
    }

    async fn keep_tokens(&self, tenant: TenantId, seq: u64, spent: u64, saved: u64) -> Result<()> {
        // Whoever has added up more has the better sum.
        let sql = "insert into tenant_tokens as kept (tenant_id, tenant_seq, spent, saved) values ($1, $2, $3, $4) \
                   on conflict (tenant_id) do update set tenant_seq = excluded.tenant_seq, \
                   spent = excluded.spent, saved = excluded.saved where kept.tenant_seq < excluded.tenant_seq";
        let statement = sqlx::query(sql).bind(tenant.0).bind(seq as i64);
        let statement = statement.bind(spent as i64).bind(saved as i64);
        self.writers.write(statement).await.map(|_| ())
    }
}
