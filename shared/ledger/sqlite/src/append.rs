//! Appending a batch in one transaction.
//!
//! Everything that can refuse an append is tested before its first statement that writes, under the write
//! lock: a refused append has written nothing, so no savepoint is needed to take it back. A statement that fails
//! all the same was not foreseen and rolls the batch back; the appender then replays it one by one.

use std::collections::HashMap;

use domain::{TenantId, Timestamp};
use ledger::view::{View, ViewRow};
use ledger::{Append, Appended, Refusal};
use sqlx::sqlite::SqliteConnection;

use crate::checks::{self, Passed};
use crate::error::{Result, failed};
use crate::open::SqliteLedger;
use crate::put::{self, LIVE, Place};
use crate::rows::Cells;
use crate::script::Script;
use crate::write::misuse;

type Landed = std::result::Result<Appended, Refusal>;

/// The ends of all sequences, as the batch moves them.
struct Heads {
    position: u64,
    recorded_at: Timestamp,
    tenants: HashMap<TenantId, u64>,
}

impl SqliteLedger {
    pub(crate) async fn append_all(&self, batch: &[Append]) -> Result<Vec<Landed>> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let mut write = self.begin().await?;
        let destroys = batch.iter().any(|append| !append.destroy_keys.is_empty());
        if destroys {
            delete_securely(write.on(), true).await?;
        }
        let mut result = append_on(write.on(), batch).await;
        if destroys && let Err(error) = delete_securely(write.on(), false).await {
            result = result.and(Err(error));
        }
        write.finish(result).await
    }
}

/// Overwrites pages that become free, for a destroyed key must not be found in the file. Not always: for other rows the
/// additional writing buys nothing.
async fn delete_securely(on: &mut SqliteConnection, whole_pages: bool) -> Result<()> {
    let sql = if whole_pages {
        "PRAGMA secure_delete = ON"
    } else {
        "PRAGMA secure_delete = FAST"
    };
    sqlx::raw_sql(sql).execute(on).await.map(drop).map_err(failed)
}

async fn append_on(on: &mut SqliteConnection, batch: &[Append]) -> Result<Vec<Landed>> {
    let mut heads = load(on, batch).await?;
    let mut results = Vec::with_capacity(batch.len());
    for append in batch {
        results.push(match checks::check(on, append).await? {
            Ok(passed) => Ok(write(on, append, &passed, &mut heads).await?),
            Err(refusal) => Err(refusal),
        });
    }
    if results.iter().any(Landed::is_ok) {
        let mut script = Script::default();
        put::head(&mut script, heads.position, heads.recorded_at);
        for (tenant, seq) in heads.tenants {
            put::tenant_head(&mut script, tenant, seq);
            script.relieve(on).await?;
        }
        script.run(on).await?;
    }
    Ok(results)
}

async fn load(on: &mut SqliteConnection, batch: &[Append]) -> Result<Heads> {
    let row = sqlx::query("SELECT position, recorded_at FROM ledger_head")
        .fetch_one(&mut *on)
        .await
        .map_err(failed)?;
    let cells = Cells::new(&row, "ledger_head");
    let mut heads = Heads {
        position: cells.number(0)?,
        recorded_at: cells.parsed(1)?,
        tenants: HashMap::new(),
    };
    for new in batch.iter().flat_map(|append| &append.events) {
        heads.tenants.entry(new.tenant_id).or_insert(0);
    }
    let tenants: Vec<TenantId> = heads.tenants.keys().copied().collect();
    let tenants = serde_json::to_string(&tenants).expect("ids are strings");
    let rows = sqlx::query(
        "SELECT tenant_id, seq FROM tenant_heads WHERE tenant_id IN (SELECT value FROM json_each(?))",
    )
    .bind(tenants)
    .fetch_all(on)
    .await
    .map_err(failed)?;
    for row in rows {
        let cells = Cells::new(&row, "tenant_heads");
        heads.tenants.insert(cells.parsed(0)?, cells.number(1)?);
    }
    Ok(heads)
}

async fn write(
    on: &mut SqliteConnection,
    append: &Append,
    passed: &Passed,
    heads: &mut Heads,
) -> Result<Appended> {
    let mut script = Script::default();
    let meta = serde_json::to_string(&append.meta).expect("meta has string keys");
    let before = heads.position;
    if !append.events.is_empty() {
        heads.recorded_at = heads.recorded_at.max(append.now);
    }
    let recorded_at = heads.recorded_at.to_string();
    for ((new, stream), version) in append.events.iter().zip(&passed.streams).zip(&passed.versions) {
        heads.position += 1;
        let seq = heads.tenants.entry(new.tenant_id).or_insert(0);
        *seq += 1;
        let place = Place {
            position: heads.position,
            tenant_seq: *seq,
            stream,
            version: *version,
            recorded_at: &recorded_at,
        };
        put::event(&mut script, new, &place, &meta);
        script.relieve(on).await?;
    }
    for View { row, event } in &append.views {
        if *event >= append.events.len() {
            return Err(misuse(format!(
                "a view names event {event} of {}",
                append.events.len()
            )));
        }
        put_view(&mut script, row, before + 1 + *event as u64);
        script.relieve(on).await?;
    }
    put::beside(&mut script, append);
    script.run(on).await?;
    let first = if append.events.is_empty() {
        before
    } else {
        before + 1
    };
    Ok(Appended {
        first,
        last: heads.position,
        recorded_at: heads.recorded_at,
    })
}

fn put_view(script: &mut Script, row: &ViewRow, position: u64) {
    match row {
        ViewRow::Tenant(tenant) => put::tenant(script, LIVE, tenant),
        ViewRow::Key(key) => put::key(script, LIVE, key),
        ViewRow::Store(store) => put::store(script, LIVE, store, position),
        ViewRow::Job(job) => {
            let first = if job.position == 0 { position } else { job.position };
            put::job(script, LIVE, job, first, position);
        }
        ViewRow::OpenBatch(batch) => put::batch(script, LIVE, batch, position),
        ViewRow::ClosedBatch(id) => put::no_batch(script, LIVE, *id),
        ViewRow::Image(image) => put::image(script, LIVE, image, position),
        ViewRow::NoImage(store, order) => put::no_image(script, LIVE, *store, order),
        ViewRow::Endpoint(endpoint) => {
            let first = if endpoint.position == 0 {
                position
            } else {
                endpoint.position
            };
            put::endpoint(script, LIVE, endpoint, first, position);
        }
    }
}
