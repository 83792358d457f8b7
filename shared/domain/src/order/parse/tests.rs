use serde_json::json;

use super::*;
use crate::job::JobClass;
use crate::order::fields;
use crate::time::Timestamp;

const AT: i64 = 1_700_000_000_000;

#[expect(
    clippy::needless_pass_by_value,
    reason = "a json!() literal is given by value"
)]
fn parse(kind: CommandKind, value: Value) -> Result<Mutation, Vec<FieldError>> {
    let context = ParseContext {
        target_id: Some("7"),
        submitted_at: Timestamp::from_millis(AT),
    };
    Mutation::parse(kind, &value, &context)
}

fn ok(kind: CommandKind, value: Value) -> Value {
    let mutation = parse(kind, value).unwrap();
    assert_eq!(mutation.kind(), kind);
    let stored = serde_json::to_string(&mutation).unwrap();
    assert_eq!(
        serde_json::from_str::<Mutation>(&stored).unwrap(),
        mutation,
        "{stored}"
    );
    serde_json::to_value(mutation).unwrap()
}

fn refused(kind: CommandKind, value: Value) -> Vec<(String, FieldCode)> {
    parse(kind, value)
        .unwrap_err()
        .into_iter()
        .map(|error| (error.pointer, error.code))
        .collect()
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "a json!() literal is given by value"
)]
fn one(kind: CommandKind, value: Value, pointer: &str, code: FieldCode) {
    assert_eq!(
        refused(kind, value.clone()),
        [(pointer.to_owned(), code)],
        "{value}"
    );
}

#[test]
fn the_specifications_bodies_are_read_and_stored() {
    assert_eq!(
        ok(
            CommandKind::OrderMutate,
            json!({"operations": [
                {"op": "replace", "path": "folder_id", "value": 456},
                {"op": "add", "path": "notes", "value": [{"note": "Updated by API", "type": "system"}]},
            ]})
        ),
        json!({"kind": "order.mutate", "operations": [
            {"op": "replace", "path": "folder_id", "value": 456},
            {"op": "add", "path": "notes", "value": [
                {"date_added": "2023-11-14 22:13:20", "username": "system", "content": "Updated by API"}]},
        ]})
    );
    assert_eq!(
        ok(CommandKind::OrderMoveFolder, json!({"folder_id": 456})),
        json!({"kind": "order.move_folder", "folder": {"id": 456}})
    );
    assert_eq!(
        ok(CommandKind::OrderMoveFolder, json!({"folder_name": "Closed"})),
        json!({"kind": "order.move_folder", "folder": {"name": "Closed"}})
    );
    assert_eq!(
        ok(
            CommandKind::OrderAddItems,
            json!({"items": [
            {"name": "Additional Product", "code": "PROD-002", "price": 19.99, "quantity": 2}]})
        ),
        json!({"kind": "order.add_items", "items": [
            {"name": "Additional Product", "code": "PROD-002", "price": 19.99, "quantity": 2}]})
    );
    assert_eq!(
        ok(
            CommandKind::OrderUpdateAddress,
            json!({"address_type": "billing", "address": {"city": "Newtown"}})
        ),
        json!({"kind": "order.update_address", "address_type": "customer", "address": {"city": "Newtown"}})
    );
    assert_eq!(
        ok(
            CommandKind::OrderAddNote,
            json!({"note": "Customer requested expedited shipping",
            "note_type": "customer_service"})
        ),
        json!({"kind": "order.add_note", "content": "Customer requested expedited shipping",
            "username": "customer_service", "date_added": "2023-11-14 22:13:20"})
    );
    ok(CommandKind::OrderDelete, Value::Null);
    ok(CommandKind::InventoryDelete, json!({}));
    ok(
        CommandKind::InventoryCreate,
        json!({"name": "New Product", "code": "PROD-003", "price": 39.99, "stock": 100}),
    );
    ok(
        CommandKind::InventoryUpdate,
        json!({"name": "Updated Product Name", "price": 44.99, "stock": 75}),
    );
}

#[test]
fn a_create_takes_the_specifications_names_and_keeps_unknown_members() {
    assert_eq!(
        ok(
            CommandKind::OrderCreate,
            json!({
                "email": "customer@example.com", "shipping": {"first_name": "John", "city": "Anytown"},
                "items": [{"name": "Product Name", "code": "PROD-001", "price": 29.99, "quantity": 1, "x": [1]}],
                "notes": [{"note": "Hello"}], "metadata": {"a": 1}, "custom": {"deep": [null]},
            })
        ),
        json!({"kind": "order.create", "order": {
            "email": "customer@example.com", "shipping": {"first_name": "John", "city": "Anytown"},
            "order_items": [{"name": "Product Name", "code": "PROD-001", "price": 29.99, "quantity": 1, "x": [1]}],
            "order_notes": [{"date_added": "2023-11-14 22:13:20", "username": "API", "content": "Hello"}],
            "order_metadata": {"a": 1}, "custom": {"deep": [null]},
        }})
    );
}

