//! The check is checked: on a simulator that deviates in one thing it reports that one.

use std::collections::BTreeSet;

use futures::future::join_all;
use simulator::{BucketConfig, Quirks, Rule, RuleAction, Simulator, SimulatorConfig, Trigger};
use system_tests::live::{ASSUMPTIONS, Pace, Report, Settings, check};

const KEY: &str = SimulatorConfig::API_KEY;
const STORE: &str = SimulatorConfig::STORE_ID;
/// What a simulator without deviations does otherwise than assumed.
const USUAL: &str = "values.empty_map_is_list";

/// As fast as it goes; the waits between writes whose times are compared stay.
pub(super) fn settings(desk: &Simulator) -> Settings {
    Settings {
        pace: Pace {
            burst: 1_000,
            per_second: 1_000.0,
            reserve: 0,
        },
        ..Settings::new(desk.base_url(), STORE, KEY)
    }
}

/// A simulator with some orders of others in it.
pub(super) async fn desk(bucket: BucketConfig) -> Simulator {
    let config = SimulatorConfig {
        bucket,
        ..SimulatorConfig::default()
    };
    let desk = Simulator::start(config).await.expect("the simulator starts");
    desk.seed_orders(STORE, 3).expect("the store exists");
    desk
}

pub(super) fn unlimited() -> BucketConfig {
    BucketConfig {
        enforced: false,
        ..BucketConfig::default()
    }
}

/// The report on a store with these deviations. Everything is tried, and nothing is left or touched of others'.
async fn report(quirks: Quirks) -> Report {
    let desk = desk(unlimited()).await;
    desk.set_quirks(quirks);
    let before = desk.orders(STORE).expect("the store exists");
    let report = check(&settings(&desk), std::future::pending()).await;
    assert_eq!(desk.orders(STORE).expect("the store exists"), before, "{report}");
    assert!(
        report.left_behind.is_none() && report.broken_off.is_none(),
        "{report}"
    );
    report
}

fn tag(on: Trigger) -> Quirks {
    let action = RuleAction::Tag {
        name: "Checked".to_owned(),
        color: "red".to_owned(),
    };
    Quirks {
        rules: vec![Rule { on, action }],
        ..Quirks::default()
    }
}

#[tokio::test]
async fn every_assumption_that_can_be_tried_is_and_the_simulator_is_as_assumed() {
    let report = report(Quirks::default()).await;
    let possible: BTreeSet<&str> = ASSUMPTIONS
        .iter()
        .filter(|assumption| assumption.untried.is_none())
        .map(|assumption| assumption.code)
        .collect();
    assert_eq!(
        report.tried().into_iter().collect::<BTreeSet<_>>(),
        possible,
        "{report}"
    );
    assert_eq!(report.not_held(), [USUAL], "{report}");
    let text = report.to_string();
    assert!(text.contains("NOT HELD   values.empty_map_is_list"), "{text}");
    assert!(!text.contains(KEY), "{text}");
}

macro_rules! switched {
    ($quirk:ident) => {
        Quirks {
            $quirk: true,
            ..Quirks::default()
        }
    };
}

#[tokio::test]
async fn a_deviation_that_is_switched_on_is_reported_and_no_other() {
    let table: [(Quirks, &[&str]); 13] = [
        (switched!(empty_maps_as_lists), &[]),
        (switched!(escaped_text), &[USUAL]),
        (switched!(numeric_strings), &[USUAL, "values.numbers"]),
        (switched!(phone_format), &["create.as_sent", USUAL]),
        (switched!(folders_as_list), &["store.folders_map", USUAL]),
        (
            switched!(put_answer_without_order),
            &["put.answer_has_order", USUAL],
        ),
        (switched!(renewed_item_ids), &["put.item_ids_kept", USUAL]),
        (switched!(put_honours_folder), &["put.folder_kept", USUAL]),
        (switched!(refuse_empty_items), &["put.no_items_accepted", USUAL]),
        (switched!(put_appends_notes), &["put.notes_replaced", USUAL]),
        (switched!(store_unknown_fields), &["put.unknown_ignored", USUAL]),
        (tag(Trigger::Put), &["put.same_changes_nothing", USUAL]),
        (tag(Trigger::Create), &["create.as_sent", USUAL]),
    ];
    join_all(table.into_iter().map(async |(quirks, expected)| {
        let shown = format!("{quirks:?}");
        let report = report(quirks).await;
        let found: BTreeSet<&str> = report.not_held().into_iter().collect();
        assert_eq!(found, expected.iter().copied().collect(), "{shown}\n{report}");
    }))
    .await;
}

#[tokio::test]
async fn the_check_keeps_within_the_bucket_and_leaves_some_to_others() {
    let bucket = BucketConfig {
        size: 20,
        refill_per_second: 30.0,
        enforced: true,
    };
    let desk = desk(bucket).await;
    let settings = Settings {
        pace: Pace {
            burst: 10,
            per_second: 15.0,
            reserve: 5,
        },
        ..settings(&desk)
    };
    let report = check(&settings, std::future::pending()).await;
    assert_eq!(report.not_held(), [USUAL], "{report}");
    let log = desk.request_log();
    assert!(
        log.len() > 40 && log.iter().all(|entry| entry.status != Some(429)),
        "{log:?}"
    );
}
