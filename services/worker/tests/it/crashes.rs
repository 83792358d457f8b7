//! A worker that is gone between two awaits, and the one after it.

use domain::job::JobStatus;
use domain::order::CommandKind;
use serde_json::{Value, json};
use simulator::{HoldPhase, RequestKind};

use crate::support::*;

/// Where the worker dies: a request of this kind is stopped at this phase.
struct Moment {
    kind: RequestKind,
    phase: HoldPhase,
    /// Whether the request takes effect although its sender is gone.
    lands: bool,
}

const MOMENTS: [Moment; 4] = [
    Moment {
        kind: RequestKind::GetOrder,
        phase: HoldPhase::BeforeApply,
        lands: false,
    },
    Moment {
        kind: RequestKind::GetOrder,
        phase: HoldPhase::BeforeAnswer,
        lands: false,
    },
    Moment {
        kind: RequestKind::PutOrder,
        phase: HoldPhase::BeforeApply,
        lands: true,
    },
    Moment {
        kind: RequestKind::PutOrder,
        phase: HoldPhase::BeforeAnswer,
        lands: true,
    },
];

#[tokio::test]
async fn a_note_is_there_once_wherever_the_worker_dies() {
    for Moment { kind, phase, lands } in MOMENTS {
        let mut world = world().timeout_ms(1_500).margin_ms(200).start().await;
        let (id, order) = {
            let shop = world.shop().await;
            let order = shop.order();
            let hold = world.desk.hold(shop.requests(kind), phase);
            let ids = shop
                .submit_all(vec![note(&order, "one"), note(&order, "two")])
                .await;
            assert!(world.desk.wait_held(hold, 1, PATIENCE).await);
            let shop_id = shop.id.clone();
            world.kill_worker().await;
            world.desk.release(hold).expect("held");
            ((shop_id, ids), order)
        };
        let (shop, ids) = id;
        world.start_worker().await;
        for view in world.all_ended(&ids).await {
            assert_succeeded(&view);
            let is_recovered = kind == RequestKind::PutOrder && lands;
            assert_eq!(
                view.job.result.expect("a result").recovered,
                is_recovered,
                "{kind:?} {phase:?}"
            );
        }
        let order = world.desk.get_order(&shop, &order).expect("the order");
        assert_eq!(
            (notes(&order, "one"), notes(&order, "two")),
            (1, 1),
            "{kind:?} {phase:?}"
        );
        world.check().await;
    }
}

#[tokio::test]
async fn an_update_that_never_arrives_is_sent_by_the_next_worker() {
    let mut world = world().timeout_ms(1_000).start().await;
    let (shop, order, id) = {
        let shop = world.shop().await;
        let order = shop.order();
        world
            .desk
            .fail_next(shop.requests(RequestKind::PutOrder), simulator::Fault::Timeout);
        let id = shop.submit(note(&order, "once")).await;
        assert!(
            world
                .desk
                .wait_until(PATIENCE, |_| shop.count(RequestKind::PutOrder) == 1)
                .await
        );
        (shop.id.clone(), order, id)
    };
    world.kill_worker().await;
    world.start_worker().await;
    let view = world.ended(id).await;
    assert_succeeded(&view);
    assert!(!view.job.result.expect("a result").recovered);
    assert_eq!(
        notes(&world.desk.get_order(&shop, &order).expect("the order"), "once"),
        1
    );
    world.check().await;
}

