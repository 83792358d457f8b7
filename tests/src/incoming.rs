//! Calls that tell a node of an order.

use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::Method;
use serde_json::Value;
use sha2::Sha256;

use crate::{Answer, Client};

const PATH: &str = "/webhooks/orderdesk";

/// What Order Desk's rule action "Post Order JSON" sends: a form, signed with the store's API key.
#[derive(Clone, Copy, Debug)]
pub struct Post<'a> {
    /// Order Desk's id of the store.
    pub store: &'a str,
    /// What it is signed with.
    pub api_key: &'a str,
    /// The whole order.
    pub order: &'a Value,
}

/// What a relay sends: JSON, signed with the gateway's `WEBHOOK_SECRET`.
#[derive(Clone, Copy, Debug)]
pub struct Relay<'a> {
    /// What it is signed with.
    pub secret: &'a str,
    /// The event, the store and the order.
    pub body: &'a Value,
}

impl Post<'_> {
    /// Sends it; no master key goes with it.
    ///
    /// # Panics
    /// If no answer comes.
    pub async fn send(&self, client: &Client) -> Answer {
        let order = self.order.to_string();
        let call = client
            .anonymous(Method::POST, PATH)
            .header("X-ORDER-DESK-STORE-ID", self.store)
            .header("X-ORDER-DESK-HASH", sign(self.api_key, &order))
            .form(&[("order", &order)]);
        client.send(call).await.expect("an answer")
    }
}

impl Relay<'_> {
    /// Sends it; no master key goes with it.
    ///
    /// # Panics
    /// If no answer comes.
    pub async fn send(&self, client: &Client) -> Answer {
        let body = self.body.to_string();
        let call = client
            .anonymous(Method::POST, PATH)
            .header("Content-Type", "application/json")
            .header("X-OrderDesk-Signature", sign(self.secret, &body))
            .body(body);
        client.send(call).await.expect("an answer")
    }
}

/// The hexadecimal HMAC-SHA256.
fn sign(key: &str, content: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("a key of any length");
    mac.update(content.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}
