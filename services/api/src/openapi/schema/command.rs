//! The bodies of commands: closed envelopes, in which an unknown member is refused.

use domain::job::JobStatus;
use domain::order::CommandKind as Kind;
use domain::order::fields::{CUSTOMER_MEMBERS, RETURN_MEMBERS, SHIPPING_MEMBERS};
use domain::order::limit::MAX_OPERATIONS;
use serde_json::{Value, json};

use super::object::{address, folder_id};
use super::{closed, digits, nullable, refer, timestamp, written};

/// A time in UTC as Order Desk writes it, with the days that the months have.
const ORDER_DESK_TIME: &str = "^([0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)\
    |02-(0[1-9]|1[0-9]|2[0-8]))|[0-9]{2}(0[48]|[2468][048]|[13579][26])-02-29) ([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]$";

/// With examples.
fn shown(mut schema: Value, about: &str, examples: Value) -> Value {
    schema["description"] = about.into();
    schema["examples"] = examples;
    schema
}

fn filled() -> Value {
    json!({"type": "string", "pattern": "\\S"})
}

fn add_note() -> Value {
    let by = || nullable(filled());
    let mut schema = closed(
        &[],
        json!({
            "note": filled(),
            "content": filled(),
            "note_type": by(),
            "type": by(),
            "username": by(),
            "date_added": nullable(json!({"type": "string", "pattern": ORDER_DESK_TIME})),
        }),
    );
    let both = |one: &str, other: &str| json!({"required": [one, other]});
    schema["oneOf"] = json!([{"required": ["note"]}, {"required": ["content"]}]);
    schema["not"] = json!({"anyOf": [both("note_type", "type"), both("note_type", "username"), both("type", "username")]});
    shown(
        schema,
        "A note: its text (`note` or `content`) and who speaks (`note_type`, `type` or `username`; default `API`).",
        json!([{"note": "Called the customer.", "note_type": "Support"}]),
    )
}

fn move_folder() -> Value {
    let mut schema = closed(&[], json!({"folder_id": folder_id(), "folder_name": filled()}));
    schema["oneOf"] = json!([{"required": ["folder_id"]}, {"required": ["folder_name"]}]);
    shown(
        schema,
        "The folder, by its id or by its name.",
        json!([{"folder_id": 2}, {"folder_name": "Shipped"}]),
    )
}

fn add_items() -> Value {
    let list =
        || json!({"type": "array", "minItems": 1, "maxItems": MAX_OPERATIONS, "items": refer("NewItem")});
    let mut schema = closed(&[], json!({"items": list(), "order_items": list()}));
    schema["oneOf"] = json!([{"required": ["items"]}, {"required": ["order_items"]}]);
    shown(
        schema,
        "The items to add, under either name.",
        json!([{"items": [{"name": "Blue mug", "code": "MUG-BLUE", "quantity": 2, "price": 9.5}]}]),
    )
}

fn update_address() -> Value {
    let form = |words: &[&str], members: &[&str]| {
        closed(
            &["address_type", "address"],
            json!({
                "address_type": {"enum": words},
                "address": address(members, 1),
            }),
        )
    };
    let schema = json!({"oneOf": [
        form(&["shipping"], &SHIPPING_MEMBERS),
        form(&["customer", "billing"], &CUSTOMER_MEMBERS),
        form(&["return"], &RETURN_MEMBERS),
    ]});
    shown(
        schema,
        "Fields of one address; those that are not given stay. `billing` is the customer's.",
        json!([{"address_type": "shipping", "address": {"city": "Paris", "postal_code": "75001"}}]),
    )
}

/// A place that can be written: the order as a whole and members without a name cannot.
fn writable() -> Value {
    json!({
        "type": "string",
        "description": "A JSON Pointer such as `/shipping/city`, or the bare form `shipping.city`.",
        "pattern": "^(/([^/~]|~[01])+(/([^/~]|~[01])*){0,30}|[^./]+(\\.[^./]+){0,30})$",
    })
}

/// The same, or the whole order: an empty text.
fn readable() -> Value {
    json!({"anyOf": [{"type": "string", "maxLength": 0}, writable()]})
}

fn mutate() -> Value {
    let operation = |words: &[&str], members: Value| {
        let mut properties = json!({"op": {"enum": words}});
        let mut required = vec!["op".to_owned()];
        for (name, schema) in members.as_object().into_iter().flatten() {
            properties[name] = schema.clone();
            required.push(name.clone());
        }
        json!({"type": "object", "required": required, "properties": properties})
    };
    let operation = json!({"oneOf": [
        operation(&["add", "replace"], json!({"path": writable(), "value": true})),
        operation(&["test"], json!({"path": readable(), "value": true})),
        operation(&["remove"], json!({"path": writable()})),
        operation(&["move"], json!({"from": writable(), "path": writable()})),
        operation(&["copy"], json!({"from": readable(), "path": writable()})),
    ]});
    let schema = closed(
        &["operations"],
        json!({
            "operations": {"type": "array", "minItems": 1, "maxItems": MAX_OPERATIONS, "items": operation},
        }),
    );
    shown(
        schema,
        "Operations of RFC 6902, applied to the order as it is when the job's turn comes. A failing `test` ends the job \
         and writes nothing.",
        json!([{"operations": [
            {"op": "test", "path": "/shipping/country", "value": "GB"},
            {"op": "replace", "path": "shipping.city", "value": "Paris"},
            {"op": "add", "path": "notes", "value": {"note": "Moved to Paris."}},
        ]}]),
    )
}

