//! One tenant's events for its audit. The indexes are those of `0007_audit.sql`.

use domain::TenantId;
use ledger::audit::{Actor, AuditFilter, AuditPage, Driver, MOST_SCANNED, Place};
use ledger::{BackendError, Recorded, Stream};
use sqlx::error::BoxDynError;
use sqlx::postgres::PgArguments;
use sqlx::{Arguments, AssertSqlSafe, Encode, Postgres, Type};

use crate::connect::PostgresLedger;
use crate::error::{Reading, Result};
use crate::log::recorded;
use crate::session::Statement;
use crate::time::At;

macro_rules! columns {
    ($sealed:literal) => {
        concat!(
            "select position, tenant_seq, version, recorded_at, tenant_id, store_id, job_id, stream, type, order_id, ",
            "data, meta, ",
            $sealed,
            " from events where "
        )
    };
}

/// Without what is sealed beside events of stores and requests: credentials, and plans of two images each.
const SHOWN: &str = columns!(
    "case when starts_with(type, 'store.') or starts_with(type, 'batch.') then null else sealed end as sealed"
);

/// As in the indexes, letter for letter.
const KEY: &str = r#"substring(meta from '"key_id":"([^"]+)"')"#;
const ADDRESS: &str = r#"substring(meta from '"client_ip":"([^"]+)"')"#;

/// The tenant's events are numbered without gaps, so that a place is found by halving.
macro_rules! before {
    ($condition:literal) => {
        concat!(
            "with recursive search(low, high) as (",
            "select 0::bigint, coalesce((select max(tenant_seq) from events where tenant_id = $1), 0) union all ",
            "select case when ",
            $condition,
            " then tenant_seq else low end, case when ",
            $condition,
            " then high else tenant_seq - 1 end from search ",
            "join events on tenant_id = $1 and tenant_seq = (low + high + 1) / 2 where low < high",
            ") select max(low) as low from search"
        )
    };
}

impl PostgresLedger {
    pub(crate) async fn read_audit(&self, filter: &AuditFilter) -> Result<AuditPage> {
        // Encoding texts and numbers cannot fail; if it did, the query would say so.
        let _ = page(filter).map_err(BackendError::Failed)?;
        let make = || page(filter).expect("it could be made a moment ago");
        let rows = self.readers.read(make).await?;
        let events: Vec<Recorded> = rows.iter().map(recorded).collect::<Result<_>>()?;
        if !filter.has_rest() || events.len() >= filter.limit as usize {
            return Ok(filter.page(events, None));
        }
        let make = || scanned(filter).expect("it could be made a moment ago");
        let rows = self.readers.read(make).await?;
        let scanned = rows.first().map(|row| -> Result<(u64, u32)> {
            let row = Reading::new(row, "events", "audit");
            Ok((row.number("lowest")?, row.number("entries")? as u32))
        });
        Ok(filter.page(events, scanned.transpose()?))
    }

    pub(crate) async fn count_before(&self, tenant: TenantId, place: Place) -> Result<u64> {
        let make = || match place {
            Place::Position(position) => sqlx::query(before!("position < $2"))
                .bind(tenant.0)
                .bind(i64::try_from(position).unwrap_or(i64::MAX)),
            Place::Time(time) => sqlx::query(before!("recorded_at < $2"))
                .bind(tenant.0)
                .bind(At(time)),
        };
        let rows = self.readers.read(make).await?;
        rows.first()
            .map_or(Ok(0), |row| Reading::new(row, "events", "place").number("low"))
    }

    pub(crate) async fn read_tenant_events(
        &self,
        tenant: TenantId,
        after: u64,
        limit: u32,
        bytes: u64,
    ) -> Result<Vec<Recorded>> {
        let sql = concat!(
            columns!("sealed"),
            "tenant_id = $1 and tenant_seq > $2 and tenant_seq <= (select coalesce(max(s.tenant_seq), $2 + 1) from (",
            "select e.tenant_seq, sum(octet_length(e.data) + coalesce(octet_length(e.sealed), 0)) ",
            "over (order by e.tenant_seq) as size from events e ",
            "where e.tenant_id = $1 and e.tenant_seq > $2 and e.tenant_seq <= $2 + $3",
            ") s where s.size <= $4) order by tenant_seq"
        );
        let make = || {
            sqlx::query(sql)
                .bind(tenant.0)
                .bind(after as i64)
                .bind(i64::from(limit))
                .bind(i64::try_from(bytes).unwrap_or(i64::MAX))
        };
        self.readers.read(make).await?.iter().map(recorded).collect()
    }
}

