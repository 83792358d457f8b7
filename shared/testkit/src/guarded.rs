//! A child process that cannot outlive the test that started it.
//!
//! The kernel's own parent-death signal is bound to the *thread* that started a child, which for a test is the wrong
//! lifetime, and needs unsafe code. Instead each [`Guarded`] has a shell that reads a pipe from this process. When
//! the pipe closes, in whichever way this process ended, the shell ends the child and removes its folder.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;
use tempfile::TempDir;

/// How long a child gets to obey the signal that ends it, before SIGKILL.
const GRACE: Duration = Duration::from_secs(3);

/// Arguments: the signal that ends the child, and the folder to remove.
const WATCH: &str = r#"
trap '' INT TERM HUP
pid=
while read -r word value; do
  case $word in
    watch) pid=$value ;;
    rest) pid= ;;
    bye) exit 0 ;;
  esac
done
if [ -n "$pid" ]; then
  kill -s CONT "$pid"
  kill -s "$1" "$pid"
  tries=0
  while kill -0 "$pid" && [ "$tries" -lt 30 ]; do sleep 0.1; tries=$((tries + 1)); done
  kill -s KILL "$pid"
fi
rm -rf -- "$2"
"#;

/// The child waits at this gate until its watcher knows it, so that there is no moment in which it is unwatched.
const GATE: &str = r#"read -r _ && exec "$@" </dev/null"#;

/// One child process at a time, the shell that watches it, and the folder that both may use.
pub(crate) struct Guarded {
    child: Option<Child>,
    last_exit: Option<ExitStatus>,
    ending: Signal,
    watcher: Child,
    pipe: ChildStdin,
    folder: TempDir,
}

/// What to run; the rest is the same for every child.
pub(crate) struct Spawn {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<String>,
    /// User and group to change to.
    pub(crate) user: Option<(u32, u32)>,
    /// Sets environment, folder and output; must leave the program, its arguments and stdin alone.
    pub(crate) prepare: Box<dyn FnOnce(&mut Command) + Send>,
}

impl Guarded {
    /// Starts the watcher for children that `ending` ends, and makes the folder.
    pub(crate) fn new(name: &str, ending: Signal) -> Self {
        let folder = tempfile::Builder::new()
            .prefix(&format!("odg-{name}-"))
            .tempdir()
            .expect("a temporary folder");
        let mut watcher = Command::new("/bin/sh")
            .args(["-c", WATCH, "watch"])
            .arg(ending.as_str().trim_start_matches("SIG"))
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .current_dir("/")
            // A test runner ends a test by a signal to its process group; the watcher must survive that.
            .process_group(0)
            .spawn()
            .expect("/bin/sh starts");
        let pipe = watcher.stdin.take().expect("stdin is a pipe");
        Self {
            child: None,
            last_exit: None,
            ending,
            watcher,
            pipe,
            folder,
        }
    }

    /// The private folder, removed with this value.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    pub(crate) fn spawn(&mut self, what: Spawn) -> std::io::Result<&mut Child> {
        self.exited();
        assert!(self.child.is_none(), "the child is still running");
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", GATE, "gate"])
            .arg(what.program)
            .args(what.arguments);
        command.stdin(Stdio::piped()).process_group(0);
        if let Some((user, group)) = what.user {
            command.uid(user).gid(group);
        }
        (what.prepare)(&mut command);
        let mut child = command.spawn()?;
        let mut gate = child.stdin.take().expect("stdin is a pipe");
        self.tell(&format!("watch {}", child.id()));
        gate.write_all(b"go\n")?;
        self.last_exit = None;
        Ok(self.child.insert(child))
    }

    /// The running child's process id.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// How the last child ended, if it has.
    pub(crate) fn exited(&mut self) -> Option<ExitStatus> {
        if let Some(child) = &mut self.child
            && let Some(status) = child.try_wait().expect("a child can be waited for")
        {
            self.child = None;
            self.last_exit = Some(status);
            self.tell("rest");
        }
        self.last_exit
    }

    /// Sends `signal` to the child; false if none is running.
    pub(crate) fn signal(&mut self, signal: Signal) -> bool {
        // Asked first, so that the signal cannot hit a stranger who got the number of a child already reaped.
        self.exited();
        let Some(pid) = self.pid() else { return false };
        signal::kill(Pid::from_raw(pid as i32), signal).is_ok()
    }

    /// Kills the child by SIGKILL and waits for its end, which the kernel makes short.
    pub(crate) fn kill(&mut self) {
        self.signal(Signal::SIGKILL);
        if let Some(mut child) = self.child.take() {
            self.last_exit = Some(child.wait().expect("a child can be waited for"));
            self.tell("rest");
        }
    }

    /// Ends the child by its signal, or after three seconds by SIGKILL. Blocks meanwhile.
    pub(crate) fn end(&mut self) {
        let started = Instant::now();
        if self.ending != Signal::SIGKILL && self.signal(self.ending) {
            while self.exited().is_none() && started.elapsed() < GRACE {
                std::thread::sleep(Duration::from_millis(2));
            }
        }
        self.kill();
    }

    fn tell(&mut self, word: &str) {
        // A watcher that somebody killed is not worth failing a test for.
        let _ = writeln!(self.pipe, "{word}");
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.end();
        self.tell("bye");
        let _ = self.watcher.wait();
    }
}
