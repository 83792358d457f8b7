//! How long a request may take in all.

use std::time::Duration;

use http::header::CONTENT_LENGTH;
use http::request::Parts;

use super::body::{BATCH_LIMIT, time_for};
use super::prefer::{Prefer, seconds};
use crate::state::ApiConfig;

/// The longest that an answer waits for a job's end.
pub(crate) const MAX_WAIT: Duration = Duration::from_mins(1);
/// The longest that the handler of this request may take: its wait, its body and its work.
pub(crate) fn handler_limit(config: &ApiConfig, parts: &Parts) -> Duration {
    let preferred = Prefer::read(&parts.headers).ok().and_then(|prefer| prefer.wait);
    let asked = parts.uri.query().and_then(|query| {
        let value = query.split('&').find_map(|pair| pair.strip_prefix("wait="))?;
        seconds(value).ok()
    });
    let announced = parts.headers.get(CONTENT_LENGTH);
    let length = announced.and_then(|value| value.to_str().ok()?.parse().ok());
    // Who announces nothing may be sending in chunks; a read has no body.
    let unknown = if parts.method.is_safe() { 0 } else { BATCH_LIMIT };
    let length = length.unwrap_or(unknown).min(BATCH_LIMIT);
    preferred.max(asked).unwrap_or_default() + time_for(config.body_timeout, length) + config.work_timeout
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    #[test]
    fn a_wait_extends_the_limit_and_never_beyond_a_minute() {
        let limit = |uri: &str, prefer: &str| {
            let request = Request::builder()
                .uri(uri)
                .header("prefer", prefer)
                .body(())
                .unwrap();
            handler_limit(&ApiConfig::default(), &request.into_parts().0).as_secs()
        };
        assert_eq!(limit("/jobs/1", ""), 90);
        assert_eq!(limit("/jobs/1?wait=30", ""), 120);
        assert_eq!(limit("/stores", "wait=999999"), 150);
    }
}
