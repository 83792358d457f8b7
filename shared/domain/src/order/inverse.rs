//! Taking a change back: the operations that undo it, guarded by tests so that nothing later is trampled.

use json_patch::jsonptr::{Pointer, PointerBuf};
use json_patch::{
    AddOperation, PatchOperation, RemoveOperation, ReplaceOperation, TestOperation, patch_unsafe,
};
use serde_json::Value;

use super::decimal;
use super::document::OrderDoc;
use super::patch::{self, Patch};

/// Why a change cannot be taken back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Irreversible {
    /// It changed nothing.
    #[error("nothing was changed")]
    Nothing,
    /// Its parts do not fit the order that it was made to.
    #[error("the change does not fit the order that it was made to")]
    Foreign,
    /// It took a member away, and no `test` can say that it is still away.
    #[error("no test can guard the return of {path}")]
    Unguarded {
        /// The member.
        path: String,
    },
}

/// The patch that takes `share` back from an order that still is, where it matters, as Order Desk returned it.
///
/// `before` is the order that the share was made to, `sent` the order after all shares of its batch, `seen` the one that
/// Order Desk returned. All tests come first. What is tested: each value set, as Order Desk spells it; of an element of a
/// list its identity, too, since lists shift; the whole list that an element is to come back to, since a second return
/// would double it. A share whose values a later one of the batch has changed gets tests that fail.
///
/// # Errors
/// [`Irreversible`].
pub fn inverse(
    before: &OrderDoc,
    share: &Patch,
    sent: &OrderDoc,
    seen: &OrderDoc,
) -> Result<Patch, Irreversible> {
    let after = patch::apply(share, before).map_err(|_| Irreversible::Foreign)?;
    let mut guards = Guards {
        after: after.into_value(),
        sent: sent.to_value(),
        seen: seen.to_value(),
        tests: Vec::new(),
    };
    let (mut now, mut undo) = (before.to_value(), Vec::new());
    for operation in &share.0 {
        if let Some(step) = step(&now, operation, &mut guards)? {
            undo.push(step);
        }
        patch_unsafe(&mut now, std::slice::from_ref(operation)).map_err(|_| Irreversible::Foreign)?;
    }
    if undo.is_empty() {
        return Err(Irreversible::Nothing);
    }
    let tests = guards.tests.into_iter().map(PatchOperation::Test);
    Ok(json_patch::Patch(tests.chain(undo.into_iter().rev()).collect()))
}

/// What undoes one operation that is about to be made to `now`.
fn step(
    now: &Value,
    operation: &PatchOperation,
    guards: &mut Guards,
) -> Result<Option<PatchOperation>, Irreversible> {
    let path = match operation {
        PatchOperation::Test(_) => return Ok(None),
        PatchOperation::Add(op) => &op.path,
        PatchOperation::Replace(op) => &op.path,
        PatchOperation::Remove(op) => &op.path,
        // The diff that a share is has none.
        PatchOperation::Move(_) | PatchOperation::Copy(_) => return Err(Irreversible::Foreign),
    };
    let (parent, _) = path.split_back().ok_or(Irreversible::Foreign)?;
    let in_list = now.pointer(parent.as_str()).is_some_and(Value::is_array);
    let old = now
        .pointer(path.as_str())
        .filter(|_| !is_addition(operation, in_list));
    let path = path.clone();
    Ok(Some(match (operation, old) {
        (PatchOperation::Remove(_), Some(old)) if in_list => {
            guards.value(parent)?;
            let value = old.clone();
            PatchOperation::Add(AddOperation { path, value })
        }
        (PatchOperation::Remove(_), Some(old)) => {
            let value = old.clone();
            if guards.seen.pointer(path.as_str()).is_some() {
                // Order Desk keeps every member and has blanked this one.
                guards.seen_value(&path)?;
                PatchOperation::Replace(ReplaceOperation { path, value })
            } else {
                guards.absence(&path, parent)?;
                PatchOperation::Add(AddOperation { path, value })
            }
        }
        (_, Some(old)) => {
            guards.value(&path)?;
            let value = old.clone();
            PatchOperation::Replace(ReplaceOperation { path, value })
        }
        (_, None) => {
            guards.value(&path)?;
            PatchOperation::Remove(RemoveOperation { path })
        }
    }))
}

/// Whether the operation puts something in without taking the place of another.
fn is_addition(operation: &PatchOperation, in_list: bool) -> bool {
    in_list && matches!(operation, PatchOperation::Add(_))
}

struct Guards {
    after: Value,
    sent: Value,
    seen: Value,
    tests: Vec<TestOperation>,
}

impl Guards {
    /// The value at `path` must still be what the share made of it.
    fn value(&mut self, path: &Pointer) -> Result<(), Irreversible> {
        let Some(element) = element(&self.after, path) else {
            return self.expect(path);
        };
        if element != path {
            let id = element.with_trailing_token("id");
            if self.after.pointer(id.as_str()).is_none() {
                return self.expect(&element);
            }
            self.expect(&id)?;
        }
        self.expect(path)
    }

