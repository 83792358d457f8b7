//! The live check, and the check of the check.

mod cleanup;
mod deviations;
mod real;
