//! Ports that stay ours while the server behind them is down.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

/// Below the range from which kernels pick ports for outgoing connections, so that none of those takes the port of a
/// server that a test has stopped and means to start again.
const RANGE: std::ops::Range<u32> = 20_000..32_000;

static NEXT: AtomicU32 = AtomicU32::new(0);
static RESERVED: Mutex<Vec<File>> = Mutex::new(Vec::new());

/// A free port on 127.0.0.1, reserved against other tests until this process ends.
///
/// # Panics
/// When all 12,000 candidates are taken.
pub fn free_port() -> u16 {
    let folder = scratch_folder().join("ports");
    fs::create_dir_all(&folder).expect("the ports' folder can be made");
    // Processes start at different places, so that they seldom meet.
    let start = std::process::id().wrapping_mul(97);
    for _ in RANGE {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = (RANGE.start + start.wrapping_add(step) % (RANGE.end - RANGE.start)) as u16;
        let file = File::create(folder.join(port.to_string())).expect("a port's lock file can be made");
        // The kernel gives the lock back when this process ends, in whichever way.
        if file.try_lock().is_ok() && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            RESERVED
                .lock()
                .expect("nothing panics with the list of ports")
                .push(file);
            return port;
        }
    }
    panic!("no free port between {} and {}", RANGE.start, RANGE.end);
}

/// This user's folder for what test processes share: port locks and the template of a Postgres data folder.
pub(crate) fn scratch_folder() -> PathBuf {
    let user = nix::unistd::getuid();
    let folder = std::env::temp_dir().join(format!("orderdesk-gateway-tests-{user}"));
    match fs::DirBuilder::new().mode(0o700).create(&folder) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => panic!("{}: {error}", folder.display()),
        _ => {}
    }
    // The name is known to everybody: what another user has put there must not be trusted.
    let found = fs::symlink_metadata(&folder).expect("the folder was just made");
    assert!(
        found.is_dir() && found.uid() == user.as_raw(),
        "{} is not ours",
        folder.display()
    );
    folder
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ports_are_given_once() {
        let ports: HashSet<u16> = (0..50).map(|_| free_port()).collect();
        assert_eq!(ports.len(), 50);
    }

    #[test]
    fn a_reserved_port_is_locked_for_other_processes() {
        let port = free_port();
        let file = File::create(scratch_folder().join("ports").join(port.to_string())).unwrap();
        assert!(file.try_lock().is_err());
    }
}
