//! `If-Match`, `test` operations, and orders that are not there.

use domain::job::ErrorCode;
use domain::order::CommandKind;
use serde_json::json;
use simulator::RequestKind;

use crate::support::*;

#[tokio::test]
async fn of_two_jobs_with_one_tag_the_second_fails() {
    let world = world().start().await;
    let shop = world.shop().await;
    let order = shop.order();
    let first = shop.run(note(&order, "first")).await;
    let tag = first.job.result.expect("a result").etag_after.expect("a tag");
    let guarded = |text: &str| {
        let mut command = note(&order, text);
        command.if_match = Some(tag.parse().expect("a tag"));
        command
    };
    // Together in one batch.
    let views = shop
        .run_all(vec![guarded("one"), guarded("two"), note(&order, "three")])
        .await;
    assert_succeeded(&views[0]);
    assert_failed(&views[1], ErrorCode::PreconditionFailed);
    assert_succeeded(&views[2]);
    // And one after another.
    assert_failed(&shop.run(guarded("late")).await, ErrorCode::PreconditionFailed);
    let mut delete = ask(CommandKind::OrderDelete, &order, serde_json::Value::Null);
    delete.if_match = Some(tag.parse().expect("a tag"));
    assert_failed(&shop.run(delete).await, ErrorCode::PreconditionFailed);
    for (text, count) in [("one", 1), ("two", 0), ("three", 1), ("late", 0)] {
        assert_eq!(shop.notes(&order, text), count, "{text}");
    }
    assert_eq!(shop.count(RequestKind::PutOrder), 2, "what fails touches nothing");
    world.check().await;
}

#[tokio::test]
async fn any_order_satisfies_a_star() {
    let world = world().start().await;
    let shop = world.shop().await;
    let order = shop.order();
    let mut command = note(&order, "exists");
    command.if_match = Some("*".parse().expect("a condition"));
    assert_succeeded(&shop.run(command).await);
    world.check().await;
}

#[tokio::test]
async fn a_failing_test_leaves_no_trace_of_its_job_alone() {
    let world = world().start().await;
    let shop = world.shop().await;
    let order = shop.order();
    let failing = mutate(
        &order,
        json!([
            {"op": "replace", "path": "/email", "value": "never@example.com"},
            {"op": "test", "path": "/source_id", "value": "not this"},
        ]),
    );
    let impossible = mutate(&order, json!([{"op": "remove", "path": "/order_notes/40"}]));
    let views = shop
        .run_all(vec![
            note(&order, "one"),
            failing,
            impossible,
            note(&order, "two"),
        ])
        .await;
    assert_succeeded(&views[0]);
    assert_failed(&views[1], ErrorCode::TestFailed);
    assert_failed(&views[2], ErrorCode::PatchNotApplicable);
    assert_succeeded(&views[3]);
    assert_ne!(shop.get(&order)["email"], "never@example.com");
    assert_eq!((shop.notes(&order, "one"), shop.notes(&order, "two")), (1, 1));
    assert_eq!(shop.log().len(), 2);
    world.check().await;
}

#[tokio::test]
async fn a_job_that_fails_alone_costs_one_read_and_no_update() {
    let world = world().start().await;
    let shop = world.shop().await;
    let order = shop.order();
    let failing = mutate(&order, json!([{"op": "test", "path": "/email", "value": "x"}]));
    assert_failed(&shop.run(failing).await, ErrorCode::TestFailed);
    assert_eq!(shop.log().len(), 1);
    world.check().await;
}

#[tokio::test]
async fn an_unknown_order_is_said_to_be_unknown() {
    let world = world().start().await;
    let shop = world.shop().await;
    let views = shop
        .run_all(vec![
            note("999999", "a"),
            note("999999", "b"),
            move_to("999998", 2),
        ])
        .await;
    for view in &views {
        assert_failed(view, ErrorCode::OrderNotFound);
        assert_eq!(
            view.job.error.as_ref().expect("an error").upstream_status,
            Some(404)
        );
    }
    world.check().await;
}

#[tokio::test]
async fn a_replacement_runs_alone_between_its_neighbours() {
    let world = world().start().await;
    let shop = world.shop().await;
    let order = shop.order();
    let mut body = shop.get(&order);
    body["order_notes"] =
        json!([{"content": "only this", "username": "Boss", "date_added": "2026-01-01 00:00:00"}]);
    let commands = vec![
        note(&order, "lost"),
        ask(CommandKind::OrderReplace, &order, body),
        note(&order, "kept"),
    ];
    let views = shop.run_all(commands).await;
    views.iter().for_each(assert_succeeded);
    let coalesced: Vec<u32> = views
        .iter()
        .map(|view| view.job.result.as_ref().expect("a result").coalesced_with)
        .collect();
    assert_eq!(coalesced, [0, 0, 0]);
    let texts: Vec<_> = shop.get(&order)["order_notes"]
        .as_array()
        .expect("notes")
        .iter()
        .map(|n| n["content"].clone())
        .collect();
    assert_eq!(texts, [json!("only this"), json!("kept")]);
    world.check().await;
}
