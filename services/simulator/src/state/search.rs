//! The search parameters of `GET /orders` and `GET /inventory-items`.

use std::{cmp::Ordering, collections::BTreeMap};

use serde_json::Value;

use super::{
    Refusal, time,
    value::{Object, text},
};
use crate::config::StoreConfig;

/// Pages hold this many rows unless the client says otherwise.
const DEFAULT_LIMIT: usize = 50;
/// Pages never hold more rows than this.
const MAXIMUM_LIMIT: usize = 500;

/// A decoded query string, in the order sent.
pub(crate) type Query = Vec<(String, String)>;

/// One page of results.
pub(crate) struct Page {
    pub rows: Vec<Value>,
    pub total: usize,
    pub offset: usize,
    pub limit: usize,
}

/// The last value of a parameter that is not blank.
fn get<'a>(query: &'a Query, name: &str) -> Option<&'a str> {
    let value = query
        .iter()
        .rev()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.trim())?;
    Some(value).filter(|value| !value.is_empty())
}

fn page(found: &[&Object], query: &Query) -> Page {
    let whole = |name: &str| get(query, name).and_then(|value| value.parse::<usize>().ok());
    let limit = whole("limit")
        .filter(|limit| *limit > 0)
        .unwrap_or(DEFAULT_LIMIT)
        .min(MAXIMUM_LIMIT);
    let offset = whole("offset").unwrap_or(0);
    let rows = found
        .iter()
        .skip(offset)
        .take(limit)
        .map(|row| Value::Object((*row).clone()))
        .collect();
    Page {
        rows,
        total: found.len(),
        offset,
        limit,
    }
}

/// Where a text parameter looks: a field, or a field of an address.
const TEXT_FILTERS: [(&str, &str, &str); 12] = [
    ("source_id", "", "source_id"),
    ("source_name", "", "source_name"),
    ("email", "", "email"),
    ("customer_id", "", "customer_id"),
    ("customer_first_name", "customer", "first_name"),
    ("customer_last_name", "customer", "last_name"),
    ("customer_company", "customer", "company"),
    ("customer_phone", "customer", "phone"),
    ("shipping_first_name", "shipping", "first_name"),
    ("shipping_last_name", "shipping", "last_name"),
    ("shipping_company", "shipping", "company"),
    ("shipping_phone", "shipping", "phone"),
];

/// Bounds: parameter, field, whether it is a lower bound, whether it is in store time.
const BOUNDS: [(&str, &str, bool, bool); 6] = [
    ("search_start_date", "date_added", true, false),
    ("search_end_date", "date_added", false, false),
    ("search_start_date_local", "date_added", true, true),
    ("search_end_date_local", "date_added", false, true),
    ("modified_start_date", "date_updated", true, false),
    ("modified_end_date", "date_updated", false, false),
];

type Filter = Box<dyn Fn(&Object) -> bool>;

fn filters(query: &Query, store: &StoreConfig) -> Result<Vec<Filter>, Refusal> {
    let mut filters: Vec<Filter> = Vec::new();
    for (parameter, address, field) in TEXT_FILTERS {
        if let Some(wanted) = get(query, parameter).map(str::to_lowercase) {
            filters.push(Box::new(move |order| {
                let value = if address.is_empty() {
                    order.get(field)
                } else {
                    order.get(address).and_then(|address| address.get(field))
                };
                text(value).to_lowercase() == wanted
            }));
        }
    }
    for (parameter, field, lower, local) in BOUNDS {
        if let Some(given) = get(query, parameter) {
            let offset = if local { store.utc_offset_minutes } else { 0 };
            let bound = time::bound(given, offset)
                .ok_or_else(|| Refusal::bad(format!("{parameter} is not a date")))?;
            filters.push(Box::new(move |order| {
                let value = text(order.get(field));
                if lower { value >= bound } else { value <= bound }
            }));
        }
    }
    if let Some(wanted) = get(query, "folder_id") {
        let wanted: Vec<String> = wanted.split(',').map(|id| id.trim().to_owned()).collect();
        filters.push(Box::new(move |order| {
            wanted.contains(&text(order.get("folder_id")))
        }));
    }
    if let Some(name) = get(query, "folder_name").map(str::to_lowercase) {
        let folder = store
            .folders
            .iter()
            .find(|folder| folder.name.to_lowercase() == name);
        let wanted = folder.map(|folder| folder.id.to_string());
        filters.push(Box::new(move |order| {
            Some(text(order.get("folder_id"))) == wanted
        }));
    }
    Ok(filters)
}

fn compare(field: &str, left: &Object, right: &Object) -> Ordering {
    let (left, right) = (text(left.get(field)), text(right.get(field)));
    match (left.parse::<f64>(), right.parse::<f64>()) {
        (Ok(left), Ok(right)) => left.total_cmp(&right),
        _ => left.to_lowercase().cmp(&right.to_lowercase()),
    }
}

