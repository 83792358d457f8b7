//! `/tenant`: who the caller is, its keys, its end.

pub(crate) mod callback_secret;
pub(crate) mod delete;
pub(crate) mod find;
pub(crate) mod keys;

pub(crate) use callback_secret::callback_secret;
pub(crate) use delete::delete;
pub(crate) use find::find;
