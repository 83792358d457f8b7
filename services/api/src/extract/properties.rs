//! Properties of everything that reads a header or a query: no text panics, and what is written reads back.

use std::time::Duration;

use app::Listing;
use http::{HeaderMap, HeaderValue};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::event_stream::LastEventId;
use super::idempotency_key::{self, IdempotencyKey};
use super::options::Options;
use super::page::{Page, PageQuery};
use super::params::Params;
use super::precondition::{IfMatchHeader, IfNoneMatch};
use super::prefer::Prefer;
use super::search::search;
use super::traceparent::traceparent;
use crate::problem::Code;

/// Bytes that a header may hold, from noise to what is nearly right.
fn value() -> impl Strategy<Value = HeaderValue> {
    let noise = vec(any::<u8>(), 0..80);
    let pieces = [
        "wait",
        "=",
        "5",
        "99999999999999999999",
        ";",
        ",",
        "\"",
        "\\",
        " ",
        "respond-async",
        "W/",
        "*",
        "00",
        "-",
        "4bf92f3577b34da6a3ce929d0e0e4736",
        "00f067aa0ba902b7",
        "1:",
        "é",
        "\t",
    ];
    let shaped = vec(select(pieces.to_vec()), 0..12).prop_map(|pieces| pieces.concat().into_bytes());
    prop_oneof![noise, shaped].prop_filter_map("a header", |bytes| HeaderValue::from_bytes(&bytes).ok())
}

fn headers(name: &'static str, values: impl IntoIterator<Item = HeaderValue>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(name, value);
    }
    headers
}

fn of_text(name: &'static str, text: &str) -> HeaderMap {
    headers(name, [HeaderValue::from_str(text).unwrap()])
}

/// The names of all parameters that any of our routes takes, and some that none does.
fn name() -> impl Strategy<Value = String> {
    let known = [Listing::Orders, Listing::Inventory]
        .into_iter()
        .flat_map(|listing| listing.parameters().iter().map(|parameter| parameter.name));
    let ours = [
        "limit",
        "offset",
        "cursor",
        "dry_run",
        "priority",
        "run_at",
        "guard",
        "callback_url",
    ];
    let names: Vec<String> = known.chain(ours).map(str::to_owned).collect();
    prop_oneof![4 => select(names), 1 => ".{0,5}"]
}

