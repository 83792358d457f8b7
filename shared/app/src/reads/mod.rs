//! Reading from Order Desk: what can be asked for, and what is shown.
//!
//! Every read of a user goes through [`App::show`], which knows the caller, the store and what is asked for; what it
//! has not in the cache it fetches with a token of the store ([`token`]). Commands that need an order as it stands
//! (a dry run) fetch past the cache.

mod customers;
mod error;
mod forget;
mod list;
mod search;
mod show;
mod token;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::OrderId;
use domain::order::{ETag, OrderDoc};
use domain::store::Store;
use orderdesk::Document;
use queue::ReadScope;
use serde_json::{Value, json};

pub use cache::State as CacheState;
pub use customers::CustomerSearch;
pub use error::ReadError;
pub(crate) use forget::Ends;
pub use search::{Listing, Parameter, Search};
pub(crate) use token::{Pace, Target};

use crate::{App, Caller, Denied};
use show::Wanted;

/// How something is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadOptions {
    /// Whether the caller insists on Order Desk's present answer.
    pub no_cache: bool,
}

/// What was asked for, as it goes to the client.
#[derive(Clone, PartialEq, Eq)]
pub struct Reading {
    /// JSON.
    pub body: Bytes,
    /// Its strong entity tag, quotes included.
    pub etag: Option<String>,
    /// Where it came from.
    pub cache: CacheState,
    /// How old it is.
    pub age: Duration,
}

impl std::fmt::Debug for Reading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reading({:?}, {:?}, ***)", self.cache, self.age)
    }
}

impl App {
    /// An order of the caller's store, every field as it came; its tag is over its canonical content.
    pub async fn read_order(
        &self,
        caller: &Caller,
        store: &Arc<Store>,
        order: &OrderId,
        options: ReadOptions,
    ) -> Result<Reading, ReadError> {
        self.show(caller, store, Wanted::Order(order.clone()), options)
            .await
    }

    /// An inventory item of the caller's store, every field as it came.
    pub async fn read_item(
        &self,
        caller: &Caller,
        store: &Arc<Store>,
        item: &OrderId,
        options: ReadOptions,
    ) -> Result<Reading, ReadError> {
        self.show(caller, store, Wanted::Item(item.clone()), options)
            .await
    }

    /// A page of the store's orders or inventory items, rows as they came.
    pub async fn list(
        &self,
        caller: &Caller,
        store: &Arc<Store>,
        search: &Search,
        options: ReadOptions,
    ) -> Result<Reading, ReadError> {
        self.show(caller, store, Wanted::List(search.clone()), options)
            .await
    }

    /// The store's customers that match, newest order first, as one JSON list: derived from at most the newest
    /// [`CustomerSearch::MOST_ORDERS`] orders that match.
    pub async fn find_customers(
        &self,
        caller: &Caller,
        store: &Arc<Store>,
        search: &CustomerSearch,
        options: ReadOptions,
    ) -> Result<Reading, ReadError> {
        self.show(caller, store, Wanted::Customers(search.clone()), options)
            .await
    }

    /// The store's harmless settings and its folders.
    pub async fn store_settings(
        &self,
        caller: &Caller,
        store: &Arc<Store>,
        options: ReadOptions,
    ) -> Result<Reading, ReadError> {
        self.show(caller, store, Wanted::Settings, options).await
    }

    pub(crate) fn etag(&self, order: &OrderDoc) -> ETag {
        ETag::of(self.0.keyring.etag_key(), order)
    }

    pub(crate) async fn fetch_order(&self, store: &Store, order: &OrderId) -> Result<OrderDoc, ReadError> {
        let scope = ReadScope::Order {
            order_id: order.clone(),
        };
        let id = order.as_str().to_owned();
        let document = self
            .read_store(store, scope, move |client, credentials| async move {
                client.get_order(&credentials, &id).await
            })
            .await?;
        document_of(document)
    }

    pub(crate) async fn fetch_item(&self, store: &Store, item: &OrderId) -> Result<OrderDoc, ReadError> {
        let id = item.as_str().to_owned();
        let document = self
            .read_store(store, ReadScope::Other, move |client, credentials| async move {
                client.get_inventory_item(&credentials, &id).await
            })
            .await?;
        document_of(document)
    }

    async fn fetch_settings(&self, store: &Store) -> Result<Value, ReadError> {
        let info = self
            .read_store(store, ReadScope::Other, |client, credentials| async move {
                client.store(&credentials).await
            })
            .await?;
        let folders: Vec<Value> = info
            .folders
            .iter()
            .map(|folder| json!({"id": folder.id, "name": folder.name}))
            .collect();
        Ok(json!({"store": info.settings, "folders": folders}))
    }
}

pub(crate) fn document_of(document: Document) -> Result<OrderDoc, ReadError> {
    OrderDoc::from_value(Value::Object(document)).map_err(|error| Denied::internal(error).into())
}
