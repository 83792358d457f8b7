//! The one way in which what Order Desk holds reaches a user.
//!
//! **Freshness.** Whoever sees that a change has ended sees the change in what is shown afterwards. The worker raises
//! what a change touched before it records the end, and that is enough where the cache is shared by all processes (Redis)
//! or there is one process only. Where each process has a cache of its own, an entry carries the position of the last
//! change that the ledger knew when its fetch began, and counts only as long as the ledger knows no later one.

use std::sync::Arc;

use bytes::Bytes;
use cache::{Area, Content, Mode, Policy, Topic};
use domain::OrderId;
use domain::event::{ListView, OrderView};
use domain::order::OrderDoc;
use domain::store::Store;
use serde::Serialize;

use super::error::Shared;
use super::list::Shown;
use super::{CustomerSearch, Listing, ReadError, ReadOptions, Reading, Search};
use crate::audit::List;
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

impl Wanted {
    /// What an entry of it belongs to.
    fn topic(&self) -> Topic {
        match self {
            Self::Order(id) => Topic::Order(id.clone()),
            Self::Item(id) => Topic::Item(id.as_str().to_owned()),
            Self::List(search) => match search.listing() {
                Listing::Orders => Topic::Orders,
                Listing::Inventory => Topic::Items,
            },
            Self::Customers(_) => Topic::Orders,
            Self::Settings => Topic::Store,
        }
    }

    /// What distinguishes it from others of its topic.
    fn query(&self) -> String {
        match self {
            Self::Order(_) | Self::Item(_) | Self::Settings => String::new(),
            Self::List(search) => search.canonical(),
            Self::Customers(search) => search.canonical(),
        }
    }
}

impl App {
    /// Shows `wanted` to `caller`. Every read of a user comes through here, whether from the cache or from Order Desk:
    /// this is where reads of personal data are noted for the audit log.
    pub(super) async fn show(
        &self,
        caller: &Caller,
        store: &Arc<Store>,
        wanted: Wanted,
        options: ReadOptions,
    ) -> Result<Reading, ReadError> {
        if caller.tenant_id() != Some(store.tenant_id) {
            return Err(ReadError::StoreGone);
        }
        let area = Area::new(store.tenant_id, store.id, wanted.topic());
        let mut query = wanted.query();
        if let Some(position) = self.last_change(store, &area.topic).await? {
            query = format!("{position}:{query}");
        }
        let policy = self.policy(&wanted, options);
        let (app, of, asked) = (self.clone(), Arc::clone(store), wanted.clone());
        let fetch = move || async move { app.fetch(&of, &asked).await.map_err(Shared::new) };
        let cached = self
            .0
            .cache
            .read(&area, &query, policy, fetch)
            .await
            .map_err(Shared::own)?;
        self.note_shown(caller, store, &wanted, &cached.content);
        Ok(Reading {
            body: cached.content.body,
            etag: cached.content.etag,
            cache: cached.state,
            age: cached.age,
        })
    }

    /// Notes what has personal data in it, for the audit log.
    fn note_shown(&self, caller: &Caller, store: &Store, wanted: &Wanted, content: &Content) {
        let list = || List {
            body: content.body.clone(),
            etag: content.etag.clone().unwrap_or_default(),
        };
        match wanted {
            Wanted::Order(id) => self.note_order(caller, store, id, OrderView::Order),
            Wanted::List(search) if search.listing() == Listing::Orders => {
                self.note_list(caller, store, ListView::Orders, list);
            }
            Wanted::Customers(_) => self.note_list(caller, store, ListView::Customers, list),
            Wanted::List(_) | Wanted::Item(_) | Wanted::Settings => {}
        }
    }

    fn policy(&self, wanted: &Wanted, options: ReadOptions) -> Policy {
        let ttl = &self.0.config.ttl;
        let ttl = match wanted {
            Wanted::Order(_) => ttl.orders,
            Wanted::Item(_) => ttl.products,
            Wanted::List(search) => match search.listing() {
                Listing::Orders => ttl.orders,
                Listing::Inventory => ttl.products,
            },
            Wanted::Customers(_) => ttl.customers,
            Wanted::Settings => ttl.store,
        };
        let mode = if options.no_cache {
            Mode::Bypass
        } else {
            Mode::Normal
        };
        Policy {
            mode,
            ..Policy::new(ttl)
        }
    }

    /// The last change that an entry must know of; none if whoever changes something tells this process's cache.
    async fn last_change(&self, store: &Store, topic: &Topic) -> Result<Option<u64>, ReadError> {
        if self.0.config.alone || self.0.cache.is_shared() {
            return Ok(None);
        }
        let ledger = &self.0.ledger;
        let position = match topic {
            Topic::Order(id) => ledger.last_change(store.id, Some(id)).await?,
            Topic::Item(id) => {
                let id = id.parse().map_err(Denied::internal)?;
                ledger.last_change(store.id, Some(&id)).await?
            }
            Topic::Orders | Topic::Items => ledger.last_change(store.id, None).await?,
            // No command changes settings or folders.
            Topic::Store => return Ok(None),
        };
        Ok(Some(position))
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
