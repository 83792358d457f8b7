use serde_json::{Value, json};

use super::*;

fn doc(value: &Value) -> OrderDoc {
    OrderDoc::from_value(value.clone()).unwrap()
}

fn order() -> Value {
    json!({"id": "1", "folder_id": 1, "email": "a@b.c", "order_total": 10, "date_updated": "2026-01-01 00:00:00",
        "shipping": {"city": "Ulm", "phone": "1"}, "order_metadata": [],
        "order_items": [{"id": "5", "name": "A", "code": "a", "price": "10", "quantity": 1}],
        "order_notes": [{"date_added": "2026-01-01 00:00:00", "username": "API", "content": "hello"}]})
}

fn with(change: impl FnOnce(&mut Value)) -> Value {
    let mut value = order();
    change(&mut value);
    value
}

fn verdict(after: &Value, now: &Value) -> Verdict {
    judge(&doc(&order()), &doc(after), &doc(now))
}

fn push(value: &mut Value, list: &str, entry: Value) {
    value[list].as_array_mut().unwrap().push(entry);
}

fn noted(value: &mut Value) {
    push(
        value,
        "order_notes",
        json!({"date_added": "2026-01-02 00:00:00", "username": "API", "content": "hello"}),
    );
}

/// What others and the server may do to an order at any time.
fn disturb(value: &mut Value) {
    value["date_updated"] = json!("2026-02-02 00:00:00");
    value["order_total"] = json!("99.00");
    value["tag_name"] = json!("rush");
    value["email_count"] = json!("3");
    push(
        value,
        "order_notes",
        json!({"date_added": "2026-01-03 00:00:00", "username": "rule", "content": "tagged"}),
    );
    value["customer"] = json!({"city": "elsewhere"});
}

#[test]
fn a_surviving_note_proves_the_update_whatever_others_did() {
    let after = with(noted);
    assert_eq!(verdict(&after, &after), Verdict::Applied);
    let now = with(|v| {
        noted(v);
        disturb(v);
        v["shipping"]["city"] = json!("Bonn");
    });
    assert_eq!(verdict(&after, &now), Verdict::Applied);
}

#[test]
fn an_equal_note_that_was_there_before_proves_nothing() {
    // The old note has the same author and text; only its time tells them apart.
    assert_eq!(verdict(&with(noted), &order()), Verdict::NotApplied);
    assert_eq!(verdict(&with(noted), &with(disturb)), Verdict::NotApplied);
    // With the very same time the count tells.
    let twice = with(|v| {
        noted(v);
        noted(v);
    });
    let before = with(noted);
    assert_eq!(
        judge(&doc(&before), &doc(&twice), &doc(&before)),
        Verdict::NotApplied
    );
    assert_eq!(judge(&doc(&before), &doc(&twice), &doc(&twice)), Verdict::Applied);
}

#[test]
fn an_edited_note_is_for_a_human() {
    let now = with(|v| {
        noted(v);
        v["order_notes"][1]["content"] = json!("edited");
    });
    assert_eq!(verdict(&with(noted), &now), Verdict::Unclear);
}

#[test]
fn an_item_is_known_by_what_was_sent_of_it() {
    let item = json!({"name": "B", "code": "b", "price": 19.9, "quantity": 2, "variation_list": {}});
    let after = with(|v| push(v, "order_items", item));
    let filled = json!({"id": "6", "name": "B", "code": "b", "price": "19.90", "quantity": "2", "weight": 0,
        "variation_list": [], "category_code": "DEFAULT", "delivery_type": "ship"});
    let mut now = with(|v| push(v, "order_items", filled));
    assert_eq!(verdict(&after, &now), Verdict::Applied);
    now["order_items"][1]["quantity"] = json!(3);
    assert_eq!(
        verdict(&after, &now),
        Verdict::Unclear,
        "somebody may have edited our item"
    );
    assert_eq!(verdict(&after, &order()), Verdict::NotApplied);
}

