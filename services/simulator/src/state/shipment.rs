//! Shipments of an order.

use serde_json::{Value, json};

use super::{
    Context, Refusal, time,
    value::{Object, text},
};

const TEXTS: [&str; 10] = [
    "tracking_number",
    "carrier_code",
    "shipment_method",
    "weight",
    "cost",
    "status",
    "tracking_url",
    "label_format",
    "label_image",
    "print_status",
];

/// A new shipment of the order `order`.
pub(crate) fn create(order: &str, sent: &Object, context: &mut Context<'_>) -> Result<Value, Refusal> {
    let mut shipment = Object::new();
    shipment.insert("id".into(), json!(context.ids.next()));
    shipment.insert("order_id".into(), json!(order));
    shipment.insert("store_id".into(), json!(context.store.id));
    fill(&mut shipment, sent)?;
    for field in ["weight", "cost", "print_status"] {
        if text(shipment.get(field)).is_empty() {
            shipment.insert(field.into(), json!("0"));
        }
    }
    if text(sent.get("date_shipped")).is_empty() {
        shipment.insert("date_shipped".into(), json!(time::date(context.now)));
    }
    shipment.insert("date_added".into(), json!(context.stamp()));
    Ok(Value::Object(shipment))
}

/// A shipment written whole: what the client left out becomes blank.
pub(crate) fn replace(stored: &Object, sent: &Object) -> Result<Value, Refusal> {
    let mut shipment = stored.clone();
    fill(&mut shipment, sent)?;
    Ok(Value::Object(shipment))
}

fn fill(shipment: &mut Object, sent: &Object) -> Result<(), Refusal> {
    let number = text(sent.get("tracking_number"));
    if number.trim().is_empty() {
        return Err(Refusal::bad("tracking_number is required"));
    }
    for field in TEXTS {
        shipment.insert(field.into(), json!(text(sent.get(field))));
    }
    if text(sent.get("tracking_url")).is_empty() {
        let url = tracking_url(&text(sent.get("carrier_code")), &number);
        shipment.insert("tracking_url".into(), json!(url));
    }
    let items = sent.get("order_items").cloned().unwrap_or_else(|| json!([]));
    shipment.insert("order_items".into(), items);
    shipment.insert(
        "cart_shipment_id".into(),
        json!(text(sent.get("cart_shipment_id"))),
    );
    shipment.insert("date_shipped".into(), json!(text(sent.get("date_shipped"))));
    Ok(())
}

fn tracking_url(carrier: &str, number: &str) -> String {
    match carrier.to_ascii_uppercase().as_str() {
        _ if number.eq_ignore_ascii_case("n/a") => String::new(),
        "USPS" => format!("https://tools.usps.com/go/TrackConfirmAction?tLabels={number}"),
        "UPS" => format!("https://www.ups.com/track?tracknum={number}"),
        "FEDEX" => format!("https://www.fedex.com/fedextrack/?trknbr={number}"),
        _ => String::new(),
    }
}
