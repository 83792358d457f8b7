//! An order cut into the pieces that can be recognised one by one: fields, notes, items, discounts.
//!
//! All in judgement form, so that the ways in which Order Desk respells an order do not show.

use std::collections::BTreeMap;

use serde_json::Value;

use super::canonical::judgement;
use super::document::{Object, OrderDoc, id_text};
use super::fields;
use super::refusal::join;

/// An entry of a list, as content without an id.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Entry {
    /// A note by author and text, and by its time if it had one.
    Note {
        username: String,
        content: String,
        date: Option<String>,
    },
    /// An item by what it says of itself.
    Item(BTreeMap<String, String>),
    /// A discount, or an entry of a shape that we do not know.
    Other(String, String),
}

impl Entry {
    /// Whether `seen` is this entry as Order Desk may show it: with more members filled in, and, unless
    /// `strict`, with another time.
    pub(super) fn shows_as(&self, seen: &Self, strict: bool) -> bool {
        match (self, seen) {
            (
                Self::Note {
                    username: u,
                    content: c,
                    date: d,
                },
                Self::Note {
                    username,
                    content,
                    date,
                },
            ) => u == username && c == content && (!strict || d.is_none() || d == date),
            (Self::Item(sent), Self::Item(seen)) => sent
                .iter()
                .all(|(key, value)| seen.get(key).is_some_and(|found| found == value)),
            _ => self == seen,
        }
    }

    /// Whether `seen` might be this entry after somebody has edited it.
    pub(super) fn may_be(&self, seen: &Self) -> bool {
        match (self, seen) {
            (
                Self::Note {
                    username: u,
                    content: c,
                    date: d,
                },
                Self::Note {
                    username,
                    content,
                    date,
                },
            ) => c == content || (u == username && d.is_some() && d == date),
            (Self::Item(sent), Self::Item(seen)) => ["code", "name"]
                .iter()
                .any(|key| sent.get(*key).is_some_and(|value| seen.get(*key) == Some(value))),
            (Self::Other(list, one), Self::Other(other_list, other)) => {
                let name = |text: &str| serde_json::from_str::<Value>(text).ok()?.get("name").cloned();
                list == other_list && (one == other || name(one).is_some_and(|n| name(other) == Some(n)))
            }
            _ => false,
        }
    }
}

/// One order in pieces.
pub(super) struct Facets {
    /// Fields by their JSON pointer: top-level members, members of addresses, keys of maps.
    pub(super) fields: BTreeMap<String, String>,
    /// Items that carry an id of their own, by that id, with their place in the list.
    pub(super) items: BTreeMap<String, (usize, BTreeMap<String, String>)>,
    /// Notes, discounts and items without an id, with the pointer to each.
    pub(super) entries: Vec<(String, Entry)>,
}

impl Facets {
    pub(super) fn of(doc: &OrderDoc) -> Self {
        let mut facets = Self {
            fields: BTreeMap::new(),
            items: BTreeMap::new(),
            entries: Vec::new(),
        };
        for (key, value) in &judgement(doc) {
            let pointer = join("", key);
            match value {
                Value::Object(map) if fields::is_map(key) || fields::address_members(key).is_some() => {
                    for (name, member) in map {
                        facets.fields.insert(join(&pointer, name), member.to_string());
                    }
                }
                Value::Array(list) if fields::is_list(key) => {
                    let ids = if key == "order_items" {
                        item_ids(doc)
                    } else {
                        Vec::new()
                    };
                    for (index, entry) in list.iter().enumerate() {
                        facets.entry(key, index, entry, ids.get(index).cloned().flatten());
                    }
                }
                other => {
                    facets.fields.insert(pointer, other.to_string());
                }
            }
        }
        facets
    }

    fn entry(&mut self, list: &str, index: usize, value: &Value, id: Option<String>) {
        let text = |map: &Object, key: &str| {
            map.get(key)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let entry = match (list, value) {
            ("order_notes", Value::Object(note)) => Entry::Note {
                username: text(note, "username"),
                content: text(note, "content"),
                date: note.get("date_added").map(Value::to_string),
            },
            ("order_items", Value::Object(item)) => {
                let content: BTreeMap<_, _> = item.iter().map(|(k, v)| (k.clone(), v.to_string())).collect();
                // A second item under one id is a copy: Order Desk will give it an id of its own.
                if let Some(id) = id.filter(|id| !self.items.contains_key(id)) {
                    self.items.insert(id, (index, content));
                    return;
                }
                Entry::Item(content)
            }
            (_, other) => Entry::Other(list.to_owned(), other.to_string()),
        };
        self.entries.push((format!("/{list}/{index}"), entry));
    }

    /// Every entry, with items that have an id among them unless `known` has that id.
    pub(super) fn loose(&self, known: &Self) -> Vec<(String, Entry)> {
        let unknown = self.items.iter().filter(|(id, _)| !known.items.contains_key(*id));
        let items = unknown.map(|(_, (at, item))| (format!("/order_items/{at}"), Entry::Item(item.clone())));
        self.entries.iter().cloned().chain(items).collect()
    }
}

/// Entries of `old` that must be told from additions in `seen`: those without an id, and items that were sent
/// again but are not seen under their id, because Order Desk may have renewed it.
pub(super) fn unidentified(old: &Facets, sent: &Facets, seen: &Facets) -> Vec<(String, Entry)> {
    let mut entries = old.loose(seen);
    entries.retain(|(pointer, _)| {
        let removed = |(id, (at, _)): (&String, &(usize, _))| {
            !sent.items.contains_key(id) && *pointer == format!("/order_items/{at}")
        };
        !old.items.iter().any(removed)
    });
    entries
}

/// How many of `entries` show `entry`.
pub(super) fn count(entries: &[(String, Entry)], entry: &Entry, strict: bool) -> usize {
    entries
        .iter()
        .filter(|(_, seen)| entry.shows_as(seen, strict))
        .count()
}

/// The entries that `more` has beyond `less`, each as often as it is new.
pub(super) fn beyond(more: &[(String, Entry)], less: &[(String, Entry)]) -> Vec<(String, Entry)> {
    let mut left: BTreeMap<&Entry, usize> = BTreeMap::new();
    for (_, entry) in less {
        *left.entry(entry).or_default() += 1;
    }
    let mut is_new = |entry| match left.get_mut(entry) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => true,
    };
    more.iter().filter(|(_, entry)| is_new(entry)).cloned().collect()
}

/// The ids of the items, in their order; the list may have come as an object.
fn item_ids(doc: &OrderDoc) -> Vec<Option<String>> {
    let list = doc
        .get("order_items")
        .and_then(super::canonical::as_list)
        .unwrap_or_default();
    list.into_iter().map(|item| id_text(item.get("id")?)).collect()
}