/// Searches a store's orders; all filters must agree.
pub(crate) fn orders(
    orders: &BTreeMap<String, Object>,
    query: &Query,
    store: &StoreConfig,
) -> Result<Page, Refusal> {
    let filters = filters(query, store)?;
    let mut found: Vec<&Object> = orders
        .values()
        .filter(|order| filters.iter().all(|filter| filter(order)))
        .collect();
    let field = match get(query, "order_by") {
        None => "date_added",
        Some("date_modified") => "date_updated",
        Some(field) => field,
    };
    let ascending = get(query, "order").is_some_and(|order| order.eq_ignore_ascii_case("asc"));
    // Rows of the same second keep a fixed order, that of their ids, so that pages do not overlap.
    found.sort_by(|left, right| {
        let order = compare(field, left, right).then_with(|| compare("id", left, right));
        if ascending { order } else { order.reverse() }
    });
    Ok(page(&found, query))
}

/// Searches a store's inventory: `code` exact, `search` a part of name or code.
pub(crate) fn inventory(inventory: &BTreeMap<String, Object>, query: &Query) -> Page {
    let code = get(query, "code").map(str::to_lowercase);
    let part = get(query, "search").map(str::to_lowercase);
    let field = |item: &Object, name: &str| text(item.get(name)).to_lowercase();
    let mut found: Vec<&Object> = inventory
        .values()
        .filter(|item| code.as_ref().is_none_or(|code| field(item, "code") == *code))
        .filter(|item| {
            part.as_ref()
                .is_none_or(|part| field(item, "name").contains(part) || field(item, "code").contains(part))
        })
        .collect();
    found.sort_by(|left, right| compare("id", left, right));
    page(&found, query)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shop() -> BTreeMap<String, Object> {
        (1..=4_u64)
            .map(|n| {
                let order = json!({
                    "id": n.to_string(), "email": format!("Buyer{n}@example.com"), "folder_id": n % 2 + 1,
                    "date_added": format!("2026-03-0{n} 10:00:00"),
                    "date_updated": format!("2026-03-1{n} 10:00:00"),
                    "shipping": {"last_name": if n < 3 { "Ada" } else { "Bob" }}, "order_total": 40 - n * 9,
                });
                (n.to_string(), order.as_object().unwrap().clone())
            })
            .collect()
    }

    fn ids(query: &[(&str, &str)]) -> Vec<String> {
        let query = query
            .iter()
            .map(|(key, value)| ((*key).into(), (*value).into()))
            .collect();
        let mut store = StoreConfig::new("s", "k");
        store.utc_offset_minutes = -120;
        let page = orders(&shop(), &query, &store).unwrap();
        page.rows.iter().map(|row| text(row.get("id"))).collect()
    }

    #[test]
    fn the_default_is_newest_first() {
        assert_eq!(ids(&[]), ["4", "3", "2", "1"]);
        assert_eq!(ids(&[("limit", "2"), ("offset", "1")]), ["3", "2"]);
    }

    #[test]
    fn filters_combine_with_and_and_ignore_case() {
        assert_eq!(ids(&[("email", "BUYER2@example.com")]), ["2"]);
        assert_eq!(ids(&[("shipping_last_name", "ada"), ("folder_id", "2")]), ["1"]);
        assert_eq!(
            ids(&[("folder_id", "1,2"), ("order", "asc")]),
            ["1", "2", "3", "4"]
        );
        assert_eq!(ids(&[("folder_name", "prepared")]), ["3", "1"]);
        assert!(ids(&[("folder_name", "nowhere")]).is_empty());
    }

    #[test]
    fn bounds_are_inclusive_and_local_ones_are_in_store_time() {
        let window = [
            ("search_start_date", "2026-03-02 10:00:00"),
            ("search_end_date", "2026-03-03T10:00:00Z"),
        ];
        assert_eq!(ids(&window), ["3", "2"]);
        assert_eq!(ids(&[("modified_start_date", "2026-03-14")]), ["4"]);
        // 08:00 in a store two hours behind UTC is 10:00 UTC.
        assert_eq!(ids(&[("search_start_date_local", "2026-03-04 08:00:00")]), ["4"]);
        assert!(ids(&[("search_start_date_local", "2026-03-04 08:00:01")]).is_empty());
    }

    #[test]
    fn numbers_sort_as_numbers() {
        assert_eq!(
            ids(&[("order_by", "order_total"), ("order", "asc")]),
            ["4", "3", "2", "1"]
        );
    }

    #[test]
    fn a_page_never_holds_more_than_500_rows() {
        let many: BTreeMap<String, Object> = (0..600)
            .map(|n| (format!("{n:04}"), Object::from_iter([("id".into(), json!(n))])))
            .collect();
        let query = vec![("limit".into(), "9999".into())];
        let page = orders(&many, &query, &StoreConfig::new("s", "k")).unwrap();
        assert_eq!((page.rows.len(), page.limit, page.total), (500, 500, 600));
        assert_eq!(
            orders(&many, &vec![], &StoreConfig::new("s", "k"))
                .unwrap()
                .rows
                .len(),
            50
        );
    }
}
