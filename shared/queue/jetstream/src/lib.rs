//! Hints, bus and token grants over NATS: hints by JetStream, announcements and grants by core subjects.
//!
//! The broker may be down at the start, go away, and come back empty: [`JetStreamQueue`] connects for ever in
//! the background and makes its stream and consumers again. Meanwhile sending says `false` at once and
//! nothing waits for long.
//!
//! On the wire, all below one prefix so that deployments can share a server:
//!
//! | subject | by | what |
//! | --- | --- | --- |
//! | `odg.jobs.<partition>` | work-queue stream `ODG_JOBS`, durable consumer `p<partition>` | the newest hint |
//! | `odg.bus` | core | announcements, with the name of the sending process |
//! | `odg.grant.<partition>` | core, request and reply | a request for a token |
//! | `odg.release.<partition>` | core | the id of a grant that has ended |
//! | `odg.echo.…` | core, each process to itself | the round trip that shows that a connection is alive |
//!
//! Messages are JSON and carry ids only. To add one, add it to the port first (`queue`).

mod address;
mod bus;
mod grant;
mod link;
mod names;
mod options;
mod outbox;
mod publisher;
mod queue_adapter;
mod store;
mod taker;
mod task;

pub use options::{ConnectError, JetStreamOptions};
pub use queue_adapter::JetStreamQueue;
