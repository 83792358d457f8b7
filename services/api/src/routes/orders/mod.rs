//! `/stores/{store_id}/orders`: reading orders and commanding their change.

pub(crate) mod add_items;
pub(crate) mod add_note;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod history;
pub(crate) mod list;
pub(crate) mod move_folder;
pub(crate) mod read;
pub(crate) mod replace;
pub(crate) mod update_address;
pub(crate) mod verb;

pub(crate) use add_items::add_items;
pub(crate) use add_note::add_note;
pub(crate) use create::create;
pub(crate) use delete::delete;
pub(crate) use history::history;
pub(crate) use list::list;
pub(crate) use move_folder::move_folder;
pub(crate) use read::read;
pub(crate) use replace::replace;
pub(crate) use update_address::update_address;
pub(crate) use verb::verb;