fn body_of(kind: Kind) -> Value {
    match kind {
        Kind::OrderCreate => refer("NewOrder"),
        Kind::OrderReplace => refer("OrderReplacement"),
        Kind::OrderMutate => refer("Mutate"),
        Kind::OrderMoveFolder => refer("MoveFolder"),
        Kind::OrderAddItems => refer("AddItems"),
        Kind::OrderUpdateAddress => refer("UpdateAddress"),
        Kind::OrderAddNote => refer("AddNote"),
        Kind::InventoryCreate => refer("NewInventoryItem"),
        Kind::InventoryUpdate => refer("InventoryChange"),
        Kind::OrderDelete | Kind::InventoryDelete => json!({"type": ["object", "null"], "maxProperties": 0}),
    }
}

/// A command within a batch: what its own call takes as path, query, headers and body.
fn batch_item(kind: Kind) -> Value {
    let mut required = vec!["kind"];
    let mut properties = json!({
        "kind": {"const": kind.as_str()},
        "body": body_of(kind),
        "priority": nullable(refer("Priority")),
        "run_at": nullable(timestamp()),
        "callback_url": {"type": ["string", "null"], "format": "uri"},
        "guard": {"enum": ["strict", null]},
        "dry_run": {"enum": [false, null]},
        "if_match": {"type": ["string", "null"], "pattern": "^(\\*|\"[!#-~]*\"(, *\"[!#-~]*\")*)$"},
        "idempotency_key": {"type": ["string", "null"], "pattern": "^[ -~]{1,255}$"},
    });
    if !matches!(kind, Kind::OrderDelete | Kind::InventoryDelete) {
        required.push("body");
    }
    if kind.is_create() || !kind.is_order() {
        // There is no order that could carry a tag.
        properties["if_match"] = json!({"type": "null"});
    }
    if !kind.is_create() {
        let id = if kind.is_order() { "order_id" } else { "item_id" };
        properties[id] = digits();
        required.push(id);
    }
    let mut item = closed(&required, properties);
    item["title"] = kind.as_str().into();
    item
}

fn batch() -> Value {
    let items: Vec<Value> = Kind::ALL.iter().map(|kind| batch_item(*kind)).collect();
    let schema = closed(
        &["jobs"],
        json!({
            "jobs": {"type": "array", "minItems": 1, "maxItems": app::MAX_BATCH, "items": {"oneOf": items}},
        }),
    );
    shown(
        schema,
        "Commands, all of them accepted or none.",
        json!([{"jobs": [
            {"kind": "order.add_note", "order_id": "4312", "body": {"note": "Packed."}},
            {"kind": "order.move_folder", "order_id": "4312", "body": {"folder_id": 2}, "priority": "high"},
        ]}]),
    )
}

fn filter() -> Value {
    let words: Vec<&str> = JobStatus::ALL.iter().map(|status| status.as_str()).collect();
    let words = words.join("|");
    let status = json!({"anyOf": [
        {"type": "string", "pattern": format!("^({words})( *, *({words}))*$")},
        {"type": "array", "items": refer("Status")},
        {"type": "null"},
    ]});
    closed(
        &[],
        json!({
            "store_id": {"type": ["string", "null"], "description": "As in paths; a deleted store by our id alone."},
            "order_id": {"type": ["string", "null"], "pattern": "^[0-9]{1,20}$"},
            "status": status,
            "kind": nullable(refer("CommandKind")),
            "from": nullable(timestamp()),
            "to": nullable(timestamp()),
        }),
    )
}

written! {
    /// The body of `POST …/add-note`, also of new notes elsewhere.
    AddNote = add_note();
    /// The body of `POST …/move-folder`.
    MoveFolder = move_folder();
    /// The body of `POST …/add-items`.
    AddItems = add_items();
    /// The body of `POST …/update-address`.
    UpdateAddress = update_address();
    /// The body of `POST …:mutate`.
    Mutate = mutate();
    /// The body of `POST …/jobs:batch`.
    Batch = batch();
    /// The body of calls about many jobs.
    JobFilter = shown(
        filter(),
        "Which jobs are meant: those that all given members fit. Without any: all of the tenant's.",
        json!([{"store_id": "101", "status": ["failed"]}]),
    );
    /// The body of `POST /jobs/{job_id}:retry`.
    RetryJob = shown(
        closed(&[], json!({"assume": {"enum": ["applied", "not_applied", null]}})),
        "What to assume of a job that ended `needs_review`; others take none.",
        json!([{"assume": "not_applied"}]),
    );
}
