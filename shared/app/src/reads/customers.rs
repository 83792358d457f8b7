//! Customers: Order Desk has none of its own, so they are derived from orders.
//!
//! **What is covered.** The newest orders that match, at most [`CustomerSearch::MOST_ORDERS`], in at most four calls.
//! `phone` and `last_name` are looked for in the customer's address and in the shipping address, a search each; given
//! together they must stand in the same address. All values are compared whole and without case by Order Desk.

use std::collections::{HashMap, HashSet};

use domain::Timestamp;
use domain::store::Store;
use orderdesk::Document;
use serde::Serialize;
use serde_json::Value;

use super::list::Shown;
use super::search::read_text;
use super::{Listing, ReadError, Search};
use crate::App;

/// Whom to look for; what is none does not matter, what is given must all agree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomerSearch {
    email: Option<String>,
    customer_id: Option<String>,
    phone: Option<String>,
    last_name: Option<String>,
}

impl CustomerSearch {
    /// The parameters, of which at least one must be given.
    pub const PARAMETERS: [&'static str; 4] = ["email", "customer_id", "phone", "last_name"];
    /// What their values must be, as a fragment of a sentence.
    pub const RULE: &'static str = "must be a text of 1 to 255 characters without control characters";
    /// The same as a regular expression (ECMA-262).
    pub const PATTERN: &'static str = super::search::TEXT;
    /// The most calls to Order Desk that one search makes.
    pub const MOST_CALLS: u32 = 4;
    /// The most orders that one search looks at.
    pub const MOST_ORDERS: u32 = Self::MOST_CALLS * Search::MOST_ROWS;

    /// Narrows the search by a parameter; none if the value does not keep [`CustomerSearch::RULE`].
    pub fn with(mut self, parameter: &str, value: &str) -> Option<Self> {
        let place = match parameter {
            "email" => &mut self.email,
            "customer_id" => &mut self.customer_id,
            "phone" => &mut self.phone,
            "last_name" => &mut self.last_name,
            _ => return None,
        };
        *place = Some(read_text(value)?);
        Some(self)
    }

    /// Whether nothing is asked for, which would be every customer.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// One text for all spellings of one search.
    pub(super) fn canonical(&self) -> String {
        let values = [&self.email, &self.customer_id, &self.phone, &self.last_name];
        let pairs = Self::PARAMETERS.into_iter().zip(values);
        let given = pairs.filter_map(|(name, value)| Some((name, value.as_ref()?)));
        let begin = "customers?".to_owned();
        let length = begin.len();
        url::form_urlencoded::Serializer::for_suffix(begin, length)
            .extend_pairs(given)
            .finish()
    }

    /// The order searches that find the customers.
    fn searches(&self) -> Vec<Search> {
        let common = [("email", &self.email), ("customer_id", &self.customer_id)];
        let address = |prefix: &str| {
            let named = [("phone", &self.phone), ("last_name", &self.last_name)];
            let named = named.map(|(name, value)| (format!("{prefix}_{name}"), value));
            let common = common.map(|(name, value)| (name.to_owned(), value));
            let mut search = Search::new(Listing::Orders, Search::MOST_ROWS, 0);
            for (name, value) in common.into_iter().chain(named) {
                let parameter = Listing::Orders
                    .parameters()
                    .iter()
                    .find(|known| known.name == name);
                if let (Some(parameter), Some(value)) = (parameter, value) {
                    search = search.with(parameter, value.clone());
                }
            }
            search
        };
        if self.phone.is_none() && self.last_name.is_none() {
            vec![address("customer")]
        } else {
            vec![address("customer"), address("shipping")]
        }
    }
}

impl App {
    /// All customers that match, newest order first.
    pub(super) async fn fetch_customers(
        &self,
        store: &Store,
        wanted: &CustomerSearch,
    ) -> Result<Vec<Customer>, ReadError> {
        let searches = wanted.searches();
        let pages = CustomerSearch::MOST_CALLS / searches.len() as u32;
        let mut found = Vec::new();
        for first in searches {
            let mut search = first;
            for _ in 0..pages {
                let page = self.fetch_page(store, &search).await?;
                let more = Shown::new(&search, &page).has_more();
                let next = search.offset() + page.rows.len() as u64;
                found.extend(page.rows);
                if !more {
                    break;
                }
                search = search.at(next);
            }
        }
        Ok(derive(found))
    }
}

/// A customer, from the newest of their orders where orders differ.
#[derive(Debug, Serialize)]
pub(super) struct Customer {
    email: Option<String>,
    name: Option<String>,
    phone: Option<String>,
    company: Option<String>,
    addresses: Vec<Value>,
    order_ids: Vec<String>,
    last_order_at: Option<Timestamp>,
}

/// Groups orders by customer: by e-mail address, else by the id of the source system, else by name and phone.
fn derive(mut orders: Vec<Document>) -> Vec<Customer> {
    // Two searches may find one order; the newest come first, whatever came first.
    let mut seen = HashSet::new();
    orders.retain(|order| seen.insert(text(order.get("id"))));
    orders.sort_by_cached_key(|order| std::cmp::Reverse((text(order.get("date_added")), number(order))));
    let mut places: HashMap<(&'static str, String), usize> = HashMap::new();
    let mut customers: Vec<Customer> = Vec::new();
    for order in &orders {
        let one = single(order);
        let place = *places.entry(identity(order, &one)).or_insert(customers.len());
        match customers.get_mut(place) {
            None => customers.push(one),
            Some(known) => known.join(one),
        }
    }
    customers
}

fn identity(order: &Document, one: &Customer) -> (&'static str, String) {
    let lower = |text: &Option<String>| text.as_deref().map(str::to_lowercase);
    if let Some(email) = lower(&one.email) {
        return ("email", email);
    }
    if let Some(id) = text(order.get("customer_id")) {
        return ("id", id);
    }
    match (lower(&one.name), lower(&one.phone)) {
        // Nothing tells who it was: each such order is a customer of its own.
        (None, None) => ("order", text(order.get("id")).unwrap_or_default()),
        (name, phone) => (
            "name",
            format!("{}\n{}", name.unwrap_or_default(), phone.unwrap_or_default()),
        ),
    }
}

/// The customer that one order tells of.
fn single(order: &Document) -> Customer {
    let addresses: Vec<&Document> = ["customer", "shipping"]
        .into_iter()
        .filter_map(|name| order.get(name)?.as_object())
        .filter(|address| address.values().any(|value| text(Some(value)).is_some()))
        .collect();
    let first = |field: &str| addresses.iter().find_map(|address| text(address.get(field)));
    let full_name = |address: &&Document| {
        let parts = ["first_name", "last_name"].map(|field| text(address.get(field)));
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    };
    let mut customer = Customer {
        email: text(order.get("email")),
        name: addresses.iter().find_map(full_name),
        phone: first("phone"),
        company: first("company"),
        addresses: Vec::new(),
        order_ids: text(order.get("id")).into_iter().collect(),
        last_order_at: text(order.get("date_added")).and_then(|at| moment(&at)),
    };
    customer.add(
        addresses
            .into_iter()
            .map(|address| Value::Object(address.clone())),
    );
    customer
}

impl Customer {
    fn add(&mut self, addresses: impl IntoIterator<Item = Value>) {
        for address in addresses {
            // Order Desk's customer address has two lines fewer than its shipping address.
            if !self.addresses.iter().any(|known| same_address(known, &address)) {
                self.addresses.push(address);
            }
        }
    }

    /// Takes in an older order of the same customer.
    fn join(&mut self, older: Self) {
        self.name = self.name.take().or(older.name);
        self.phone = self.phone.take().or(older.phone);
        self.company = self.company.take().or(older.company);
        self.last_order_at = self.last_order_at.or(older.last_order_at);
        self.order_ids.extend(older.order_ids);
        self.add(older.addresses);
    }
}

fn same_address(one: &Value, other: &Value) -> bool {
    let said = |value: &Value| -> HashMap<String, String> {
        let fields = value.as_object().into_iter().flatten();
        fields
            .filter_map(|(key, value)| Some((key.clone(), text(Some(value))?)))
            .collect()
    };
    said(one) == said(other)
}

/// A text that says something; numbers are texts too.
fn text(value: Option<&Value>) -> Option<String> {
    let text = match value? {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    (!text.is_empty()).then_some(text)
}

fn number(order: &Document) -> Option<u64> {
    text(order.get("id"))?.parse().ok()
}

/// `YYYY-MM-DD HH:MM:SS`, UTC.
fn moment(text: &str) -> Option<Timestamp> {
    format!("{}Z", text.replacen(' ', "T", 1)).parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn customers(orders: Value) -> Value {
        let Value::Array(orders) = orders else {
            panic!("a list")
        };
        let orders = orders.into_iter().map(|order| order.as_object().unwrap().clone());
        serde_json::to_value(derive(orders.collect())).unwrap()
    }

    #[test]
    fn orders_of_one_address_are_one_customer_whatever_its_case() {
        let ada = json!({"first_name": "Ada", "last_name": "L", "phone": "1", "address2": ""});
        let found = customers(json!([
            {"id": "1", "email": "ADA@example.com", "date_added": "2026-01-01 10:00:00",
             "customer": ada, "shipping": {"first_name": "Ada", "last_name": "L", "phone": "1"}},
            {"id": "2", "email": "ada@example.com", "date_added": "2026-01-02 10:00:00",
             "shipping": {"first_name": "Ada", "last_name": "Lovelace", "company": "Engines"}},
        ]));
        let addresses = [
            json!({"first_name": "Ada", "last_name": "Lovelace", "company": "Engines"}),
            ada,
        ];
        assert_eq!(
            found,
            json!([{
                "email": "ada@example.com", "name": "Ada Lovelace", "phone": "1", "company": "Engines",
                "addresses": addresses, "order_ids": ["2", "1"], "last_order_at": "2026-01-02T10:00:00.000Z",
            }])
        );
    }

    #[test]
    fn without_an_address_the_id_counts_and_then_name_and_phone() {
        let bob = json!({"first_name": "Bob", "phone": "5"});
        let found = customers(json!([
            {"id": "1", "customer_id": "7"}, {"id": 2, "customer_id": 7, "email": " "},
            {"id": "3", "shipping": bob}, {"id": "4", "customer": bob}, {"id": "5", "customer": {"first_name": "Bob"}},
            {"id": "6"}, {"id": "7", "customer": []}, {"id": "4", "customer": bob},
        ]));
        let ids: Vec<&Value> = found
            .as_array()
            .unwrap()
            .iter()
            .map(|one| &one["order_ids"])
            .collect();
        assert_eq!(
            ids,
            [
                &json!(["7"]),
                &json!(["6"]),
                &json!(["5"]),
                &json!(["4", "3"]),
                &json!(["2", "1"])
            ]
        );
    }

    #[test]
    fn phone_and_last_name_are_looked_for_in_both_addresses() {
        let search = CustomerSearch::default()
            .with("email", "A@b")
            .unwrap()
            .with("phone", "555")
            .unwrap();
        let canonical: Vec<String> = search.searches().iter().map(Search::canonical).collect();
        assert_eq!(
            canonical,
            [
                "orders?limit=500&offset=0&email=A%40b&customer_phone=555",
                "orders?limit=500&offset=0&email=A%40b&shipping_phone=555",
            ]
        );
        assert_eq!(search.canonical(), "customers?email=A%40b&phone=555");
        let alone = CustomerSearch::default().with("customer_id", "7").unwrap();
        assert_eq!(alone.searches().len(), 1);
        assert!(CustomerSearch::default().with("email", " ").is_none());
        assert!(CustomerSearch::default().is_empty() && !alone.is_empty());
    }
}
