//! Order Desk's objects, which are open: members that are not named here are passed on untouched.

use domain::order::fields::{CUSTOMER_MEMBERS, RETURN_MEMBERS, SHIPPING_MEMBERS};
use serde_json::{Map, Value, json};

use super::{refer, written};

/// A number, or one as text; Order Desk gives both.
fn number() -> Value {
    json!({"anyOf": [
        {"type": "number"},
        {"type": "string", "pattern": "^[+-]?([0-9]{1,20}(\\.[0-9]{0,19})?|\\.[0-9]{1,19})$"},
    ]})
}

fn whole_number() -> Value {
    json!({"anyOf": [
        {"type": "integer", "minimum": i64::MIN, "maximum": i64::MAX},
        {"type": "string", "pattern": "^[+-]?[0-9]{1,18}(\\.0{0,9})?$"},
    ]})
}

/// An object; PHP writes an empty one as a list.
fn map() -> Value {
    json!({"anyOf": [{"type": "object"}, {"type": "array", "maxItems": 0}]})
}

fn filled() -> Value {
    json!({"type": "string", "pattern": "\\S"})
}

/// An address with these members and no others.
pub(super) fn address(members: &[&str], at_least: usize) -> Value {
    let members: Map<String, Value> = members
        .iter()
        .map(|name| ((*name).to_owned(), json!({"type": "string"})))
        .collect();
    json!({"type": "object", "additionalProperties": false, "minProperties": at_least, "properties": members})
}

/// A whole address of an order; absent ones may be null or `[]`.
fn whole_address(members: &[&str]) -> Value {
    json!({"anyOf": [address(members, 0), {"type": "null"}, {"type": "array", "maxItems": 0}]})
}

/// As it may have come from Order Desk: any field that some address has, with numbers and nulls.
fn read_address() -> Value {
    let names = [&SHIPPING_MEMBERS[..], &CUSTOMER_MEMBERS, &RETURN_MEMBERS].concat();
    let scalar = json!({"type": ["string", "number", "boolean", "null"]});
    let members: Map<String, Value> = names
        .iter()
        .map(|name| ((*name).to_owned(), scalar.clone()))
        .collect();
    json!({"anyOf": [
        {"type": "object", "additionalProperties": false, "properties": members},
        {"type": "null"},
        {"type": "array", "maxItems": 0},
    ]})
}

fn item_members() -> Value {
    json!({
        "name": {"type": "string"},
        "code": {"type": "string"},
        "price": number(),
        "quantity": whole_number(),
        "weight": number(),
        "delivery_type": {"type": "string"},
        "category_code": {"type": "string"},
        "fulfillment_method": {"type": "string"},
        "variation_list": map(),
        "metadata": map(),
    })
}

fn new_item() -> Value {
    let mut members = item_members();
    members["id"] = Value::Bool(false);
    let named = |name: &str| json!({"required": [name], "properties": {name: {"minLength": 1}}});
    json!({
        "type": "object",
        "description": "An item to be added: it has a name or a code, and no id yet.",
        "properties": members,
        "anyOf": [named("name"), named("code")],
        "examples": [{"name": "Blue mug", "code": "MUG-BLUE", "quantity": 2, "price": 9.5}],
    })
}

/// Both names of one thing.
fn not_both() -> Value {
    let both = |one: &str, other: &str| json!({"required": [one, other]});
    json!({"anyOf": [both("items", "order_items"), both("notes", "order_notes"), both("metadata", "order_metadata")]})
}

/// The members that a create and a replace have in common.
fn order_members() -> Value {
    let list = || json!({"type": ["array", "object", "null"]});
    json!({
        "source_id": {"description": "The cart's order number; a create finds an order of this number first."},
        "email": {},
        "shipping_method": {},
        "folder_id": folder_id(),
        "order_notes": list(),
        "notes": {"type": "array", "items": refer("AddNote"), "description": "New notes; their authors and dates are filled in."},
        "metadata": list(),
        "order_metadata": list(),
        "checkout_data": list(),
        "discount_list": list(),
    })
}

fn new_order() -> Value {
    let mut members = order_members();
    let items =
        json!({"anyOf": [{"type": "array", "items": refer("NewItem")}, {"type": ["object", "null"]}]});
    let metadata = json!({"type": ["object", "array", "null"], "properties": {"gateway_job": false}});
    members["id"] = Value::Bool(false);
    members["items"] = items.clone();
    members["order_items"] = items;
    members["metadata"] = metadata.clone();
    members["order_metadata"] = metadata;
    members["shipping"] = whole_address(&SHIPPING_MEMBERS);
    members["customer"] = whole_address(&CUSTOMER_MEMBERS);
    members["return_address"] = whole_address(&RETURN_MEMBERS);
    json!({
        "type": "object",
        "description": "A new order, under the names `items`, `notes` and `metadata` or under Order Desk's own.",
        "properties": members,
        "not": not_both(),
        "examples": [{
            "source_id": "CART-1001",
            "email": "ada@example.org",
            "shipping": {"first_name": "Ada", "last_name": "Lovelace", "city": "London", "country": "GB"},
            "items": [{"name": "Blue mug", "code": "MUG-BLUE", "quantity": 2, "price": 9.5}],
            "notes": [{"note": "Gift wrap, please."}],
            "metadata": {"campaign": "spring"},
        }],
    })
}

