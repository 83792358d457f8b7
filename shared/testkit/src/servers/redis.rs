//! A private Redis.

use nix::sys::signal::Signal;
use std::io::{Error, Result};
use std::path::PathBuf;
use tokio::sync::Mutex;

use super::program::Program;
use crate::guarded::{Guarded, Spawn};
use crate::{free_port, wire};

/// A running `redis-server` whose append-only file keeps its data over restarts and kills.
pub struct Redis {
    guarded: Mutex<Guarded>,
    program: Program,
    folder: PathBuf,
    port: u16,
}

impl Redis {
    /// Starts an empty server.
    pub async fn start_new() -> Self {
        let program = Program::find("redis-server").await;
        let guarded = Guarded::new("redis", Signal::SIGKILL);
        let folder = guarded.folder().to_owned();
        let server = Self {
            guarded: Mutex::new(guarded),
            program,
            folder,
            port: free_port(),
        };
        server.start().await;
        server
    }

    /// `redis://127.0.0.1:PORT`, the same over restarts.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Where its files are.
    pub fn folder(&self) -> &std::path::Path {
        &self.folder
    }

    /// The first line of the answer to an inline command, as the protocol has it (`:1`, `+OK`).
    pub async fn command(&self, command: &str) -> Result<String> {
        wire::redis(self.port, command).await
    }

    /// Starts the server if it is not running, and waits until it is ready.
    pub async fn start(&self) {
        let mut guarded = self.guarded.lock().await;
        self.start_locked(&mut guarded).await;
    }

    /// Shuts the server down in good order.
    pub async fn stop(&self) {
        super::stop(&mut *self.guarded.lock().await, Signal::SIGTERM).await;
    }

    /// Stops and starts the server.
    pub async fn restart(&self) {
        let mut guarded = self.guarded.lock().await;
        super::stop(&mut guarded, Signal::SIGTERM).await;
        self.start_locked(&mut guarded).await;
    }

    /// Kills the server by SIGKILL; `start` brings it back with its data.
    pub async fn kill9(&self) {
        self.guarded.lock().await.kill();
    }

    /// Freezes the server (SIGSTOP): it keeps its connections and answers nothing.
    pub async fn pause(&self) {
        self.guarded.lock().await.signal(Signal::SIGSTOP);
    }

    /// Lets a frozen server go on.
    pub async fn resume(&self) {
        self.guarded.lock().await.signal(Signal::SIGCONT);
    }

    async fn start_locked(&self, guarded: &mut Guarded) {
        guarded.exited();
        if guarded.pid().is_none() {
            super::start(guarded, || self.spawn(), async || self.ready().await).await;
        }
    }

    async fn ready(&self) -> Result<()> {
        // While it loads its data it answers, but with an error.
        match self.command("PING").await?.as_str() {
            "+PONG" => Ok(()),
            answer => Err(Error::other(answer.to_owned())),
        }
    }

    fn spawn(&self) -> Spawn {
        let (program, folder) = (self.program.clone(), self.folder.clone());
        Spawn {
            program: program.path.clone(),
            arguments: [
                "--bind",
                "127.0.0.1",
                "--port",
                &self.port.to_string(),
                "--dir",
                &folder.to_string_lossy(),
                "--save",
                "",
                "--appendonly",
                "yes",
                "--appendfsync",
                "no",
            ]
            .map(str::to_owned)
            .to_vec(),
            user: None,
            prepare: Box::new(move |command| {
                program.load(command);
                super::log_to(command.current_dir(&folder), &folder.join("server.log"));
            }),
        }
    }
}
