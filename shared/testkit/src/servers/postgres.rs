//! A private Postgres.

use nix::sys::signal::Signal;
use nix::unistd::{User, getuid};
use std::fs::{self, File};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::sync::{Mutex, OnceCell};

use super::program::Program;
use crate::guarded::{Guarded, Spawn};
use crate::port::scratch_folder;
use crate::wire::{self, Row};

static SHARED: OnceCell<Postgres> = OnceCell::const_new();

/// A running Postgres with a data folder of its own, superuser `postgres`, no password, UTF-8 and the C locale.
///
/// Commits are not flushed to the disk, which only a crash of the machine would show: a killed server recovers all.
pub struct Postgres {
    guarded: Mutex<Guarded>,
    pub(super) program: Program,
    folder: PathBuf,
    port: u16,
    user: Option<(u32, u32)>,
    databases: AtomicU32,
}

impl Postgres {
    /// The server of this test process, started by the first who asks. Stopping it is for tests with a server of
    /// their own ([`Postgres::start_new`]), as others may be using this one.
    pub async fn shared() -> &'static Self {
        SHARED.get_or_init(Self::start_new).await
    }

    /// Starts a server of the caller's own.
    pub async fn start_new() -> Self {
        let program = Program::find("postgres").await;
        let guarded = Guarded::new("pg", Signal::SIGQUIT);
        let folder = guarded.folder().to_owned();
        let user = unprivileged();
        if let Some((user, group)) = user {
            chown(&folder, Some(user), Some(group)).expect("root gives its folder away");
        }
        let (source, target) = (program.clone(), folder.join("data"));
        tokio::task::spawn_blocking(move || copy_template(&source, user, &target))
            .await
            .expect("the data folder can be made");
        let server = Self {
            guarded: Mutex::new(guarded),
            program,
            folder,
            port: crate::free_port(),
            user,
            databases: AtomicU32::new(1),
        };
        server.start().await;
        server
    }

    /// Makes an empty database and returns its URL, `postgres://postgres@127.0.0.1:PORT/test_N`.
    pub async fn database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("create database {name}")).await;
        self.url(&name)
    }

    /// The URL of a database of this server, by name.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// Runs statements in a database, given by name or URL, and returns the rows of all of them.
    ///
    /// # Panics
    /// With the server's message, if a statement fails.
    pub async fn sql(&self, database: &str, sql: &str) -> Vec<Row> {
        self.try_sql(database, sql)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Like [`Postgres::sql`], with the failure as a value.
    pub async fn try_sql(&self, database: &str, sql: &str) -> std::io::Result<Vec<Row>> {
        let name = database.rsplit('/').next().unwrap_or(database);
        wire::postgres(self.port, name, sql).await
    }

    /// Starts the server if it is not running, and waits until it has recovered and answers.
    pub async fn start(&self) {
        let mut guarded = self.guarded.lock().await;
        self.start_locked(&mut guarded).await;
    }

    /// Shuts the server down at once but in good order: open transactions are rolled back, connections closed.
    pub async fn stop(&self) {
        super::stop(&mut *self.guarded.lock().await, Signal::SIGINT).await;
    }

    /// Stops and starts the server.
    pub async fn restart(&self) {
        let mut guarded = self.guarded.lock().await;
        super::stop(&mut guarded, Signal::SIGINT).await;
        self.start_locked(&mut guarded).await;
    }

    /// Kills the server's main process by SIGKILL; its other processes notice and end by themselves.
    pub async fn kill9(&self) {
        self.guarded.lock().await.kill();
    }

    async fn start_locked(&self, guarded: &mut Guarded) {
        guarded.exited();
        if guarded.pid().is_none() {
            let ready = async || self.try_sql("postgres", "select 1").await.map(drop);
            super::start(guarded, || self.spawn(), ready).await;
        }
    }

    fn spawn(&self) -> Spawn {
        let (program, folder) = (self.program.clone(), self.folder.clone());
        let port = self.port.to_string();
        let settings = [
            "fsync=off",
            "full_page_writes=off",
            "jit=off",
            "max_connections=200",
            // Neither sockets nor shared memory outside the folder: nothing is left behind after a kill.
            "unix_socket_directories=",
            "dynamic_shared_memory_type=mmap",
        ];
        let data = folder.join("data").to_string_lossy().into_owned();
        let mut arguments = vec![
            "-D".to_owned(),
            data,
            "-h".into(),
            "127.0.0.1".into(),
            "-p".into(),
            port,
        ];
        arguments.extend(
            settings
                .into_iter()
                .flat_map(|setting| ["-c".to_owned(), setting.to_owned()]),
        );
        Spawn {
            program: program.path.clone(),
            arguments,
            user: self.user,
            prepare: Box::new(move |command| {
                program.load(command);
                super::log_to(command.current_dir(&folder), &folder.join("server.log"));
            }),
        }
    }
}

/// The user and group to run as: Postgres refuses root.
fn unprivileged() -> Option<(u32, u32)> {
    if !getuid().is_root() {
        return None;
    }
    let user = ["postgres", "nobody"]
        .into_iter()
        .find_map(|name| User::from_name(name).ok().flatten());
    let user = user.expect("a user named postgres or nobody, as Postgres does not run as root");
    Some((user.uid.as_raw(), user.gid.as_raw()))
}

/// Puts a fresh data folder at `target`: a copy, because initdb takes a second and a copy a tenth of that.
fn copy_template(program: &Program, user: Option<(u32, u32)>, target: &Path) {
    let mut version = Command::new(&program.path);
    program.load(&mut version);
    let version = version
        .arg("--version")
        .output()
        .expect("postgres tells its version")
        .stdout;
    let version: String = String::from_utf8_lossy(&version)
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '.')
        .collect();
    let scratch = scratch_folder();
    let template = scratch.join(format!("{version}-template-1"));
    // Test processes start side by side; the first makes the template.
    let lock = File::create(scratch.join("template.lock")).expect("the lock file can be made");
    lock.lock().expect("the lock can be had");
    if !template.exists() {
        initdb(program, user, &template);
    }
    drop(lock);
    // As root this keeps the owner, which is the user who runs initdb and the server.
    let copied = Command::new("cp").arg("-a").args([&template, target]).status();
    assert!(
        copied.is_ok_and(|status| status.success()),
        "cannot copy {}",
        template.display()
    );
}

fn initdb(program: &Program, user: Option<(u32, u32)>, template: &Path) {
    // The template's own folder is closed to the unprivileged user: made elsewhere, moved when complete.
    let folder = tempfile::Builder::new()
        .prefix("odg-initdb-")
        .tempdir()
        .expect("a temporary folder");
    let data = folder.path().join("data");
    let mut command = Command::new(program.sibling("initdb"));
    program.load(&mut command);
    command
        .args([
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-locale",
            "--no-sync",
            "-D",
        ])
        .arg(&data)
        .current_dir(folder.path())
        .stdin(Stdio::null());
    if let Some((user, group)) = user {
        chown(folder.path(), Some(user), Some(group)).expect("root gives its folder away");
        command.uid(user).gid(group);
    }
    let output = command.output().expect("initdb starts");
    assert!(
        output.status.success(),
        "initdb: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    fs::rename(&data, template).expect("both lie in the temporary folder");
}
