//! All roles in one program: composition and the command line, and no logic of its own.
//!
//! [`node`] puts ledger, queue, vault, app, API and worker together from a configuration; [`cli`] is what a person
//! or a container calls; [`demo`] shows the whole thing against the simulator. The binaries differ only in the role
//! that they start when no command is given.

mod cached;
pub mod cli;
pub mod demo;
mod error;
mod healthcheck;
mod metric;
pub mod node;
mod open;
mod restore;
mod root;
mod status;
mod verify;

pub use cli::main_as;
pub use error::StartError;
pub use node::{Node, Role};
