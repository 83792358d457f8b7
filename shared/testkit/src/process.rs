//! A program of this workspace as a real child process.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::guarded::{Guarded, Spawn};
use crate::servers::program::Program;
use crate::{CrashPoint, eventually, wire};

/// A child process: its output, its signals, its end. Killed when dropped.
pub struct Process {
    name: String,
    guarded: Mutex<Guarded>,
    output: Arc<Mutex<Output>>,
}

#[derive(Default)]
struct Output {
    lines: Vec<String>,
    /// Streams not yet at their end.
    open: usize,
}

/// What to start, and with which arguments and environment; see [`Process::of`].
#[must_use = "nothing runs before start"]
pub struct Launch {
    program: PathBuf,
    arguments: Vec<String>,
    environment: BTreeMap<String, String>,
    folder: Option<PathBuf>,
}

impl Process {
    /// A program of this workspace, by the name of its binary target.
    ///
    /// It is looked for beside the running test (`target/debug/NAME`), or in the folder named by `ODG_TEST_BIN_DIR`.
    /// Cargo builds it only with its own package, so run `cargo build --workspace --bins` first; `tests/run` does.
    pub fn of(binary: &str) -> Launch {
        let folder = std::env::var_os("ODG_TEST_BIN_DIR").map_or_else(beside_the_test, PathBuf::from);
        let program = folder.join(binary);
        assert!(
            program.exists(),
            "{} is missing: cargo build --workspace --bins",
            program.display()
        );
        Self::at(program)
    }

    /// A tool that `tests/install-servers` finds or, which takes seconds to minutes, installs.
    ///
    /// # Panics
    /// If it can do neither, with what it says.
    pub async fn tool(name: &'static str) -> Launch {
        Self::at(Program::find(name).await.path)
    }

    /// A program by its path.
    pub fn at(program: impl Into<PathBuf>) -> Launch {
        // Nothing of the developer's own configuration may reach the child.
        let kept = ["PATH", "HOME", "TMPDIR", "RUST_BACKTRACE", "LLVM_PROFILE_FILE"];
        let environment = kept
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), std::env::var(name).ok()?)));
        Launch {
            program: program.into(),
            arguments: Vec::new(),
            environment: environment.collect(),
            folder: None,
        }
    }

    /// The process id; `None` after its end.
    pub fn pid(&self) -> Option<u32> {
        let mut guarded = self.lock();
        guarded.exited();
        guarded.pid()
    }

    /// Whether it has not ended yet. A stopped process is running too.
    pub fn is_running(&self) -> bool {
        self.pid().is_some()
    }

    /// All lines written to stdout and stderr so far, in the order they were read.
    pub fn lines(&self) -> Vec<String> {
        self.output.lock().expect("readers do not panic").lines.clone()
    }

    /// Waits for a line that contains `text` and returns it, whether it was written before or after the call.
    ///
    /// # Panics
    /// After `deadline`, or once the process has ended without it: with all its output.
    pub async fn wait_for_line(&self, text: &str, deadline: Duration) -> String {
        let find = async || {
            // Asked before the lines are read, so that the last line of an ended process is not missed.
            let ended = self.output.lock().expect("readers do not panic").open == 0;
            let line = self.lines().into_iter().find(|line| line.contains(text));
            assert!(
                line.is_some() || !ended,
                "{} ended without {text:?}:\n{}",
                self.name,
                self.lines().join("\n")
            );
            line.ok_or_else(|| format!("its output is\n{}", self.lines().join("\n")))
        };
        eventually(&format!("{} writes {text:?}", self.name), deadline, find).await
    }

    /// Waits until a `GET` of `url` (`http://host:port/path`) is answered with 200.
    ///
    /// # Panics
    /// After `deadline`, or once the process has ended: with its output.
    pub async fn wait_http_ready(&self, url: &str, deadline: Duration) {
        let rest = url.strip_prefix("http://").expect("an http:// URL");
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let path = if path.is_empty() { "/" } else { path };
        let ask = async || match wire::http_status(host, path).await {
            Ok(200) => Ok(()),
            answer => {
                assert!(
                    self.is_running(),
                    "{} ended:\n{}",
                    self.name,
                    self.lines().join("\n")
                );
                Err(format!("{answer:?}; its output is\n{}", self.lines().join("\n")))
            }
        };
        eventually(&format!("{} answers 200 at {url}", self.name), deadline, ask).await;
    }

    /// Kills it by SIGKILL and reaps it. No effect after its end.
    pub fn kill9(&self) {
        self.lock().kill();
    }

    /// Asks it to end (SIGTERM); false after its end.
    pub fn sigterm(&self) -> bool {
        self.lock().signal(Signal::SIGTERM)
    }

    /// Freezes it (SIGSTOP); false after its end.
    pub fn sigstop(&self) -> bool {
        self.lock().signal(Signal::SIGSTOP)
    }

    /// Wakes it (SIGCONT); false after its end.
    pub fn sigcont(&self) -> bool {
        self.lock().signal(Signal::SIGCONT)
    }

    /// Waits for its end and returns how it ended. All its output is in [`Process::lines`] then.
    ///
    /// # Panics
    /// After `deadline`, with its output.
    pub async fn wait_exit(&self, deadline: Duration) -> ExitStatus {
        let ended = async || {
            let open = self.output.lock().expect("readers do not panic").open;
            let status = self.lock().exited().filter(|_| open == 0);
            status.ok_or_else(|| format!("its output is\n{}", self.lines().join("\n")))
        };
        eventually(&format!("{} ends", self.name), deadline, ended).await
    }

    fn lock(&self) -> MutexGuard<'_, Guarded> {
        self.guarded.lock().expect("nothing panics with a process locked")
    }
}

