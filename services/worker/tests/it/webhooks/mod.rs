//! Telling webhooks what happened: a real ledger, real receivers, a clock that the tests move.

mod disabling;
mod repeating;
mod sharing;
mod town;

use town::*;
