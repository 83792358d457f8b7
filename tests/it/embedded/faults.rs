//! Every way in which a call can fail, on every call of the main job, through the whole process.

use std::time::Duration;

use futures::future::join_all;
use reqwest::Method;
use serde_json::json;
use simulator::{Fault, Matcher, RequestKind};
use system_tests::{Effect, EveryJobEndedOnce, Gateway, desk};
use testkit::CrashPoint;

use super::PATIENCE;

/// The faults, and a name for each.
fn faults() -> Vec<(String, Fault)> {
    let mut faults = vec![
        ("reset before".to_owned(), Fault::ResetBefore),
        ("reset after".to_owned(), Fault::ResetAfter),
        ("time-out".to_owned(), Fault::Timeout),
        (
            "time-out, late write".to_owned(),
            Fault::TimeoutLateWrite { delay_ms: 1_600 },
        ),
        (
            "502, late write".to_owned(),
            Fault::LateWrite {
                delay_ms: 1_600,
                status: 502,
            },
        ),
        ("throttled".to_owned(), Fault::Throttle { retry_after: 1 }),
    ];
    for applied in [false, true] {
        for status in [500, 502, 503, 504] {
            faults.push((
                format!("{status}, applied: {applied}"),
                Fault::ServerError { status, applied },
            ));
        }
        let message = "Something went wrong".to_owned();
        faults.extend([
            (
                format!("status error, applied: {applied}"),
                Fault::StatusError { message, applied },
            ),
            (format!("garbage, applied: {applied}"), Fault::Garbage { applied }),
            (
                format!("HTML, applied: {applied}"),
                Fault::Html { status: 502, applied },
            ),
            (
                format!("HTML with 200, applied: {applied}"),
                Fault::Html { status: 200, applied },
            ),
            (
                format!("truncated, applied: {applied}"),
                Fault::Truncated { applied },
            ),
        ]);
    }
    faults
}

fn applied(fault: &Fault) -> bool {
    match fault {
        Fault::ResetAfter | Fault::TimeoutLateWrite { .. } | Fault::LateWrite { .. } => true,
        Fault::ServerError { applied, .. }
        | Fault::StatusError { applied, .. }
        | Fault::Garbage { applied }
        | Fault::Html { applied, .. }
        | Fault::Truncated { applied } => *applied,
        _ => false,
    }
}

/// One order for each fault, all at once; every job has to succeed.
async fn all_at_once(kind: RequestKind) {
    let gateway = Gateway::start().await;
    let client = gateway.client_with_store().await;
    let faults = faults();
    let orders = desk::orders(&gateway.desk, faults.len() as u64);
    let mut check = EveryJobEndedOnce::of(desk::STORE);
    let mut jobs = Vec::new();
    for (order, (name, fault)) in orders.iter().zip(&faults) {
        gateway
            .desk
            .fail_next(Matcher::from(kind).order(order), fault.clone());
        let note = format!("one and only: {name}");
        let path = format!("/stores/{}/orders/{order}", desk::STORE);
        let job = if kind == RequestKind::MoveOrders {
            client
                .submit(&format!("{path}/move-folder"), &json!({"folder_id": 3}))
                .await
        } else {
            let job = client
                .submit(&format!("{path}/add-note"), &json!({"note": note}))
                .await;
            check.accepted(
                &*job,
                Effect::Note {
                    order: order.clone(),
                    text: note,
                },
            );
            job
        };
        jobs.push(job);
    }
    for ((job, order), (name, fault)) in jobs.iter().zip(&orders).zip(&faults) {
        let job = client.wait_succeeded(job, PATIENCE).await;
        let written = kind != RequestKind::GetOrder;
        assert_eq!(
            job["result"]["recovered"],
            written && applied(fault),
            "{name}: {job}"
        );
        if kind == RequestKind::MoveOrders {
            assert_eq!(desk::order(&gateway.desk, order)["folder_id"], 3, "{name}");
        }
    }
    check.check(&client, &gateway.desk, PATIENCE).await;
    let hits: u64 = gateway.desk.faults().iter().map(|rule| rule.hits).sum();
    assert_eq!(hits, faults.len() as u64, "every fault was met");
    if kind == RequestKind::PutOrder {
        assert_eq!(
            gateway.desk.counters().kind(kind).applied,
            faults.len() as u64,
            "no update was repeated"
        );
    }
}

#[tokio::test]
async fn every_fault_of_a_fetch_ends_in_one_success() {
    all_at_once(RequestKind::GetOrder).await;
}

#[tokio::test]
async fn every_fault_of_an_update_ends_in_one_success() {
    all_at_once(RequestKind::PutOrder).await;
}

