//! Requests that arrive after everybody has stopped waiting for them.

use simulator::{Fault, RequestKind};

use crate::support::*;

#[tokio::test]
async fn a_late_first_update_never_erases_a_later_success() {
    // The late write lands before the request counts as unable to arrive.
    let world = world().timeout_ms(800).margin_ms(1_500).start().await;
    let cases = [200, 850, 1_200].map(async |delay_ms| {
        let shop = world.shop().await;
        let order = shop.order();
        world.desk.fail_next(
            shop.requests(RequestKind::PutOrder),
            Fault::TimeoutLateWrite { delay_ms },
        );
        let first = shop.submit(note(&order, "first")).await;
        shop.asked(RequestKind::PutOrder).await;
        let second = shop.submit(note(&order, "second")).await;
        let views = world.all_ended(&[first, second]).await;
        views.iter().for_each(assert_succeeded);
        assert!(views[0].job.result.as_ref().expect("a result").recovered);
        let late = shop
            .log()
            .into_iter()
            .find(|entry| entry.fault.is_some())
            .expect("the late one");
        assert!(late.applied, "the late write landed");
        let order = shop.get(&order);
        let counts = ["first", "second"].map(|text| notes(&order, text));
        assert_eq!(counts, [1, 1], "after {delay_ms} ms: {order}");
    });
    futures::future::join_all(cases).await;
    world.check().await;
}

#[tokio::test]
async fn what_can_neither_be_proven_nor_excluded_needs_review() {
    let world = world().timeout_ms(800).start().await;
    let shop = world.shop().await;
    let order = shop.order();
    // The update is lost, and meanwhile somebody else writes the same field.
    world
        .desk
        .fail_next(shop.requests(RequestKind::PutOrder), Fault::Timeout);
    let operations = serde_json::json!([{"op": "replace", "path": "/email", "value": "ours@example.com"}]);
    let id = shop.submit(mutate(&order, operations)).await;
    shop.asked(RequestKind::PutOrder).await;
    let edit = simulator::Edit::merge(serde_json::json!({"email": "theirs@example.com"}));
    world.desk.foreign_edit(&shop.id, &order, edit).expect("edited");
    let view = world.ended(id).await;
    assert_failed(&view, domain::job::ErrorCode::NeedsReview);
    assert_eq!(shop.get(&order)["email"], "theirs@example.com");
    assert_eq!(shop.count(RequestKind::PutOrder), 1, "never a guess");
    // The lane is open again.
    assert_succeeded(&shop.run(note(&order, "next")).await);
    world.check().await;
}

#[tokio::test]
async fn an_order_deleted_under_a_lost_update_needs_review() {
    let world = world().timeout_ms(800).start().await;
    let shop = world.shop().await;
    let order = shop.order();
    world
        .desk
        .fail_next(shop.requests(RequestKind::PutOrder), Fault::ResetAfter);
    let id = shop.submit(note(&order, "lost with its order")).await;
    shop.asked(RequestKind::PutOrder).await;
    world
        .desk
        .foreign_edit(&shop.id, &order, simulator::Edit::Delete)
        .expect("deleted");
    let view = world.ended(id).await;
    assert_failed(&view, domain::job::ErrorCode::NeedsReview);
    world.check().await;
}

#[tokio::test]
async fn repeated_doubt_uses_up_no_more_attempts_than_there_are_answers() {
    let world = world().timeout_ms(700).max_attempts(3).start().await;
    let shop = world.shop().await;
    let order = shop.order();
    // The update was applied and its answer lost; then the judgement's own reads fail for a while.
    world
        .desk
        .fail_next(shop.requests(RequestKind::PutOrder), Fault::ResetAfter);
    let rule = simulator::FaultRule::once(
        shop.requests(RequestKind::GetOrder),
        Fault::ServerError {
            status: 500,
            applied: false,
        },
    );
    world.desk.add_fault(rule.skip(1).times(3));
    let view = shop.run(note(&order, "in doubt")).await;
    assert_succeeded(&view);
    let result = view.job.result.expect("a result");
    assert!(result.recovered);
    assert_eq!((view.job.attempts, shop.notes(&order, "in doubt")), (1, 1));
    world.check().await;
}

#[tokio::test]
async fn a_create_that_arrives_after_its_time_is_not_made_twice() {
    // Later than any request should be: a second look before the second attempt finds it all the same.
    let world = world().timeout_ms(400).margin_ms(10).start().await;
    let shop = world.shop().await;
    world.desk.fail_next(
        shop.requests(RequestKind::CreateOrder),
        Fault::TimeoutLateWrite { delay_ms: 900 },
    );
    let view = shop.run(create(new_order("late@example.com"))).await;
    assert_succeeded(&view);
    assert_eq!(world.desk.orders(&shop.id).expect("the store").len(), 1);
    assert!(view.job.result.expect("a result").recovered);
    world.check().await;
}

#[tokio::test]
async fn a_strangers_order_under_the_same_source_id_needs_review() {
    let world = world()
        .timeout_ms(800)
        .marker(domain::order::create::Marker::SourceId)
        .start()
        .await;
    let shop = world.shop().await;
    let mut order = new_order("ours@example.com");
    order["source_id"] = serde_json::json!("CART-1");
    world
        .desk
        .fail_next(shop.requests(RequestKind::CreateOrder), Fault::Timeout);
    let id = shop.submit(create(order)).await;
    shop.asked(RequestKind::CreateOrder).await;
    shop.order_like(serde_json::json!({"source_id": "CART-1", "email": "theirs@example.com"}));
    assert_failed(&world.ended(id).await, domain::job::ErrorCode::NeedsReview);
    world.check().await;
}
