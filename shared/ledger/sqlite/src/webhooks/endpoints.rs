//! Reading endpoints and how they have been doing.

use domain::webhook::Endpoint;
use domain::{EndpointId, TenantId};
use ledger::EndpointHealth;
use sqlx::sqlite::SqliteRow;

use crate::error::{Result, failed};
use crate::jobs::list;
use crate::open::SqliteLedger;
use crate::readers::Read as _;
use crate::rows::Cells;

impl SqliteLedger {
    pub(super) async fn read_endpoint(&self, id: EndpointId) -> Result<Option<Endpoint>> {
        let row = sqlx::query(
            "SELECT id, doc, position, last_position, sealed FROM webhook_endpoints WHERE id = ?",
        )
        .bind(id.to_string())
        .maybe(&self.readers)
        .await
        .map_err(failed)?;
        row.as_ref().map(endpoint).transpose()
    }

    pub(super) async fn read_endpoints(&self, tenant: TenantId) -> Result<Vec<Endpoint>> {
        let rows = sqlx::query(
            "SELECT id, doc, position, last_position, sealed FROM webhook_endpoints WHERE tenant_id = ? AND \
             deleted_at IS NULL ORDER BY position",
        )
        .bind(tenant.to_string())
        .all(&self.readers)
        .await
        .map_err(failed)?;
        rows.iter().map(endpoint).collect()
    }

    pub(super) async fn read_health(&self, endpoints: &[EndpointId]) -> Result<Vec<EndpointHealth>> {
        let rows = sqlx::query(
            "SELECT endpoint_id, failing_since, last_success_at, last_failure_at FROM webhook_health WHERE \
             endpoint_id IN (SELECT value FROM json_each(?))",
        )
        .bind(list(endpoints))
        .all(&self.readers)
        .await
        .map_err(failed)?;
        let read = |row| {
            let cells = Cells::new(row, "webhook_health");
            Ok(EndpointHealth {
                endpoint_id: cells.parsed(0)?,
                failing_since: cells.maybe(1)?,
                last_success_at: cells.maybe(2)?,
                last_failure_at: cells.maybe(3)?,
            })
        };
        rows.iter().map(read).collect()
    }
}

/// `id, doc, position, last_position, sealed` of `webhook_endpoints`.
fn endpoint(row: &SqliteRow) -> Result<Endpoint> {
    let cells = Cells::new(row, "webhook_endpoints");
    let mut endpoint: Endpoint = cells.doc(1)?;
    endpoint.position = cells.number(2)?;
    endpoint.last_position = cells.number(3)?;
    endpoint.sealed = cells.sealed(4)?;
    Ok(endpoint)
}
