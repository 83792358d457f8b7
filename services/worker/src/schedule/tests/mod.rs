//! The schedule on a clock that tests move.

mod desk;
mod doubt;
mod ends;
mod flow;
mod lists;
mod order;
mod ownership;
mod reads;
mod turns;
