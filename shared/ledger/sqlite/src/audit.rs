//! One tenant's events for its audit. The indexes are those of `0004_audit.sql`.

use domain::TenantId;
use ledger::Recorded;
use ledger::Stream;
use ledger::audit::{Actor, AuditFilter, AuditPage, Driver, MOST_SCANNED, Place};
use sqlx::QueryBuilder;
use sqlx::sqlite::Sqlite;

use crate::error::{Result, failed};
use crate::log::all;
use crate::open::SqliteLedger;
use crate::readers::Read as _;
use crate::rows::Cells;

/// Without what is sealed beside events of stores and requests: credentials, and plans of two images each.
const SHOWN: &str = "SELECT position, tenant_seq, stream, version, type, tenant_id, store_id, order_id, job_id, data, \
    CASE WHEN type >= 'store.' AND type < 'store/' OR type >= 'batch.' AND type < 'batch/' THEN NULL ELSE sealed END, \
    meta, recorded_at FROM events ";
const WHOLE: &str = "SELECT position, tenant_seq, stream, version, type, tenant_id, store_id, order_id, job_id, data, \
    sealed, meta, recorded_at FROM events ";

/// As in the indexes, letter for letter.
const KEY: &str = "iif(json_valid(meta), meta ->> '$.key_id', NULL)";
const ADDRESS: &str = "iif(json_valid(meta), meta ->> '$.client_ip', NULL)";

/// The tenant's events are numbered without gaps, so that a place is found by halving.
macro_rules! before {
    ($condition:literal) => {
        concat!(
            "WITH RECURSIVE search(low, high) AS (",
            "SELECT 0, coalesce((SELECT max(tenant_seq) FROM events WHERE tenant_id = ?1), 0) UNION ALL ",
            "SELECT iif(",
            $condition,
            ", tenant_seq, low), iif(",
            $condition,
            ", high, tenant_seq - 1) FROM search CROSS JOIN events ",
            "ON tenant_id = ?1 AND tenant_seq = (low + high + 1) / 2 WHERE low < high) SELECT max(low) FROM search"
        )
    };
}

impl SqliteLedger {
    pub(crate) async fn read_audit(&self, filter: &AuditFilter) -> Result<AuditPage> {
        let mut query = QueryBuilder::<Sqlite>::new(SHOWN);
        if !filter.has_rest() {
            driven(&mut query, filter);
            query.push_bind(i64::from(filter.limit));
            return Ok(filter.page(all(query.build().all(&self.readers).await)?, None));
        }
        query.push(
            "WHERE position IN (SELECT position FROM (SELECT position, tenant_seq, store_id, order_id, type, meta FROM events ",
        );
        driven(&mut query, filter);
        query.push_bind(i64::from(MOST_SCANNED)).push(") WHERE true");
        rest(&mut query, filter);
        query
            .push(" ORDER BY tenant_seq DESC LIMIT ")
            .push_bind(i64::from(filter.limit))
            .push(") ORDER BY position DESC");
        let events = all(query.build().all(&self.readers).await)?;
        if events.len() >= filter.limit as usize {
            return Ok(filter.page(events, None));
        }
        let mut query = QueryBuilder::<Sqlite>::new(
            "SELECT coalesce(min(tenant_seq), 0), count(*) FROM (SELECT tenant_seq FROM events ",
        );
        driven(&mut query, filter);
        query.push_bind(i64::from(MOST_SCANNED)).push(")");
        let row = query.build().one(&self.readers).await.map_err(failed)?;
        let cells = Cells::new(&row, "events");
        Ok(filter.page(events, Some((cells.number(0)?, cells.small(1)?))))
    }

    pub(crate) async fn count_before(&self, tenant: TenantId, place: Place) -> Result<u64> {
        let query = match place {
            Place::Position(position) => sqlx::query(before!("position < ?2"))
                .bind(tenant.to_string())
                .bind(i64::try_from(position).unwrap_or(i64::MAX)),
            Place::Time(time) => sqlx::query(before!("recorded_at < ?2"))
                .bind(tenant.to_string())
                .bind(time.to_string()),
        };
        let row = query.one(&self.readers).await.map_err(failed)?;
        Cells::new(&row, "events").number(0)
    }

