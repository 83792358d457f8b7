//! The one way in which what Order Desk holds reaches a user.

use std::time::Duration;

use bytes::Bytes;
use domain::OrderId;
use domain::order::OrderDoc;
use domain::store::Store;
use serde::Serialize;

use super::list::Shown;
use super::{CacheState, CustomerSearch, ReadError, ReadOptions, Reading, Search};
use crate::{App, Caller, Denied};

/// What is asked for.
#[derive(Clone, Debug)]
pub(super) enum Wanted {
    Order(OrderId),
    Item(OrderId),
    List(Search),
    Customers(CustomerSearch),
    Settings,
}

/// A finished body and its tag.
pub(super) struct Content {
    pub body: Bytes,
    pub etag: Option<String>,
}

impl App {
    /// Shows `wanted` to `caller`. Every read of a user comes through here, whether from the cache or from Order Desk:
    /// this is where reads of personal data can be recorded.
    pub(super) async fn show(
        &self,
        caller: &Caller,
        store: &Store,
        wanted: Wanted,
        options: ReadOptions,
    ) -> Result<Reading, ReadError> {
        if caller.tenant_id() != Some(store.tenant_id) {
            return Err(ReadError::StoreGone);
        }
        let content = self.fetch(store, &wanted).await?;
        Ok(Reading {
            body: content.body,
            etag: content.etag,
            cache: if options.no_cache {
                CacheState::Bypass
            } else {
                CacheState::Miss
            },
            age: Duration::ZERO,
        })
    }

    async fn fetch(&self, store: &Store, wanted: &Wanted) -> Result<Content, ReadError> {
        match wanted {
            Wanted::Order(id) => {
                let order = self.fetch_order(store, id).await?;
                let etag = self.etag(&order).as_str().to_owned();
                Ok(Content {
                    body: json(order.as_object())?,
                    etag: Some(etag),
                })
            }
            Wanted::Item(id) => self.tagged(self.fetch_item(store, id).await.map(OrderDoc::into_value)?),
            Wanted::List(search) => {
                let page = self.fetch_page(store, search).await?;
                self.tagged(Shown::new(search, &page))
            }
            Wanted::Customers(search) => self.tagged(self.fetch_customers(store, search).await?),
            Wanted::Settings => self.tagged(self.fetch_settings(store).await?),
        }
    }

    /// A body whose tag is over its bytes.
    fn tagged(&self, content: impl Serialize) -> Result<Content, ReadError> {
        let body = json(&content)?;
        let tag = self.0.keyring.fingerprint(&body);
        Ok(Content {
            etag: Some(format!("\"{}\"", hex::encode(&tag[..16]))),
            body,
        })
    }
}

fn json(content: &impl Serialize) -> Result<Bytes, ReadError> {
    serde_json::to_vec(content)
        .map(Bytes::from)
        .map_err(|error| Denied::internal(error).into())
}
