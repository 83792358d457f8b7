//! A tenant's view of a node: HTTP with its master key.

use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use testkit::eventually;

use crate::random_hex;

/// Calls a node with one master key. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    key: String,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body: JSON, or a string of what is not JSON, or null if there is none.
    pub body: Value,
}

impl Answer {
    /// A header as text; empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// The answer itself, if it has this status.
    ///
    /// # Panics
    /// If it has another.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }

    /// The `code` of a problem document.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// The `id` of the body.
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    pub fn id(&self) -> String {
        self.body["id"]
            .as_str()
            .unwrap_or_else(|| panic!("an id in {}", self.body))
            .to_owned()
    }
}

impl Client {
    /// A client of the node at `base`, with a new master key.
    pub fn new(base: impl Into<String>) -> Self {
        Self::with_key(base, format!("key-{}", random_hex(60)))
    }

    /// A client with a given master key.
    ///
    /// # Panics
    /// If the HTTP client cannot be set up.
    pub fn with_key(base: impl Into<String>, key: impl Into<String>) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .no_proxy()
            // A connection of a process that has been killed meanwhile would only blur what a test sees.
            .pool_max_idle_per_host(0)
            .timeout(Duration::from_secs(90))
            .build()
            .expect("the HTTP client is set up");
        Self {
            http,
            base: base.into(),
            key: key.into(),
        }
    }

    /// The same tenant at another node.
    pub fn at(&self, base: impl Into<String>) -> Self {
        Self {
            base: base.into(),
            ..self.clone()
        }
    }

    /// The master key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// A request with the master key; for headers and the like. Send it with [`Client::send`].
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.anonymous(method, path).bearer_auth(&self.key)
    }

    /// A request without the master key.
    pub fn anonymous(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    /// Sends a request and reads the answer.
    ///
    /// # Errors
    /// If no complete answer came, as when the process was killed.
    pub async fn send(&self, request: RequestBuilder) -> Result<Answer, reqwest::Error> {
        let answer = request.send().await?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let text = answer.text().await?;
        let body = if text.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&text).unwrap_or(Value::String(text))
        };
        Ok(Answer {
            status,
            headers,
            body,
        })
    }

    /// `GET`.
    ///
    /// # Panics
    /// As all the short forms: if no answer comes.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path))
            .await
            .expect("an answer")
    }

    /// `POST` of JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, path).json(body))
            .await
            .expect("an answer")
    }

    /// `PUT` of JSON.
    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::PUT, path).json(body))
            .await
            .expect("an answer")
    }

    /// `PATCH` of JSON.
    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::PATCH, path).json(body))
            .await
            .expect("an answer")
    }

    /// `DELETE`.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path))
            .await
            .expect("an answer")
    }

    /// Registers a store and returns the registration.
    ///
    /// # Panics
    /// If it is refused.
    pub async fn register_store(&self, store: &str, api_key: &str) -> Value {
        let body = json!({"store_id": store, "api_key": api_key});
        self.post("/stores", &body).await.expect(201).body
    }

    /// Posts a command, is told `202` and returns the job's id.
    ///
    /// # Panics
    /// If it is not accepted.
    pub async fn submit(&self, path: &str, body: &Value) -> String {
        self.post(path, body).await.expect(202).id()
    }

    /// Submits a note to an order.
    ///
    /// # Panics
    /// If it is not accepted.
    pub async fn submit_note(&self, store: &str, order: &str, text: &str) -> String {
        self.submit(
            &format!("/stores/{store}/orders/{order}/add-note"),
            &json!({"note": text}),
        )
        .await
    }

    /// Submits jobs at once and returns their ids in the same order.
    ///
    /// # Panics
    /// If they are not accepted.
    pub async fn batch(&self, store: &str, jobs: &[Value]) -> Vec<String> {
        let answer = self
            .post(&format!("/stores/{store}/jobs:batch"), &json!({"jobs": jobs}))
            .await
            .expect(202);
        let jobs = answer.body["data"].as_array().cloned().unwrap_or_default();
        jobs.iter()
            .map(|job| job["id"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// A job as it stands.
    ///
    /// # Panics
    /// If there is none.
    pub async fn job(&self, id: &str) -> Value {
        self.get(&format!("/jobs/{id}")).await.expect(200).body
    }

    /// Waits for a job's final state, through restarts of the node.
    ///
    /// # Panics
    /// When the deadline has passed.
    pub async fn wait_ended(&self, id: &str, deadline: Duration) -> Value {
        let ask = async || {
            let answer = self
                .send(self.request(Method::GET, &format!("/jobs/{id}?wait=5")))
                .await;
            let answer = answer.map_err(|error| format!("{error:?}"))?;
            if answer.status == 200 && is_final(&answer.body) {
                Ok(answer.body)
            } else {
                Err(answer.body.to_string())
            }
        };
        eventually(&format!("job {id} ends"), deadline, ask).await
    }

    /// Waits for a job that has to succeed.
    ///
    /// # Panics
    /// When it ends otherwise, or not in time.
    pub async fn wait_succeeded(&self, id: &str, deadline: Duration) -> Value {
        let job = self.wait_ended(id, deadline).await;
        assert_eq!(job["status"], "succeeded", "{job}");
        job
    }
}

fn is_final(job: &Value) -> bool {
    matches!(job["status"].as_str(), Some("succeeded" | "failed" | "cancelled"))
}
