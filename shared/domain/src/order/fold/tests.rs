use serde_json::json;

use super::*;
use crate::order::kind::CommandKind;
use crate::order::mutation::ParseContext;
use crate::time::Timestamp;

fn doc(value: Value) -> OrderDoc {
    OrderDoc::from_value(value).unwrap()
}

fn run(kind: CommandKind, order: &Value, body: &Value) -> Result<Value, FoldError> {
    let context = ParseContext {
        target_id: None,
        submitted_at: Timestamp::from_millis(1_700_000_000_000),
    };
    let mutation = Mutation::parse(kind, body, &context).unwrap_or_else(|e| panic!("{body}: {e:?}"));
    apply(&mutation, &doc(order.clone())).map(OrderDoc::into_value)
}

/// Runs operations; answers the order or the code of the failure.
#[expect(
    clippy::needless_pass_by_value,
    reason = "a json!() literal is given by value"
)]
fn mutate(order: Value, operations: Value) -> Result<Value, ErrorCode> {
    run(
        CommandKind::OrderMutate,
        &order,
        &json!({"operations": operations}),
    )
    .map_err(|error| error.code)
}

#[test]
fn the_specifications_mutation_moves_and_notes() {
    let order = json!({"id": "1", "folder_id": 1, "order_notes": [{"content": "old"}], "x": null});
    let after = mutate(
        order.clone(),
        json!([
            {"op": "replace", "path": "folder_id", "value": 456},
            {"op": "add", "path": "notes", "value": [{"note": "Updated by API", "type": "system"}]},
        ]),
    )
    .unwrap();
    assert_eq!(after["folder_id"], 456);
    assert_eq!(
        after["order_notes"],
        json!([{"content": "old"},
        {"date_added": "2023-11-14 22:13:20", "username": "system", "content": "Updated by API"}])
    );
    assert_eq!(
        folder_change(&doc(order.clone()), &doc(after)),
        Some(FolderId(456))
    );
    assert_eq!(folder_change(&doc(order.clone()), &doc(order)), None);
}

#[test]
fn the_bare_form_grows_lists_and_merges_maps() {
    let order =
        json!({"order_metadata": {"a": "1"}, "shipping": {"city": "Ulm"}, "order_items": [{"name": "A"}]});
    let after = mutate(
        order,
        json!([
            {"op": "add", "path": "metadata", "value": {"b": "2"}},
            {"op": "add", "path": "metadata.c", "value": "3"},
            {"op": "add", "path": "shipping", "value": {"state": "BW"}},
            {"op": "replace", "path": "shipping.city", "value": "Bonn"},
            {"op": "add", "path": "items", "value": {"name": "B"}},
            {"op": "add", "path": "items.0", "value": {"name": "C"}},
            {"op": "add", "path": "notes", "value": {"note": "n"}},
        ]),
    )
    .unwrap();
    assert_eq!(after["order_metadata"], json!({"a": "1", "b": "2", "c": "3"}));
    assert_eq!(after["shipping"], json!({"city": "Bonn", "state": "BW"}));
    assert_eq!(
        after["order_items"],
        json!([{"name": "C"}, {"name": "A"}, {"name": "B"}])
    );
    assert_eq!(after["order_notes"][0]["username"], "API");
}

