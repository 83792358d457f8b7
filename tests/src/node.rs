//! A program of the workspace that serves HTTP, through several lives.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use serde_json::Value;
use testkit::{CrashPoint, Process, eventually};

/// A process starts within this, even on a busy machine.
const START: Duration = Duration::from_secs(30);

/// How a program is started.
#[derive(Clone)]
pub struct Spec {
    binary: String,
    arguments: Vec<String>,
    environment: BTreeMap<String, String>,
    folder: Option<PathBuf>,
}

/// What a process that has ended left behind.
pub struct Ended {
    /// How it ended.
    pub status: ExitStatus,
    /// All it wrote to stdout and stderr.
    pub lines: Vec<String>,
}

impl Ended {
    /// The exit code; none after a signal.
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }
}

impl Spec {
    /// A binary of the workspace: `orderdesk-gateway`, `orderdesk-api`, `orderdesk-worker`.
    pub fn of(binary: &str) -> Self {
        Self {
            binary: binary.to_owned(),
            arguments: Vec::new(),
            environment: BTreeMap::new(),
            folder: None,
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// Sets an environment variable; of the test's own environment only `PATH` and the like reach the process.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.insert(name.to_owned(), value.into());
        self
    }

    /// Sets environment variables.
    #[must_use]
    pub fn envs<N: Into<String>, V: Into<String>>(mut self, pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        self.environment
            .extend(pairs.into_iter().map(|(name, value)| (name.into(), value.into())));
        self
    }

    /// Takes an environment variable away.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.environment.remove(name);
        self
    }

    /// Sets the working folder; else it is an empty one.
    #[must_use]
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Starts it and waits for nothing.
    pub fn launch(&self, crash: Option<&CrashPoint>) -> Process {
        let mut launch = Process::of(&self.binary)
            .args(self.arguments.clone())
            .envs(self.environment.clone());
        if let Some(folder) = &self.folder {
            launch = launch.folder(folder);
        }
        if let Some(point) = crash {
            launch = launch.crash_at(point);
        }
        launch.start()
    }

    /// Runs it to its end, for commands such as `migrate` and for refused starts.
    pub async fn run(&self, deadline: Duration) -> Ended {
        let process = self.launch(None);
        let status = process.wait_exit(deadline).await;
        Ended {
            status,
            lines: process.lines(),
        }
    }
}

/// A process that serves HTTP. Its address stays the same through all its lives.
pub struct Node {
    spec: Spec,
    process: Process,
    address: SocketAddr,
    former: Vec<String>,
}

impl Node {
    /// Starts it and waits until it listens.
    ///
    /// Without a `PORT` of its own it gets one that stays reserved while it is down, so that clients can go on
    /// knocking there. A worker gets its `WORKER_PORT` likewise.
    ///
    /// # Panics
    /// If it ends or does not listen in time, with its output.
    pub async fn start(spec: Spec) -> Self {
        Self::start_crashing(spec, None).await
    }

    /// As [`Node::start`], with a place at which it will kill itself.
    ///
    /// # Panics
    /// As [`Node::start`].
    pub async fn start_crashing(mut spec: Spec, crash: Option<&CrashPoint>) -> Self {
        for name in ["PORT", "WORKER_PORT"] {
            spec.environment
                .entry(name.to_owned())
                .or_insert_with(|| testkit::free_port().to_string());
        }
        let process = spec.launch(crash);
        let address = listening(&process).await.expect("it listens");
        Self {
            spec,
            process,
            address,
            former: Vec::new(),
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same as a URL without a slash at its end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A command of the same program with the same settings.
    pub fn command(&self, name: &str) -> Spec {
        self.spec.clone().arg(name)
    }

    /// Sets a variable for its next lives.
    pub fn set_env(&mut self, name: &str, value: impl Into<String>) {
        self.spec = self.spec.clone().env(name, value);
    }

    /// The running process.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Kills it by SIGKILL.
    pub fn kill9(&self) {
        self.process.kill9();
    }

    /// Kills it if it still runs, starts it again without a crash point and waits until it listens.
    ///
    /// # Panics
    /// As [`Node::start`].
    pub async fn restart(&mut self) {
        assert!(
            self.restart_crashing(None).await,
            "it listens:\n{}",
            self.process.lines().join("\n")
        );
    }

    /// Kills it if it still runs and starts it again; false if it ended before it listened.
    pub async fn restart_crashing(&mut self, crash: Option<&CrashPoint>) -> bool {
        self.process.kill9();
        self.process.wait_exit(START).await;
        let spec = self.spec.clone();
        let former = std::mem::replace(&mut self.process, spec.launch(crash));
        self.former.extend(former.lines());
        match listening(&self.process).await {
            Ok(address) => {
                self.address = address;
                true
            }
            Err(_) => false,
        }
    }

    /// Waits until it has died by SIGKILL, for instance by its own hand at a crash point.
    ///
    /// # Panics
    /// If it lives on or ended otherwise, with its output.
    pub async fn wait_killed(&self, deadline: Duration) {
        use std::os::unix::process::ExitStatusExt as _;
        let status = self.process.wait_exit(deadline).await;
        assert_eq!(
            status.signal(),
            Some(9),
            "{status}:\n{}",
            self.process.lines().join("\n")
        );
    }

    /// Asks it to end (SIGTERM) and waits; its exit code.
    pub async fn terminate(&self, deadline: Duration) -> Option<i32> {
        self.process.sigterm();
        self.process.wait_exit(deadline).await.code()
    }

    /// All that it has written in all its lives.
    pub fn logs(&self) -> Vec<String> {
        let mut lines = self.former.clone();
        lines.extend(self.process.lines());
        lines
    }
}

/// The address in the process's own words; an error if it has ended without.
async fn listening(process: &Process) -> Result<SocketAddr, String> {
    let ask = async || {
        // Asked before the lines are read, so that the last line is not missed.
        let running = process.is_running();
        let lines = process.lines();
        match lines.iter().find_map(|line| address_in(line)) {
            Some(address) => Ok(Ok(address)),
            None if !running => Ok(Err(lines.join("\n"))),
            None => Err(format!("its output is\n{}", lines.join("\n"))),
        }
    };
    eventually("the process listens", START, ask).await
}

fn address_in(line: &str) -> Option<SocketAddr> {
    let entry: Value = serde_json::from_str(line).ok()?;
    (entry["message"] == "listening").then(|| entry["address"].as_str()?.parse().ok())?
}
