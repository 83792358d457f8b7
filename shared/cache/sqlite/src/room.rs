//! How full the file is, and making room.

use cache::Usage;
use domain::Timestamp;
use sqlx::sqlite::SqliteConnection;

use crate::rows::{self, Gone};

/// Rows that go at once when there is no room.
const ROWS: u32 = 64;

/// What is kept, counted along.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Room {
    entries: u64,
    bytes: u64,
}

impl Room {
    pub(crate) fn taken(usage: Usage) -> Self {
        Self {
            entries: usage.entries,
            bytes: usage.bytes,
        }
    }

    pub(crate) fn usage(self) -> Usage {
        Usage {
            entries: self.entries,
            bytes: self.bytes,
        }
    }

    pub(crate) fn add(&mut self, bytes: u64) {
        self.entries += 1;
        self.bytes += bytes;
    }

    pub(crate) fn free(&mut self, gone: Gone) {
        self.entries = self.entries.saturating_sub(gone.entries);
        self.bytes = self.bytes.saturating_sub(gone.bytes);
    }

    /// If there are more than `most` bytes: deletes what has expired, then what was fetched first, until a tenth is
    /// free.
    pub(crate) async fn make(
        &mut self,
        connection: &mut SqliteConnection,
        most: u64,
        now: Timestamp,
    ) -> Result<(), sqlx::Error> {
        if self.bytes <= most {
            return Ok(());
        }
        self.free(rows::forget_expired(connection, now).await?);
        while self.bytes > most / 10 * 9 {
            let gone = rows::forget_oldest(connection, ROWS).await?;
            if gone.entries == 0 {
                break;
            }
            self.free(gone);
        }
        Ok(())
    }
}