impl Launch {
    /// Adds an argument.
    pub fn arg(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds arguments.
    pub fn args<A: Into<String>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Sets an environment variable. Of the test's own environment only `PATH`, `HOME` and the like are inherited.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.environment.insert(name.into(), value.into());
        self
    }

    /// Sets environment variables.
    pub fn envs<N: Into<String>, V: Into<String>>(mut self, pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        self.environment
            .extend(pairs.into_iter().map(|(name, value)| (name.into(), value.into())));
        self
    }

    /// Makes the process kill itself at a crash point.
    pub fn crash_at(self, point: &CrashPoint) -> Self {
        let (name, value) = point.env();
        self.env(name, value)
    }

    /// Sets the working folder, by default an empty one of its own.
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Starts the process.
    pub fn start(self) -> Process {
        let name = self
            .program
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let mut guarded = Guarded::new("process", Signal::SIGKILL);
        let folder = self.folder.unwrap_or_else(|| guarded.folder().to_owned());
        let environment = self.environment;
        let child = guarded.spawn(Spawn {
            program: self.program,
            arguments: self.arguments,
            user: None,
            prepare: Box::new(move |command| {
                command.env_clear().envs(environment).current_dir(folder);
                command.stdout(Stdio::piped()).stderr(Stdio::piped());
            }),
        });
        let child = child.unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        let output = Arc::new(Mutex::new(Output {
            lines: Vec::new(),
            open: 2,
        }));
        read_lines(
            child.stdout.take().expect("stdout is a pipe"),
            Arc::clone(&output),
        );
        read_lines(
            child.stderr.take().expect("stderr is a pipe"),
            Arc::clone(&output),
        );
        Process {
            name,
            guarded: Mutex::new(guarded),
            output,
        }
    }
}

/// A thread, not a task: it must read on while the test's runtime is busy or gone, or the child would block.
fn read_lines(stream: impl Read + Send + 'static, output: Arc<Mutex<Output>>) {
    std::thread::spawn(move || {
        let mut stream = BufReader::new(stream);
        let mut line = Vec::new();
        while stream.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            output.lock().expect("readers do not panic").lines.push(text);
            line.clear();
        }
        output.lock().expect("readers do not panic").open -= 1;
    });
}

/// `target/debug` for the test `target/debug/deps/NAME-HASH`.
fn beside_the_test() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its path");
    test.parent()
        .and_then(Path::parent)
        .expect("a test lies in deps")
        .to_owned()
}