fn query() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        ".{0,8}",
        "[0-9]{0,22}",
        select(vec![
            "true",
            "2026-01-31",
            "2026-02-30 25:61:61",
            "a@b",
            "1,2,,3",
            "asc",
            "-1"
        ])
        .prop_map(str::to_owned),
    ];
    let pairs = vec((name(), value), 0..8).prop_map(|pairs| {
        url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs)
            .finish()
    });
    prop_oneof![3 => pairs, 1 => "[ -~]{0,60}"]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_prefer_panics_and_none_waits_longer_than_a_minute(values in vec(value(), 0..3), ended: bool) {
        match Prefer::read(&headers("prefer", values)) {
            Ok(prefer) => {
                prop_assert!(prefer.wait.is_none_or(|wait| wait <= Duration::from_mins(1)));
                let applied = prefer.applied(ended);
                prop_assert_eq!(applied.is_some(), prefer.wait.is_some() || prefer.respond_async);
            }
            Err(problem) => prop_assert_eq!(problem.code(), Code::InvalidHeader),
        }
    }

    #[test]
    fn what_was_applied_of_a_prefer_is_the_same_preference(wait in proptest::option::of(0_u64..100), respond_async: bool) {
        let prefer = Prefer { respond_async, wait: wait.map(|wait| Duration::from_secs(wait.min(60))) };
        let again = prefer.applied(false).map(|text| Prefer::read(&headers("prefer", [text])).unwrap());
        prop_assert_eq!(again.unwrap_or_default(), prefer);
    }

    #[test]
    fn no_idempotency_key_panics_and_what_is_taken_is_one(values in vec(value(), 0..3)) {
        match IdempotencyKey::read(&headers("idempotency-key", values.clone())) {
            Ok(IdempotencyKey(Some(key))) => prop_assert!(idempotency_key::check(&key).is_ok()),
            Ok(IdempotencyKey(None)) => prop_assert!(values.is_empty()),
            Err(problem) => prop_assert_eq!(problem.code(), Code::InvalidHeader),
        }
    }

    #[test]
    fn a_key_in_quotes_reads_back_and_a_bare_one_is_the_same(key in "[ -~]{1,255}") {
        let quoted = format!("\"{}\"", key.replace('\\', "\\\\").replace('"', "\\\""));
        let read = |text: &str| IdempotencyKey::read(&of_text("idempotency-key", text)).map(|key| key.0).ok().flatten();
        prop_assert_eq!(read(&quoted), Some(key.clone()));
        if !key.starts_with(['"', ' ']) && !key.ends_with(' ') {
            prop_assert_eq!(read(&key), Some(key));
        }
    }

    #[test]
    fn every_cursor_reads_back_and_no_other_text_panics(position: u64, text in "[ -~]{0,40}") {
        let page = Page::<u8>::new(Vec::new(), Some(position)).body();
        let cursor = page["next_cursor"].as_str().unwrap_or_default();
        let mut params = Params::parse(&format!("cursor={cursor}"));
        prop_assert_eq!(PageQuery::take(&mut params).map(|page| page.before).ok(), Some(Some(position)));
        if let Err(problem) = PageQuery::take(&mut Params::parse(&format!("cursor={text}"))) {
            prop_assert_eq!(problem.code(), Code::InvalidCursor);
        }
    }

    #[test]
    fn a_trace_context_is_passed_on_as_it_came_or_not_at_all(value in value(), trace in "[0-9a-f]{32}", span in "[0-9a-f]{16}", flags in "[0-9a-f]{2}") {
        let text = value.to_str().map(str::to_owned);
        if let Some(passed) = traceparent(&headers("traceparent", [value])) {
            prop_assert_eq!(Ok(passed.len()), text.as_ref().map(|text| text.trim().len()).map_err(drop));
            prop_assert_eq!(passed.len(), 55);
        }
        let good = format!("00-{trace}-{span}-{flags}");
        let is_zero = trace.bytes().all(|digit| digit == b'0') || span.bytes().all(|digit| digit == b'0');
        prop_assert_eq!(traceparent(&of_text("traceparent", &good)), (!is_zero).then_some(good));
    }

    #[test]
    fn no_precondition_panics_and_a_list_of_tags_reads_back(values in vec(value(), 0..3), tags in vec("[!#-~]{0,8}", 1..5)) {
        for name in ["if-match", "if-none-match"] {
            let headers = headers(name, values.clone());
            if let Err(problem) = IfMatchHeader::read(&headers) {
                prop_assert_eq!(problem.code(), Code::InvalidHeader);
            }
            if let Ok(known) = IfNoneMatch::read(&headers) {
                let _ = known.knows("\"tag\"");
            }
        }
        let quoted: Vec<String> = tags.iter().map(|tag| format!("\"{tag}\"")).collect();
        let list = quoted.join(", ");
        let condition = IfMatchHeader::read(&of_text("if-match", &list)).ok().and_then(|read| read.text());
        prop_assert_eq!(condition, Some(list.clone()));
        let known = IfNoneMatch::read(&of_text("if-none-match", &list)).unwrap();
        for tag in &quoted {
            prop_assert!(known.knows(tag), "{} in {}", tag, list);
        }
        prop_assert!(!known.knows("\"longer than any\""));
    }

    #[test]
    fn no_last_event_id_panics_and_a_position_reads_back(values in vec(value(), 0..3), position: u64) {
        let _ = LastEventId::read(&headers("last-event-id", values));
        let read = LastEventId::read(&of_text("last-event-id", &position.to_string()));
        prop_assert_eq!(read.ok(), Some(LastEventId(Some(position))));
    }

    #[test]
    fn no_query_panics(query in query()) {
        for listing in [Listing::Orders, Listing::Inventory] {
            let mut params = Params::parse(&query);
            let found = search(listing, &mut params);
            prop_assert_eq!(found.listing(), listing);
            let _ = params.finish();
        }
        let mut params = Params::parse(&query);
        let _ = (Options::from_query(&mut params), PageQuery::take(&mut params), params.finish());
    }

    #[test]
    fn every_pair_of_a_query_reads_back(values in vec(".{0,20}", 0..6)) {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(values.iter().map(|value| ("label", value)))
            .finish();
        let mut params = Params::parse(&query);
        prop_assert_eq!(params.all("label"), values);
        prop_assert!(params.finish().is_ok());
    }
}
