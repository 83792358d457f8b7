use serde_json::json;

use super::*;
use crate::order::diff::diff;

fn doc(value: &Value) -> OrderDoc {
    OrderDoc::from_value(value.clone()).unwrap()
}

fn order() -> Value {
    json!({"id": "1", "folder_id": 1, "email": "a", "shipping": {"city": "Ulm", "phone": "1"},
        "order_items": [{"id": "5", "name": "A", "price": "10", "quantity": 1}], "order_notes": []})
}

/// Runs changes one after another; checks them against what `answer` makes of the sent order.
fn run(changes: &[fn(&mut Value)], answer: impl FnOnce(&mut Value)) -> Check<usize> {
    let before = order();
    let mut now = before.clone();
    let mut shares = Vec::new();
    for change in changes {
        let old = doc(&now);
        change(&mut now);
        shares.push(diff(&old, &doc(&now)));
    }
    let mut returned = now.clone();
    answer(&mut returned);
    let shares: Vec<(usize, &Patch)> = shares.iter().enumerate().collect();
    check(&doc(&before), &shares, &doc(&now), &doc(&returned))
}

fn note(value: &mut Value) {
    let note = json!({"date_added": "2026-01-01 00:00:00", "username": "API", "content": "n"});
    value["order_notes"].as_array_mut().unwrap().push(note);
}

fn item(value: &mut Value) {
    value["order_items"]
        .as_array_mut()
        .unwrap()
        .push(json!({"name": "B", "price": 2}));
}

fn presences(check: &Check<usize>) -> Vec<Presence> {
    check.jobs.iter().map(|(_, presence)| *presence).collect()
}

use Presence::{Absent, Partial, Present};

#[test]
fn what_the_server_fills_in_is_no_difference() {
    let check = run(&[note, item], |v| {
        v["order_total"] = json!(12);
        v["date_updated"] = json!("2026-01-01 00:00:09");
        v["order_items"][1] = json!({"id": "6", "name": "B", "price": "2.00", "category_code": "DEFAULT"});
        v["order_notes"][0]["date_added"] = json!("2026-01-01 00:00:01");
        v["order_metadata"] = json!([]);
    });
    assert_eq!(presences(&check), [Present, Present]);
    assert_eq!(check.differences, []);
}

#[test]
fn a_rules_tag_and_a_reformatted_phone_are_differences_and_no_failures() {
    let check = run(&[|v| v["shipping"]["phone"] = json!("555 12"), note], |v| {
        v["shipping"]["phone"] = json!("(555) 12");
        v["tag_name"] = json!("rush");
        v["order_notes"]
            .as_array_mut()
            .unwrap()
            .push(json!({"username": "rule", "content": "tagged"}));
    });
    assert_eq!(presences(&check), [Present, Present]);
    let pointers: Vec<_> = check.differences.iter().map(|d| d.pointer.as_str()).collect();
    assert_eq!(pointers, ["/shipping/phone", "/tag_name", "/order_notes/1"]);
    assert_eq!(check.differences[0].sent, Some(json!("555 12")));
    assert_eq!(check.differences[0].returned, Some(json!("(555) 12")));
}

#[test]
fn a_job_that_order_desk_did_not_take_is_absent_and_its_mates_are_present() {
    let check = run(&[|v| v["email"] = json!("b"), note, item], |v| {
        v["email"] = json!("a");
        v["order_items"].as_array_mut().unwrap().pop();
    });
    assert_eq!(presences(&check), [Absent, Present, Absent]);
    assert_eq!(check.differences.len(), 2);
    let check = run(
        &[|v| {
            v["email"] = json!("b");
            v["custom"] = json!(1);
        }],
        |v| {
            v.as_object_mut().unwrap().remove("custom");
        },
    );
    assert_eq!(presences(&check), [Partial]);
}

#[test]
fn of_two_equal_notes_one_that_came_back_belongs_to_the_first_job() {
    let check = run(&[note, note], |v| {
        v["order_notes"].as_array_mut().unwrap().pop();
    });
    assert_eq!(presences(&check), [Present, Absent]);
    assert_eq!(presences(&run(&[note, note], |_| {})), [Present, Present]);
}

#[test]
fn a_change_that_a_later_job_overwrote_counts_as_present() {
    let check = run(
        &[
            |v| v["email"] = json!("b"),
            |v| v["email"] = json!("a"),
            note,
            |v| v["order_notes"] = json!([]),
        ],
        |_| {},
    );
    assert_eq!(presences(&check), [Present; 4]);
}

#[test]
fn renewed_item_ids_are_no_failure() {
    let check = run(&[item, |v| v["order_items"][0]["quantity"] = json!(2)], |v| {
        v["order_items"][0]["id"] = json!("50");
        v["order_items"][1]["id"] = json!("51");
    });
    assert_eq!(presences(&check), [Present, Present]);
    assert_eq!(check.differences, []);
    let dropped = run(&[item], |v| {
        v["order_items"].as_array_mut().unwrap().pop();
        v["order_items"][0]["id"] = json!("50");
    });
    assert_eq!(presences(&dropped), [Absent]);
}

#[test]
fn removals_are_checked_too() {
    let kept = run(&[|v| v["order_items"] = json!([])], |v| *v = order());
    assert_eq!(presences(&kept), [Absent]);
    assert_eq!(
        presences(&run(&[|v| v["order_items"] = json!([])], |_| {})),
        [Present]
    );
}