#[test]
fn the_pointer_form_is_rfc_6902_to_the_letter() {
    let order = || json!({"order_metadata": {"a": "1"}, "l": [1, 2], "n": 10, "b~/": {"": 1}});
    let done = |operations| mutate(order(), operations).unwrap();
    // Appendix A: a pointer-form add replaces an object; nothing is merged.
    assert_eq!(
        done(json!([{"op": "add", "path": "/order_metadata", "value": {"b": 1}}]))["order_metadata"],
        json!({"b": 1})
    );
    assert_eq!(
        done(json!([{"op": "add", "path": "/l/1", "value": [3]}]))["l"],
        json!([1, [3], 2])
    );
    assert_eq!(
        done(json!([{"op": "add", "path": "/l/-", "value": null}]))["l"],
        json!([1, 2, null])
    );
    assert_eq!(
        done(json!([{"op": "move", "from": "/l/1", "path": "/l/0"}]))["l"],
        json!([2, 1])
    );
    assert_eq!(
        done(json!([{"op": "copy", "from": "/l", "path": "/m"}]))["m"],
        json!([1, 2])
    );
    assert_eq!(
        done(json!([{"op": "replace", "path": "/b~0~1/", "value": 2}]))["b~/"],
        json!({"": 2})
    );
    assert_eq!(
        done(json!([{"op": "remove", "path": "/l/0", "junk": 1}]))["l"],
        json!([2])
    );
    for tested in [json!(10), json!(10.0), json!(1e1)] {
        done(json!([{"op": "test", "path": "/n", "value": tested}]));
    }
    for (operation, code) in [
        (
            json!({"op": "test", "path": "/n", "value": "10"}),
            ErrorCode::TestFailed,
        ),
        (
            json!({"op": "test", "path": "/none", "value": null}),
            ErrorCode::TestFailed,
        ),
        (
            json!({"op": "test", "path": "/l", "value": [2, 1]}),
            ErrorCode::TestFailed,
        ),
        (
            json!({"op": "remove", "path": "/none"}),
            ErrorCode::PatchNotApplicable,
        ),
        (
            json!({"op": "remove", "path": "/l/-"}),
            ErrorCode::PatchNotApplicable,
        ),
        (
            json!({"op": "replace", "path": "/none", "value": 1}),
            ErrorCode::PatchNotApplicable,
        ),
        (
            json!({"op": "add", "path": "/none/x", "value": 1}),
            ErrorCode::PatchNotApplicable,
        ),
        (
            json!({"op": "add", "path": "/l/3", "value": 1}),
            ErrorCode::PatchNotApplicable,
        ),
        (
            json!({"op": "add", "path": "/l/01", "value": 1}),
            ErrorCode::PatchNotApplicable,
        ),
        (
            json!({"op": "move", "from": "/order_metadata", "path": "/order_metadata/a"}),
            ErrorCode::PatchNotApplicable,
        ),
    ] {
        assert_eq!(mutate(order(), json!([operation])), Err(code), "{operation}");
    }
}

#[test]
fn containers_that_php_misspelt_take_additions() {
    for empty in [json!([]), json!({}), json!(null)] {
        let order = json!({"order_metadata": empty, "order_notes": empty, "shipping": empty,
            "order_items": [{"variation_list": empty}]});
        let after = mutate(
            order,
            json!([
                {"op": "add", "path": "/order_metadata/0", "value": "x"},
                {"op": "add", "path": "/order_notes/-", "value": {"content": "n"}},
                {"op": "add", "path": "/shipping/city", "value": "Ulm"},
                {"op": "add", "path": "/order_items/0/variation_list/Size", "value": "L"},
            ]),
        )
        .unwrap();
        assert_eq!(after["order_metadata"], json!({"0": "x"}));
        assert_eq!(after["order_notes"], json!([{"content": "n"}]));
        assert_eq!(after["shipping"], json!({"city": "Ulm"}));
        assert_eq!(after["order_items"][0]["variation_list"], json!({"Size": "L"}));
    }
    let missing = mutate(
        json!({}),
        json!([
        {"op": "add", "path": "/checkout_data/a", "value": "x"}, {"op": "add", "path": "/order_items/0", "value": {}}]),
    );
    assert_eq!(
        missing.unwrap(),
        json!({"checkout_data": {"a": "x"}, "order_items": [{}]})
    );
    let listed = mutate(
        json!({"order_metadata": ["a"]}),
        json!([{"op": "add", "path": "metadata.k", "value": 1}]),
    );
    assert_eq!(listed.unwrap(), json!({"order_metadata": {"0": "a", "k": 1}}));
}

#[test]
fn a_failing_list_says_which_operation_and_leaves_no_trace() {
    let order = json!({"order_notes": []});
    let error = run(CommandKind::OrderMutate, &order, &json!({"operations": [
        {"op": "add", "path": "notes", "value": [{"note": "x"}]}, {"op": "test", "path": "/id", "value": "9"}]}))
    .unwrap_err();
    assert_eq!(
        (error.code, error.pointer.as_deref()),
        (ErrorCode::TestFailed, Some("/operations/1"))
    );
}

