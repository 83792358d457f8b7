//! Notes under either name: `note` is `content`, `note_type` and `type` are `username`.

use serde_json::Value;

use super::envelope::Reader;
use crate::order::document::Object;
use crate::order::mutation::{Mutation, ParseContext};
use crate::order::path::note_member;
use crate::order::refusal::{FieldCode, join};

/// Every name that a note's members may have.
const NAMES: [&str; 6] = ["note", "content", "note_type", "type", "username", "date_added"];
/// Who speaks when nobody is named.
const DEFAULT_USERNAME: &str = "API";

/// The body of `order.add_note`.
pub(super) fn add(reader: &mut Reader, map: &Object, context: &ParseContext<'_>) -> Option<Mutation> {
    let note = complete(reader, "", map, context)?;
    let text = |name: &str| note.get(name).and_then(Value::as_str).map(str::to_owned);
    Some(Mutation::AddNote {
        content: text("content")?,
        username: text("username")?,
        date_added: text("date_added")?,
    })
}

/// A new note, with its author and date filled in, under Order Desk's names and in its order.
pub(super) fn complete(
    reader: &mut Reader,
    base: &str,
    map: &Object,
    context: &ParseContext<'_>,
) -> Option<Object> {
    reader.close(base, map, &NAMES);
    let content = reader.either(base, map, &["note", "content"]);
    if content.is_none() {
        reader.error(FieldCode::FieldMissing, &join(base, "note"), "is required");
    }
    let content = content.and_then(|value| filled(reader, &join(base, name_of(map, "content")), value));
    let username = match reader.either(base, map, &["note_type", "type", "username"]) {
        None | Some(Value::Null) => Some(DEFAULT_USERNAME.to_owned()),
        Some(value) => filled(reader, &join(base, name_of(map, "username")), value),
    };
    let date = match map.get("date_added") {
        None | Some(Value::Null) => Some(context.submitted_at.to_order_desk()),
        Some(value) => date(reader, &join(base, "date_added"), value),
    };
    let mut note = Object::new();
    note.insert("date_added".to_owned(), Value::String(date?));
    note.insert("username".to_owned(), Value::String(username?));
    note.insert("content".to_owned(), Value::String(content?));
    Some(note)
}

/// A note in a list under the specification's name: renamed, nothing filled in.
pub(super) fn rename(reader: &mut Reader, base: &str, map: &Object) -> Object {
    for names in [&["note", "content"][..], &["note_type", "type", "username"]] {
        reader.either(base, map, names);
    }
    map.iter()
        .map(|(key, value)| (note_member(key).to_owned(), value.clone()))
        .collect()
}

/// The name under which `map` gives the member that Order Desk calls `name`.
fn name_of<'m>(map: &'m Object, name: &'m str) -> &'m str {
    map.keys()
        .find(|key| note_member(key) == name)
        .map_or(name, String::as_str)
}

fn filled(reader: &mut Reader, pointer: &str, value: &Value) -> Option<String> {
    let text = value.as_str().filter(|text| !text.trim().is_empty());
    if text.is_none() {
        reader.invalid(pointer, "must be a text that is not empty");
    }
    text.map(str::to_owned)
}

fn date(reader: &mut Reader, pointer: &str, value: &Value) -> Option<String> {
    let form = "%Y-%m-%d %H:%M:%S";
    let text = value
        .as_str()
        .filter(|text| text.len() == 19 && jiff::civil::DateTime::strptime(form, text).is_ok());
    if text.is_none() {
        reader.invalid(pointer, "must be a time in UTC as YYYY-MM-DD HH:MM:SS");
    }
    text.map(str::to_owned)
}
