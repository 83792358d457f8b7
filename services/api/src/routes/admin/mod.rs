//! The administrator's routes; there are none without `ADMIN_TOKEN`.

mod create;
mod delete;
mod list;
mod queue;
mod rebuild;

pub(crate) use create::create;
pub(crate) use delete::delete;
pub(crate) use list::list;
pub(crate) use queue::queue;
pub(crate) use rebuild::rebuild;
