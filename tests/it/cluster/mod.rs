//! The form of several processes: API and worker processes over PostgreSQL and NATS JetStream, killed, frozen, cut off.

mod audit;
mod broker;
mod bucket;
mod completion;
mod crash;
mod database;
mod erasure;
mod frozen;
mod keys;
mod killed;
mod limits;
mod order_desk;
mod outages;
mod restore;
mod rotation;
mod secrecy;
mod smoke;
mod startup;
mod stopping;
mod support;
mod takeover;
mod traces;
mod webhooks;
