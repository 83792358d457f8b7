//! `/tenant/keys`: several keys for one tenant, so that one can be replaced while the other is in use.

mod create;
mod list;
mod revoke;

pub(crate) use create::create;
pub(crate) use list::list;
pub(crate) use revoke::revoke;
