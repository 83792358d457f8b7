//! Whether an update that was never answered has arrived.
//!
//! Called only when the request cannot arrive any more, with the order as fetched since. The rules are those of
//! the contract: what we added and is there proves it; everything at its old value excludes it; anything else
//! is for a human.

use serde::{Deserialize, Serialize};

use super::document::OrderDoc;
use super::facet::{Entry, Facets, beyond, count, unidentified};

/// What can be said of an update in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It arrived.
    Applied,
    /// It did not arrive and will not: it may be sent again.
    NotApplied,
    /// Neither can be shown.
    Unclear,
}

/// Where one touched piece stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// An addition of ours is there: proof.
    Survived,
    After,
    Before,
    /// At another value, of a kind that Order Desk may itself have made of ours.
    Respelt,
    Other,
}

/// Judges the update from `before` to `after` by the order as it is `now`.
pub fn judge(before: &OrderDoc, after: &OrderDoc, now: &OrderDoc) -> Verdict {
    if before == after {
        return Verdict::Applied;
    }
    let (old, sent, seen) = (Facets::of(before), Facets::of(after), Facets::of(now));
    let mut states = Vec::new();
    fields(&old, &sent, &seen, &mut states);
    items(&old, &sent, &seen, &mut states);
    entries(&old, &sent, &seen, &mut states);
    let all = |wanted: &[State]| states.iter().all(|state| wanted.contains(state));
    let is_as_sent = states.contains(&State::After) && all(&[State::After, State::Respelt]);
    if states.contains(&State::Survived) || is_as_sent {
        Verdict::Applied
    } else if all(&[State::Before]) {
        // Nothing that could be seen was touched, too: to write it again changes nothing more.
        Verdict::NotApplied
    } else {
        Verdict::Unclear
    }
}

fn fields(old: &Facets, sent: &Facets, seen: &Facets, states: &mut Vec<State>) {
    for pointer in touched_fields(old, sent) {
        let (a, b, n) = (
            old.fields.get(pointer),
            sent.fields.get(pointer),
            seen.fields.get(pointer),
        );
        let addition = a.is_none() && is_map_key(pointer);
        states.push(if same(pointer, n, b) {
            if addition { State::Survived } else { State::After }
        } else if same(pointer, n, a) {
            State::Before
        } else if is_respelt(pointer) {
            State::Respelt
        } else {
            State::Other
        });
    }
}

/// Items that were there before and carry an id: changed, or removed.
fn items(old: &Facets, sent: &Facets, seen: &Facets, states: &mut Vec<State>) {
    for (id, (_, a)) in &old.items {
        let n = seen.items.get(id).map(|(_, item)| item);
        let Some((_, b)) = sent.items.get(id) else {
            states.push(if n.is_some() { State::Before } else { State::After });
            continue;
        };
        for key in a.keys().chain(b.keys()).filter(|key| a.get(*key) != b.get(*key)) {
            states.push(match n {
                Some(n) if n.get(key) == b.get(key) => State::After,
                Some(n) if n.get(key) == a.get(key) => State::Before,
                // Gone, or under another id: as it was sent it proves the update, otherwise nothing.
                None if count(&seen.loose(old), &Entry::Item(b.clone()), true) > 0 => State::After,
                Some(_) | None => State::Other,
            });
        }
    }
}

/// Notes, discounts, and items without an id: added, or removed.
fn entries(old: &Facets, sent: &Facets, seen: &Facets, states: &mut Vec<State>) {
    let (a, b, n) = (old.loose(old), sent.loose(old), seen.loose(old));
    let known = unidentified(old, sent, seen);
    let foreign = beyond(&n, &a);
    for (_, entry) in beyond(&b, &a) {
        states.push(if count(&n, &entry, true) > count(&known, &entry, true) {
            State::Survived
        } else if foreign.iter().any(|(_, stranger)| entry.may_be(stranger)) {
            State::Other
        } else {
            State::Before
        });
    }
    for (_, entry) in beyond(&a, &b) {
        let exact = |list: &[(String, Entry)]| list.iter().filter(|(_, seen)| *seen == entry).count();
        let (was, is) = (exact(&a), exact(&n));
        states.push(if is >= was {
            State::Before
        } else if is <= exact(&b) {
            State::After
        } else {
            State::Other
        });
    }
}

/// The fields that differ between two orders, each once.
pub(super) fn touched_fields<'f>(old: &'f Facets, sent: &'f Facets) -> impl Iterator<Item = &'f String> {
    let added = sent
        .fields
        .keys()
        .filter(|pointer| !old.fields.contains_key(*pointer));
    old.fields
        .iter()
        .filter(|(pointer, value)| sent.fields.get(*pointer) != Some(*value))
        .map(|(pointer, _)| pointer)
        .chain(added)
}

/// Equality of two values of one field; phone numbers by their digits.
pub(super) fn same(pointer: &str, one: Option<&String>, other: Option<&String>) -> bool {
    let digits = |text: &String| text.chars().filter(char::is_ascii_digit).collect::<String>();
    one == other
        || pointer.ends_with("/phone")
            && matches!((one, other), (Some(a), Some(b)) if !digits(a).is_empty() && digits(a) == digits(b))
}

fn is_map_key(pointer: &str) -> bool {
    pointer.starts_with("/order_metadata/") || pointer.starts_with("/checkout_data/")
}

/// Fields that stores are known to respell: phone numbers, and countries as code or name.
fn is_respelt(pointer: &str) -> bool {
    ["/phone", "/country"].iter().any(|end| pointer.ends_with(end))
}

#[cfg(test)]
mod tests;
