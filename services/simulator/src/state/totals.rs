//! The sums that the service keeps itself.

use serde_json::{Value, json};

use super::value::{Object, amount, cents, list, number};

/// Recomputes quantity, weight, product and order totals from items and charges.
pub(crate) fn recompute(order: &mut Object) {
    let (mut quantity, mut weight, mut product) = (0.0, 0.0, 0.0);
    for item in list(order.get("order_items")) {
        let count = number(item.get("quantity"));
        quantity += count;
        weight += count * number(item.get("weight"));
        product += count * number(item.get("price"));
    }
    let charge = |name: &str| number(order.get(name));
    let total = product + charge("shipping_total") + charge("handling_total") + charge("tax_total")
        - charge("discount_total");
    order.insert("quantity_total".into(), json!(quantity as i64));
    order.insert("weight_total".into(), amount(weight));
    order.insert("product_total".into(), cents(product));
    order.insert("order_total".into(), cents(total));
}

/// The sum of a discount list, whose amounts are text.
pub(crate) fn discount(list_value: Option<&Value>) -> Value {
    cents(
        list(list_value)
            .iter()
            .map(|entry| number(entry.get("amount")))
            .sum(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_follow_items_and_charges() {
        let order = json!({
            "order_items": [
                {"price": "10", "quantity": 2, "weight": 1.5},
                {"price": "0.35", "quantity": 3, "weight": "0.1"},
            ],
            "shipping_total": 4.2, "handling_total": 1, "tax_total": "0.80", "discount_total": 2,
        });
        let Value::Object(mut order) = order else {
            unreachable!("written as an object")
        };
        recompute(&mut order);
        assert_eq!(order["quantity_total"], 5);
        assert_eq!(order["weight_total"], json!(3.3));
        assert_eq!(order["product_total"], json!(21.05));
        assert_eq!(order["order_total"], json!(25.05));
    }
}
