//! `/stores/{store_id}/orders`: reading orders and commanding their change.

mod add_items;
mod add_note;
mod create;
mod delete;
mod list;
mod move_folder;
mod read;
mod replace;
mod update_address;
mod verb;

pub(crate) use add_items::add_items;
pub(crate) use add_note::add_note;
pub(crate) use create::create;
pub(crate) use delete::delete;
pub(crate) use list::list;
pub(crate) use move_folder::move_folder;
pub(crate) use read::read;
pub(crate) use replace::replace;
pub(crate) use update_address::update_address;
pub(crate) use verb::verb;
