//! One process of the gateway.

use std::path::Path;
use std::time::{Duration, Instant};

use testkit::Process;

use crate::Outcome;
use crate::http::{Connection, request};

/// Longer than anything here takes that works.
const PATIENCE: Duration = Duration::from_mins(1);

/// One child process, and the port on which it answers.
pub(crate) struct Child {
    /// The process.
    pub(crate) process: Process,
    /// Its port on 127.0.0.1.
    pub(crate) port: u16,
}

impl Child {
    /// Its process id; 0 after its end.
    pub(crate) fn pid(&self) -> u32 {
        self.process.pid().unwrap_or(0)
    }

    /// Waits until it is ready, looking each millisecond, and returns how long this took.
    pub(crate) async fn ready(&self) -> Outcome<Duration> {
        let begun = Instant::now();
        let ask = request("GET", "/ready", &[], "");
        while begun.elapsed() < PATIENCE {
            if let Ok(mut connection) = Connection::open(self.port).await
                && connection
                    .call(&ask)
                    .await
                    .is_ok_and(|answer| answer.status == 200)
            {
                return Ok(begun.elapsed());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Err(format!("port {} is not ready", self.port).into())
    }

    /// Ends it in good order.
    pub(crate) async fn stop(&self) {
        if self.process.sigterm() {
            self.process.wait_exit(PATIENCE).await;
        }
    }
}

/// Through a shell, so that the log goes to a file as it would in production and not through this process.
pub(crate) fn spawn(
    bin_dir: &Path,
    binary: &str,
    port_name: &str,
    environment: &[(String, String)],
    folder: &Path,
) -> Outcome<Child> {
    let program = bin_dir.join(binary);
    if !program.exists() {
        return Err(format!(
            "{} is missing: build the gateway's binaries first",
            program.display()
        )
        .into());
    }
    let port = testkit::free_port();
    let log = folder.join(format!("{binary}.{port}.log"));
    let process = Process::at("/bin/sh")
        .args(["-c", r#"exec "$0" >>"$1" 2>&1"#])
        .arg(program.to_string_lossy())
        .arg(log.to_string_lossy())
        .envs(environment.iter().cloned())
        .env(port_name, port.to_string())
        .start();
    Ok(Child { process, port })
}
