//! Properties of the whole module over arbitrary orders and bodies.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Number, Value, json};

use super::batch::{BatchJob, fold};
use super::canonical::Canonical;
use super::check::check;
use super::diff::diff;
use super::digest::ETag;
use super::document::OrderDoc;
use super::judge::{Verdict, judge};
use super::kind::CommandKind;
use super::mutation::{Mutation, ParseContext};
use super::operation::Operation;
use super::patch::apply;
use crate::time::Timestamp;

const KEYS: [&str; 26] = [
    "id",
    "email",
    "folder_id",
    "tax_total",
    "shipping",
    "customer",
    "city",
    "phone",
    "order_items",
    "order_notes",
    "order_metadata",
    "checkout_data",
    "variation_list",
    "metadata",
    "discount_list",
    "price",
    "quantity",
    "name",
    "content",
    "username",
    "email_count",
    "custom",
    "a/b",
    "m~n",
    "",
    "0",
];

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-50i64..50).prop_map(|n| json!(n as f64 / 4.0)),
        any::<f64>().prop_filter_map("finite", |f| Number::from_f64(f).map(Value::Number)),
        select(vec![
            "",
            "0",
            "10",
            "10.00",
            " 7",
            "1e3",
            "text",
            "ünï\u{0}",
            "W/\"x\""
        ])
        .prop_map(Value::from),
        "\\PC{0,6}".prop_map(Value::from),
    ]
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![4 => select(&KEYS[..]).prop_map(str::to_owned), 1 => "\\PC{0,4}"]
}

fn json_value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(5, 40, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::Array),
            btree_map(key(), inner, 0..5).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn address() -> impl Strategy<Value = Value> {
    btree_map(select(vec!["city", "phone", "state", "country"]), scalar(), 0..4)
        .prop_map(|map| Value::Object(map.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()))
}

fn items() -> impl Strategy<Value = Value> {
    let item =
        (0..4u8, select(vec!["A", "B"]), 0..3i64, json_value()).prop_map(|(id, name, quantity, metadata)| {
            let mut item = json!({"name": name, "quantity": quantity, "metadata": metadata});
            if id > 0 {
                item["id"] = json!(id.to_string());
            }
            item
        });
    vec(item, 0..4).prop_map(Value::Array)
}

fn notes() -> impl Strategy<Value = Value> {
    let note = (select(vec!["a", "b"]), select(vec!["x", "y"]), 0..3u8)
        .prop_map(|(username, content, day)| json!({"username": username, "content": content, "date_added": format!("2026-01-0{day} 00:00:00")}));
    vec(note, 0..4).prop_map(Value::Array)
}

fn order() -> impl Strategy<Value = OrderDoc> {
    let known = (items(), notes(), address(), json_value(), 0..5u8);
    (btree_map(key(), json_value(), 0..6), proptest::option::of(known)).prop_map(|(open, known)| {
        let mut map: Map<String, Value> = open.into_iter().collect();
        if let Some((items, notes, address, metadata, folder)) = known {
            map.insert("order_items".into(), items);
            map.insert("order_notes".into(), notes);
            map.insert("shipping".into(), address);
            map.insert("order_metadata".into(), metadata);
            map.insert("folder_id".into(), json!(folder));
        }
        OrderDoc::from_value(Value::Object(map)).unwrap()
    })
}

fn path() -> impl Strategy<Value = String> {
    let token = prop_oneof![
        key(),
        select(vec![
            "-",
            "0",
            "1",
            "01",
            "+1",
            "99999999999999999999",
            "notes",
            "items"
        ])
        .prop_map(str::to_owned)
    ];
    prop_oneof![
        5 => vec(token.clone(), 0..4)
            .prop_map(|ts| ts.iter().fold(String::new(), |p, t| p + "/" + &t.replace('~', "~0").replace('/', "~1"))),
        3 => vec(token, 1..4).prop_map(|ts| ts.join(".")),
        1 => "\\PC{0,8}",
        1 => Just("/a".repeat(80)),
    ]
}

fn operation() -> impl Strategy<Value = Value> {
    let op = select(vec![
        "add", "remove", "replace", "move", "copy", "test", "nonsense",
    ]);
    (op, path(), path(), json_value())
        .prop_map(|(op, path, from, value)| json!({"op": op, "path": path, "from": from, "value": value}))
}

fn context() -> ParseContext<'static> {
    ParseContext {
        target_id: Some("7"),
        submitted_at: Timestamp::from_millis(1_700_000_000_000),
    }
}

fn tag(doc: &OrderDoc) -> ETag {
    ETag::of(b"key", doc)
}

/// The same content in the spellings that Order Desk is known to mix.
fn respell(value: &Value, at: &str) -> Value {
    match value {
        Value::Object(map) if map.is_empty() && is_map(at) => json!([]),
        Value::Array(list) if list.is_empty() && is_map(at) => json!({}),
        Value::Object(map) => Value::Object(
            map.iter()
                .rev()
                .map(|(key, v)| (key.clone(), respell(v, &format!("{at}/{key}"))))
                .collect(),
        ),
        Value::Array(list) => list.iter().map(|v| respell(v, &format!("{at}/*"))).collect(),
        Value::Number(n) if matches!(at, "/tax_total" | "/folder_id" | "/order_items/*/quantity") => {
            match n.as_i64() {
                Some(n) => json!(format!("{n}.00")),
                None => json!(n.to_string()),
            }
        }
        other => other.clone(),
    }
}

/// The judgement form with its lists sorted: what can be told piece by piece.
fn pieces(doc: &OrderDoc) -> Map<String, Value> {
    let mut map = Canonical::judgement(doc).as_object().clone();
    for list in map.values_mut().filter_map(Value::as_array_mut) {
        list.sort_by_key(Value::to_string);
    }
    map
}

