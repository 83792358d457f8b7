//! A request to the simulated API, read completely.

use bytes::Bytes;
use http::{HeaderMap, Method, Uri};
use serde_json::{Value, json};

use crate::{
    kind::{RequestKind, Target},
    routes::{self, Route},
    state::{
        Refusal,
        search::Query,
        value::{Object, id, list},
    },
};

/// Everything of a request that its handling needs.
#[derive(Debug)]
pub(crate) struct ApiRequest {
    pub method: String,
    pub path: String,
    pub query: String,
    pub store: String,
    pub key: String,
    pub user_agent: String,
    /// Where it goes, or the status that says that there is no such place.
    pub route: Result<Route, u16>,
    raw: Bytes,
    body: Option<Value>,
}

impl ApiRequest {
    pub fn new(method: &Method, uri: &Uri, headers: &HeaderMap, raw: Bytes) -> Self {
        let header = |name: &str| {
            headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
                .to_owned()
        };
        let below = uri.path().strip_prefix(crate::BASE_PATH);
        Self {
            method: method.to_string(),
            path: below.unwrap_or(uri.path()).to_owned(),
            query: uri.query().unwrap_or_default().to_owned(),
            store: header("orderdesk-store-id"),
            key: header("orderdesk-api-key"),
            user_agent: header("user-agent"),
            route: below.map_or(Err(404), |path| routes::resolve(method, path)),
            body: serde_json::from_slice(&raw).ok(),
            raw,
        }
    }

    pub fn kind(&self) -> RequestKind {
        self.route
            .as_ref()
            .map_or(RequestKind::Unknown, |route| route.kind)
    }

    /// The decoded query string.
    pub fn query(&self) -> Query {
        url::form_urlencoded::parse(self.query.as_bytes())
            .into_owned()
            .collect()
    }

    /// The body as JSON of whatever type.
    pub fn json(&self) -> Result<&Value, Refusal> {
        self.body.as_ref().ok_or_else(|| Refusal::bad("Unreadable JSON"))
    }

    /// The body as an object.
    pub fn object(&self) -> Result<&Object, Refusal> {
        self.json()?
            .as_object()
            .ok_or_else(|| Refusal::bad("The body must be an object"))
    }

    /// Whether the body contains `text`, as sent or with its escapes undone.
    pub fn contains(&self, text: &str) -> bool {
        let sent = String::from_utf8_lossy(&self.raw);
        sent.contains(text) || self.body.as_ref().is_some_and(|body| strings_contain(body, text))
    }

    /// The body as the log keeps it.
    pub fn logged_body(&self) -> Option<Value> {
        if !self.kind().is_write() || self.raw.is_empty() {
            return None;
        }
        let Some(body) = &self.body else {
            return Some(Value::String(String::from_utf8_lossy(&self.raw).into_owned()));
        };
        let mut body = body.clone();
        if let Some(card) = body.get_mut("cc_number") {
            *card = json!("***");
        }
        Some(body)
    }

    pub fn target(&self) -> Target {
        let mut orders = Vec::new();
        if let Ok(route) = &self.route {
            orders.extend(route.order.clone());
            let body = self.body.as_ref();
            match route.kind {
                RequestKind::MoveOrders => {
                    let ids = list(body.and_then(|body| body.get("order_id_list")));
                    orders.extend(ids.iter().filter_map(|value| id(Some(value))));
                }
                RequestKind::BatchShipments => {
                    orders.extend(
                        list(body)
                            .iter()
                            .filter_map(|shipment| id(shipment.get("order_id"))),
                    );
                }
                _ => {}
            }
        }
        Target {
            kind: self.kind(),
            store: self.store.clone(),
            orders,
        }
    }
}

fn strings_contain(value: &Value, text: &str) -> bool {
    match value {
        Value::String(string) => string.contains(text),
        Value::Array(list) => list.iter().any(|child| strings_contain(child, text)),
        Value::Object(map) => map
            .iter()
            .any(|(key, child)| key.contains(text) || strings_contain(child, text)),
        _ => false,
    }
}
