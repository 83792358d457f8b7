//! Which change goes first, and how fast.

use std::time::Duration;

use domain::job::Priority;
use simulator::{HoldPhase, RequestKind};

use crate::support::*;

#[tokio::test]
async fn the_real_limit_is_met_without_a_single_refusal() {
    testkit::at_best("as fast as the limit allows", meet_the_real_limit).await;
}

async fn meet_the_real_limit() -> Result<(), String> {
    let world = world().real_bucket().start().await;
    let shop = world.shop().await;
    let orders: Vec<String> = (0..14).map(|_| shop.order()).collect();
    let jobs = (0..42)
        .map(|n| note(&orders[n % 14], &format!("note {n}")))
        .collect();
    let started = std::time::Instant::now();
    let views = shop.run_all(jobs).await;
    let took = started.elapsed().as_secs_f64();
    for (n, view) in views.iter().enumerate() {
        assert_succeeded(view);
        assert_eq!(shop.notes(&orders[n % 14], &format!("note {n}")), 1);
    }
    let log = shop.log();
    assert_eq!(world.desk.counters().store(&shop.id).throttled, 0);
    assert_eq!(log.len(), 28, "two requests per batch");
    let fair = (log.len() as f64 - 20.0) / 3.0;
    world.check().await;
    if took <= 1.1 * fair + 1.0 {
        Ok(())
    } else {
        Err(format!("{took} s for {fair} s"))
    }
}

#[tokio::test]
async fn a_quiet_store_does_not_wait_for_a_busy_one() {
    testkit::at_best("a quiet store is served at once", be_quiet_beside_a_busy_store).await;
}

async fn be_quiet_beside_a_busy_store() -> Result<(), String> {
    let world = world().real_bucket().start().await;
    let (busy, quiet) = (world.shop().await, world.shop().await);
    let orders: Vec<String> = (0..25).map(|_| busy.order()).collect();
    let ids = busy
        .submit_all(orders.iter().map(|order| note(order, "busy")).collect())
        .await;
    assert!(world.desk.wait_until(PATIENCE, |_| busy.log().len() >= 15).await);
    let order = quiet.order();
    let started = std::time::Instant::now();
    assert_succeeded(&quiet.run(note(&order, "quiet")).await);
    let took = started.elapsed();
    world.all_ended(&ids).await.iter().for_each(assert_succeeded);
    assert_eq!(world.desk.counters().total().throttled, 0);
    world.check().await;
    if took < Duration::from_secs(1) {
        Ok(())
    } else {
        Err(format!("{took:?}"))
    }
}

#[tokio::test]
async fn a_tenant_limit_shared_with_others_is_noticed_from_the_answers() {
    let world = world().real_bucket().start().await;
    let shop = world.shop().await;
    // Another integration of the merchant has emptied the bucket.
    let first = shop.order();
    world.desk.set_tokens(&shop.id, 2.0).expect("set");
    let orders: Vec<String> = (0..4).map(|_| shop.order()).collect();
    let mut ids = vec![shop.submit(note(&first, "first")).await];
    world.ended(ids[0]).await;
    ids.extend(
        shop.submit_all(orders.iter().map(|order| note(order, "next")).collect())
            .await,
    );
    world.all_ended(&ids).await.iter().for_each(assert_succeeded);
    assert_eq!(
        world.desk.counters().store(&shop.id).throttled,
        0,
        "the header corrects downwards"
    );
    world.check().await;
}

#[tokio::test]
async fn higher_priority_goes_first() {
    let world = world().cycles_per_store(1).start().await;
    let shop = world.shop().await;
    let orders: Vec<String> = (0..4).map(|_| shop.order()).collect();
    let hold = world
        .desk
        .hold(shop.requests(RequestKind::GetOrder), HoldPhase::BeforeApply);
    let mut ids = vec![shop.submit(note(&orders[0], "n")).await];
    assert!(world.desk.wait_held(hold, 1, PATIENCE).await);
    let with = |order: &str, priority| {
        let mut command = note(order, "n");
        command.priority = priority;
        command
    };
    let behind = vec![
        with(&orders[1], Priority::Low),
        with(&orders[2], Priority::Normal),
        with(&orders[3], Priority::High),
    ];
    ids.extend(shop.submit_all(behind).await);
    // The feed brings them in while the first is held; one read of the ledger later they all stand in line.
    testkit::eventually("the worker to know them", PATIENCE, async || {
        world.known_jobs() >= 4
    })
    .await;
    world.desk.release(hold).expect("held");
    world.all_ended(&ids).await.iter().for_each(assert_succeeded);
    let fetched: Vec<String> = shop
        .log()
        .iter()
        .filter(|e| e.kind == RequestKind::GetOrder)
        .map(|e| e.path.clone())
        .collect();
    let expected: Vec<String> = [0, 3, 2, 1]
        .iter()
        .map(|n| format!("/orders/{}", orders[*n]))
        .collect();
    assert_eq!(fetched, expected);
    world.check().await;
}

#[tokio::test]
async fn a_job_with_a_time_waits_for_it_and_holds_nobody_up() {
    let world = world().start().await;
    let shop = world.shop().await;
    let order = shop.order();
    let at = world.app.now().plus(Duration::from_millis(1_500));
    let mut later = note(&order, "later");
    later.run_at = Some(at);
    let ids = shop.submit_all(vec![later, note(&order, "now")]).await;
    let views = world.all_ended(&ids).await;
    views.iter().for_each(assert_succeeded);
    assert!(views[1].job.finished_at.expect("a time") < at);
    assert!(views[0].job.started_at.expect("a time") >= at);
    let after = shop.get(&order);
    let texts: Vec<&str> = after["order_notes"].as_array().expect("notes")[1..]
        .iter()
        .map(|note| note["content"].as_str().expect("text"))
        .collect();
    assert_eq!(texts, ["now", "later"]);
    world.check().await;
}
