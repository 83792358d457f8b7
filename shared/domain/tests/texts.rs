//! Properties of the texts that become values: none panics, and what is taken is written as it was read.

use domain::order::{ETag, IfMatch, Path};
use domain::{OrderId, RequestId, Timestamp, UpstreamStoreId};
use proptest::prelude::*;

/// Texts from noise to what is nearly right.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        ".{0,30}",
        "[0-9:TZ. +\\-]{0,30}",
        "[\"W/,* a-z]{0,20}",
        "[/~01a-z.\\-]{0,30}",
        "[0-9]{0,25}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn a_text_is_refused_or_survives_being_written(text in text()) {
        if let Ok(at) = text.parse::<Timestamp>() {
            prop_assert_eq!(at.to_string().parse::<Timestamp>(), Ok(at));
            prop_assert_eq!(at.to_order_desk().len(), 19);
        }
        if let Ok(tag) = text.parse::<ETag>() {
            prop_assert_eq!(tag.as_str(), &text);
        }
        if let Ok(condition) = text.parse::<IfMatch>() {
            prop_assert_eq!(String::from(condition.clone()).parse::<IfMatch>(), Ok(condition));
        }
        if let Ok(id) = text.parse::<OrderId>() {
            prop_assert!(id.as_str() == text && (1..=20).contains(&text.len()));
        }
        if let Ok(id) = text.parse::<RequestId>() {
            prop_assert!(id.as_str() == text && text.len() <= 128);
        }
        if let Ok(id) = text.parse::<UpstreamStoreId>() {
            prop_assert!(id.as_str() == text && text.len() <= 64);
        }
        if let Ok(path) = Path::parse(&text) {
            let again = Path::parse(path.pointer().as_str()).unwrap();
            prop_assert_eq!(again.pointer(), path.pointer(), "the pointer of a path is a path itself");
            let stored = serde_json::to_value(&path).unwrap();
            prop_assert_eq!(serde_json::from_value::<Path>(stored).unwrap(), path);
        }
    }

    #[test]
    fn every_time_reads_back_from_both_forms(millis in 0_i64..253_402_207_200_000) {
        let at = Timestamp::from_millis(millis);
        prop_assert_eq!(at.to_string().parse::<Timestamp>(), Ok(at));
        let seconds = at.to_order_desk().replace(' ', "T") + "Z";
        prop_assert_eq!(seconds.parse::<Timestamp>().map(Timestamp::as_millis), Ok(millis / 1_000 * 1_000));
    }

    #[test]
    fn a_pointer_of_any_tokens_reads_back(tokens in proptest::collection::vec(".{0,5}", 0..10)) {
        let escaped = tokens.iter().map(|token| format!("/{}", token.replace('~', "~0").replace('/', "~1")));
        let text: String = escaped.collect();
        let path = Path::parse(&text).unwrap();
        prop_assert_eq!(path.pointer().as_str(), &text);
        prop_assert!(!path.is_bare());
    }
}
