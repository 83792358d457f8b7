//! Telling webhooks what happened: a real ledger, real receivers, a clock that the tests move.

mod choosing;
mod disabling;
mod repeating;
mod sharing;
mod teller;
mod town;

use town::*;
