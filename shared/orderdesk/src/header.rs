//! The rate-limit headers, read with bounds: whatever they hold, nothing panics and nothing waits for days.

use std::time::Duration;

use http::HeaderMap;

/// The longest wait that an answer can impose.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(1);
/// The wait after a 429 that names none: a second and some refill.
const DEFAULT_RETRY_AFTER: Duration = Duration::from_secs(2);
const MAX_TOKENS: f64 = 1_000_000.0;

/// `X-Tokens-Remaining`: whole tokens left after this request.
pub(crate) fn tokens_remaining(headers: &HeaderMap) -> Option<u32> {
    number(headers, "x-tokens-remaining").map(|tokens| tokens.min(MAX_TOKENS).floor() as u32)
}

/// `X-Retry-After` in seconds, else `Retry-After` in seconds, else two seconds.
pub(crate) fn retry_after(headers: &HeaderMap) -> Duration {
    number(headers, "x-retry-after")
        .or_else(|| number(headers, "retry-after"))
        .map_or(DEFAULT_RETRY_AFTER, |seconds| {
            if seconds >= MAX_RETRY_AFTER.as_secs_f64() {
                MAX_RETRY_AFTER
            } else {
                Duration::from_secs_f64(seconds)
            }
        })
}

/// A header's value as a number that is finite and not negative.
fn number(headers: &HeaderMap, name: &str) -> Option<f64> {
    let value: f64 = headers.get(name)?.to_str().ok()?.trim().parse().ok()?;
    (value.is_finite() && value >= 0.0).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    fn with(name: &'static str, value: &[u8]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.insert(name, value);
        }
        headers
    }

    #[test]
    fn the_vendor_header_wins_and_the_standard_one_is_understood() {
        let mut headers = with("retry-after", b"9");
        assert_eq!(retry_after(&headers), Duration::from_secs(9));
        headers.insert("x-retry-after", HeaderValue::from_static(" 1.5 "));
        assert_eq!(retry_after(&headers), Duration::from_millis(1_500));
        assert_eq!(tokens_remaining(&with("x-tokens-remaining", b"17")), Some(17));
    }

    #[test]
    fn nonsense_is_ignored_and_waits_are_capped_at_an_hour() {
        for nonsense in [
            &b"-1"[..],
            b"NaN",
            b"inf",
            b"soon",
            b"",
            b"\xff\xfe",
            b"Wed, 21 Oct 2015 07:28:00 GMT",
        ] {
            assert_eq!(retry_after(&with("x-retry-after", nonsense)), DEFAULT_RETRY_AFTER);
            assert_eq!(tokens_remaining(&with("x-tokens-remaining", nonsense)), None);
        }
        assert_eq!(
            retry_after(&with("x-retry-after", b"99999999999999999999999")),
            MAX_RETRY_AFTER
        );
        assert_eq!(
            tokens_remaining(&with("x-tokens-remaining", b"1e300")),
            Some(1_000_000)
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_header_value_panics(value in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = tokens_remaining(&with("x-tokens-remaining", &value));
            prop_assert!(retry_after(&with("x-retry-after", &value)) <= MAX_RETRY_AFTER);
        }
    }
}
