//! The three addresses of an order.

use serde_json::{Value, json};

use super::{
    Context,
    value::{Object, text},
};

pub(crate) const SHIPPING: &[&str] = &[
    "first_name",
    "last_name",
    "company",
    "address1",
    "address2",
    "address3",
    "address4",
    "city",
    "state",
    "postal_code",
    "country",
    "phone",
];
pub(crate) const CUSTOMER: &[&str] = &[
    "first_name",
    "last_name",
    "company",
    "address1",
    "address2",
    "city",
    "state",
    "postal_code",
    "country",
    "phone",
];
pub(crate) const RETURN: &[&str] = &[
    "title",
    "name",
    "company",
    "address1",
    "address2",
    "city",
    "state",
    "postal_code",
    "country",
    "phone",
];

/// The addresses of an order and their fields.
pub(crate) const ALL: [(&str, &[&str]); 3] = [
    ("shipping", SHIPPING),
    ("customer", CUSTOMER),
    ("return_address", RETURN),
];

/// An address with every field, blank where the client sent none; unknown fields that were stored stay.
pub(crate) fn write(
    fields: &[&str],
    stored: Option<&Value>,
    sent: Option<&Value>,
    context: &Context<'_>,
) -> Value {
    let mut address = stored.and_then(Value::as_object).cloned().unwrap_or_default();
    for field in fields {
        let value = text(sent.and_then(|sent| sent.get(field)));
        let value = if *field == "phone" {
            context.phone(value)
        } else {
            value
        };
        address.insert((*field).to_owned(), json!(value));
    }
    Value::Object(address)
}

/// The address of a create: an object, or flat names such as `customer_first_name`.
pub(crate) fn sent_on_create(name: &str, fields: &[&str], body: &Object) -> Object {
    let mut address = body
        .get(name)
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    for field in fields {
        if let Some(value) = body.get(&format!("{name}_{field}")) {
            address.entry(*field).or_insert_with(|| value.clone());
        }
    }
    address
}

/// Whether an address names somebody: a first or last name or a company.
pub(crate) fn names_somebody(address: &Object) -> bool {
    ["first_name", "last_name", "company"]
        .iter()
        .any(|field| !text(address.get(*field)).trim().is_empty())
}