fn is_map(at: &str) -> bool {
    matches!(
        at,
        "/order_metadata" | "/checkout_data" | "/order_items/*/metadata" | "/order_items/*/variation_list"
    )
}

proptest! {
    #[test]
    fn a_diff_applied_to_its_first_order_gives_the_second(before in order(), after in order()) {
        let patch = diff(&before, &after);
        prop_assert_eq!(apply(&patch, &before).map(OrderDoc::into_value).ok(), Some(after.to_value()));
        let text = serde_json::to_string(&patch).unwrap();
        prop_assert_eq!(serde_json::from_str::<json_patch::Patch>(&text).unwrap(), patch);
        prop_assert!(diff(&before, &before).0.is_empty());
    }

    #[test]
    fn an_order_survives_its_bytes(doc in order()) {
        let bytes = serde_json::to_vec(&doc).unwrap();
        let again = OrderDoc::from_slice(&bytes).unwrap();
        prop_assert_eq!(serde_json::to_vec(&again).unwrap(), bytes);
    }

    #[test]
    fn the_comparable_forms_are_idempotent(doc in order()) {
        for form in [Canonical::of, Canonical::judgement] {
            let once = form(&doc);
            let again = form(&OrderDoc::from_value(Value::Object(once.as_object().clone())).unwrap());
            prop_assert_eq!(once.to_bytes(), again.to_bytes());
        }
    }

    #[test]
    fn the_comparable_form_is_blind_to_the_known_quirks(doc in order()) {
        let mut respelt = respell(&doc.to_value(), "");
        respelt["execution_time"] = json!("0.1 s");
        respelt["date_updated"] = json!("2026-01-01 00:00:00");
        respelt["email_count"] = json!("12");
        let respelt = OrderDoc::from_value(respelt).unwrap();
        prop_assert_eq!(Canonical::of(&doc).to_bytes(), Canonical::of(&respelt).to_bytes());
        prop_assert_eq!(tag(&doc), tag(&respelt));
    }

    #[test]
    fn no_list_of_operations_panics_and_what_fails_leaves_no_trace(
        doc in order(), operations in vec(operation(), 1..12),
    ) {
        // Past the parser's checks, as something stored long ago might come.
        let stored: Vec<Operation> =
            operations.iter().filter_map(|op| serde_json::from_value(op.clone()).ok()).collect();
        let copy = doc.clone();
        let folded = fold(&doc, &[BatchJob { id: 1, mutation: Mutation::Mutate { operations: stored }, if_match: None }], tag);
        prop_assert_eq!(&doc, &copy);
        if let Ok(share) = &folded.jobs[0].result {
            let after = apply(&share.patch, &doc).map_err(|(_, e)| TestCaseError::fail(e.to_string()))?;
            prop_assert_eq!(after.to_value(), folded.after.to_value());
        } else {
            prop_assert_eq!(doc.to_value(), folded.after.to_value());
        }
        let _ = Mutation::parse(CommandKind::OrderMutate, &json!({"operations": operations}), &context());
    }

    #[test]
    fn no_body_panics_and_what_is_read_survives_storage(
        body in json_value(), order in order(), operations in vec(operation(), 0..4), items in items(), notes in notes(),
    ) {
        let mut whole = order.to_value();
        whole.as_object_mut().unwrap().shift_remove("id");
        let bodies = [
            body, json!({"operations": operations}), json!({"items": items}), notes[0].clone(), whole,
            json!({"folder_name": "x"}), json!({"address_type": "return", "address": {"city": "x"}}),
        ];
        for body in &bodies {
            for kind in CommandKind::ALL {
                let Ok(mutation) = Mutation::parse(*kind, body, &context()) else { continue };
                prop_assert_eq!(mutation.kind(), *kind);
                let text = serde_json::to_string(&mutation).unwrap();
                let again: Mutation = serde_json::from_str(&text).unwrap();
                prop_assert_eq!(&serde_json::to_string(&again).unwrap(), &text);
                prop_assert_eq!(again, mutation.clone());
                let _ = super::fold::apply(&mutation, &order);
            }
        }
    }

    #[test]
    fn an_update_that_arrived_is_never_sent_again_and_one_that_did_not_is_never_taken_for_arrived(
        before in order(), after in order(),
    ) {
        prop_assume!(Canonical::judgement(&before) != Canonical::judgement(&after));
        prop_assert_ne!(judge(&before, &after, &before), Verdict::Applied);
        let mut sent = after.to_value();
        // Lists that only changed their order cannot be told apart piece by piece: sent again, they do no harm.
        for list in ["order_notes", "order_items", "discount_list"] {
            if let Some(value) = before.get(list) {
                sent[list] = value.clone();
            } else {
                sent.as_object_mut().unwrap().shift_remove(list);
            }
        }
        let note = json!({"date_added": "2026-03-01 00:00:00", "username": "API", "content": "ours"});
        let mut list = before.notes().to_vec();
        list.push(note);
        sent["order_notes"] = Value::Array(list);
        let sent = OrderDoc::from_value(sent).unwrap();
        prop_assert_eq!(judge(&before, &sent, &sent), Verdict::Applied);
    }

    #[test]
    fn an_update_that_can_be_seen_is_never_sent_again(before in order(), after in order()) {
        prop_assume!(pieces(&before) != pieces(&after));
        prop_assert_ne!(judge(&before, &after, &after), Verdict::NotApplied);
    }

    #[test]
    fn an_order_that_came_back_as_sent_took_every_job(before in order(), after in order()) {
        let share = diff(&before, &after);
        let check = check(&before, &[((), &share)], &after, &after);
        prop_assert_eq!(check.jobs, vec![((), super::check::Presence::Present)]);
        prop_assert_eq!(check.differences, vec![]);
    }
}
