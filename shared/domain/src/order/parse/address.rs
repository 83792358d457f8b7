//! Addresses: closed, because Order Desk drops what it does not know.

use serde_json::Value;

use super::envelope::Reader;
use crate::order::document::Object;
use crate::order::fields::{CUSTOMER_MEMBERS, RETURN_MEMBERS, SHIPPING_MEMBERS, address_members};
use crate::order::refusal::{FieldCode, join};

/// Checks the members of the address `field` that a command writes.
pub(super) fn check(reader: &mut Reader, base: &str, address: &Object, field: &str) {
    for (key, value) in address {
        if member(reader, &join(base, key), field, key) {
            text(reader, &join(base, key), value);
        }
    }
}

/// Whether `key` is a member of the address `field`; reports it if not.
pub(super) fn member(reader: &mut Reader, pointer: &str, field: &str, key: &str) -> bool {
    let known = address_members(field).unwrap_or_default();
    let fits = known.contains(&key);
    if !fits {
        let detail = format!(
            "is no field of the {field} address; known are {}",
            known.join(", ")
        );
        reader.error(FieldCode::FieldUnknown, pointer, detail);
    }
    fits
}

/// The value of one member of an address.
pub(super) fn text(reader: &mut Reader, pointer: &str, value: &Value) {
    if !value.is_string() {
        reader.invalid(pointer, "must be a text; to clear the field send an empty one");
    }
}

/// Checks the addresses of a whole order.
///
/// A `lenient` check is for an order that may have come from Order Desk: it takes null and numbers, and any
/// field that some address has.
pub(super) fn check_order(reader: &mut Reader, order: &Object, lenient: bool) {
    for field in ["shipping", "customer", "return_address"] {
        let base = join("", field);
        match order.get(field) {
            None | Some(Value::Null) => {}
            Some(Value::Array(list)) if list.is_empty() => {}
            Some(Value::Object(address)) if lenient => {
                for (key, value) in address {
                    let pointer = join(&base, key);
                    let anywhere = [&SHIPPING_MEMBERS[..], &CUSTOMER_MEMBERS, &RETURN_MEMBERS];
                    if !anywhere.iter().any(|members| members.contains(&key.as_str())) {
                        member(reader, &pointer, field, key);
                    } else if value.is_object() || value.is_array() {
                        text(reader, &pointer, value);
                    }
                }
            }
            Some(Value::Object(address)) => check(reader, &base, address, field),
            Some(_) => reader.invalid(&base, "must be an object"),
        }
    }
}
