//! What a tenant's jobs took of Order Desk's limit.

use domain::TenantId;
use ledger::TokenCounts;

use crate::error::{Result, failed};
use crate::open::SqliteLedger;
use crate::readers::Read as _;
use crate::rows::Cells;

impl SqliteLedger {
    pub(crate) async fn count_tokens(&self, tenant: TenantId) -> Result<TokenCounts> {
        // What was kept, and what the log says beyond it.
        let row = sqlx::query(
            "WITH kept AS (SELECT tenant_seq, spent, saved FROM tenant_tokens WHERE tenant_id = ?1 \
             UNION ALL SELECT 0, 0, 0 ORDER BY tenant_seq DESC LIMIT 1), \
             shares AS (SELECT tenant_seq, 1 + ifnull(data ->> '$.result.coalesced_with', 0) AS jobs, \
             1000000 * ifnull(data ->> '$.result.upstream_requests', 0) AS requests FROM events \
             WHERE tenant_id = ?1 AND type = 'job.succeeded.v1' AND tenant_seq > (SELECT tenant_seq FROM kept) \
             AND json_valid(data)) \
             SELECT ifnull(max(shares.tenant_seq), kept.tenant_seq), count(shares.tenant_seq), \
             kept.spent + ifnull(sum(requests / jobs), 0), \
             kept.saved + ifnull(sum(iif(jobs > 1, max(0, 2000000 - requests / jobs), 0)), 0) \
             FROM kept LEFT JOIN shares",
        )
        .bind(tenant.to_string())
        .one(&self.readers)
        .await
        .map_err(failed)?;
        let cells = Cells::new(&row, "tenant_tokens");
        let (seq, new): (u64, u64) = (cells.number(0)?, cells.number(1)?);
        let (spent, saved) = (cells.number(2)?, cells.number(3)?);
        if new >= TokenCounts::KEPT_FROM {
            self.keep_tokens(tenant, seq, spent, saved).await?;
        }
        Ok(TokenCounts::of_parts(spent, saved))
    }

    async fn keep_tokens(&self, tenant: TenantId, seq: u64, spent: u64, saved: u64) -> Result<()> {
        let mut write = self.begin().await?;
        // Whoever has added up more has the better sum.
        let result = sqlx::query(
            "INSERT INTO tenant_tokens (tenant_id, tenant_seq, spent, saved) VALUES (?, ?, ?, ?) \
             ON CONFLICT (tenant_id) DO UPDATE SET tenant_seq = excluded.tenant_seq, spent = excluded.spent, \
             saved = excluded.saved WHERE tenant_seq < excluded.tenant_seq",
        )
        .bind(tenant.to_string())
        .bind(seq as i64)
        .bind(spent as i64)
        .bind(saved as i64)
        .execute(write.on())
        .await
        .map(|_| ())
        .map_err(failed);
        write.finish(result).await
    }
}
