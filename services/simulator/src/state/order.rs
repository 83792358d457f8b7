//! How an order comes into being and how a PUT replaces it.

use serde_json::{Value, json};

use super::{
    Context, Refusal, address, item, totals,
    value::{Object, amount, list, map, number, text},
};
use crate::quirk::Trigger;

/// Text fields that a client writes; blank when left out of a PUT.
const TEXTS: [&str; 12] = [
    "source_id",
    "source_name",
    "email",
    "shipping_method",
    "cc_exp",
    "processor_response",
    "payment_type",
    "payment_status",
    "customer_id",
    "ip_address",
    "fulfillment_name",
    "fulfillment_id",
];
/// Amounts that a client writes; zero when left out of a PUT.
const AMOUNTS: [&str; 4] = [
    "shipping_total",
    "handling_total",
    "tax_total",
    "processor_balance",
];
/// Fields that only the service writes.
const SERVER: [&str; 13] = [
    "id",
    "quantity_total",
    "weight_total",
    "product_total",
    "order_total",
    "cc_number_masked",
    "refund_total",
    "email_count",
    "tag_color",
    "tag_name",
    "date_added",
    "date_updated",
    "order_shipments",
];
const OTHERS: [&str; 9] = [
    "discount_total",
    "cc_number",
    "folder_id",
    "checkout_data",
    "order_metadata",
    "discount_list",
    "order_notes",
    "order_items",
    "folder_name",
];
/// Longest JSON text of the two free maps.
const MAP_LIMITS: [(&str, usize); 2] = [("checkout_data", 3_500), ("order_metadata", 2_000)];

/// An order with every field of the vendor's sample, all blank, in the sample's order.
pub(crate) fn blank() -> Object {
    let blank = json!({
        "id": "", "email": "", "shipping_method": "", "quantity_total": 0, "weight_total": 0,
        "product_total": 0, "shipping_total": 0, "handling_total": 0, "tax_total": 0, "discount_total": 0,
        "order_total": 0, "cc_number_masked": "", "cc_exp": "", "processor_response": "", "payment_type": "",
        "payment_status": "", "processor_balance": 0, "refund_total": 0, "customer_id": "",
        "email_count": "0", "ip_address": "", "tag_color": "", "tag_name": "", "fulfillment_name": "",
        "fulfillment_id": "", "folder_id": 0, "date_added": "", "date_updated": "", "shipping": {},
        "customer": {}, "return_address": {}, "checkout_data": {}, "order_metadata": {}, "discount_list": [],
        "order_notes": [], "order_items": [], "order_shipments": [], "source_id": "", "source_name": "",
    });
    let Value::Object(blank) = blank else {
        unreachable!("written as an object")
    };
    blank
}

/// Makes a new order from the body of `POST /orders`, or refuses it.
pub(crate) fn create(body: &Object, context: &mut Context<'_>) -> Result<Object, Refusal> {
    if list(body.get("order_items")).is_empty() {
        return Err(Refusal::bad("An order needs at least one item"));
    }
    let shipping = address::sent_on_create("shipping", address::SHIPPING, body);
    let customer = address::sent_on_create("customer", address::CUSTOMER, body);
    let (shipping, customer) = match (
        address::names_somebody(&shipping),
        address::names_somebody(&customer),
    ) {
        (false, false) => return Err(Refusal::bad("A name or company is required")),
        (true, false) => (shipping.clone(), shipping),
        (false, true) => (customer.clone(), customer),
        (true, true) => (shipping, customer),
    };
    let mut body = body.clone();
    body.insert("shipping".into(), Value::Object(shipping));
    body.insert("customer".into(), Value::Object(customer));

    let mut order = blank();
    let id = context.ids.next();
    order.insert("id".into(), json!(id));
    write(&mut order, &body, context)?;
    for (field, default) in [
        ("source_id", id.as_str()),
        ("source_name", "Order Desk"),
        ("payment_status", "Captured"),
    ] {
        if text(order.get(field)).is_empty() {
            order.insert(field.into(), json!(default));
        }
    }
    let folder = match body.get("folder_id").filter(|value| !value.is_null()) {
        Some(wanted) => {
            context
                .folder(Some(wanted))
                .ok_or_else(|| Refusal::bad("The folder does not exist"))?
                .id
        }
        None => context.store.folders.first().map_or(0, |folder| folder.id),
    };
    order.insert("folder_id".into(), json!(folder));
    if body.get("processor_balance").is_none() {
        let total = order["order_total"].clone();
        order.insert("processor_balance".into(), total);
    }
    let stamp = context.stamp();
    order.insert("date_added".into(), json!(stamp));
    order.insert("date_updated".into(), json!(stamp));
    context.quirks.run_rules(Trigger::Create, &mut order, &stamp);
    Ok(order)
}

