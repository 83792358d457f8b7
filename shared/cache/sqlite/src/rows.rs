//! The statements.

use cache::Usage;
use domain::Timestamp;
use sqlx::Row as _;
use sqlx::sqlite::SqliteConnection;

type Result<T> = std::result::Result<T, sqlx::Error>;

/// A row to be kept.
pub(crate) struct NewRow<'a> {
    pub(crate) name: &'a [u8; 32],
    pub(crate) area: &'a [u8; 32],
    pub(crate) fetched_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    pub(crate) sealed: &'a [u8],
}

/// What an entry costs beside its body: names, times, its places in indices.
const OVERHEAD: usize = 200;

impl NewRow<'_> {
    pub(crate) fn bytes(&self) -> u64 {
        (self.sealed.len() + OVERHEAD) as u64
    }
}

pub(crate) async fn find(
    connection: &mut SqliteConnection,
    name: &[u8; 32],
) -> Result<Option<(Timestamp, Vec<u8>)>> {
    let row = sqlx::query("SELECT fetched_at, sealed FROM entries WHERE name = ?")
        .bind(&name[..])
        .fetch_optional(connection)
        .await?;
    row.map(|row| Ok((Timestamp::from_millis(row.try_get(0)?), row.try_get(1)?)))
        .transpose()
}

/// What a statement has taken away.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Gone {
    pub(crate) entries: u64,
    pub(crate) bytes: u64,
}

impl Gone {
    fn of(bytes: &[i64]) -> Self {
        Self {
            entries: bytes.len() as u64,
            bytes: bytes.iter().sum::<i64>() as u64,
        }
    }
}

/// Keeps a row, unless what is kept in its place was fetched later; says what it took the place of.
pub(crate) async fn put(connection: &mut SqliteConnection, row: &NewRow<'_>) -> Result<Option<Gone>> {
    let old = sqlx::query("SELECT fetched_at, bytes FROM entries WHERE name = ?")
        .bind(&row.name[..])
        .fetch_optional(&mut *connection)
        .await?;
    let replaced = match &old {
        Some(old) if old.try_get::<i64, _>(0)? > row.fetched_at.as_millis() => return Ok(None),
        Some(old) => Gone::of(&[old.try_get(1)?]),
        None => Gone::default(),
    };
    sqlx::query(
        "INSERT OR REPLACE INTO entries (name, area, fetched_at, expires_at, bytes, sealed) VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(&row.name[..])
    .bind(&row.area[..])
    .bind(row.fetched_at.as_millis())
    .bind(row.expires_at.as_millis())
    .bind(row.bytes() as i64)
    .bind(row.sealed)
    .execute(connection)
    .await?;
    Ok(Some(replaced))
}

/// Deletes the rows of an area.
pub(crate) async fn forget(connection: &mut SqliteConnection, area: &[u8; 32]) -> Result<Gone> {
    let gone: Vec<i64> = sqlx::query_scalar("DELETE FROM entries WHERE area = ? RETURNING bytes")
        .bind(&area[..])
        .fetch_all(connection)
        .await?;
    Ok(Gone::of(&gone))
}

/// Deletes rows that are of no use any more.
pub(crate) async fn forget_expired(connection: &mut SqliteConnection, now: Timestamp) -> Result<Gone> {
    let gone: Vec<i64> = sqlx::query_scalar("DELETE FROM entries WHERE expires_at <= ? RETURNING bytes")
        .bind(now.as_millis())
        .fetch_all(connection)
        .await?;
    Ok(Gone::of(&gone))
}

/// Deletes the rows fetched first.
pub(crate) async fn forget_oldest(connection: &mut SqliteConnection, rows: u32) -> Result<Gone> {
    let gone: Vec<i64> = sqlx::query_scalar(
        "DELETE FROM entries WHERE rowid IN (SELECT rowid FROM entries ORDER BY fetched_at LIMIT ?)
         RETURNING bytes",
    )
    .bind(rows)
    .fetch_all(connection)
    .await?;
    Ok(Gone::of(&gone))
}

pub(crate) async fn forget_all(connection: &mut SqliteConnection) -> Result<()> {
    sqlx::query("DELETE FROM entries")
        .execute(connection)
        .await
        .map(drop)
}

pub(crate) async fn usage(connection: &mut SqliteConnection) -> Result<Usage> {
    let row = sqlx::query("SELECT count(*), coalesce(sum(bytes), 0) FROM entries")
        .fetch_one(connection)
        .await?;
    Ok(Usage {
        entries: row.try_get::<i64, _>(0)? as u64,
        bytes: row.try_get::<i64, _>(1)? as u64,
    })
}

/// Notes a good end: what the file holds counts for whoever comes with the same witness.
pub(crate) async fn close(connection: &mut SqliteConnection, witness: &str) -> Result<()> {
    sqlx::query("INSERT INTO closed (witness) VALUES (?)")
        .bind(witness)
        .execute(connection)
        .await
        .map(drop)
}
