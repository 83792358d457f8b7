//! The client against servers of this test's own making, one fault at a time.

mod calls;
mod faults;
mod garbage;
mod keepalive;
mod secrets;
mod tls;
mod upstream;
