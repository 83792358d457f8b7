//! Saving a database of one Postgres and restoring it in another, as an operator does it.

use std::path::Path;
use std::process::Stdio;

use super::Postgres;

impl Postgres {
    /// Saves a database, as it is at one moment, into a file (`pg_dump`). It may be in use.
    ///
    /// # Panics
    /// If it cannot be saved, with what the program says.
    pub async fn dump(&self, database: &str, file: &Path) {
        let file = file.to_string_lossy();
        self.client("pg_dump", &["--format=custom", "--file", &file, database])
            .await;
    }

    /// Fills an empty database from a file of [`Postgres::dump`] (`pg_restore`).
    ///
    /// # Panics
    /// If it cannot be filled, with what the program says.
    pub async fn load(&self, database: &str, file: &Path) {
        let file = file.to_string_lossy();
        let options = ["--exit-on-error", "--single-transaction", "--no-owner"];
        let arguments = [&options[..], &["--dbname", database, &file]].concat();
        self.client("pg_restore", &arguments).await;
    }

    async fn client(&self, name: &str, arguments: &[&str]) {
        let mut command = std::process::Command::new(self.program.sibling(name));
        self.program.load(&mut command);
        command.args(arguments).stdin(Stdio::null());
        let output = tokio::process::Command::from(command)
            .kill_on_drop(true)
            .output()
            .await
            .unwrap_or_else(|error| panic!("{name} cannot be started: {error}"));
        let says = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name} {arguments:?}: {says}");
    }
}
