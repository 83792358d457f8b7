//! What an answered update came to: which jobs Order Desk took, and what it made of the order unasked.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::document::OrderDoc;
use super::facet::{Entry, Facets, beyond, count, unidentified};
use super::judge::{same, touched_fields};
use super::patch::{self, Patch};

/// Whether a job's change is in the order that came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// All of it, as far as it can be seen; also if there was nothing to do or a later job undid it.
    Present,
    /// None of it.
    Absent,
    /// Some of it.
    Partial,
}

/// A place where the returned order is not as it was sent, and no job asked for that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// JSON pointer; into the returned order, or the sent one if it is there alone.
    pub pointer: String,
    /// The value sent, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<Value>,
    /// The value returned, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returned: Option<Value>,
}

/// The result of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check<Id> {
    /// Each job with what became of it, in the order of the jobs.
    pub jobs: Vec<(Id, Presence)>,
    /// What Order Desk made of the order unasked.
    pub differences: Vec<Difference>,
}

/// Server-managed members that tell of somebody's doing; the others follow from the content.
const TELLING: [&str; 4] = ["tag_color", "tag_name", "refund_total", "order_shipments"];

/// Checks the order `returned` after `sent` was accepted.
///
/// `shares` are the jobs' own patches, which one after another lead from `before` to `sent` (a folder that is
/// moved by another request may be missing in `sent`; that part of a share is then not looked at).
pub fn check<Id: Clone>(
    before: &OrderDoc,
    shares: &[(Id, &Patch)],
    sent: &OrderDoc,
    returned: &OrderDoc,
) -> Check<Id> {
    let mut checker = Checker::new(before, sent, returned);
    let mut doc = before.clone();
    let mut jobs = Vec::with_capacity(shares.len());
    for (id, share) in shares {
        // A share that does not replay belongs to another order; nothing of it can then be found.
        let presence = patch::apply(share, &doc).map_or(Presence::Absent, |after| {
            let presence = checker.job(&doc, &after);
            doc = after;
            presence
        });
        jobs.push((id.clone(), presence));
    }
    Check {
        jobs,
        differences: differences(sent, returned),
    }
}

struct Checker {
    sent: Facets,
    returned: Facets,
    /// Of each entry: how many more of it than before were sent, and how many came back; each job takes its own.
    budget: BTreeMap<Entry, (usize, usize)>,
    /// Entries before, sent, returned; and those before that may have come back under another id.
    lists: [Vec<(String, Entry)>; 4],
}

impl Checker {
    fn new(before: &OrderDoc, sent: &OrderDoc, returned: &OrderDoc) -> Self {
        let (old, sent, returned) = (Facets::of(before), Facets::of(sent), Facets::of(returned));
        let known = unidentified(&old, &sent, &returned);
        let lists = [old.loose(&old), sent.loose(&old), returned.loose(&old), known];
        Self {
            sent,
            returned,
            budget: BTreeMap::new(),
            lists,
        }
    }

    fn job(&mut self, before: &OrderDoc, after: &OrderDoc) -> Presence {
        let (old, new) = (Facets::of(before), Facets::of(after));
        let (mut taken, mut refused) = (0, 0);
        let mut note = |is_taken: bool| if is_taken { taken += 1 } else { refused += 1 };
        for pointer in touched_fields(&old, &new) {
            let [a, b] = [&old, &new].map(|facets| facets.fields.get(pointer));
            let n = self.returned.fields.get(pointer);
            if same(pointer, self.sent.fields.get(pointer), b) {
                note(same(pointer, n, b) || !same(pointer, n, a));
            }
        }
        for (id, (_, a)) in &old.items {
            let [b, s, n] =
                [&new, &self.sent, &self.returned].map(|facets| facets.items.get(id).map(|(_, item)| item));
            match b {
                None if s.is_none() => note(n.is_none()),
                Some(b) if a != b && s == Some(b) => {
                    let renewed = || count(&self.lists[2], &Entry::Item(b.clone()), false) > 0;
                    note(n.map_or_else(renewed, |n| n == b || n != a));
                }
                _ => {}
            }
        }
        let (a, b) = (old.loose(&old), new.loose(&old));
        for (_, entry) in beyond(&b, &a) {
            let [was, sent, seen, known] = self.lists.each_ref().map(|list| count(list, &entry, false));
            let left = self
                .budget
                .entry(entry)
                .or_insert((sent.saturating_sub(was), seen.saturating_sub(known)));
            if left.0 > 0 {
                left.0 -= 1;
                note(left.1 > 0);
                left.1 = left.1.saturating_sub(1);
            }
        }
        for (_, entry) in beyond(&a, &b) {
            let [_, sent, seen, _] = self.lists.each_ref().map(|list| count(list, &entry, false));
            if sent <= count(&b, &entry, false) {
                note(seen <= sent);
            }
        }
        match (taken, refused) {
            (_, 0) => Presence::Present,
            (0, _) => Presence::Absent,
            _ => Presence::Partial,
        }
    }
}

/// Where `returned` is not as it was sent, totals, ids, dates and defaults of new items left out.
pub fn differences(sent: &OrderDoc, returned: &OrderDoc) -> Vec<Difference> {
    let (s, r) = (Facets::of(sent), Facets::of(returned));
    let at = |doc: &Value, pointer: &str| doc.pointer(pointer).cloned();
    let (sent_value, returned_value) = (sent.to_value(), returned.to_value());
    let mut found = Vec::new();
    let mut both = |pointer: String, sent_pointer: &str| {
        let (sent, returned) = (at(&sent_value, sent_pointer), at(&returned_value, &pointer));
        found.push(Difference {
            pointer,
            sent,
            returned,
        });
    };
    for pointer in touched_fields(&s, &r) {
        both(pointer.clone(), pointer);
    }
    let telling = |doc: &OrderDoc| TELLING.map(|field| doc.get(field).cloned().unwrap_or(Value::Null));
    for (field, (one, other)) in TELLING
        .iter()
        .zip(telling(sent).iter().zip(telling(returned).iter()))
    {
        if !super::canonical::same_member(field, one, other) {
            both(format!("/{field}"), &format!("/{field}"));
        }
    }
    for (id, (place, item)) in &s.items {
        let Some((now, seen)) = r.items.get(id) else {
            continue;
        };
        let keys: std::collections::BTreeSet<&String> = item.keys().chain(seen.keys()).collect();
        for key in keys.into_iter().filter(|key| item.get(*key) != seen.get(*key)) {
            let token = super::refusal::join("", key);
            both(
                format!("/order_items/{now}{token}"),
                &format!("/order_items/{place}{token}"),
            );
        }
    }
    let mut extra = r.loose(&s);
    for (pointer, entry) in s.loose(&r) {
        let place = extra.iter().position(|(_, seen)| entry == *seen);
        match place.or_else(|| extra.iter().position(|(_, seen)| entry.shows_as(seen, false))) {
            Some(at) => {
                extra.remove(at);
            }
            None => found.push(Difference {
                sent: at(&sent_value, &pointer),
                pointer,
                returned: None,
            }),
        }
    }
    found.extend(extra.into_iter().map(|(pointer, _)| Difference {
        returned: at(&returned_value, &pointer),
        pointer,
        sent: None,
    }));
    found
}

#[cfg(test)]
mod tests;