#[tokio::test]
async fn creates_deletes_and_moves_happen_once_wherever_the_worker_dies() {
    for phase in [HoldPhase::BeforeApply, HoldPhase::BeforeAnswer] {
        let mut world = world().timeout_ms(1_500).margin_ms(200).start().await;
        let (shop, orders, ids) = {
            let shop = world.shop().await;
            let (gone, moved, both) = (shop.order(), shop.order(), shop.order());
            let kinds = [
                RequestKind::CreateOrder,
                RequestKind::DeleteOrder,
                RequestKind::MoveOrders,
            ];
            let holds = kinds.map(|kind| world.desk.hold(shop.requests(kind), phase));
            let operations = json!([
                {"op": "add", "path": "/order_notes/-", "value": {"content": "once"}},
                {"op": "replace", "path": "/folder_id", "value": 2},
            ]);
            let commands = vec![
                create(new_order("new@example.com")),
                ask(CommandKind::OrderDelete, &gone, Value::Null),
                move_to(&moved, 2),
                mutate(&both, operations),
            ];
            let ids = shop.submit_all(commands).await;
            for (hold, count) in holds.into_iter().zip([1, 1, 2]) {
                assert!(world.desk.wait_held(hold, count, PATIENCE).await);
            }
            let shop_id = shop.id.clone();
            world.kill_worker().await;
            for hold in holds {
                world.desk.release(hold).expect("held");
            }
            (shop_id, [gone, moved, both], ids)
        };
        world.start_worker().await;
        for view in world.all_ended(&ids).await {
            assert_succeeded(&view);
            assert!(view.job.result.expect("a result").recovered, "{phase:?}");
        }
        let all = world.desk.orders(&shop).expect("the store");
        assert_eq!(
            all.iter()
                .filter(|order| order["email"] == "new@example.com")
                .count(),
            1,
            "{phase:?}"
        );
        let [gone, moved, both] = orders.map(|order| world.desk.get_order(&shop, &order));
        assert_eq!(gone, None);
        assert_eq!(moved.expect("moved")["folder_id"], 2);
        let both = both.expect("changed");
        assert_eq!(
            (both["folder_id"].as_u64(), notes(&both, "once")),
            (Some(2), 1),
            "{phase:?}"
        );
        world.check().await;
    }
}

#[tokio::test]
async fn a_worker_killed_again_and_again_under_load_does_everything_once() {
    let mut world = world().timeout_ms(600).margin_ms(100).start().await;
    let (shop, orders, ids) = {
        let shop = world.shop().await;
        let orders: Vec<String> = (0..10).map(|_| shop.order()).collect();
        let mut ids = Vec::new();
        for n in 0..60 {
            ids.push(shop.submit(note(&orders[n % 10], &format!("note {n}"))).await);
        }
        (shop.id.clone(), orders, ids)
    };
    world.desk.set_latency(std::time::Duration::from_millis(40));
    for round in 1..=4 {
        let desk = world.desk.handle();
        let reached = desk
            .wait_until(PATIENCE, |desk| {
                desk.counters().store(&shop).requests >= round * 7
            })
            .await;
        assert!(reached || round > 1);
        world.kill_worker().await;
        world.start_worker().await;
    }
    for (n, view) in world.all_ended(&ids).await.iter().enumerate() {
        assert_eq!(view.job.status, JobStatus::Succeeded, "{:?}", view.job);
        let order = world.desk.get_order(&shop, &orders[n % 10]).expect("the order");
        assert_eq!(notes(&order, &format!("note {n}")), 1, "note {n}");
    }
    world.check().await;
}

#[tokio::test]
async fn a_worker_that_is_asked_to_stop_ends_its_request_and_hands_over() {
    let mut world = world().start().await;
    let (shop, order, ids) = {
        let shop = world.shop().await;
        let order = shop.order();
        world.desk.set_latency(std::time::Duration::from_millis(300));
        let first = shop.submit(note(&order, "in flight")).await;
        assert!(
            world
                .desk
                .wait_until(PATIENCE, |_| shop.count(RequestKind::GetOrder) == 1)
                .await
        );
        let second = shop.submit(note(&order, "waiting")).await;
        (shop.id.clone(), order, vec![first, second])
    };
    world.drain_worker().await;
    let first = world.job(ids[0]).await;
    assert_eq!(
        first.status,
        JobStatus::Succeeded,
        "what was begun is ended: {first:?}"
    );
    assert!(!first.result.expect("a result").recovered);
    world.start_worker().await;
    world.all_ended(&ids).await.iter().for_each(assert_succeeded);
    let order = world.desk.get_order(&shop, &order).expect("the order");
    assert_eq!((notes(&order, "in flight"), notes(&order, "waiting")), (1, 1));
    world.check().await;
}
