//! A client of the API processes, with one master key.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::Method;
use serde_json::Value;
use system_tests::Answer;
use testkit::eventually;

use super::PATIENCE;

/// One tenant's client of all API processes; cheap to clone. Requests go to one process after the other unless one is
/// named.
#[derive(Clone)]
pub(crate) struct Client {
    apis: Arc<Vec<system_tests::Client>>,
    turn: Arc<AtomicUsize>,
}

/// A request to be made.
pub(crate) struct Call {
    client: Client,
    method: Method,
    path: String,
    body: Option<Value>,
    headers: Vec<(&'static str, String)>,
    api: Option<usize>,
}

impl Client {
    pub(crate) fn new(urls: impl Iterator<Item = String>) -> Self {
        let first = system_tests::Client::new("");
        Self {
            apis: Arc::new(urls.map(|url| first.at(url)).collect()),
            turn: Arc::default(),
        }
    }

    /// The master key.
    pub(crate) fn key(&self) -> &str {
        self.apis[0].key()
    }

    /// How many API processes there are.
    pub(crate) fn apis(&self) -> usize {
        self.apis.len()
    }

    pub(crate) fn get(&self, path: impl Into<String>) -> Call {
        self.call(Method::GET, path, None)
    }

    pub(crate) fn post(&self, path: impl Into<String>, body: Value) -> Call {
        self.call(Method::POST, path, Some(body))
    }

    pub(crate) fn delete(&self, path: impl Into<String>) -> Call {
        self.call(Method::DELETE, path, None)
    }

    fn call(&self, method: Method, path: impl Into<String>, body: Option<Value>) -> Call {
        Call {
            client: self.clone(),
            method,
            path: path.into(),
            body,
            headers: Vec::new(),
            api: None,
        }
    }

    /// The job, once it has ended; asks any API process until one says so.
    pub(crate) async fn ended(&self, job: &str) -> Value {
        self.ended_within(job, PATIENCE).await
    }

    /// As [`Client::ended`], within a deadline.
    pub(crate) async fn ended_within(&self, job: &str, deadline: Duration) -> Value {
        eventually(&format!("job {job} to end"), deadline, async || {
            let answer = self
                .get(format!("/jobs/{job}?wait=2"))
                .send()
                .await
                .map_err(|error| format!("{error:?}"))?;
            match answer.body["status"].as_str() {
                Some("succeeded" | "failed" | "cancelled") => Ok(answer.body),
                _ => Err(format!("{}: {}", answer.status, answer.body)),
            }
        })
        .await
    }
}

impl Call {
    /// Sends to that API process.
    pub(crate) fn to(mut self, api: usize) -> Self {
        self.api = Some(api);
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Sends once.
    pub(crate) async fn send(&self) -> Result<Answer, reqwest::Error> {
        let apis = &self.client.apis;
        let turn = self
            .api
            .unwrap_or_else(|| self.client.turn.fetch_add(1, Ordering::Relaxed));
        let api = &apis[turn % apis.len()];
        let mut request = api.request(self.method.clone(), &self.path);
        if let Some(body) = &self.body {
            request = request.json(body);
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        api.send(request).await
    }

    /// Sends once and expects this status; the body.
    pub(crate) async fn expect(&self, status: u16) -> Value {
        let answer = self.send().await.expect("the API process answers");
        assert_eq!(
            answer.status, status,
            "{} {}: {}",
            self.method, self.path, answer.body
        );
        answer.body
    }

    /// Sends until an answer comes that is no server error, as a client with an `Idempotency-Key` may. Each 5xx answer
    /// must be a problem document that says when to come again.
    pub(crate) async fn persist(&self) -> Answer {
        eventually(
            &format!("an answer to {} {}", self.method, self.path),
            PATIENCE,
            async || {
                let answer = self.send().await.map_err(|error| format!("{error:?}"))?;
                if answer.status < 500 {
                    return Ok(answer);
                }
                assert_eq!(answer.status, 503, "a server error other than 503: {answer:?}");
                assert_eq!(
                    answer.header("content-type"),
                    "application/problem+json",
                    "{answer:?}"
                );
                assert!(answer.headers.contains_key("retry-after"), "{answer:?}");
                Err(format!("{}: {}", answer.status, answer.body))
            },
        )
        .await
    }
}
