//! `/stores/{store_id}/inventory`: commanding the change of inventory items.

mod create;
mod delete;
mod update;

pub(crate) use create::create;
pub(crate) use delete::delete;
pub(crate) use update::update;
