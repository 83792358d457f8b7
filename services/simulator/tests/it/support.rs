//! A started simulator and a client of its default store.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::{Value, json};
use simulator::{Simulator, SimulatorConfig};

/// The default store.
pub const STORE: &str = SimulatorConfig::STORE_ID;
/// The longest that any condition of a test may take.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// A simulator with a client.
pub struct Desk {
    pub simulator: Simulator,
    pub client: reqwest::Client,
}

/// What came back: status, headers and the JSON body.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub tokens: Option<u32>,
    pub retry_after: Option<u64>,
    pub body: Value,
}

/// A client that waits one second at most and never repeats anything itself.
pub fn client() -> reqwest::Client {
    // Another test may have installed it already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .retry(reqwest::retry::never())
        .timeout(Duration::from_secs(1))
        .pool_max_idle_per_host(0)
        .build()
        .unwrap()
}

impl Desk {
    /// Starts with the default configuration, the limit being off.
    pub async fn start() -> Self {
        let mut config = SimulatorConfig::default();
        config.bucket.enforced = false;
        Self::start_with(config).await
    }

    pub async fn start_with(config: SimulatorConfig) -> Self {
        Self {
            simulator: Simulator::start(config).await.unwrap(),
            client: client(),
        }
    }

    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client
            .request(method, format!("{}{path}", self.simulator.base_url()))
            .header("ORDERDESK-STORE-ID", STORE)
            .header("ORDERDESK-API-KEY", SimulatorConfig::API_KEY)
    }

    pub async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> reqwest::Result<Response> {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = request.json(body);
        }
        request.send().await
    }

    pub async fn get(&self, path: &str) -> Reply {
        read(self.send(Method::GET, path, None).await.unwrap()).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Reply {
        read(self.send(Method::PUT, path, Some(body)).await.unwrap()).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        read(self.send(Method::POST, path, Some(body)).await.unwrap()).await
    }

    pub async fn delete(&self, path: &str) -> Reply {
        read(self.send(Method::DELETE, path, None).await.unwrap()).await
    }

    /// A call of the control API.
    pub async fn control(&self, method: Method, path: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}{path}", self.simulator.control_url());
        let mut request = self.client.request(method.clone(), url);
        if method != Method::GET {
            request = request.json(body);
        }
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// Puts one sample order in place and returns its id.
    pub fn order(&self) -> String {
        self.simulator
            .put_order(STORE, simulator::sample_order(1))
            .unwrap()
    }

    pub fn stored(&self, order: &str) -> Value {
        self.simulator.get_order(STORE, order).unwrap()
    }
}

pub async fn read(response: Response) -> Reply {
    fn header<T: std::str::FromStr>(response: &Response, name: &str) -> Option<T> {
        response.headers().get(name)?.to_str().ok()?.parse().ok()
    }
    Reply {
        status: response.status().as_u16(),
        tokens: header(&response, "x-tokens-remaining"),
        retry_after: header(&response, "x-retry-after"),
        body: response.json().await.unwrap(),
    }
}

/// The body of a create that is accepted.
pub fn new_order() -> Value {
    json!({
        "email": "ada@example.com", "customer_first_name": "Ada", "customer_last_name": "Lovelace",
        "shipping_total": 5, "tax_total": "1.50",
        "order_items": [{"name": "Mug", "code": "MUG", "price": 10, "quantity": 2, "weight": 0.5}],
    })
}
