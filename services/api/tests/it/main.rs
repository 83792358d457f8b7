//! The real router over a real ledger, a local queue and a simulated Order Desk; no worker, so jobs stay queued.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod access_log;
mod admin;
mod audit;
mod authentication;
mod batches;
mod callbacks;
mod commands;
mod conformance;
mod conventions;
mod cors;
mod deliveries;
mod dry_runs;
mod envelope;
mod events;
mod exports;
mod faults;
mod history;
mod idempotency;
mod incoming;
mod jobs;
mod keys;
mod limits;
mod lists;
mod openapi;
mod personal_data;
mod place;
mod proofs;
mod reads;
mod security;
mod serving;
mod slow;
mod sse;
mod stores;
mod webhooks;
