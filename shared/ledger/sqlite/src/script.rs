//! Several statements in one go: each trip to the connection's thread costs as much as a small statement.

use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteConnection};
use sqlx::{Arguments, AssertSqlSafe, Encode, Type};

use crate::error::{Result, failed};

/// Statements per trip. Longer scripts have more shapes than the statement cache has room for.
const STATEMENTS: usize = 8;

/// Statements to run one after another, with their arguments.
#[derive(Default)]
pub(crate) struct Script {
    sql: String,
    arguments: SqliteArguments,
    statements: usize,
}

impl Script {
    /// Adds a statement; [`Script::bind`] its arguments next. Its text must be made of constants.
    pub(crate) fn add(&mut self, sql: &str) -> &mut Self {
        self.sql.push_str(sql);
        self.sql.push(';');
        self.statements += 1;
        self
    }

    /// Binds the next argument.
    pub(crate) fn bind<'q, T: Encode<'q, Sqlite> + Type<Sqlite>>(&mut self, value: T) -> &mut Self {
        self.arguments
            .add(value)
            .expect("text, numbers and bytes always encode");
        self
    }

    /// Binds an id or a time as text.
    pub(crate) fn text(&mut self, value: impl std::fmt::Display) -> &mut Self {
        self.bind(value.to_string())
    }

    /// Runs what was added if it is enough for a trip.
    pub(crate) async fn relieve(&mut self, on: &mut SqliteConnection) -> Result<()> {
        if self.statements >= STATEMENTS {
            self.run(on).await
        } else {
            Ok(())
        }
    }

    /// Runs what was added.
    pub(crate) async fn run(&mut self, on: &mut SqliteConnection) -> Result<()> {
        if self.statements == 0 {
            return Ok(());
        }
        let Self { sql, arguments, .. } = std::mem::take(self);
        sqlx::query_with(AssertSqlSafe(sql), arguments)
            .execute(on)
            .await
            .map_err(failed)?;
        Ok(())
    }
}