fn replacement() -> Value {
    let mut members = order_members();
    let items =
        json!({"anyOf": [{"type": "array", "items": {"type": "object"}}, {"type": ["object", "null"]}]});
    members["items"] = items.clone();
    members["order_items"] = items;
    for name in ["shipping", "customer", "return_address"] {
        members[name] = read_address();
    }
    json!({
        "type": "object",
        "description": "The complete order. A top-level member left out stays as it is; send it empty to clear it. What \
            Order Desk manages is ignored, and an `id` must be that of the path, so that an order which was read can \
            be edited and sent back.",
        "properties": members,
        "not": not_both(),
        "examples": [{
            "email": "ada@example.org",
            "shipping": {"first_name": "Ada", "last_name": "Lovelace", "city": "Paris", "country": "FR"},
            "order_items": [{"name": "Blue mug", "code": "MUG-BLUE", "quantity": 3, "price": 9.5}],
        }],
    })
}

/// The id of a folder.
pub(super) fn folder_id() -> Value {
    json!({"anyOf": [
        {"type": "integer", "minimum": 0, "maximum": u64::MAX},
        {"type": "string", "pattern": "^[0-9]{1,19}$"},
    ]})
}

fn inventory_members() -> Value {
    json!({
        "name": {"type": "string"},
        "code": {"type": "string"},
        "location": {"type": "string"},
        "manufacturer_sku": {"type": "string"},
        "price": number(),
        "cost": number(),
        "weight": number(),
        "stock": whole_number(),
        "variation_list": map(),
        "metadata": map(),
    })
}

written! {
    /// An order as it is read.
    Order = json!({
        "type": "object",
        "description": "An order as Order Desk has it, unknown members and all.",
        "required": ["id"],
        "properties": {"id": {"type": ["string", "integer"]}},
        "additionalProperties": true,
    });
    /// An inventory item as it is read.
    InventoryItem = json!({
        "type": "object",
        "description": "An inventory item as Order Desk has it, unknown members and all.",
        "required": ["id"],
        "properties": {"id": {"type": ["string", "integer"]}},
        "additionalProperties": true,
    });
    /// The body of `POST …/orders`.
    NewOrder = new_order();
    /// The body of `PUT …/orders/{order_id}`.
    OrderReplacement = replacement();
    /// An item to be added to an order.
    NewItem = new_item();
    /// The body of `POST …/inventory`.
    NewInventoryItem = {
        let mut members = inventory_members();
        members["id"] = Value::Bool(false);
        members["name"] = filled();
        members["code"] = filled();
        json!({
            "type": "object", "required": ["name", "code"], "properties": members,
            "examples": [{"name": "Blue mug", "code": "MUG-BLUE", "stock": 40, "price": "9.50"}],
        })
    };
    /// The body of `PUT …/inventory/{item_id}`.
    InventoryChange = json!({
        "type": "object",
        "description": "The fields to change; the others stay. An `id` must be that of the path.",
        "minProperties": 1,
        "properties": inventory_members(),
        "examples": [{"stock": 75}],
    });
    /// A page of orders.
    OrderPage = rows("orders", "Order");
    /// A page of inventory items.
    InventoryPage = rows("inventory_items", "InventoryItem");
    /// A page of customers.
    CustomerPage = super::page("Customer");
    /// A customer.
    Customer = super::object(json!({
        "email": {"type": ["string", "null"]},
        "name": {"type": ["string", "null"]},
        "phone": {"type": ["string", "null"]},
        "company": {"type": ["string", "null"]},
        "addresses": {"type": "array", "items": {"type": "object", "additionalProperties": true}},
        "order_ids": {"type": "array", "items": {"type": "string"}},
        "last_order_at": super::nullable(super::timestamp()),
    }));
    /// The settings of a store.
    StoreSettings = super::object(json!({
        "store": {"type": "object", "additionalProperties": true, "description": "Those that hold no credentials."},
        "folders": {"type": "array", "items": super::object(json!({
            "id": {"type": ["integer", "string"]},
            "name": {"type": "string"},
        }))},
    }));
}

/// A page of one of Order Desk's lists.
fn rows(member: &str, schema: &str) -> Value {
    let count = || json!({"type": "integer", "minimum": 0});
    super::object(json!({
        member: {"type": "array", "items": refer(schema)},
        "total_records": super::nullable(count()),
        "records_returned": count(),
        "offset": count(),
        "limit": count(),
        "has_more": {"type": "boolean"},
    }))
}