type Made = std::result::Result<Statement<'static>, BoxDynError>;

fn page(filter: &AuditFilter) -> Made {
    let mut query = Query::default();
    query.sql.push_str(SHOWN);
    if !filter.has_rest() {
        query.driven(filter, i64::from(filter.limit))?;
        return Ok(query.statement());
    }
    query.sql.push_str(
        "position in (select position from \
         (select position, tenant_seq, store_id, order_id, type, meta from events where ",
    );
    query.driven(filter, i64::from(MOST_SCANNED))?;
    query.sql.push_str(") scanned where true");
    query.rest(filter)?;
    query.sql.push_str(" order by tenant_seq desc limit ");
    query.value(i64::from(filter.limit))?;
    query.sql.push_str(") order by tenant_seq desc");
    Ok(query.statement())
}

/// How far a page with several conditions has looked.
fn scanned(filter: &AuditFilter) -> Made {
    let mut query = Query::default();
    query.sql.push_str(
        "select coalesce(min(tenant_seq), 0) as lowest, count(*) as entries \
         from (select tenant_seq from events where ",
    );
    query.driven(filter, i64::from(MOST_SCANNED))?;
    query.sql.push_str(") scanned");
    Ok(query.statement())
}

/// A query in the making, of literals and of `$n`.
#[derive(Default)]
struct Query {
    sql: String,
    values: PgArguments,
}

impl Query {
    fn statement(self) -> Statement<'static> {
        sqlx::query_with(AssertSqlSafe(self.sql), self.values)
    }

    /// The entries of the part whose index is used.
    fn driven(&mut self, filter: &AuditFilter, limit: i64) -> std::result::Result<(), BoxDynError> {
        self.sql.push_str("tenant_id = ");
        self.value(filter.tenant_id.0)?;
        match filter.driver() {
            Driver::Job => {
                let stream = filter.job_id.map(|job| Stream::Job(job).to_string());
                self.and("stream", stream)?;
            }
            Driver::Order => self.order(filter)?,
            Driver::Actor => self.actor(filter)?,
            Driver::Type => self.and("type", filter.type_name)?,
            Driver::Store => self.and("store_id", filter.store_id.map(|store| store.0))?,
            Driver::Tenant => {}
        }
        self.sql.push_str(" and tenant_seq < ");
        self.value(i64::try_from(filter.before).unwrap_or(i64::MAX))?;
        self.sql.push_str(" and tenant_seq > ");
        self.value(i64::try_from(filter.after).unwrap_or(i64::MAX))?;
        self.sql.push_str(" order by tenant_seq desc limit ");
        self.value(limit)
    }

    /// The conditions of all parts; that of the index holds anyway.
    fn rest(&mut self, filter: &AuditFilter) -> std::result::Result<(), BoxDynError> {
        if let Some(store) = filter.store_id {
            self.and("store_id", store.0)?;
        }
        if let Some(name) = filter.type_name {
            self.and("type", name)?;
        }
        if filter.order_id.is_some() {
            self.order(filter)?;
        }
        self.actor(filter)
    }

    fn order(&mut self, filter: &AuditFilter) -> std::result::Result<(), BoxDynError> {
        self.and("order_id", filter.order_id.as_ref().map(ToString::to_string))
    }

    fn actor(&mut self, filter: &AuditFilter) -> std::result::Result<(), BoxDynError> {
        match filter.actor {
            Some(Actor::Key(key)) => self.and(KEY, key.to_string()),
            Some(Actor::Address(address)) => self.and(ADDRESS, address.to_string()),
            None => Ok(()),
        }
    }

    fn and<'q, T>(&mut self, column: &str, value: T) -> std::result::Result<(), BoxDynError>
    where
        T: Encode<'q, Postgres> + Type<Postgres>,
    {
        self.sql.push_str(" and ");
        self.sql.push_str(column);
        self.sql.push_str(" = ");
        self.value(value)
    }

    fn value<'q, T>(&mut self, value: T) -> std::result::Result<(), BoxDynError>
    where
        T: Encode<'q, Postgres> + Type<Postgres>,
    {
        self.values.add(value)?;
        self.sql.push('$');
        self.sql.push_str(&self.values.len().to_string());
        Ok(())
    }
}