    pub(crate) async fn read_tenant_events(
        &self,
        tenant: TenantId,
        after: u64,
        limit: u32,
        bytes: u64,
    ) -> Result<Vec<Recorded>> {
        let mut query = QueryBuilder::<Sqlite>::new(WHOLE);
        let (tenant, after) = (tenant.to_string(), after as i64);
        query.push("WHERE tenant_id = ").push_bind(&tenant);
        query.push(" AND tenant_seq > ").push_bind(after);
        query.push(" AND tenant_seq <= (SELECT coalesce(max(seq), ");
        query.push_bind(after.saturating_add(1));
        query.push(
            ") FROM (SELECT tenant_seq AS seq, sum(octet_length(data) + coalesce(octet_length(sealed), 0)) \
             OVER (ORDER BY tenant_seq) AS size FROM events WHERE tenant_id = ",
        );
        query
            .push_bind(&tenant)
            .push(" AND tenant_seq > ")
            .push_bind(after);
        query
            .push(" AND tenant_seq <= ")
            .push_bind(after.saturating_add(i64::from(limit)));
        query
            .push(") WHERE size <= ")
            .push_bind(i64::try_from(bytes).unwrap_or(i64::MAX));
        query.push(") ORDER BY tenant_seq");
        all(query.build().all(&self.readers).await)
    }
}

/// The entries of the part whose index is used, up to the argument of their limit.
fn driven(query: &mut QueryBuilder<Sqlite>, filter: &AuditFilter) {
    let tenant = filter.tenant_id.to_string();
    let mut by = |index: &str, column: &str, value: Option<String>| {
        query.push("INDEXED BY ").push(index).push(" WHERE ");
        if let Some(value) = value {
            query.push(column).push(" = ").push_bind(value).push(" AND ");
        }
    };
    match (filter.driver(), filter.actor) {
        (Driver::Job, _) => {
            let stream = filter.job_id.map(|job| Stream::Job(job).to_string());
            query.push("WHERE stream = ").push_bind(stream).push(" AND +");
        }
        (Driver::Order, _) => by(
            "events_of_order",
            "order_id",
            filter.order_id.as_ref().map(ToString::to_string),
        ),
        (Driver::Actor, Some(Actor::Address(address))) => {
            by("events_of_address", ADDRESS, Some(address.to_string()));
        }
        (Driver::Actor, Some(Actor::Key(key))) => by("events_of_key", KEY, Some(key.to_string())),
        (Driver::Type, _) => by("events_of_type", "type", filter.type_name.map(str::to_owned)),
        (Driver::Store, _) => {
            by(
                "events_of_store",
                "store_id",
                filter.store_id.map(|id| id.to_string()),
            );
            query.push("+");
        }
        (Driver::Tenant | Driver::Actor, _) => by("events_of_tenant", "", None),
    }
    query.push("tenant_id = ").push_bind(tenant);
    query
        .push(" AND tenant_seq < ")
        .push_bind(i64::try_from(filter.before).unwrap_or(i64::MAX));
    query
        .push(" AND tenant_seq > ")
        .push_bind(i64::try_from(filter.after).unwrap_or(i64::MAX));
    query.push(" ORDER BY tenant_seq DESC LIMIT ");
}

/// The conditions of all parts; that of the index holds anyway.
fn rest(query: &mut QueryBuilder<Sqlite>, filter: &AuditFilter) {
    if let Some(store) = filter.store_id {
        query.push(" AND store_id = ").push_bind(store.to_string());
    }
    if let Some(name) = filter.type_name {
        query.push(" AND type = ").push_bind(name);
    }
    if let (Some(order), Driver::Job) = (&filter.order_id, filter.driver()) {
        query.push(" AND order_id = ").push_bind(order.to_string());
    }
    match filter.actor {
        None => {}
        Some(_) if filter.driver() == Driver::Actor => {}
        Some(Actor::Key(key)) => {
            query
                .push(" AND ")
                .push(KEY)
                .push(" = ")
                .push_bind(key.to_string());
        }
        Some(Actor::Address(address)) => {
            query
                .push(" AND ")
                .push(ADDRESS)
                .push(" = ")
                .push_bind(address.to_string());
        }
    }
}
