//! Orders that look real, for demonstrations and load.

use serde_json::{Value, json};

use crate::handle::{ControlError, Handle};

/// The sample order number `n`: deterministic, with two items, a note and a field that no client knows.
pub fn sample_order(n: u64) -> Value {
    let first = ["Ada", "Grace", "Alan", "Edsger", "Barbara"][(n % 5) as usize];
    let address = json!({
        "first_name": first, "last_name": format!("Sample{n}"), "company": "",
        "address1": format!("{} Main Street", n % 900 + 1), "address2": "", "city": "Springfield",
        "state": "IL", "postal_code": "62701", "country": "US", "phone": "555-010-0000",
    });
    json!({
        "source_id": format!("S-{n}"), "source_name": "Shopify", "email": format!("buyer{n}@example.com"),
        "shipping_method": "Ground", "shipping_total": 4.5, "tax_total": 1.25,
        "payment_type": "Visa", "payment_status": "Captured", "customer": address, "shipping": address,
        "checkout_data": {"Gift Message": "Happy Birthday"},
        "discount_list": [{"name": "Welcome", "code": "WELCOME", "amount": "1.70"}], "discount_total": 1.7,
        "order_notes": [
            {"date_added": "2026-01-05 09:30:00", "username": "Shop Owner", "content": "Handle with care"},
        ],
        "order_items": [
            {"name": "Blue Mug", "code": "MUG-BLUE", "price": "10", "quantity": 2, "weight": 0.5,
             "variation_list": {"Size": "Large"}},
            {"name": "Sticker", "code": "STICKER", "price": "1.25", "quantity": 4, "weight": 0.01},
        ],
        "warehouse_zone": format!("Z{}", n % 7),
    })
}

impl Handle {
    /// Puts sample orders numbered from 1 into a store and returns their ids.
    pub fn seed_orders(&self, store: &str, count: u64) -> Result<Vec<String>, ControlError> {
        (1..=count)
            .map(|n| self.put_order(store, sample_order(n)))
            .collect()
    }
}
