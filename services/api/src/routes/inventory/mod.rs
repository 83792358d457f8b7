//! `/stores/{store_id}/inventory`: reading inventory items and commanding their change.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod list;
pub(crate) mod read;
pub(crate) mod update;

pub(crate) use create::create;
pub(crate) use delete::delete;
pub(crate) use list::list;
pub(crate) use read::read;
pub(crate) use update::update;
