//! What the members of an order are: who manages them, what shape they have, what else they are called.

/// Members that Order Desk manages itself: a PUT does not take them.
pub const SERVER_MANAGED: [&str; 13] = [
    "id",
    "date_added",
    "date_updated",
    "quantity_total",
    "weight_total",
    "product_total",
    "order_total",
    "cc_number_masked",
    "email_count",
    "tag_color",
    "tag_name",
    "refund_total",
    "order_shipments",
];

/// Members of `shipping`.
pub const SHIPPING_MEMBERS: [&str; 12] = [
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

/// Members of `customer`.
pub const CUSTOMER_MEMBERS: [&str; 10] = [
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

/// Members of `return_address`.
pub const RETURN_MEMBERS: [&str; 10] = [
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

/// The specification's names beside Order Desk's.
pub const ALIASES: [(&str, &str); 3] = [
    ("items", "order_items"),
    ("notes", "order_notes"),
    ("metadata", "order_metadata"),
];

/// Whether Order Desk manages the top-level member `field` itself.
pub fn is_server_managed(field: &str) -> bool {
    SERVER_MANAGED.contains(&field)
}

/// The members of the address `field`, if it is one.
pub fn address_members(field: &str) -> Option<&'static [&'static str]> {
    match field {
        "shipping" => Some(&SHIPPING_MEMBERS),
        "customer" => Some(&CUSTOMER_MEMBERS),
        "return_address" => Some(&RETURN_MEMBERS),
        _ => None,
    }
}

/// Order Desk's name for a member that the specification calls `name`.
pub fn order_desk_name(name: &str) -> &str {
    ALIASES
        .iter()
        .find(|(alias, _)| *alias == name)
        .map_or(name, |(_, real)| real)
}

/// Whether the top-level member is a map that PHP may spell `[]` when it is empty.
pub fn is_map(field: &str) -> bool {
    matches!(shape(field), Shape::Map | Shape::TextMap)
}

/// Whether the top-level member is a list of objects.
pub fn is_list(field: &str) -> bool {
    matches!(shape(field), Shape::List(_))
}

/// What a member holds, and so how two values of it compare.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    /// Changes on its own and says nothing.
    LeftOut,
    /// Text; absent, null and empty are one.
    Text,
    /// A number that may come as text.
    Number,
    /// An object of texts, absent when all are empty.
    Address,
    /// A map of texts that may come as a list.
    TextMap,
    /// A map of anything that may come as a list.
    Map,
    /// A list of objects whose members have the shapes of the given function.
    List(fn(&str) -> Shape),
    /// Anything: compared as it is.
    Open,
}

/// The shape of a top-level member of an order.
pub(super) fn shape(field: &str) -> Shape {
    match field {
        "execution_time" | "date_updated" | "email_count" => Shape::LeftOut,
        "id" | "source_id" | "source_name" | "email" | "shipping_method" | "cc_number"
        | "cc_number_masked" | "cc_exp" | "processor_response" | "payment_type" | "payment_status"
        | "customer_id" | "ip_address" | "tag_color" | "tag_name" | "fulfillment_name" | "fulfillment_id"
        | "date_added" => Shape::Text,
        "quantity_total" | "weight_total" | "product_total" | "shipping_total" | "handling_total"
        | "tax_total" | "discount_total" | "order_total" | "processor_balance" | "refund_total"
        | "folder_id" => Shape::Number,
        "shipping" | "customer" | "return_address" => Shape::Address,
        "checkout_data" => Shape::TextMap,
        "order_metadata" => Shape::Map,
        "discount_list" => Shape::List(discount),
        "order_notes" => Shape::List(note),
        "order_items" => Shape::List(item),
        "order_shipments" => Shape::List(shipment),
        _ => Shape::Open,
    }
}

/// The shape of a member of an order item.
pub(super) fn item(field: &str) -> Shape {
    match field {
        "id" | "name" | "code" | "delivery_type" | "category_code" | "fulfillment_method" => Shape::Text,
        "price" | "quantity" | "weight" => Shape::Number,
        "variation_list" => Shape::TextMap,
        "metadata" => Shape::Map,
        _ => Shape::Open,
    }
}

/// The shape of a member of an inventory item.
pub(super) fn inventory(field: &str) -> Shape {
    match field {
        "execution_time" | "date_updated" => Shape::LeftOut,
        "id" | "name" | "code" | "location" | "manufacturer_sku" | "update_source" | "date_added" => {
            Shape::Text
        }
        "price" | "cost" | "weight" | "stock" => Shape::Number,
        "variation_list" => Shape::TextMap,
        "metadata" => Shape::Map,
        _ => Shape::Open,
    }
}

fn note(field: &str) -> Shape {
    match field {
        "date_added" | "username" | "content" => Shape::Text,
        _ => Shape::Open,
    }
}

fn discount(field: &str) -> Shape {
    match field {
        "name" | "code" => Shape::Text,
        "amount" => Shape::Number,
        _ => Shape::Open,
    }
}

fn shipment(field: &str) -> Shape {
    match field {
        "id" | "order_id" | "store_id" | "tracking_number" | "carrier_code" | "shipment_method"
        | "status" | "tracking_url" | "label_format" | "label_image" | "cart_shipment_id"
        | "date_shipped" | "date_added" => Shape::Text,
        "weight" | "cost" | "print_status" => Shape::Number,
        _ => Shape::Open,
    }
}
