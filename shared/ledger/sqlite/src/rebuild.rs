//! Views anew from the log: beside the live ones, then in their place.
//!
//! The fold is done in memory and written into tables `…_rebuilt` while appends go on: first all rows, in the order in
//! which they lie there, then, in rounds of catching up until little is missing, those that have changed. The last round
//! happens under the write lock, and the tables change places in the same transaction. Tables and indices are made from
//! their own text in the schema, so that there is one description of them.

use std::collections::HashSet;
use std::pin::pin;
use std::task::Poll;

use domain::event::Event;
use domain::{BatchId, EndpointId, JobId, KeyId, OrderId, StoreId, TenantId};
use ledger::Recorded;
use ledger::rebuild::{VIEWS, Views, endpoint_of};
use sqlx::AssertSqlSafe;
use sqlx::sqlite::SqliteConnection;

use crate::error::{Result, corrupt, failed};
use crate::open::SqliteLedger;
use crate::put;
use crate::script::Script;
use crate::write::misuse;

const BESIDE: &str = "_rebuilt";
/// Events per page.
const PAGE: u32 = 2_000;
/// Rows per transaction, so that appends get their turn in between.
const ROWS: usize = 4_000;
/// How many events may be missing when the lock is taken; and how often that is tried for.
const NEAR: u64 = 2_000;
const ROUNDS: usize = 8;

/// A row of a view.
#[derive(PartialEq, Eq, Hash)]
enum Touched {
    Tenant(TenantId),
    Key(KeyId),
    Store(StoreId),
    Job(JobId),
    Batch(BatchId),
    Image(StoreId, OrderId),
    Endpoint(EndpointId),
}

#[derive(Default)]
struct Fold {
    views: Views,
    position: u64,
    /// What has changed since it was written; nothing before all of it was written once.
    touched: Option<HashSet<Touched>>,
}

impl SqliteLedger {
    pub(crate) async fn rebuild_views(&self) -> Result<u64> {
        let mut write = self.begin().await?;
        let result = make_tables(write.on()).await;
        write.finish(result).await?;

        let mut fold = Fold::default();
        for _ in 0..ROUNDS {
            self.catch_up(&mut fold).await?;
            for rows in fold.changes().chunks(ROWS) {
                let mut write = self.begin().await?;
                let result = write_rows(write.on(), &fold.views, rows).await;
                write.finish(result).await?;
            }
            if self.read_head().await?.position <= fold.position + NEAR {
                break;
            }
        }

        let mut write = self.begin().await?;
        let result = async {
            // Readers see everything that was committed before the lock was taken, and nothing follows.
            self.catch_up(&mut fold).await?;
            let changes = fold.changes();
            write_rows(write.on(), &fold.views, &changes).await?;
            swap_tables(write.on()).await
        }
        .await;
        write.finish(result).await?;
        Ok(fold.position)
    }

    async fn catch_up(&self, fold: &mut Fold) -> Result<()> {
        let mut page = self.read_events(fold.position, PAGE).await?;
        while page.len() == PAGE as usize {
            // What follows is read while this is folded.
            let last = page.last().map_or(fold.position, |row| row.position);
            let mut next = pin!(self.read_events(last, PAGE));
            let read = futures::poll!(&mut next);
            fold.add_all(&page)?;
            page = match read {
                Poll::Ready(read) => read?,
                Poll::Pending => next.await?,
            };
        }
        fold.add_all(&page)
    }
}

impl Fold {
    fn add_all(&mut self, page: &[Recorded]) -> Result<()> {
        page.iter().try_for_each(|row| self.add(row))
    }

    fn add(&mut self, row: &Recorded) -> Result<()> {
        let event = row
            .event()
            .map_err(|error| corrupt("events", row.position, error))?;
        self.views.fold_decoded(row, &event);
        self.position = row.position;
        if let Some(touched) = &mut self.touched {
            touch(touched, &self.views, row, &event);
        }
        Ok(())
    }

    /// The rows to write now.
    fn changes(&mut self) -> Vec<Touched> {
        match self.touched.replace(HashSet::new()) {
            Some(touched) => touched.into_iter().collect(),
            None => all(&self.views),
        }
    }
}

/// All rows, those of big tables in the order in which they are stored.
fn all(views: &Views) -> Vec<Touched> {
    let mut jobs: Vec<_> = views.jobs.values().map(|job| (job.position, job.id)).collect();
    jobs.sort_unstable();
    let mut images: Vec<_> = views.images.keys().collect();
    images.sort_unstable_by(|a, b| (a.0.0, a.1.as_str()).cmp(&(b.0.0, b.1.as_str())));
    let mut rows = Vec::with_capacity(jobs.len() + images.len());
    rows.extend(views.tenants.keys().copied().map(Touched::Tenant));
    rows.extend(views.keys.keys().copied().map(Touched::Key));
    rows.extend(views.stores.keys().copied().map(Touched::Store));
    rows.extend(jobs.into_iter().map(|(_, id)| Touched::Job(id)));
    rows.extend(views.batches.keys().copied().map(Touched::Batch));
    rows.extend(
        images
            .into_iter()
            .map(|(store, order)| Touched::Image(*store, order.clone())),
    );
    rows.extend(views.endpoints.keys().copied().map(Touched::Endpoint));
    rows
}

