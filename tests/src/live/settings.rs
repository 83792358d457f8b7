//! Which store is asked.

use std::time::Duration;

use super::Pace;

/// Where the real Order Desk is.
const BASE_URL: &str = "https://app.orderdesk.me/api/v2";
/// Order Desk's times have a resolution of one second; after this, two writes carry different ones.
const SETTLE: Duration = Duration::from_millis(1_100);

/// The store, its credentials, and how fast it may be asked.
#[derive(Clone)]
pub struct Settings {
    /// The API's address, without a slash at its end.
    pub base_url: String,
    /// The store.
    pub store_id: String,
    /// Its key.
    pub api_key: String,
    /// How fast it may be asked.
    pub pace: Pace,
    /// How long to wait between two writes whose times are compared.
    pub settle: Duration,
}

/// Why no live check is made.
#[derive(Clone, Debug, thiserror::Error)]
#[error(
    "{0} is not set: the live check needs ORDERDESK_TEST_STORE_ID and ORDERDESK_TEST_API_KEY of a test store"
)]
pub struct Skipped(&'static str);

impl Settings {
    /// A store with the usual pace.
    pub fn new(base_url: impl Into<String>, store_id: impl Into<String>, api_key: impl Into<String>) -> Self {
        Self {
            base_url: base_url.into().trim_end_matches('/').to_owned(),
            store_id: store_id.into(),
            api_key: api_key.into(),
            pace: Pace::default(),
            settle: SETTLE,
        }
    }

    /// The store that `ORDERDESK_TEST_STORE_ID` and `ORDERDESK_TEST_API_KEY` name, at `ORDERDESK_TEST_BASE_URL` if set.
    ///
    /// # Errors
    /// [`Skipped`] if one of the two is not set.
    pub fn from_variables(get: impl Fn(&str) -> Option<String>) -> Result<Self, Skipped> {
        let get = |name: &'static str| get(name).filter(|value| !value.trim().is_empty());
        let needed = |name| get(name).ok_or(Skipped(name));
        let (store, key) = (
            needed("ORDERDESK_TEST_STORE_ID")?,
            needed("ORDERDESK_TEST_API_KEY")?,
        );
        let base = get("ORDERDESK_TEST_BASE_URL").unwrap_or_else(|| BASE_URL.to_owned());
        Ok(Self::new(base.trim(), store.trim(), key.trim()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Result<Settings, Skipped> {
        let value = |name: &str| pairs.iter().find(|(other, _)| *other == name);
        Settings::from_variables(|name| value(name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn both_variables_are_needed_and_the_address_has_a_default() {
        let skipped = of(&[("ORDERDESK_TEST_STORE_ID", "1")]).err().unwrap().to_string();
        assert!(
            skipped.starts_with("ORDERDESK_TEST_API_KEY is not set"),
            "{skipped}"
        );
        assert!(of(&[("ORDERDESK_TEST_API_KEY", "k"), ("ORDERDESK_TEST_STORE_ID", " ")]).is_err());
        let both = [("ORDERDESK_TEST_STORE_ID", "1"), ("ORDERDESK_TEST_API_KEY", "k")];
        assert_eq!(of(&both).unwrap().base_url, BASE_URL);
        let [store, key] = both;
        let local = of(&[
            store,
            key,
            ("ORDERDESK_TEST_BASE_URL", "http://127.0.0.1:9/api/v2/"),
        ]);
        assert_eq!(local.unwrap().base_url, "http://127.0.0.1:9/api/v2");
    }
}
