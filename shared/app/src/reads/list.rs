//! A page of orders or inventory items.

use domain::store::Store;
use orderdesk::{Document, Page};
use queue::ReadScope;
use serde::ser::{Serialize, SerializeMap as _, Serializer};

use super::{Listing, ReadError, Search};
use crate::App;

impl App {
    /// One call to Order Desk.
    pub(super) async fn fetch_page(&self, store: &Store, search: &Search) -> Result<Page, ReadError> {
        let (listing, pairs) = (search.listing(), search.pairs());
        let scope = match listing {
            Listing::Orders => ReadScope::Orders,
            Listing::Inventory => ReadScope::Other,
        };
        self.read_store(store, scope, move |client, credentials| async move {
            let pairs: Vec<(&str, &str)> = pairs.iter().map(|(key, value)| (*key, value.as_str())).collect();
            match listing {
                Listing::Orders => client.list_orders(&credentials, &pairs).await,
                Listing::Inventory => client.list_inventory(&credentials, &pairs).await,
            }
        })
        .await
    }
}

/// A page as the client gets it.
pub(super) struct Shown<'a> {
    member: &'static str,
    rows: &'a [Document],
    total: Option<u64>,
    offset: u64,
    limit: u64,
}

impl<'a> Shown<'a> {
    pub(super) fn new(search: &Search, page: &'a Page) -> Self {
        Self {
            member: search.listing().member(),
            rows: &page.rows,
            total: page.total_records,
            // What Order Desk applied, if it says so: it may cut a page shorter than asked.
            offset: page.offset.unwrap_or(search.offset()),
            limit: page.limit.unwrap_or_else(|| search.limit().into()),
        }
    }

    /// Whether rows follow; without a total, a full page says that there may be some.
    pub(super) fn has_more(&self) -> bool {
        let returned = self.rows.len() as u64;
        match self.total {
            Some(total) => returned > 0 && self.offset.saturating_add(returned) < total,
            None => returned > 0 && returned >= self.limit,
        }
    }
}

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(6))?;
        map.serialize_entry(self.member, self.rows)?;
        map.serialize_entry("total_records", &self.total)?;
        map.serialize_entry("records_returned", &self.rows.len())?;
        map.serialize_entry("offset", &self.offset)?;
        map.serialize_entry("limit", &self.limit)?;
        map.serialize_entry("has_more", &self.has_more())?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn shown(rows: usize, total: Option<u64>, offset: u64) -> Value {
        let page = Page {
            rows: vec![Document::new(); rows],
            total_records: total,
            records_returned: None,
            offset: None,
            limit: None,
        };
        let search = Search::new(Listing::Inventory, 2, offset);
        serde_json::to_value(Shown::new(&search, &page)).unwrap()
    }

    #[test]
    fn a_page_says_where_it_stands() {
        assert_eq!(
            shown(2, Some(5), 2),
            json!({
                "inventory_items": [{}, {}], "total_records": 5, "records_returned": 2, "offset": 2, "limit": 2,
                "has_more": true
            })
        );
    }

    #[test]
    fn the_last_page_ends_the_walk() {
        assert_eq!(shown(1, Some(5), 4)["has_more"], false);
        assert_eq!(
            shown(0, Some(5), 9)["has_more"],
            false,
            "an empty page never goes on"
        );
        assert_eq!(shown(2, None, 0)["has_more"], true);
        assert_eq!(shown(1, None, 0)["has_more"], false);
        assert_eq!(shown(0, None, 0)["has_more"], false);
    }
}