    /// The member must still be missing: nothing may have come beside it.
    fn absence(&mut self, path: &Pointer, parent: &Pointer) -> Result<(), Irreversible> {
        if parent.is_root() {
            let path = path.to_string();
            return Err(Irreversible::Unguarded { path });
        }
        self.value(parent)
    }

    /// The value at `path` must still be as it was returned.
    fn seen_value(&mut self, path: &Pointer) -> Result<(), Irreversible> {
        let value = self.seen.pointer(path.as_str()).cloned();
        self.test(path, value.ok_or(Irreversible::Foreign)?);
        Ok(())
    }

    fn expect(&mut self, path: &Pointer) -> Result<(), Irreversible> {
        let at = path.as_str();
        let made = self.after.pointer(at).ok_or(Irreversible::Foreign)?;
        let is_last = self.sent.pointer(at) == Some(made);
        // In a list, only what shows the same is the same: Order Desk may have put something before it. Elsewhere the
        // place is enough, and Order Desk may spell its value as it likes.
        let in_list = element(&self.after, path).is_some() || made.is_array();
        let returned = self.seen.pointer(at);
        let shown = returned.filter(|value| is_last && (!in_list || shows(value, made)));
        let value = shown.unwrap_or(made).clone();
        self.test(path, value);
        Ok(())
    }

    fn test(&mut self, path: &Pointer, value: Value) {
        let path = path.to_buf();
        let test = TestOperation { path, value };
        if !self.tests.contains(&test) {
            self.tests.push(test);
        }
    }
}

/// The element of a list that `path` leads to or into.
fn element(doc: &Value, path: &Pointer) -> Option<PointerBuf> {
    let mut at = PointerBuf::new();
    for token in path.tokens() {
        let in_list = doc.pointer(at.as_str()).is_some_and(Value::is_array);
        at.push_back(token);
        if in_list {
            return Some(at);
        }
    }
    None
}

/// Whether `seen` is what Order Desk may have made of `made`: its members and more, its values spelt in its own way.
fn shows(seen: &Value, made: &Value) -> bool {
    match (seen, made) {
        (Value::Object(seen), Value::Object(made)) => made.iter().all(|(key, made)| {
            let is_blank = || matches!(made, Value::Null) || made == "" || made == 0 || is_empty(made);
            seen.get(key).map_or_else(is_blank, |seen| shows(seen, made))
        }),
        (Value::Array(seen), Value::Array(made)) => {
            seen.len() == made.len() && seen.iter().zip(made).all(|(seen, made)| shows(seen, made))
        }
        _ if is_empty(seen) || is_empty(made) => is_empty(seen) && is_empty(made),
        _ => seen == made || matches!((spelt(seen), spelt(made)), (Some(one), Some(other)) if one == other),
    }
}

fn is_empty(value: &Value) -> bool {
    matches!(value, Value::Array(list) if list.is_empty())
        || matches!(value, Value::Object(map) if map.is_empty())
}

