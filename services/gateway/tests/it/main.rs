//! The program as a process of its own.

mod starting;
