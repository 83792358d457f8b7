//! Order Desk away, and attempts that run out.

use domain::job::{ErrorCode, JobStatus};
use simulator::{Fault, FaultRule, RequestKind};

use crate::support::*;

#[tokio::test]
async fn jobs_survive_an_outage_without_using_up_their_attempts() {
    let world = world().max_attempts(4).start().await;
    let shop = world.shop().await;
    let orders: Vec<String> = (0..12).map(|_| shop.order()).collect();
    world.desk.refuse_connections().await;
    let ids = shop
        .submit_all(orders.iter().map(|order| note(order, "survives")).collect())
        .await;
    // Five failures in a row open the circuit; then nobody tries any more.
    testkit::eventually("all to wait", PATIENCE, async || {
        world.known_jobs() >= 12 && world.cycles() == 0
    })
    .await;
    let attempts: u32 = futures::future::join_all(ids.iter().map(|id| world.job(*id)))
        .await
        .iter()
        .map(|job| job.attempts)
        .sum();
    assert!(
        attempts <= 12,
        "nobody is tried twice before the circuit opens: {attempts}"
    );
    world.desk.accept_connections().await;
    for view in world.all_ended(&ids).await {
        assert_succeeded(&view);
        assert!(view.job.attempts < 4, "{:?}", view.job);
    }
    for order in &orders {
        assert_eq!(shop.notes(order, "survives"), 1);
    }
    world.check().await;
}

#[tokio::test]
async fn an_open_circuit_lets_one_probe_through_and_closes_again() {
    let world = world().max_attempts(3).start().await;
    let shop = world.shop().await;
    let orders: Vec<String> = (0..8).map(|_| shop.order()).collect();
    let fault = FaultRule::always(shop.requests(RequestKind::GetOrder), Fault::ResetBefore);
    world.desk.add_fault(fault);
    let ids = shop
        .submit_all(orders.iter().map(|order| note(order, "survives")).collect())
        .await;
    assert!(world.desk.wait_until(PATIENCE, |_| shop.log().len() >= 8).await);
    let before = shop.log().len();
    let probed = world
        .desk
        .wait_until(PATIENCE, |_| shop.log().len() > before)
        .await;
    assert!(probed);
    world.desk.clear_faults();
    for view in world.all_ended(&ids).await {
        assert_succeeded(&view);
    }
    let log = shop.log();
    let gap = log[before].at_ms - log[before - 1].at_ms;
    assert!(
        gap >= 8_000,
        "ten seconds between the outage and the probe: {gap} ms"
    );
    assert!(log[before].fault.is_some() || log[before].status == Some(200));
    world.check().await;
}

#[tokio::test]
async fn attempts_run_out_with_their_last_cause() {
    let world = world().max_attempts(2).start().await;
    let (reading, writing) = (world.shop().await, world.shop().await);
    let fault = Fault::ServerError {
        status: 500,
        applied: false,
    };
    world.desk.add_fault(FaultRule::always(
        reading.requests(RequestKind::GetOrder),
        fault.clone(),
    ));
    world
        .desk
        .add_fault(FaultRule::always(writing.requests(RequestKind::PutOrder), fault));
    for (shop, kind) in [
        (&reading, RequestKind::GetOrder),
        (&writing, RequestKind::PutOrder),
    ] {
        let order = shop.order();
        let view = shop.run(note(&order, "never")).await;
        assert_failed(&view, ErrorCode::AttemptsExhausted);
        let error = view.job.error.expect("an error");
        assert_eq!(
            (error.cause, view.job.attempts),
            (Some(ErrorCode::UpstreamUnavailable), 2)
        );
        assert_eq!((shop.notes(&order, "never"), shop.count(kind)), (0, 2));
    }
    world.check().await;
}

#[tokio::test]
async fn a_waiting_job_shows_when_it_is_tried_again_and_why_it_failed() {
    let world = world().start().await;
    let shop = world.shop().await;
    let order = shop.order();
    world.desk.fail_next(
        shop.requests(RequestKind::GetOrder),
        Fault::ServerError {
            status: 503,
            applied: false,
        },
    );
    let id = shop.submit(note(&order, "later")).await;
    let job = world
        .until(id, "retrying", |job| job.status == JobStatus::Retrying)
        .await;
    assert_eq!(
        (job.attempts, job.error.expect("a cause").upstream_status),
        (1, Some(503))
    );
    let wait = job
        .next_attempt_at
        .expect("a time")
        .since(job.submitted_at)
        .as_millis();
    assert!((800..4_000).contains(&wait), "{wait} ms");
    let view = world.ended(id).await;
    assert_succeeded(&view);
    assert_eq!((view.job.attempts, view.job.error), (2, None));
    world.check().await;
}

#[tokio::test]
async fn refused_connections_at_the_update_send_nothing_twice() {
    let world = world().start().await;
    let shop = world.shop().await;
    let order = shop.order();
    let hold = world.desk.hold(
        shop.requests(RequestKind::GetOrder),
        simulator::HoldPhase::BeforeApply,
    );
    let id = shop.submit(note(&order, "once")).await;
    assert!(world.desk.wait_held(hold, 1, PATIENCE).await);
    // Its connection closes unanswered, and new ones are refused for a while.
    world.desk.refuse_connections().await;
    world.desk.release(hold).expect("held");
    world
        .until(id, "retrying", |job| job.status == JobStatus::Retrying)
        .await;
    world.desk.accept_connections().await;
    assert_succeeded(&world.ended(id).await);
    assert_eq!(shop.notes(&order, "once"), 1);
    world.check().await;
}
