//! The identity of a store: id and key together.

use std::fmt;

use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

/// Store id and API key, sent with each call; `Debug` shows neither.
#[derive(Clone)]
pub struct Credentials {
    store_id: String,
    api_key: SecretString,
}

impl Credentials {
    /// Pairs `store_id` with its `api_key`; what cannot be a header value fails each call as not sent.
    pub fn new(store_id: impl Into<String>, api_key: SecretString) -> Self {
        Self {
            store_id: store_id.into(),
            api_key,
        }
    }

    /// The store id as Order Desk knows it.
    pub fn store_id(&self) -> &str {
        &self.store_id
    }

    /// The API key, which also signs what Order Desk posts.
    pub fn api_key(&self) -> &SecretString {
        &self.api_key
    }

    /// The two headers, marked sensitive so that no library prints them.
    pub(crate) fn headers(&self) -> Option<[(&'static str, HeaderValue); 2]> {
        let sensitive = |text: &str| {
            let mut value = HeaderValue::from_str(text).ok()?;
            value.set_sensitive(true);
            (!value.is_empty()).then_some(value)
        };
        Some([
            ("orderdesk-store-id", sensitive(&self.store_id)?),
            ("orderdesk-api-key", sensitive(self.api_key.expose_secret())?),
        ])
    }

    /// `text` without the API key, should Order Desk have echoed it.
    pub(crate) fn scrub(&self, text: &str) -> String {
        let key = self.api_key.expose_secret();
        if key.is_empty() {
            text.to_owned()
        } else {
            text.replace(key, "***")
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(***)")
    }
}
