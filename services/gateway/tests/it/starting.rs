//! A start that takes long.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A process that is killed when a test gives up on it.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn until<T>(otherwise: &str, look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    std::iter::repeat_with(look)
        .take_while(|_| Instant::now() < deadline)
        .inspect(|_| std::thread::yield_now())
        .flatten()
        .next()
        .expect(otherwise)
}

#[test]
fn a_signal_during_the_start_ends_it_in_order() {
    // A database that takes connections and never says anything.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let database = format!("postgres://u:p@{}/d", silent.local_addr().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program(
        Command::new(env!("CARGO_BIN_EXE_orderdesk-gateway"))
            .current_dir(folder.path())
            .env("MCP_KMS_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8")
            .env("DATABASE_URL", database)
            .env("HOST", "127.0.0.1")
            .env("PORT", "0")
            .stdout(Stdio::null())
            .spawn()
            .unwrap(),
    );
    silent.set_nonblocking(true).unwrap();
    let _connection = until("it never asked its database", || silent.accept().ok());
    let id = Pid::from_raw(i32::try_from(program.0.id()).unwrap());
    kill(id, Signal::SIGTERM).unwrap();
    let status = until("the signal was not heeded", || program.0.try_wait().unwrap());
    assert_eq!(status.code(), Some(0), "{status}");
}