#[tokio::test]
async fn every_fault_of_a_move_ends_in_one_success() {
    all_at_once(RequestKind::MoveOrders).await;
}

#[tokio::test]
async fn a_crash_behind_every_fault_of_an_update_still_ends_in_one_note() {
    for group in faults().chunks(6) {
        join_all(group.iter().map(async |(name, fault)| {
            let mut gateway = Gateway::start().await;
            let client = gateway.client_with_store().await;
            let order = desk::orders(&gateway.desk, 1).remove(0);
            gateway.desk.fail_next(RequestKind::PutOrder, fault.clone());
            assert!(
                gateway
                    .restart_crashing(Some(&CrashPoint("request.after", 1)))
                    .await
            );
            let path = format!("/stores/{}/orders/{order}/add-note", desk::STORE);
            let submit = async || {
                let request = client
                    .request(Method::POST, &path)
                    .header("Idempotency-Key", "one");
                client.send(request.json(&json!({"note": "one and only"}))).await
            };
            // The answer may be lost with the process; the repeat finds the job.
            let _ = submit().await;
            gateway.wait_killed(PATIENCE).await;
            gateway.restart().await;
            let mut check = EveryJobEndedOnce::of(desk::STORE);
            let job = submit().await.expect("an answer").expect(202).id();
            check.accepted(
                job,
                Effect::Note {
                    order: order.clone(),
                    text: "one and only".to_owned(),
                },
            );
            let report = check.check(&client, &gateway.desk, PATIENCE).await;
            assert_eq!(report.succeeded, 1, "{name}");
            assert_eq!(report.recovered == 1, applied(fault), "{name}: {:?}", report.jobs);
            assert_eq!(
                gateway.desk.counters().kind(RequestKind::PutOrder).applied,
                1,
                "{name}"
            );
        }))
        .await;
    }
}

#[tokio::test]
async fn a_late_first_update_never_erases_a_later_success() {
    let gateway = Gateway::start().await;
    let client = gateway.client_with_store().await;
    let order = desk::orders(&gateway.desk, 1).remove(0);
    gateway
        .desk
        .fail_next(RequestKind::PutOrder, Fault::TimeoutLateWrite { delay_ms: 2_000 });
    let mut check = EveryJobEndedOnce::of(desk::STORE);
    check.note(&client, &order, "late and first").await;
    gateway
        .desk
        .wait_until(PATIENCE, |desk| {
            desk.counters().kind(RequestKind::PutOrder).requests == 1
        })
        .await;
    check.note(&client, &order, "early and second").await;
    let report = check.check(&client, &gateway.desk, PATIENCE).await;
    assert_eq!(report.succeeded, 2);
    assert_eq!(
        desk::notes_of(&gateway.desk, desk::STORE, &order),
        ["Handle with care", "late and first", "early and second"]
    );
}

#[tokio::test]
async fn refused_connections_only_delay() {
    let gateway = Gateway::start().await;
    let client = gateway.client_with_store().await;
    let order = desk::orders(&gateway.desk, 1).remove(0);
    gateway.desk.refuse_connections().await;
    let mut check = EveryJobEndedOnce::of(desk::STORE);
    let job = check.note(&client, &order, "patience").await;
    let ask = async || client.job(&job).await["status"] == "retrying";
    testkit::eventually("the job waits for its next attempt", Duration::from_secs(20), ask).await;
    gateway.desk.accept_connections().await;
    assert_eq!(check.check(&client, &gateway.desk, PATIENCE).await.succeeded, 1);
}

#[tokio::test]
async fn one_poisoned_job_does_not_fail_its_batch_mates() {
    let gateway = Gateway::start().await;
    let client = gateway.client_with_store().await;
    let order = desk::orders(&gateway.desk, 1).remove(0);
    gateway.desk.set_poison(vec!["note number 17".to_owned()]);
    let text = |n: usize| format!("note number {n}");
    let jobs: Vec<_> = (0..50)
        .map(|n| json!({"kind": "order.add_note", "order_id": order, "body": {"note": text(n)}}))
        .collect();
    let ids = client.batch(desk::STORE, &jobs).await;
    let mut check = EveryJobEndedOnce::of(desk::STORE);
    for (n, id) in ids.iter().enumerate() {
        check.accepted(
            &**id,
            Effect::Note {
                order: order.clone(),
                text: text(n),
            },
        );
    }
    let report = check.check(&client, &gateway.desk, PATIENCE).await;
    assert_eq!((report.succeeded, report.failed), (49, 1));
    let failed = &report.jobs[&ids[17]];
    assert_eq!(failed["error"]["code"], "upstream_rejected", "{failed}");
}
