//! The calls about orders.

use http::Method;
use serde_json::{Value, json};

use crate::Document;
use crate::client::{Answer, Call, Client};
use crate::credentials::Credentials;
use crate::error::CallError;
use crate::judge::Bad;
use crate::page::Page;
use crate::write::Guard;

const ORDER: &str = "order";

impl Client {
    /// Reads one order, every field as it came.
    pub async fn get_order(
        &self,
        credentials: &Credentials,
        id: &str,
    ) -> Result<Answer<Document>, CallError> {
        let call = Call {
            operation: "order.get",
            path: &["orders", id],
            payload: Some(ORDER),
        };
        let answer = self
            .read(credentials, call, &[], self.config().max_document_bytes)
            .await?;
        answer.try_map(call.operation, |envelope| payload(envelope, ORDER))
    }

    /// Searches orders; `params` are Order Desk's own. A page of 500 costs one token, like any other request.
    pub async fn list_orders(
        &self,
        credentials: &Credentials,
        params: &[(&str, &str)],
    ) -> Result<Answer<Page>, CallError> {
        let call = Call {
            operation: "order.list",
            path: &["orders"],
            payload: Some("orders"),
        };
        let answer = self
            .read(credentials, call, params, self.config().max_list_bytes)
            .await?;
        answer.try_map(call.operation, |envelope| Page::from(envelope, "orders"))
    }

    /// Creates an order. The created order is `None` if the answer does not carry it.
    pub async fn create_order(
        &self,
        credentials: &Credentials,
        order: &Document,
        guard: Guard<'_>,
    ) -> Result<Answer<Option<Document>>, CallError> {
        let call = Call {
            operation: "order.create",
            path: &["orders"],
            payload: Some(ORDER),
        };
        let body = Value::Object(order.clone());
        let answer = self
            .write(credentials, call, Method::POST, Some(&body), guard)
            .await?;
        answer.try_map(call.operation, |envelope| Ok(payload(envelope, ORDER).ok()))
    }

    /// Writes a whole order over the one with this id. What it became is `None` if the answer does not carry it.
    pub async fn put_order(
        &self,
        credentials: &Credentials,
        id: &str,
        order: &Document,
        guard: Guard<'_>,
    ) -> Result<Answer<Option<Document>>, CallError> {
        let call = Call {
            operation: "order.put",
            path: &["orders", id],
            payload: Some(ORDER),
        };
        let body = Value::Object(order.clone());
        let answer = self
            .write(credentials, call, Method::PUT, Some(&body), guard)
            .await?;
        answer.try_map(call.operation, |envelope| Ok(payload(envelope, ORDER).ok()))
    }

    /// Deletes an order.
    pub async fn delete_order(
        &self,
        credentials: &Credentials,
        id: &str,
        guard: Guard<'_>,
    ) -> Result<Answer<()>, CallError> {
        let call = Call {
            operation: "order.delete",
            path: &["orders", id],
            payload: None,
        };
        let answer = self.write(credentials, call, Method::DELETE, None, guard).await?;
        answer.try_map(call.operation, |_| Ok(()))
    }

    /// Moves orders into the folder with id `destination`, in one request for all.
    pub async fn move_orders(
        &self,
        credentials: &Credentials,
        ids: &[String],
        destination: &str,
        guard: Guard<'_>,
    ) -> Result<Answer<()>, CallError> {
        let call = Call {
            operation: "order.move",
            path: &["move-orders"],
            payload: None,
        };
        // Folder ids are numbers inside an order and keys of a map elsewhere; numbers where they can be.
        let folder = match destination.parse::<u64>() {
            Ok(number) if number.to_string() == destination => Value::from(number),
            _ => Value::from(destination),
        };
        let body = json!({"order_id_list": ids, "destination_folder_id": folder});
        let answer = self
            .write(credentials, call, Method::POST, Some(&body), guard)
            .await?;
        answer.try_map(call.operation, |_| Ok(()))
    }
}

/// The object under `key`.
pub(crate) fn payload(mut envelope: Document, key: &str) -> Result<Document, Bad> {
    match envelope.remove(key) {
        Some(Value::Object(document)) => Ok(document),
        _ => Err(Bad::garbage()),
    }
}
