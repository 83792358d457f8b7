//! Development only: what tests need of the world outside them, started for real and cleared up after them.
//!
//! - [`servers`]: a private Postgres, NATS or Redis on a free port, which a test may stop, kill and start again.
//! - [`process`]: one of the workspace's programs, or a tool, as a child process, with its output, signals and exit
//!   status.
//! - [`Receiver`]: an HTTP server that keeps what it is sent and answers as a test wants.
//! - [`CrashPoint`]: the setting that makes such a process kill itself at a named place.
//! - [`eventually`]: waiting for a condition with a deadline, instead of sleeping.
//! - [`at_best`]: a claim of speed, on a machine that may be busy.
//!
//! Every child is watched by a shell that outlives the test (`guarded`): however the test process ends, SIGKILL
//! included, its servers and processes end with it and their folders go. Nothing here knows the product: a fixture
//! of orders or stores belongs beside the tests that use it. A new server is a file in `servers` built on
//! `Guarded`, and a name that `tests/install-servers` can find.

mod at_best;
mod crash_point;
mod eventually;
mod guarded;
mod port;
pub mod process;
mod receiver;
pub mod servers;
mod wire;

pub use at_best::at_best;
pub use crash_point::CrashPoint;
pub use eventually::{Outcome, eventually};
pub use port::free_port;
pub use process::Process;
pub use receiver::{Received, Receiver, Reply};
pub use servers::{Nats, Postgres, Redis};
