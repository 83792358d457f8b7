//! Named points at which a test can make a real process die as if by power loss.
//!
//! `ODG_CRASH_POINT=name` kills the process with SIGKILL when it first comes to that point,
//! `ODG_CRASH_POINT=name:3` when it comes there for the third time. Unset, as always outside tests, a point
//! costs one comparison.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The variable that arms a point.
pub const VARIABLE: &str = "ODG_CRASH_POINT";

static ARMED: OnceLock<Option<(String, u32)>> = OnceLock::new();
static HITS: AtomicU32 = AtomicU32::new(0);

fn parse(text: &str) -> (String, u32) {
    match text.rsplit_once(':') {
        Some((name, nth)) => (name.to_owned(), nth.parse().unwrap_or(1)),
        None => (text.to_owned(), 1),
    }
}

/// Dies here, if a test asked for it.
pub fn point(name: &str) {
    let armed = ARMED.get_or_init(|| std::env::var(VARIABLE).ok().map(|text| parse(&text)));
    let Some((armed_name, nth)) = armed else { return };
    if armed_name == name && HITS.fetch_add(1, Ordering::SeqCst) + 1 == *nth {
        let _ = kill(Pid::this(), Signal::SIGKILL);
        loop {
            std::thread::park();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_names_itself_and_its_turn() {
        assert_eq!(parse("intent.after"), ("intent.after".to_owned(), 1));
        assert_eq!(parse("intent.after:3"), ("intent.after".to_owned(), 3));
    }
}
