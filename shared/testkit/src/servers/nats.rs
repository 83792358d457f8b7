//! A private NATS server with JetStream.

use nix::sys::signal::Signal;
use std::fs;
use std::io::Error;
use std::path::PathBuf;
use tokio::sync::Mutex;

use super::program::Program;
use crate::guarded::{Guarded, Spawn};
use crate::{free_port, wire};

/// A running `nats-server` with JetStream in a folder of its own.
pub struct Nats {
    guarded: Mutex<Guarded>,
    program: Program,
    folder: PathBuf,
    port: u16,
    monitor: u16,
}

impl Nats {
    /// Starts a server with an empty JetStream.
    pub async fn start_new() -> Self {
        let program = Program::find("nats-server").await;
        let guarded = Guarded::new("nats", Signal::SIGKILL);
        let folder = guarded.folder().to_owned();
        let server = Self {
            guarded: Mutex::new(guarded),
            program,
            folder,
            port: free_port(),
            monitor: free_port(),
        };
        server.start().await;
        server
    }

    /// `nats://127.0.0.1:PORT`, the same over restarts.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// The server's monitoring endpoint, `http://127.0.0.1:PORT` (`/healthz`, `/jsz`, `/connz`).
    pub fn monitor_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.monitor)
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

    /// Deletes everything that JetStream has stored. A running server is killed first and started again after.
    pub async fn wipe(&self) {
        let mut guarded = self.guarded.lock().await;
        let running = guarded.pid().is_some() && guarded.exited().is_none();
        guarded.kill();
        let store = self.folder.join("jetstream");
        if store.exists() {
            fs::remove_dir_all(&store).expect("the store of a dead server can be deleted");
        }
        if running {
            self.start_locked(&mut guarded).await;
        }
    }

    async fn start_locked(&self, guarded: &mut Guarded) {
        guarded.exited();
        if guarded.pid().is_none() {
            super::start(guarded, || self.spawn(), async || self.ready().await).await;
        }
    }

    /// Healthy as the server itself sees it: listening, and JetStream has recovered its streams.
    async fn ready(&self) -> std::io::Result<()> {
        match wire::http_status(&format!("127.0.0.1:{}", self.monitor), "/healthz").await? {
            200 => Ok(()),
            status => Err(Error::other(format!("healthz answers {status}"))),
        }
    }

    fn spawn(&self) -> Spawn {
        let (program, folder) = (self.program.clone(), self.folder.clone());
        Spawn {
            program: program.path.clone(),
            arguments: [
                "-a",
                "127.0.0.1",
                "-p",
                &self.port.to_string(),
                "-m",
                &self.monitor.to_string(),
                "-js",
                "-sd",
                &folder.to_string_lossy(),
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