#[test]
fn two_names_for_one_thing_are_refused() {
    for kind in [CommandKind::OrderCreate, CommandKind::OrderReplace] {
        one(
            kind,
            json!({"items": [], "order_items": []}),
            "/order_items",
            FieldCode::FieldConflict,
        );
    }
    one(
        CommandKind::OrderAddNote,
        json!({"note": "a", "content": "a"}),
        "/content",
        FieldCode::FieldConflict,
    );
    one(
        CommandKind::OrderAddNote,
        json!({"note": "a", "note_type": "x", "type": "x"}),
        "/type",
        FieldCode::FieldConflict,
    );
}

#[test]
fn envelopes_are_closed() {
    for (kind, mut body) in [
        (
            CommandKind::OrderMutate,
            json!({"operations": [{"op": "remove", "path": "/a"}]}),
        ),
        (CommandKind::OrderMoveFolder, json!({"folder_id": 1})),
        (CommandKind::OrderAddItems, json!({"items": [{"name": "A"}]})),
        (
            CommandKind::OrderUpdateAddress,
            json!({"address_type": "return", "address": {"name": "A"}}),
        ),
        (CommandKind::OrderAddNote, json!({"note": "A"})),
        (CommandKind::OrderDelete, json!({})),
    ] {
        assert!(parse(kind, body.clone()).is_ok(), "{body}");
        body["mis/spelt"] = json!(1);
        one(kind, body, "/mis~1spelt", FieldCode::FieldUnknown);
    }
}

#[test]
fn what_is_missing_or_wrong_is_told_with_its_pointer() {
    use FieldCode::{FieldInvalid, FieldMissing, FieldUnknown, IdMismatch};
    one(CommandKind::OrderAddNote, json!({}), "/note", FieldMissing);
    one(
        CommandKind::OrderAddNote,
        json!({"note": " "}),
        "/note",
        FieldInvalid,
    );
    one(
        CommandKind::OrderAddNote,
        json!({"content": 1}),
        "/content",
        FieldInvalid,
    );
    one(
        CommandKind::OrderAddNote,
        json!({"note": "a", "date_added": "2026-02-30 00:00:00"}),
        "/date_added",
        FieldInvalid,
    );
    one(
        CommandKind::OrderMoveFolder,
        json!({}),
        "/folder_id",
        FieldMissing,
    );
    one(
        CommandKind::OrderMoveFolder,
        json!({"folder_id": "x"}),
        "/folder_id",
        FieldInvalid,
    );
    one(
        CommandKind::OrderMoveFolder,
        json!({"folder_id": 1.5}),
        "/folder_id",
        FieldInvalid,
    );
    one(
        CommandKind::OrderAddItems,
        json!({"items": []}),
        "/items",
        FieldInvalid,
    );
    one(
        CommandKind::OrderAddItems,
        json!({"items": [{"name": "A"}, {}]}),
        "/items/1/name",
        FieldMissing,
    );
    one(
        CommandKind::OrderAddItems,
        json!({"items": [{"name": "A", "price": "x"}]}),
        "/items/0/price",
        FieldInvalid,
    );
    one(
        CommandKind::OrderAddItems,
        json!({"items": [{"name": "A", "quantity": 1.5}]}),
        "/items/0/quantity",
        FieldInvalid,
    );
    one(
        CommandKind::OrderUpdateAddress,
        json!({"address_type": "customer", "address": {"address3": "x"}}),
        "/address/address3",
        FieldUnknown,
    );
    one(
        CommandKind::OrderUpdateAddress,
        json!({"address_type": "home", "address": {}}),
        "/address_type",
        FieldInvalid,
    );
    one(
        CommandKind::OrderCreate,
        json!({"shipping": {"citty": "x"}}),
        "/shipping/citty",
        FieldUnknown,
    );
    one(
        CommandKind::OrderReplace,
        json!({"shipping": {"citty": "x"}}),
        "/shipping/citty",
        FieldUnknown,
    );
    one(CommandKind::OrderReplace, json!({"id": "8"}), "/id", IdMismatch);
    one(
        CommandKind::InventoryUpdate,
        json!({"id": 8, "stock": 1}),
        "/id",
        IdMismatch,
    );
    one(
        CommandKind::InventoryCreate,
        json!({"name": "A"}),
        "/code",
        FieldMissing,
    );
    one(CommandKind::OrderMutate, json!([]), "", FieldInvalid);
    assert!(parse(CommandKind::OrderReplace, json!({"id": 7, "order_total": 5})).is_ok());
}