/// A number or a text that may be one, in one spelling.
fn spelt(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) => Some(decimal::of_number(number)),
        Value::String(text) => Some(decimal::normalise(text).unwrap_or_else(|| text.clone())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::order::diff::diff;

    fn doc(value: &Value) -> OrderDoc {
        OrderDoc::from_value(value.clone()).unwrap()
    }

    fn order() -> Value {
        json!({
            "id": "1", "email": "a@example.com", "folder_id": 1, "shipping": {"city": "Bonn", "phone": "1"},
            "order_notes": [{"username": "A", "content": "one"}, {"username": "B", "content": "two"}],
            "order_items": [{"id": "7", "name": "Mug", "quantity": 1}, {"id": "8", "name": "Cup", "quantity": 1}],
            "checkout_data": {"gift": "yes"},
        })
    }

    /// The inverse of the change from `before` to `made`, which Order Desk returned as `seen`.
    fn undo(before: &Value, made: &Value, seen: &Value) -> Patch {
        let share = diff(&doc(before), &doc(made));
        inverse(&doc(before), &share, &doc(made), &doc(seen)).unwrap()
    }

    fn edited(change: impl FnOnce(&mut Value)) -> Value {
        let mut order = order();
        change(&mut order);
        order
    }

    #[test]
    fn what_nobody_touched_since_comes_back_as_it_was() {
        let made = edited(|order| {
            order["email"] = json!("b@example.com");
            order["folder_id"] = json!(2);
            order["shipping"]["city"] = json!("Köln");
            order["order_notes"]
                .as_array_mut()
                .unwrap()
                .push(json!({"content": "three"}));
            order["order_items"].as_array_mut().unwrap().remove(0);
            order["checkout_data"] = json!({});
        });
        let undo = undo(&order(), &made, &made);
        assert_eq!(patch::apply(&undo, &doc(&made)).unwrap().to_value(), order());
        let tests = undo
            .0
            .iter()
            .take_while(|op| matches!(op, PatchOperation::Test(_)));
        assert_eq!(tests.count(), 6);
        // A second time nothing is as expected any more.
        assert!(patch::apply(&undo, &doc(&order())).is_err());
    }

    #[test]
    fn later_changes_elsewhere_survive_and_those_in_the_same_place_stop_it() {
        let made = edited(|order| order["email"] = json!("b@example.com"));
        let undo = undo(&order(), &made, &made);
        let mut elsewhere = made.clone();
        elsewhere["shipping"]["city"] = json!("Ulm");
        let back = patch::apply(&undo, &doc(&elsewhere)).unwrap().to_value();
        assert_eq!(
            (&back["email"], &back["shipping"]["city"]),
            (&json!("a@example.com"), &json!("Ulm"))
        );
        let mut there = made;
        there["email"] = json!("c@example.com");
        assert!(patch::apply(&undo, &doc(&there)).is_err());
    }

    #[test]
    fn an_addition_is_found_as_order_desk_has_completed_it_and_nowhere_else() {
        let made = edited(|order| {
            let item = json!({"name": "Pen", "price": 2.5, "quantity": 1, "metadata": {}});
            order["order_items"].as_array_mut().unwrap().push(item);
        });
        let seen = edited(|order| {
            let item = json!({"id": "9", "name": "Pen", "price": "2.50", "quantity": 1, "metadata": [], "weight": 0});
            order["order_items"].as_array_mut().unwrap().push(item);
        });
        let undo = undo(&order(), &made, &seen);
        assert_eq!(patch::apply(&undo, &doc(&seen)).unwrap().to_value(), order());
        let mut shifted = seen;
        shifted["order_items"].as_array_mut().unwrap().remove(0);
        assert!(
            patch::apply(&undo, &doc(&shifted)).is_err(),
            "another item stands there, or none"
        );
    }

    #[test]
    fn a_value_within_an_element_is_guarded_by_who_the_element_is() {
        let made = edited(|order| order["order_items"][1]["quantity"] = json!(5));
        let undo = undo(&order(), &made, &made);
        let mut other = made;
        other["order_items"][1]["id"] = json!("99");
        assert!(patch::apply(&undo, &doc(&other)).is_err());
        // A note has no id: all of it is what it is.
        let made = edited(|order| order["order_notes"][1]["content"] = json!("TWO"));
        let undo = self::undo(&order(), &made, &made);
        let mut other = made;
        other["order_notes"][1]["username"] = json!("C");
        assert!(patch::apply(&undo, &doc(&other)).is_err());
    }

    #[test]
    fn a_note_that_order_desk_put_before_ours_is_not_removed_in_its_place() {
        let made = edited(|order| {
            order["order_notes"]
                .as_array_mut()
                .unwrap()
                .push(json!({"content": "ours"}));
        });
        let seen = edited(|order| {
            let notes = order["order_notes"].as_array_mut().unwrap();
            notes.extend([json!({"content": "a rule's"}), json!({"content": "ours"})]);
        });
        let undo = undo(&order(), &made, &seen);
        assert!(patch::apply(&undo, &doc(&seen)).is_err());
    }

    #[test]
    fn a_blanked_member_is_filled_and_a_missing_one_guarded_by_its_neighbours() {
        let made = edited(|order| {
            order.as_object_mut().unwrap().shift_remove("email");
            order["shipping"].as_object_mut().unwrap().shift_remove("phone");
        });
        let share = diff(&doc(&order()), &doc(&made));
        let unguarded = inverse(&doc(&order()), &share, &doc(&made), &doc(&made));
        let path = "/email".to_owned();
        assert_eq!(unguarded, Err(Irreversible::Unguarded { path }));
        let mut seen = made.clone();
        seen["email"] = json!("");
        let undo = inverse(&doc(&order()), &share, &doc(&made), &doc(&seen)).unwrap();
        assert_eq!(doc(&order()), patch::apply(&undo, &doc(&seen)).unwrap());
        seen["shipping"]["phone"] = json!("2");
        assert!(patch::apply(&undo, &doc(&seen)).is_err());
    }

    #[test]
    fn of_a_batch_the_share_that_a_later_one_overwrote_fails_its_tests() {
        let first = edited(|order| order["email"] = json!("b@example.com"));
        let last = edited(|order| order["email"] = json!("c@example.com"));
        let share = diff(&doc(&order()), &doc(&first));
        let undo = inverse(&doc(&order()), &share, &doc(&last), &doc(&last)).unwrap();
        assert!(patch::apply(&undo, &doc(&last)).is_err());
    }

    #[test]
    fn nothing_and_what_does_not_fit_cannot_be_taken_back() {
        let none = json_patch::Patch(Vec::new());
        let order = doc(&order());
        assert_eq!(inverse(&order, &none, &order, &order), Err(Irreversible::Nothing));
        let foreign = serde_json::from_value(json!([{"op": "remove", "path": "/nothing"}])).unwrap();
        assert_eq!(
            inverse(&order, &foreign, &order, &order),
            Err(Irreversible::Foreign)
        );
    }
}
