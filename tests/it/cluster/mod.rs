//! The form of several processes: API and worker processes over PostgreSQL and NATS JetStream, killed, frozen, cut off.

mod completion;
mod crash;
mod killed;
mod smoke;
mod startup;
mod support;
mod takeover;
