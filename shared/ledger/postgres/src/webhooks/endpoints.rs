//! Reading endpoints and how they have been doing.

use domain::webhook::Endpoint;
use domain::{EndpointId, Sealed, TenantId};
use ledger::EndpointHealth;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::connect::PostgresLedger;
use crate::error::{Reading, Result};
use crate::time::At;

macro_rules! select_endpoints {
    ($rest:literal) => {
        concat!(
            "select id, doc, position, last_position, sealed from webhook_endpoints where ",
            $rest
        )
    };
}

impl PostgresLedger {
    pub(super) async fn read_endpoint(&self, id: EndpointId) -> Result<Option<Endpoint>> {
        let make = || sqlx::query(select_endpoints!("id = $1")).bind(id.0);
        self.readers.read(make).await?.first().map(endpoint).transpose()
    }

    pub(super) async fn read_endpoints(&self, tenant: TenantId) -> Result<Vec<Endpoint>> {
        let sql = select_endpoints!("tenant_id = $1 and deleted_at is null order by position");
        let rows = self.readers.read(|| sqlx::query(sql).bind(tenant.0)).await?;
        rows.iter().map(endpoint).collect()
    }

    pub(super) async fn read_health(&self, endpoints: &[EndpointId]) -> Result<Vec<EndpointHealth>> {
        let sql = "select endpoint_id, failing_since, last_success_at, last_failure_at from webhook_health \
                   where endpoint_id = any ($1)";
        let ids: Vec<Uuid> = endpoints.iter().map(|id| id.0).collect();
        let rows = self.readers.read(|| sqlx::query(sql).bind(&ids)).await?;
        let read = |row| {
            let id = EndpointId(Reading::new(row, "webhook_health", "?").get("endpoint_id")?);
            let row = Reading::new(row, "webhook_health", id);
            let at = |column| Ok(row.get::<Option<At>, _>(column)?.map(|at| at.0));
            Ok(EndpointHealth {
                endpoint_id: id,
                failing_since: at("failing_since")?,
                last_success_at: at("last_success_at")?,
                last_failure_at: at("last_failure_at")?,
            })
        };
        rows.iter().map(read).collect()
    }
}

fn endpoint(row: &PgRow) -> Result<Endpoint> {
    let key = EndpointId(Reading::new(row, "webhook_endpoints", "?").get("id")?);
    let row = Reading::new(row, "webhook_endpoints", key);
    let mut endpoint: Endpoint = row.json("doc")?;
    endpoint.position = row.number("position")?;
    endpoint.last_position = row.number("last_position")?;
    endpoint.sealed = row.get::<Option<Vec<u8>>, _>("sealed")?.map(Sealed::new);
    Ok(endpoint)
}
