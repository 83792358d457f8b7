//! `/tenant/keys`: several keys for one tenant, so that one can be replaced while the other is in use.

pub(crate) mod create;
pub(crate) mod list;
pub(crate) mod revoke;

pub(crate) use create::create;
pub(crate) use list::list;
pub(crate) use revoke::revoke;
