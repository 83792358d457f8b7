//! The calls about inventory items.

use http::Method;
use serde_json::Value;

use crate::Document;
use crate::client::{Answer, Call, Client};
use crate::credentials::Credentials;
use crate::error::CallError;
use crate::order::payload;
use crate::page::Page;
use crate::write::Guard;

const ITEM: &str = "inventory_item";

impl Client {
    /// Searches inventory items by `limit`, `offset`, `code`, `search`.
    pub async fn list_inventory(
        &self,
        credentials: &Credentials,
        params: &[(&str, &str)],
    ) -> Result<Answer<Page>, CallError> {
        let call = Call {
            operation: "inventory.list",
            path: &["inventory-items"],
            payload: Some("inventory_items"),
        };
        let answer = self
            .read(credentials, call, params, self.config().max_list_bytes)
            .await?;
        answer.try_map(call.operation, |envelope| Page::from(envelope, "inventory_items"))
    }

    /// Reads one inventory item.
    pub async fn get_inventory_item(
        &self,
        credentials: &Credentials,
        id: &str,
    ) -> Result<Answer<Document>, CallError> {
        let call = Call {
            operation: "inventory.get",
            path: &["inventory-items", id],
            payload: Some(ITEM),
        };
        let answer = self
            .read(credentials, call, &[], self.config().max_document_bytes)
            .await?;
        answer.try_map(call.operation, |envelope| payload(envelope, ITEM))
    }

    /// Creates an inventory item. The created item is `None` if the answer does not carry it.
    pub async fn create_inventory_item(
        &self,
        credentials: &Credentials,
        item: &Document,
        guard: Guard<'_>,
    ) -> Result<Answer<Option<Document>>, CallError> {
        let call = Call {
            operation: "inventory.create",
            path: &["inventory-items"],
            payload: Some(ITEM),
        };
        let body = Value::Object(item.clone());
        let answer = self
            .write(credentials, call, Method::POST, Some(&body), guard)
            .await?;
        answer.try_map(call.operation, |envelope| Ok(payload(envelope, ITEM).ok()))
    }

    /// Writes a whole inventory item; fields left out become blank. `None` if the answer does not carry it.
    pub async fn update_inventory_item(
        &self,
        credentials: &Credentials,
        id: &str,
        item: &Document,
        guard: Guard<'_>,
    ) -> Result<Answer<Option<Document>>, CallError> {
        let call = Call {
            operation: "inventory.update",
            path: &["inventory-items", id],
            payload: Some(ITEM),
        };
        let body = Value::Object(item.clone());
        let answer = self
            .write(credentials, call, Method::PUT, Some(&body), guard)
            .await?;
        answer.try_map(call.operation, |envelope| Ok(payload(envelope, ITEM).ok()))
    }

    /// Deletes an inventory item.
    pub async fn delete_inventory_item(
        &self,
        credentials: &Credentials,
        id: &str,
        guard: Guard<'_>,
    ) -> Result<Answer<()>, CallError> {
        let call = Call {
            operation: "inventory.delete",
            path: &["inventory-items", id],
            payload: None,
        };
        let answer = self.write(credentials, call, Method::DELETE, None, guard).await?;
        answer.try_map(call.operation, |_| Ok(()))
    }
}
