//! The program as a process of its own.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod linked;
mod restoring;
mod scripts;
mod starting;
mod verifying;
