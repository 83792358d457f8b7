//! The simulator over real HTTP, seen from a client and from its control calls.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod bucket;
mod control;
mod edits;
mod faults;
mod holds;
mod lifecycle;
mod orders;
mod program;
mod put;
mod quirks;
mod records;
mod support;
mod webhook;
