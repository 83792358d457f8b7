//! Order Desk as it answers: no interpretation, paced calls.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Method, Version};
use serde_json::Value;
use tokio::time::Instant;

use super::pace::Allowance;
use super::settings::Settings;

/// How often a refused call (429) is made again.
const TRIES: usize = 5;
/// The longest wait that a 429 may ask for.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// An answer, read to its end.
pub(super) struct Seen {
    pub status: u16,
    pub version: Version,
    pub headers: HeaderMap,
    /// The body; null if it is not JSON.
    pub body: Value,
}

impl Seen {
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status) && self.body["status"] != "error"
    }

    /// Status and message, for a finding.
    pub fn told(&self) -> String {
        let message = self.body["message"].as_str().unwrap_or("no message");
        let message: String = message.chars().take(160).collect();
        format!("{} ({message})", self.status)
    }

    /// The answer itself if it is a success; else what it was.
    pub fn success(self, what: &str) -> Result<Self, String> {
        if self.is_success() {
            Ok(self)
        } else {
            Err(format!("{what} was answered {}", self.told()))
        }
    }
}

/// One store of an Order Desk.
pub(super) struct Desk {
    http: reqwest::Client,
    settings: Settings,
    state: Mutex<State>,
}

struct State {
    allowance: Allowance,
    /// Answers whose HTTP status and `status` member disagree.
    disagreeing: Vec<String>,
    answers: usize,
}

impl Desk {
    pub fn new(settings: &Settings) -> Result<Self, String> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .user_agent("OrderDesk-Gateway live check")
            .timeout(Duration::from_secs(30))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .build()
            .map_err(|error| format!("the HTTP client cannot be set up: {error}"))?;
        let state = State {
            allowance: Allowance::full(settings.pace, Instant::now()),
            disagreeing: Vec::new(),
            answers: 0,
        };
        Ok(Self {
            http,
            settings: settings.clone(),
            state: Mutex::new(state),
        })
    }

    pub async fn get(&self, path: &str) -> Result<Seen, String> {
        self.call(Method::GET, path, None, &[]).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Result<Seen, String> {
        self.call(Method::POST, path, Some(body.to_string()), &[]).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Result<Seen, String> {
        self.call(Method::PUT, path, Some(body.to_string()), &[]).await
    }

    /// Any call. Made again only after a 429, which certainly did nothing.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
        headers: &[(&str, &str)],
    ) -> Result<Seen, String> {
        let what = format!("{method} {}", path.split('?').next().unwrap_or(path));
        for _ in 0..TRIES {
            let wait = self.with(|state| state.allowance.take(Instant::now()));
            tokio::time::sleep(wait).await;
            let seen = self
                .send(method.clone(), path, body.clone(), headers)
                .await
                .map_err(|error| format!("{what} had no answer: {}", error.without_url()))?;
            if seen.status != 429 {
                return Ok(seen);
            }
            let asked: f64 = number(&seen.headers, "x-retry-after").unwrap_or(2.0);
            let asked = Duration::try_from_secs_f64(asked).unwrap_or(LONGEST_WAIT);
            tokio::time::sleep(asked.min(LONGEST_WAIT)).await;
        }
        Err(format!("{what} was answered 429 {TRIES} times"))
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
        headers: &[(&str, &str)],
    ) -> Result<Seen, reqwest::Error> {
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.settings.base_url))
            .header("ORDERDESK-STORE-ID", &self.settings.store_id)
            .header("ORDERDESK-API-KEY", &self.settings.api_key)
            .header("Content-Type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        let answer = request.send().await?;
        let (status, version, headers) = (
            answer.status().as_u16(),
            answer.version(),
            answer.headers().clone(),
        );
        let body = serde_json::from_slice(&answer.bytes().await?).unwrap_or_default();
        let seen = Seen {
            status,
            version,
            headers,
            body,
        };
        self.with(|state| state.note(&seen));
        Ok(seen)
    }

    /// Answers so far, and those whose HTTP status and `status` member disagree.
    pub fn disagreements(&self) -> (usize, Vec<String>) {
        self.with(|state| (state.answers, state.disagreeing.clone()))
    }

    fn with<T>(&self, use_it: impl FnOnce(&mut State) -> T) -> T {
        use_it(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl State {
    fn note(&mut self, seen: &Seen) {
        self.answers += 1;
        if let Some(remaining) = number(&seen.headers, "x-tokens-remaining") {
            self.allowance.told(remaining, Instant::now());
        }
        let agrees = match seen.body["status"].as_str() {
            Some("success") => seen.status < 400,
            Some("error") => seen.status >= 400,
            _ => true,
        };
        if !agrees {
            self.disagreeing.push(seen.told());
        }
    }
}

fn number<T: std::str::FromStr>(headers: &HeaderMap, name: &str) -> Option<T> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}