#[test]
fn server_managed_fields_may_be_tested_and_copied_but_not_written() {
    for field in fields::SERVER_MANAGED {
        let at = format!("/{field}");
        for op in [
            json!({"op": "add", "path": at, "value": 1}),
            json!({"op": "remove", "path": at}),
            json!({"op": "replace", "path": format!("{at}/0/deep"), "value": 1}),
            json!({"op": "replace", "path": field, "value": 1}),
            json!({"op": "copy", "from": "/email", "path": at}),
        ] {
            one(
                CommandKind::OrderMutate,
                json!({"operations": [op]}),
                "/operations/0/path",
                FieldCode::FieldReadOnly,
            );
        }
        let moved = json!({"op": "move", "from": at, "path": "/x"});
        one(
            CommandKind::OrderMutate,
            json!({"operations": [moved]}),
            "/operations/0/from",
            FieldCode::FieldReadOnly,
        );
        let fine = json!({"operations": [
            {"op": "test", "path": at, "value": 1}, {"op": "copy", "from": at, "path": "/email"}]});
        assert!(parse(CommandKind::OrderMutate, fine).is_ok());
    }
    let whole = json!({"operations": [{"op": "replace", "path": "", "value": {}}]});
    one(
        CommandKind::OrderMutate,
        whole,
        "/operations/0/path",
        FieldCode::FieldReadOnly,
    );
}

#[test]
fn malformed_operations_are_refused() {
    use FieldCode::{FieldInvalid, FieldMissing, FieldUnknown, LimitExceeded};
    for (op, pointer, code) in [
        (json!({"op": "set", "path": "/a"}), "/op", FieldInvalid),
        (json!({"op": "add", "path": "/a"}), "/value", FieldMissing),
        (json!({"op": "move", "path": "/a"}), "/from", FieldMissing),
        (json!({"op": "remove", "path": "a/b"}), "/path", FieldInvalid),
        (json!({"op": "remove", "path": 1}), "/path", FieldInvalid),
        (
            json!({"op": "add", "path": "/shipping/citty", "value": "x"}),
            "/path",
            FieldUnknown,
        ),
        (
            json!({"op": "add", "path": "/shipping/city", "value": 5}),
            "/value",
            FieldInvalid,
        ),
        (
            json!({"op": "add", "path": "shipping", "value": {"citty": "x"}}),
            "/value/citty",
            FieldUnknown,
        ),
        (
            json!({"op": "replace", "path": "/folder_id", "value": "New"}),
            "/value",
            FieldInvalid,
        ),
        (
            json!({"op": "add", "path": "/notes/-", "value": {}}),
            "/path",
            FieldUnknown,
        ),
        (
            json!({"op": "add", "path": "notes", "value": [{"nte": "x"}]}),
            "/value/0/nte",
            FieldUnknown,
        ),
        (
            json!({"op": "replace", "path": "/order_items", "value": {}}),
            "/value",
            FieldInvalid,
        ),
        (
            json!({"op": "add", "path": "/order_notes/-", "value": "x"}),
            "/value",
            FieldInvalid,
        ),
    ] {
        let errors = refused(CommandKind::OrderMutate, json!({"operations": [op]}));
        assert_eq!(errors[0], (format!("/operations/0{pointer}"), code), "{op}");
    }
    one(
        CommandKind::OrderMutate,
        json!({"operations": []}),
        "/operations",
        FieldInvalid,
    );
    let many = vec![json!({"op": "remove", "path": "/a"}); 1001];
    one(
        CommandKind::OrderMutate,
        json!({"operations": many}),
        "/operations",
        LimitExceeded,
    );
    let mut deep = json!(1);
    for _ in 0..70 {
        deep = json!([deep]);
    }
    one(
        CommandKind::OrderMutate,
        json!({"operations": [{"op": "add", "path": "/a", "value": deep}]}),
        "",
        LimitExceeded,
    );
}

#[test]
fn a_null_value_is_a_value() {
    let stored = ok(
        CommandKind::OrderMutate,
        json!({"operations": [{"op": "add", "path": "/x", "value": null}]}),
    );
    assert_eq!(stored["operations"][0]["value"], Value::Null);
    assert!(stored["operations"][0].as_object().unwrap().contains_key("value"));
}

#[test]
fn a_command_that_moves_the_order_ends_its_batch() {
    let class = |kind, body| parse(kind, body).unwrap().class();
    let mutate = |path: &str| json!({"operations": [{"op": "replace", "path": path, "value": 1}]});
    assert_eq!(
        class(CommandKind::OrderMutate, mutate("folder_id")),
        JobClass::Last
    );
    assert_eq!(
        class(CommandKind::OrderMutate, mutate("/folder_id")),
        JobClass::Last
    );
    assert_eq!(
        class(CommandKind::OrderMutate, mutate("/tax_total")),
        JobClass::Shared
    );
    assert_eq!(
        class(CommandKind::OrderMoveFolder, json!({"folder_id": 1})),
        JobClass::Last
    );
    assert_eq!(
        class(CommandKind::OrderReplace, json!({"folder_id": 1})),
        JobClass::Alone
    );
}

#[test]
fn debug_shows_no_content() {
    let mutation = parse(CommandKind::OrderAddNote, json!({"note": "jo@example.com"})).unwrap();
    assert_eq!(format!("{mutation:?}"), "Mutation(order.add_note, ***)");
}