/// The order after a PUT of `body`: everything the client may write is taken from the body or blank.
pub(crate) fn replace(stored: &Object, body: &Object, context: &mut Context<'_>) -> Result<Object, Refusal> {
    let mut order = stored.clone();
    write(&mut order, body, context)?;
    if context.quirks.refuse_empty_items && list(order.get("order_items")).is_empty() {
        return Err(Refusal::bad("An order needs at least one item"));
    }
    if context.quirks.put_honours_folder
        && let Some(folder) = context.folder(body.get("folder_id"))
    {
        order.insert("folder_id".into(), json!(folder.id));
    }
    let stamp = context.stamp();
    order.insert("date_updated".into(), json!(stamp));
    context.quirks.run_rules(Trigger::Put, &mut order, &stamp);
    Ok(order)
}

fn write(order: &mut Object, body: &Object, context: &mut Context<'_>) -> Result<(), Refusal> {
    for (field, limit) in MAP_LIMITS {
        let value = map(body.get(field));
        if value.to_string().chars().count() > limit {
            return Err(Refusal::bad(format!("{field} is longer than {limit} characters")));
        }
        order.insert(field.into(), value);
    }
    for field in TEXTS {
        order.insert(field.into(), json!(text(body.get(field))));
    }
    for field in AMOUNTS {
        order.insert(field.into(), amount(number(body.get(field))));
    }
    let discounts = discounts(body.get("discount_list"));
    let discount = match body.get("discount_total") {
        Some(sent) => amount(number(Some(sent))),
        None => totals::discount(Some(&discounts)),
    };
    order.insert("discount_list".into(), discounts);
    order.insert("discount_total".into(), discount);
    if let Some(card) = body.get("cc_number") {
        order.insert("cc_number_masked".into(), json!(masked(&text(Some(card)))));
    }
    for (name, fields) in address::ALL {
        let value = address::write(fields, order.get(name), body.get(name), context);
        order.insert(name.into(), value);
    }
    let notes = notes(
        list(order.get("order_notes")),
        list(body.get("order_notes")),
        context,
    );
    order.insert("order_notes".into(), notes);
    let items = item::replace_list(list(order.get("order_items")), body.get("order_items"), context)?;
    order.insert("order_items".into(), items);
    if context.quirks.store_unknown_fields {
        write_unknown(order, body);
    }
    totals::recompute(order);
    Ok(())
}

fn discounts(sent: Option<&Value>) -> Value {
    list(sent)
        .iter()
        .map(|entry| {
            json!({
                "name": text(entry.get("name")), "code": text(entry.get("code")),
                "amount": text(entry.get("amount")),
            })
        })
        .collect()
}

fn notes(stored: &[Value], sent: &[Value], context: &Context<'_>) -> Value {
    let stamp = context.stamp();
    let sent = sent.iter().filter(|note| note.is_object()).map(|note| {
        let date = Some(text(note.get("date_added"))).filter(|date| !date.is_empty());
        json!({
            "date_added": date.unwrap_or_else(|| stamp.clone()),
            "username": text(note.get("username")), "content": text(note.get("content")),
        })
    });
    if context.quirks.put_appends_notes {
        let mut notes = stored.to_vec();
        // Each stored note accounts for one equal sent note, so a deliberate second one still counts.
        let mut accounted = stored.to_vec();
        for note in sent {
            match accounted.iter().position(|known| *known == note) {
                Some(position) => {
                    accounted.swap_remove(position);
                }
                None => notes.push(note),
            }
        }
        return Value::Array(notes);
    }
    sent.collect()
}

fn masked(card: &str) -> String {
    let digits: Vec<char> = card.chars().filter(char::is_ascii_digit).collect();
    if digits.is_empty() {
        return String::new();
    }
    let last: String = digits[digits.len().saturating_sub(4)..].iter().collect();
    format!("xxxxxxxxxxxx{last}")
}

/// Whether the API knows a top-level field of an order, flat names of a create included.
fn is_known(field: &str) -> bool {
    let flat = |prefix: &str| {
        field
            .strip_prefix(prefix)
            .is_some_and(|rest| address::SHIPPING.contains(&rest))
    };
    TEXTS.contains(&field)
        || AMOUNTS.contains(&field)
        || SERVER.contains(&field)
        || OTHERS.contains(&field)
        || address::ALL.iter().any(|(name, _)| *name == field)
        || flat("shipping_")
        || flat("customer_")
}

fn write_unknown(order: &mut Object, body: &Object) {
    order.retain(|field, _| is_known(field) || body.contains_key(field));
    for (field, value) in body.iter().filter(|(field, _)| !is_known(field)) {
        order.insert(field.clone(), value.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_a_blank_order_is_known() {
        for field in blank().keys() {
            assert!(is_known(field), "{field}");
        }
        assert!(is_known("customer_first_name") && !is_known("gift_wrap"));
    }

    #[test]
    fn only_the_last_four_digits_of_a_card_are_kept() {
        assert_eq!(masked("4242 4242 4242 4242"), "xxxxxxxxxxxx4242");
        assert_eq!(masked("4242"), "xxxxxxxxxxxx4242");
        assert_eq!(masked(""), "");
    }
}