#[test]
fn an_order_copied_into_itself_again_and_again_is_stopped() {
    let operations: Vec<Value> = (0..1000)
        .map(|i| json!({"op": "copy", "from": "", "path": format!("/x{i}")}))
        .collect();
    assert_eq!(
        mutate(json!({"a": 1}), Value::Array(operations)),
        Err(ErrorCode::PatchNotApplicable)
    );
    let nested: Vec<Value> = (0..1000)
        .map(|_| json!({"op": "move", "from": "/a", "path": "/b/c"}))
        .collect();
    assert_eq!(
        mutate(json!({"a": 1, "b": {}}), Value::Array(nested)),
        Err(ErrorCode::PatchNotApplicable)
    );
}

#[test]
fn an_order_keeps_its_folder_and_the_shape_of_its_lists() {
    assert_eq!(
        mutate(
            json!({"folder_id": 1}),
            json!([{"op": "remove", "path": "/folder_id"}])
        ),
        Err(ErrorCode::PatchNotApplicable)
    );
    let copied = mutate(
        json!({"email": "x", "order_items": []}),
        json!([{"op": "copy", "from": "/email", "path": "/order_items"}]),
    );
    assert_eq!(copied, Err(ErrorCode::PatchNotApplicable));
}

#[test]
fn removing_a_member_keeps_the_order_of_the_others() {
    let after = mutate(
        json!({"a": 1, "b": 2, "c": 3}),
        json!([{"op": "remove", "path": "/a"}]),
    )
    .unwrap();
    assert_eq!(after.to_string(), r#"{"b":2,"c":3}"#);
}

#[test]
fn a_replace_leaves_what_it_does_not_name_and_ignores_what_order_desk_manages() {
    let order = json!({"id": "1", "order_total": 5, "email": "a", "order_metadata": [], "x": {"y": 1},
        "tax_total": "10.00", "checkout_data": {"k": "v"}});
    let body = json!({"id": "1", "order_total": 9, "date_updated": "x", "email": "b", "order_metadata": {},
        "tax_total": 10, "checkout_data": {}});
    let context = ParseContext {
        target_id: Some("1"),
        submitted_at: Timestamp::EPOCH,
    };
    let mutation = Mutation::parse(CommandKind::OrderReplace, &body, &context).unwrap();
    let after = apply(&mutation, &doc(order)).unwrap();
    assert_eq!(
        after.into_value(),
        json!({"id": "1", "order_total": 5, "email": "b", "order_metadata": [], "x": {"y": 1},
        "tax_total": "10.00", "checkout_data": {}})
    );
}

#[test]
fn narrow_commands_change_what_they_name() {
    let order = json!({"folder_id": "1", "shipping": {"city": "Ulm", "phone": "1"}, "order_items": {}, "order_notes": {"2": {"content": "old"}}});
    let after = run(CommandKind::OrderMoveFolder, &order, &json!({"folder_id": 2})).unwrap();
    assert_eq!(after["folder_id"], "2");
    let after = run(
        CommandKind::OrderAddItems,
        &order,
        &json!({"items": [{"name": "A", "z": 1}]}),
    )
    .unwrap();
    assert_eq!(after["order_items"], json!([{"name": "A", "z": 1}]));
    let after = run(CommandKind::OrderAddNote, &order, &json!({"note": "new"})).unwrap();
    assert_eq!(after["order_notes"][0], json!({"content": "old"}));
    assert_eq!(after["order_notes"][1]["content"], "new");
    let body = json!({"address_type": "shipping", "address": {"city": "Bonn"}});
    let after = run(CommandKind::OrderUpdateAddress, &order, &body).unwrap();
    assert_eq!(after["shipping"], json!({"city": "Bonn", "phone": "1"}));
    let body = json!({"address_type": "return", "address": {"name": "Depot"}});
    assert_eq!(
        run(CommandKind::OrderUpdateAddress, &order, &body).unwrap()["return_address"],
        json!({"name": "Depot"})
    );
}

#[test]
fn a_folder_name_must_be_looked_up_first() {
    let mutation = Mutation::MoveFolder {
        folder: FolderTarget::Name("Closed".into()),
    };
    assert_eq!(mutation.folder_name(), Some("Closed"));
    let order = doc(json!({"folder_id": 1}));
    assert_eq!(
        apply(&mutation, &order).unwrap_err().code,
        ErrorCode::FolderNotFound
    );
    let after = apply(&mutation.with_folder(FolderId(3)), &order).unwrap();
    assert_eq!(after.folder_id(), Some(FolderId(3)));
}
