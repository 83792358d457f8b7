//! The change cycle end to end, in process: a real ledger file, a real worker, a simulated Order Desk.
//!
//! Every test ends with [`support::World::check`]: each accepted job has exactly one final event and no request is
//! left open. What the upstream has is read from the simulator, never from what the worker says about it.

mod coalescing;
mod commands;
mod crashes;
mod credentials;
mod deletions;
mod deposed;
mod faults;
mod foreign;
mod history;
mod lates;
mod moves;
mod outages;
mod partial;
mod preconditions;
mod privacy;
mod quirks;
mod reads;
mod reverts;
mod schedule;
mod seals;
mod support;
mod walks;
mod webhooks;
