//! The administrator's routes; there are none without `ADMIN_TOKEN`.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod list;
pub(crate) mod queue;
pub(crate) mod rebuild;

pub(crate) use create::create;
pub(crate) use delete::delete;
pub(crate) use list::list;
pub(crate) use queue::queue;
pub(crate) use rebuild::rebuild;
