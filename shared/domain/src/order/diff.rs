//! The RFC 6902 patch that turns one order into another.

use json_patch::jsonptr::PointerBuf;
use json_patch::{AddOperation, PatchOperation, RemoveOperation, ReplaceOperation};
use serde_json::Value;

use super::document::{Object, OrderDoc};
use super::patch::Patch;

/// The patch from `before` to `after`, over the values as they are: applied to `before` it gives `after`.
///
/// Lists are compared from both ends, so an element that was added or removed shows as that and not as a
/// change of all that follow it. The order of keys is not content.
pub fn diff(before: &OrderDoc, after: &OrderDoc) -> Patch {
    let mut maker = Maker {
        at: PointerBuf::new(),
        patch: Vec::new(),
    };
    maker.objects(before.as_object(), after.as_object());
    json_patch::Patch(maker.patch)
}

struct Maker {
    at: PointerBuf,
    patch: Vec<PatchOperation>,
}

impl Maker {
    fn values(&mut self, before: &Value, after: &Value) {
        match (before, after) {
            (Value::Object(before), Value::Object(after)) => self.objects(before, after),
            (Value::Array(before), Value::Array(after)) => self.lists(before, after),
            _ if before == after => {}
            _ => {
                let path = self.at.clone();
                self.patch.push(PatchOperation::Replace(ReplaceOperation {
                    path,
                    value: after.clone(),
                }));
            }
        }
    }

    fn objects(&mut self, before: &Object, after: &Object) {
        for key in before.keys().filter(|key| !after.contains_key(*key)) {
            self.within(key.as_str(), Self::remove);
        }
        for (key, value) in after {
            self.within(key.as_str(), |maker| match before.get(key) {
                Some(old) => maker.values(old, value),
                None => maker.add(value),
            });
        }
    }

    fn lists(&mut self, before: &[Value], after: &[Value]) {
        let head = before
            .iter()
            .zip(after)
            .take_while(|(old, new)| old == new)
            .count();
        let (old, new) = (&before[head..], &after[head..]);
        let tail = old
            .iter()
            .rev()
            .zip(new.iter().rev())
            .take_while(|(old, new)| old == new)
            .count();
        let (old, new) = (&old[..old.len() - tail], &new[..new.len() - tail]);
        let both = old.len().min(new.len());
        for (offset, (old, new)) in old.iter().zip(new).enumerate() {
            self.within(head + offset, |maker| maker.values(old, new));
        }
        // From the last one on, so that each index still is the element's own.
        for offset in (both..old.len()).rev() {
            self.within(head + offset, Self::remove);
        }
        for (offset, value) in new.iter().enumerate().skip(both) {
            self.within(head + offset, |maker| maker.add(value));
        }
    }

    fn add(&mut self, value: &Value) {
        self.patch.push(PatchOperation::Add(AddOperation {
            path: self.at.clone(),
            value: value.clone(),
        }));
    }

    fn remove(&mut self) {
        self.patch.push(PatchOperation::Remove(RemoveOperation {
            path: self.at.clone(),
        }));
    }

    fn within<'t>(&mut self, token: impl Into<json_patch::jsonptr::Token<'t>>, make: impl FnOnce(&mut Self)) {
        self.at.push_back(token);
        make(self);
        self.at.pop_back();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::order::patch::touched;

    fn patch(before: Value, after: Value) -> Value {
        let doc = |value| OrderDoc::from_value(value).unwrap();
        serde_json::to_value(diff(&doc(before), &doc(after))).unwrap()
    }

    #[test]
    fn an_appended_note_is_one_addition() {
        assert_eq!(
            patch(json!({"order_notes": [1, 2]}), json!({"order_notes": [1, 2, 3]})),
            json!([{"op": "add", "path": "/order_notes/2", "value": 3}])
        );
    }

    #[test]
    fn a_removed_first_item_is_one_removal() {
        assert_eq!(
            patch(json!({"order_items": [1, 2, 3]}), json!({"order_items": [2, 3]})),
            json!([{"op": "remove", "path": "/order_items/0"}])
        );
    }

    #[test]
    fn names_are_escaped() {
        assert_eq!(
            patch(json!({"a/b": {"~": 1}}), json!({"a/b": {"~": 2}})),
            json!([{"op": "replace", "path": "/a~1b/~0", "value": 2}])
        );
    }

    #[test]
    fn touched_places_leave_out_tests() {
        let patch: Patch = serde_json::from_value(json!([
            {"op": "test", "path": "/a", "value": 1}, {"op": "move", "from": "/b", "path": "/c"},
            {"op": "replace", "path": "/d/e", "value": 1},
        ]))
        .unwrap();
        assert_eq!(
            touched(&patch).into_iter().collect::<Vec<_>>(),
            ["/b", "/c", "/d/e"]
        );
    }
}
