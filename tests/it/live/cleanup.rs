//! Nothing is left behind, whatever happens.

use std::time::Duration;

use reqwest::Method;
use simulator::{Fault, RequestKind, Simulator, SimulatorConfig};
use system_tests::live::{Report, check};
use testkit::eventually;

use super::deviations::{desk, settings, unlimited};

const STORE: &str = SimulatorConfig::STORE_ID;

/// Runs a check on a desk, and looks that the others' orders are as they were and no other is there.
async fn left_clean(desk: &Simulator, stop: impl Future<Output = ()>) -> Report {
    let before = desk.orders(STORE).expect("the store exists");
    let report = check(&settings(desk), stop).await;
    assert_eq!(desk.orders(STORE).expect("the store exists"), before, "{report}");
    assert!(report.left_behind.is_none(), "{report}");
    let foreign: Vec<String> = before
        .iter()
        .filter_map(|order| order["id"].as_str())
        .map(str::to_owned)
        .collect();
    let touched = desk.request_log().into_iter().filter(|entry| {
        entry.method != Method::GET.as_str()
            && foreign
                .iter()
                .any(|id| entry.path.contains(&format!("/orders/{id}")))
    });
    assert_eq!(touched.count(), 0);
    report
}

#[tokio::test]
async fn a_step_that_fails_leaves_its_assumptions_untried_and_no_order_behind() {
    let desk = desk(unlimited()).await;
    desk.fail_next(
        RequestKind::PutOrder,
        Fault::StatusError {
            message: "internal error".to_owned(),
            applied: false,
        },
    );
    let report = left_clean(&desk, std::future::pending()).await;
    assert!(!report.tried().contains(&"date.same_put_moves"), "{report}");
    assert!(report.tried().contains(&"put.items_replaced"), "{report}");
    assert!(
        report.to_string().contains("a PUT of what was read was answered"),
        "{report}"
    );
}

#[tokio::test]
async fn an_order_whose_creation_had_no_answer_is_found_and_deleted() {
    let desk = desk(unlimited()).await;
    desk.fail_next(RequestKind::CreateOrder, Fault::ResetAfter);
    let report = left_clean(&desk, std::future::pending()).await;
    assert!(!report.tried().contains(&"put.items_replaced"), "{report}");
}

#[tokio::test]
async fn an_interrupted_check_deletes_its_order() {
    let desk = desk(unlimited()).await;
    let put = async || {
        let seen = desk.counters().total().requests;
        if seen >= 10 { Ok(()) } else { Err(seen.to_string()) }
    };
    let stop = async { eventually("some requests", Duration::from_mins(1), put).await };
    let report = left_clean(&desk, stop).await;
    assert_eq!(report.broken_off.as_deref(), Some("it was interrupted"));
}

#[tokio::test]
async fn an_order_that_cannot_be_deleted_is_told_with_its_source_id() {
    let desk = desk(unlimited()).await;
    for _ in 0..8 {
        desk.fail_next(
            RequestKind::DeleteOrder,
            Fault::StatusError {
                message: "internal error".to_owned(),
                applied: false,
            },
        );
    }
    let report = check(&settings(&desk), std::future::pending()).await;
    let left = report.left_behind.clone().unwrap_or_default();
    assert!(left.contains("gateway-live-check-"), "{report}");
    assert!(report.to_string().contains("NOT DELETED"), "{report}");
}

#[tokio::test]
async fn wrong_credentials_end_the_check_before_anything_is_written() {
    let desk = desk(unlimited()).await;
    let mut settings = settings(&desk);
    settings.api_key = "wrong".to_owned();
    let report = check(&settings, std::future::pending()).await;
    assert!(
        report.to_string().contains("GET /test was answered 401"),
        "{report}"
    );
    assert!(desk.request_log().iter().all(|entry| entry.method == "GET"));
}