/// Notes the rows that an event has changed.
fn touch(touched: &mut HashSet<Touched>, views: &Views, row: &Recorded, event: &Event) {
    match event {
        Event::KeyAdded(e) => drop(touched.insert(Touched::Key(e.key_id))),
        Event::KeyRevoked(e) => drop(touched.insert(Touched::Key(e.key_id))),
        Event::BatchOpened(e) => drop(touched.insert(Touched::Batch(e.batch_id))),
        Event::BatchClosed(e) => drop(touched.insert(Touched::Batch(e.batch_id))),
        _ => {}
    }
    if let Some(endpoint) = endpoint_of(event) {
        touched.insert(Touched::Endpoint(endpoint));
    }
    touched.insert(Touched::Tenant(row.tenant_id));
    if let Some(store) = row.store_id {
        touched.insert(Touched::Store(store));
        if let Some(order) = &row.order_id {
            touched.insert(Touched::Image(store, order.clone()));
        }
    }
    if let Some(id) = row.job_id {
        if let Some(job) = views.jobs.get(&id)
            && let Some(order) = &job.order_id
        {
            touched.insert(Touched::Image(job.store_id, order.clone()));
        }
        touched.insert(Touched::Job(id));
    }
}

async fn write_rows(on: &mut SqliteConnection, views: &Views, rows: &[Touched]) -> Result<()> {
    let mut script = Script::default();
    for row in rows {
        match row {
            Touched::Tenant(id) => {
                views
                    .tenants
                    .get(id)
                    .inspect(|tenant| put::tenant(&mut script, BESIDE, tenant));
            }
            Touched::Key(id) => {
                views
                    .keys
                    .get(id)
                    .inspect(|key| put::key(&mut script, BESIDE, key));
            }
            Touched::Store(id) => {
                views
                    .stores
                    .get(id)
                    .inspect(|store| put::store(&mut script, BESIDE, store, store.last_position));
            }
            Touched::Job(id) => {
                views
                    .jobs
                    .get(id)
                    .inspect(|job| put::job(&mut script, BESIDE, job, job.position, job.last_position));
            }
            Touched::Batch(id) => match views.batches.get(id) {
                Some(batch) => put::batch(&mut script, BESIDE, batch, batch.position),
                None => put::no_batch(&mut script, BESIDE, *id),
            },
            Touched::Image(store, order) => match views.images.get(&(*store, order.clone())) {
                Some(image) => put::image(&mut script, BESIDE, image, image.position),
                None => put::no_image(&mut script, BESIDE, *store, order),
            },
            Touched::Endpoint(id) => {
                views.endpoints.get(id).inspect(|endpoint| {
                    put::endpoint(
                        &mut script,
                        BESIDE,
                        endpoint,
                        endpoint.position,
                        endpoint.last_position,
                    );
                });
            }
        }
        script.relieve(on).await?;
    }
    script.run(on).await
}

async fn make_tables(on: &mut SqliteConnection) -> Result<()> {
    for table in VIEWS {
        run(on, format!("DROP TABLE IF EXISTS {table}{BESIDE}")).await?;
        let sql: String =
            sqlx::query_scalar("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?")
                .bind(table)
                .fetch_one(&mut *on)
                .await
                .map_err(failed)?;
        let Some(columns) = sql.find('(') else {
            return Err(misuse(format!("table {table} has no columns")));
        };
        run(on, format!("CREATE TABLE {table}{BESIDE} {}", &sql[columns..])).await?;
    }
    Ok(())
}

async fn swap_tables(on: &mut SqliteConnection) -> Result<()> {
    for table in VIEWS {
        let indices: Vec<String> = sqlx::query_scalar(
            "SELECT sql FROM sqlite_master WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL",
        )
        .bind(table)
        .fetch_all(&mut *on)
        .await
        .map_err(failed)?;
        run(on, format!("DROP TABLE {table}")).await?;
        run(on, format!("ALTER TABLE {table}{BESIDE} RENAME TO {table}")).await?;
        for index in indices {
            run(on, index).await?;
        }
    }
    Ok(())
}

async fn run(on: &mut SqliteConnection, sql: String) -> Result<()> {
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(on)
        .await
        .map(drop)
        .map_err(failed)
}
