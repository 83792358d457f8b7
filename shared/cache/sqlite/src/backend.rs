//! The backend.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex as Brief, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use cache::{
    Area, Backend, Entry, Envelope, Found, Generation, Generations, Key, Sealing, Unavailable, Usage,
};
use sqlx::Connection as _;
use sqlx::sqlite::SqliteConnection;
use tokio::sync::{Mutex, MutexGuard};

use crate::open::{self, OpenError, SqliteOptions};
use crate::room::Room;
use crate::rows::{self, NewRow};

/// Entries in a file of this process.
pub struct SqliteCache {
    path: PathBuf,
    options: SqliteOptions,
    envelope: Envelope,
    /// Raises since the file was opened: a fill that began before one does not write.
    generations: Generations,
    /// `None` once it was closed.
    connection: Mutex<Option<SqliteConnection>>,
    /// Something could not be deleted: nothing is believed until everything is.
    is_distrusted: AtomicBool,
    room: Brief<Room>,
}

/// Whoever opens an entry finds out whether it is what he asked for; the file's rows have no generation.
const EVERY: Generation = Generation(0);

impl SqliteCache {
    /// Opens the file at `path` for this process alone; makes it, and its folder, if there is none. What it holds
    /// counts if it was [closed](Self::close) with the same `witness`.
    ///
    /// # Errors
    /// [`OpenError`], most likely since another process uses it.
    pub async fn open(
        path: impl AsRef<Path>,
        options: SqliteOptions,
        sealing: Arc<dyn Sealing>,
        witness: &str,
    ) -> Result<Self, OpenError> {
        let path = path.as_ref().to_owned();
        let mut connection = open::open(&path, witness).await?;
        let usage = rows::usage(&mut connection).await.unwrap_or_default();
        Ok(Self {
            path,
            options,
            envelope: Envelope::new(sealing),
            generations: Generations::new(),
            connection: Mutex::new(Some(connection)),
            is_distrusted: AtomicBool::new(false),
            room: Brief::new(Room::taken(usage)),
        })
    }

    /// Ends the connection. What is kept counts for the next process that opens the file with this `witness`; `None`
    /// lets nothing count.
    pub async fn close(&self, witness: Option<&str>) {
        let Some(mut connection) = self.connection.lock().await.take() else {
            return;
        };
        if let Some(witness) = witness.filter(|_| !self.is_distrusted.load(Ordering::SeqCst))
            && let Err(error) = rows::close(&mut connection, witness).await
        {
            tracing::debug!(error = %error, "what is cached will not count after the restart");
        }
        // If this fails, the next process forgets everything.
        let _ = connection.close().await;
    }

    /// The connection, once everything that had to be forgotten is.
    async fn connection(&self) -> Result<Held<'_>, Unavailable> {
        let mut held = Held(self.connection.lock().await);
        if self.is_distrusted.load(Ordering::SeqCst) {
            rows::forget_all(held.get()?)
                .await
                .map_err(|error| gone(&error))?;
            self.is_distrusted.store(false, Ordering::SeqCst);
            self.set_room(Room::default());
        }
        held.get()?;
        Ok(held)
    }

    fn room(&self) -> Room {
        *self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// To be called by whoever has the connection.
    fn set_room(&self, room: Room) {
        *self.room.lock().unwrap_or_else(PoisonError::into_inner) = room;
    }

    async fn put(&self, connection: &mut SqliteConnection, row: &NewRow<'_>) -> Result<(), sqlx::Error> {
        let Some(replaced) = rows::put(connection, row).await? else {
            return Ok(());
        };
        let mut room = self.room();
        room.add(row.bytes());
        room.free(replaced);
        let made = room.make(connection, self.options.bytes, row.fetched_at).await;
        self.set_room(room);
        made
    }
}

/// The connection while nobody else has it.
struct Held<'a>(MutexGuard<'a, Option<SqliteConnection>>);

impl Held<'_> {
    fn get(&mut self) -> Result<&mut SqliteConnection, Unavailable> {
        self.0
            .as_mut()
            .ok_or_else(|| Unavailable("the file is closed".to_owned()))
    }
}

fn gone(error: &sqlx::Error) -> Unavailable {
    Unavailable(
        match error
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code)
        {
            Some(code) => format!("sqlite says {code}"),
            None => "the file cannot be used".to_owned(),
        },
    )
}

#[async_trait]
impl Backend for SqliteCache {
    async fn look(&self, key: &Key<'_>) -> Result<Found, Unavailable> {
        // First the generation: a row found afterwards can only be newer.
        let generation = self.generations.of(key.area);
        let name = self.envelope.name_of_entry(key);
        let mut held = self.connection().await?;
        let row = rows::find(held.get()?, &name)
            .await
            .map_err(|error| gone(&error))?;
        drop(held);
        let entry = match row {
            Some((fetched_at, sealed)) => self.envelope.open(key, EVERY, fetched_at, &sealed).await,
            None => None,
        };
        Ok(Found { generation, entry })
    }

    async fn fill(
        &self,
        key: &Key<'_>,
        generation: Generation,
        entry: Entry,
        keep: Duration,
    ) -> Result<(), Unavailable> {
        let Some(sealed) = self.envelope.seal(key, EVERY, &entry).await else {
            return Ok(());
        };
        let row = NewRow {
            name: &self.envelope.name_of_entry(key),
            area: &self.envelope.name_of_area(key.area),
            fetched_at: entry.fetched_at,
            expires_at: entry.fetched_at.plus(keep),
            sealed: &sealed,
        };
        if row.bytes() > self.options.bytes / 8 {
            return Ok(());
        }
        let mut held = self.connection().await?;
        // A raise deletes with this connection, and has given the area another generation before.
        if self.generations.of(key.area) != generation {
            return Ok(());
        }
        self.put(held.get()?, &row).await.map_err(|error| gone(&error))
    }

    async fn raise(&self, areas: &[Area]) -> Result<(), Unavailable> {
        for area in areas {
            self.generations.raise(area);
        }
        let mut held = self.connection().await?;
        for area in areas {
            let name = self.envelope.name_of_area(area);
            match rows::forget(held.get()?, &name).await {
                Ok(gone) => {
                    let mut room = self.room();
                    room.free(gone);
                    self.set_room(room);
                }
                Err(error) => {
                    self.is_distrusted.store(true, Ordering::SeqCst);
                    return Err(gone(&error));
                }
            }
        }
        Ok(())
    }

    async fn ping(&self) -> Result<(), Unavailable> {
        let mut held = self.connection().await?;
        held.get()?.ping().await.map_err(|error| gone(&error))
    }

    fn is_shared(&self) -> bool {
        false
    }

    fn usage(&self) -> Option<Usage> {
        Some(self.room().usage())
    }
}

impl std::fmt::Debug for SqliteCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteCache")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
