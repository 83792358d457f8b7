//! `/stores/{store_id}/inventory`: reading inventory items and commanding their change.

mod create;
mod delete;
mod list;
mod read;
mod update;

pub(crate) use create::create;
pub(crate) use delete::delete;
pub(crate) use list::list;
pub(crate) use read::read;
pub(crate) use update::update;
