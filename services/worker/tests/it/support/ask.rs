//! Commands, said shortly.

use app::Submission;
use domain::OrderId;
use domain::order::CommandKind;
use serde_json::{Value, json};

/// Any command on an order or item.
pub fn ask(kind: CommandKind, order: &str, body: Value) -> Submission {
    Submission::new(kind, Some(order.parse::<OrderId>().expect("an id")), body)
}

/// One more note.
pub fn note(order: &str, text: &str) -> Submission {
    ask(CommandKind::OrderAddNote, order, json!({"note": text}))
}

/// RFC 6902 operations.
pub fn mutate(order: &str, operations: Value) -> Submission {
    let mut body = json!({});
    body["operations"] = operations;
    ask(CommandKind::OrderMutate, order, body)
}

/// Into another folder.
pub fn move_to(order: &str, folder: u64) -> Submission {
    ask(CommandKind::OrderMoveFolder, order, json!({"folder_id": folder}))
}

/// A new order.
pub fn create(order: Value) -> Submission {
    Submission::new(CommandKind::OrderCreate, None, order)
}

/// A small order to create.
pub fn new_order(email: &str) -> Value {
    json!({
        "email": email,
        "shipping": {"first_name": "Ada", "last_name": "Byron", "address1": "1 Engine Row"},
        "items": [{"name": "Blue Mug", "code": "MUG", "price": 10, "quantity": 2}],
    })
}

/// An order without what Order Desk itself keeps: ids it gave stay, times and sums go.
pub fn content(order: &Value) -> Value {
    let mut order = order.clone();
    let object = order.as_object_mut().expect("an order");
    for field in [
        "date_updated",
        "quantity_total",
        "weight_total",
        "product_total",
        "order_total",
    ] {
        object.shift_remove(field);
    }
    order
}