#[test]
fn renewed_item_ids_neither_prove_nor_hide_an_item() {
    let twin = json!({"name": "A", "code": "a", "price": "10", "quantity": 1});
    let after = with(|v| push(v, "order_items", twin));
    let renewed = with(|v| v["order_items"][0]["id"] = json!("50"));
    assert_ne!(verdict(&after, &renewed), Verdict::Applied);
    let both = with(|v| {
        v["order_items"][0]["id"] = json!("50");
        push(
            v,
            "order_items",
            json!({"id": "51", "name": "A", "code": "a", "price": "10", "quantity": 1}),
        );
    });
    assert_eq!(verdict(&after, &both), Verdict::Applied);
    // An equal item of ours beside the old one under its own id.
    let kept = with(|v| {
        push(
            v,
            "order_items",
            json!({"id": "9", "name": "A", "code": "a", "price": "10.0", "quantity": 1}),
        );
    });
    assert_eq!(verdict(&after, &kept), Verdict::Applied);
}

#[test]
fn a_metadata_key_of_ours_is_proof_another_value_is_not() {
    let after = with(|v| v["order_metadata"] = json!({"k": "ours"}));
    assert_eq!(
        verdict(
            &after,
            &with(|v| v["order_metadata"] = json!({"k": "ours", "x": 1}))
        ),
        Verdict::Applied
    );
    assert_eq!(
        verdict(&after, &with(|v| v["order_metadata"] = json!({"k": "other"}))),
        Verdict::Unclear
    );
    assert_eq!(
        verdict(&after, &with(|v| v["order_metadata"] = json!({"x": 1}))),
        Verdict::NotApplied
    );
}

#[test]
fn changed_fields_decide_only_together() {
    let after = with(|v| {
        v["email"] = json!("x");
        v["shipping"]["city"] = json!("Bonn");
    });
    assert_eq!(
        verdict(
            &after,
            &with(|v| {
                v["email"] = json!("x");
                v["shipping"]["city"] = json!("Bonn");
                disturb(v);
            })
        ),
        Verdict::Applied
    );
    assert_eq!(verdict(&after, &with(disturb)), Verdict::NotApplied);
    assert_eq!(
        verdict(&after, &with(|v| v["email"] = json!("x"))),
        Verdict::Unclear
    );
    assert_eq!(
        verdict(&after, &with(|v| v["email"] = json!("foreign"))),
        Verdict::Unclear
    );
}

#[test]
fn a_reformatted_phone_does_not_hide_the_other_fields() {
    let after = with(|v| {
        v["shipping"]["phone"] = json!("555 1234");
        v["shipping"]["city"] = json!("Bonn");
    });
    let now = |phone: &str| {
        with(|v| {
            v["shipping"]["phone"] = json!(phone);
            v["shipping"]["city"] = json!("Bonn");
        })
    };
    assert_eq!(verdict(&after, &now("(555) 12-34")), Verdict::Applied);
    assert_eq!(verdict(&after, &now("+1 555 1234")), Verdict::Applied);
    let alone = with(|v| v["shipping"]["phone"] = json!("555 1234"));
    assert_eq!(
        verdict(&alone, &with(|v| v["shipping"]["phone"] = json!("555-1234"))),
        Verdict::Applied
    );
    assert_eq!(
        verdict(&alone, &with(|v| v["shipping"]["phone"] = json!("777"))),
        Verdict::Unclear
    );
}

#[test]
fn item_changes_and_removals_are_seen() {
    let changed = with(|v| v["order_items"][0]["quantity"] = json!(4));
    assert_eq!(
        verdict(&changed, &with(|v| v["order_items"][0]["quantity"] = json!("4"))),
        Verdict::Applied
    );
    assert_eq!(verdict(&changed, &order()), Verdict::NotApplied);
    assert_eq!(
        verdict(&changed, &with(|v| v["order_items"] = json!([]))),
        Verdict::Unclear
    );
    let removed = with(|v| v["order_items"] = json!([]));
    assert_eq!(verdict(&removed, &removed), Verdict::Applied);
    assert_eq!(verdict(&removed, &order()), Verdict::NotApplied);
    let unnoted = with(|v| v["order_notes"] = json!([]));
    assert_eq!(verdict(&unnoted, &unnoted), Verdict::Applied);
    assert_eq!(verdict(&unnoted, &order()), Verdict::NotApplied);
}

#[test]
fn what_cannot_be_seen_is_sent_again() {
    assert_eq!(
        verdict(&with(|v| v["cc_number"] = json!("4242")), &order()),
        Verdict::NotApplied
    );
    assert_eq!(
        verdict(&order(), &with(disturb)),
        Verdict::Applied,
        "nothing was asked"
    );
}
