//! The fault matrix: every request of every kind meets every failure once; each effect is there exactly once.

use app::{JobView, Submission};
use domain::job::{ErrorCode, JobStatus};
use domain::order::CommandKind;
use serde_json::{Value, json};
use simulator::{Fault, RequestKind};

use crate::support::*;

/// One failure, and whether a write that meets it takes effect.
struct Trouble {
    fault: Fault,
    applied: bool,
}

/// Every way to fail. Late writes land while the request may still arrive: after the time-out, within the margin.
fn troubles() -> Vec<Trouble> {
    let mut all = vec![
        Trouble {
            fault: Fault::ResetBefore,
            applied: false,
        },
        Trouble {
            fault: Fault::ResetAfter,
            applied: true,
        },
        Trouble {
            fault: Fault::Timeout,
            applied: false,
        },
        Trouble {
            fault: Fault::TimeoutLateWrite { delay_ms: 300 },
            applied: true,
        },
        Trouble {
            fault: Fault::TimeoutLateWrite { delay_ms: 3_300 },
            applied: true,
        },
        Trouble {
            fault: Fault::LateWrite {
                delay_ms: 700,
                status: 502,
            },
            applied: true,
        },
        Trouble {
            fault: Fault::LateWrite {
                delay_ms: 700,
                status: 504,
            },
            applied: true,
        },
        Trouble {
            fault: Fault::Throttle { retry_after: 1 },
            applied: false,
        },
        Trouble {
            fault: Fault::Slow {
                delay_ms: 200,
                applied_first: false,
            },
            applied: false,
        },
        Trouble {
            fault: Fault::Slow {
                delay_ms: 6_000,
                applied_first: true,
            },
            applied: true,
        },
    ];
    for applied in [false, true] {
        let message = "Something went wrong".to_owned();
        all.extend(
            [
                Fault::ServerError { status: 500, applied },
                Fault::ServerError { status: 502, applied },
                Fault::ServerError { status: 503, applied },
                Fault::StatusError { message, applied },
                Fault::Garbage { applied },
                Fault::Html { status: 200, applied },
                Fault::Html { status: 502, applied },
                Fault::Truncated { applied },
            ]
            .map(|fault| Trouble { fault, applied }),
        );
    }
    all
}

fn faulty() -> Setup {
    // Both are wide ones: what is late must be late by our count, not by a busy machine's.
    world().timeout_ms(3_000).margin_ms(3_000)
}

/// Runs one command per failure, each in a store of its own, all at once.
async fn each<'w, S, C>(world: &'w World, kind: RequestKind, set_up: S, check: C)
where
    S: Fn(&Shop<'w>, usize) -> (String, Submission),
    C: Fn(&Shop<'w>, &str, &JobView, &str, bool),
{
    let cases = troubles().into_iter().enumerate().map(async |(number, trouble)| {
        let shop = world.shop().await;
        let (target, command) = set_up(&shop, number);
        let name = format!("{:?} on {kind:?}", trouble.fault);
        let is_slow_only = matches!(
            trouble.fault,
            Fault::Slow {
                applied_first: false,
                ..
            }
        );
        world.desk.fail_next(shop.requests(kind), trouble.fault);
        let view = shop.run(command).await;
        assert_eq!(view.job.status, JobStatus::Succeeded, "{name}: {:?}", view.job);
        let met = shop.log().iter().filter(|entry| entry.fault.is_some()).count();
        assert_eq!(met, 1, "{name}: the fault was met");
        let requests = shop.log().len();
        assert!(requests <= 8, "{name}: {requests} requests");
        assert!(view.job.attempts <= 2, "{name}: {} attempts", view.job.attempts);
        let is_recovered = kind.is_write() && trouble.applied && !is_slow_only;
        let result = view.job.result.as_ref().expect("a result");
        assert_eq!(result.recovered, is_recovered, "{name}: {:?}", view.job);
        check(&shop, &target, &view, &name, trouble.applied);
    });
    futures::future::join_all(cases).await;
    world.check().await;
}

fn noted(shop: &Shop<'_>, target: &str, _: &JobView, name: &str, _: bool) {
    assert_eq!(shop.notes(target, "exactly once"), 1, "{name}");
}

fn add_note(shop: &Shop<'_>, _: usize) -> (String, Submission) {
    let order = shop.order();
    (order.clone(), note(&order, "exactly once"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_note_survives_every_failure_of_the_fetch() {
    let world = faulty().start().await;
    each(&world, RequestKind::GetOrder, add_note, noted).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_note_is_there_once_after_every_failure_of_the_update() {
    let world = faulty().start().await;
    each(&world, RequestKind::PutOrder, add_note, noted).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_item_is_there_once_after_every_failure_of_the_update() {
    let world = faulty().start().await;
    let add = |shop: &Shop<'_>, _| {
        let order = shop.order();
        let body = json!({"items": [{"name": "Pen", "code": "PEN", "price": "2", "quantity": 3}]});
        (order.clone(), ask(CommandKind::OrderAddItems, &order, body))
    };
    each(&world, RequestKind::PutOrder, add, |shop, order, _, name, _| {
        let order = shop.get(order);
        let items = order["order_items"].as_array().expect("items");
        assert_eq!(
            items.iter().filter(|item| item["code"] == "PEN").count(),
            1,
            "{name}"
        );
        assert_eq!(items.len(), 3, "{name}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_field_is_right_after_every_failure_of_the_update() {
    let world = faulty().start().await;
    let change = |shop: &Shop<'_>, _| {
        let order = shop.order();
        let operations = json!([
            {"op": "test", "path": "/email", "value": "buyer3@example.com"},
            {"op": "replace", "path": "/email", "value": "new@example.com"},
        ]);
        (order.clone(), mutate(&order, operations))
    };
    each(
        &world,
        RequestKind::PutOrder,
        change,
        |shop, order, _, name, _| {
            assert_eq!(shop.get(order)["email"], "new@example.com", "{name}");
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_is_moved_after_every_failure_of_the_move() {
    let world = faulty().start().await;
    let go = |shop: &Shop<'_>, _| {
        let order = shop.order();
        (order.clone(), move_to(&order, 2))
    };
    each(&world, RequestKind::MoveOrders, go, |shop, order, _, name, _| {
        assert_eq!(shop.get(order)["folder_id"], 2, "{name}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_before_a_move_is_there_once_after_every_failure_of_the_move() {
    let world = faulty().start().await;
    let go = |shop: &Shop<'_>, _| {
        let order = shop.order();
        let operations = json!([
            {"op": "add", "path": "/order_notes/-", "value": {"content": "exactly once"}},
            {"op": "replace", "path": "/folder_id", "value": 2},
        ]);
        (order.clone(), mutate(&order, operations))
    };
    each(
        &world,
        RequestKind::MoveOrders,
        go,
        |shop, order, view, name, applied| {
            assert_eq!(shop.get(order)["folder_id"], 2, "{name}");
            noted(shop, order, view, name, applied);
            assert_eq!(
                shop.count(RequestKind::PutOrder),
                1,
                "{name}: the update is not repeated"
            );
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_before_a_move_is_there_once_after_every_failure_of_the_update() {
    let world = faulty().start().await;
    let go = |shop: &Shop<'_>, _| {
        let order = shop.order();
        let operations = json!([
            {"op": "add", "path": "/order_notes/-", "value": {"content": "exactly once"}},
            {"op": "replace", "path": "/folder_id", "value": 2},
        ]);
        (order.clone(), mutate(&order, operations))
    };
    each(
        &world,
        RequestKind::PutOrder,
        go,
        |shop, order, view, name, applied| {
            assert_eq!(shop.get(order)["folder_id"], 2, "{name}");
            noted(shop, order, view, name, applied);
            assert_eq!(shop.count(RequestKind::MoveOrders), 1, "{name}");
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_is_created_once_after_every_failure_of_the_create() {
    let world = faulty().start().await;
    let make = |_: &Shop<'_>, number: usize| {
        (
            String::new(),
            create(new_order(&format!("buyer{number}@example.com"))),
        )
    };
    each(&world, RequestKind::CreateOrder, make, one_order).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_with_a_source_id_is_created_once_whichever_way_it_is_marked() {
    for marker in [
        domain::order::create::Marker::Metadata,
        domain::order::create::Marker::SourceId,
    ] {
        let world = faulty().marker(marker).start().await;
        let make = |_: &Shop<'_>, number: usize| {
            let mut order = new_order(&format!("buyer{number}@example.com"));
            order["source_id"] = json!(format!("CART-{number}"));
            (String::new(), create(order))
        };
        each(&world, RequestKind::CreateOrder, make, one_order).await;
    }
}

fn one_order(shop: &Shop<'_>, _: &str, view: &JobView, name: &str, _: bool) {
    let orders = shop.world.desk.orders(&shop.id).expect("the store");
    assert_eq!(orders.len(), 1, "{name}: {orders:?}");
    let id = view.job.result.as_ref().expect("a result").order_id.clone();
    assert_eq!(id.as_deref(), orders[0]["id"].as_str(), "{name}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_is_gone_after_every_failure_of_the_delete() {
    let world = faulty().start().await;
    let remove = |shop: &Shop<'_>, _| {
        let order = shop.order();
        (order.clone(), ask(CommandKind::OrderDelete, &order, Value::Null))
    };
    each(
        &world,
        RequestKind::DeleteOrder,
        remove,
        |shop, order, _, name, _| {
            assert!(shop.world.desk.get_order(&shop.id, order).is_none(), "{name}");
        },
    )
    .await;
}

fn pen() -> Value {
    json!({"name": "Pen", "code": "PEN", "stock": 4, "price": 2.5, "location": "A-1"})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_item_is_created_once_after_every_failure_of_its_create() {
    let world = faulty().start().await;
    let make = |_: &Shop<'_>, _| {
        (
            String::new(),
            Submission::new(CommandKind::InventoryCreate, None, pen()),
        )
    };
    each(
        &world,
        RequestKind::CreateInventory,
        make,
        |shop, _, view, name, _| {
            let items = shop.world.desk.inventory(&shop.id).expect("the store");
            assert_eq!(items.len(), 1, "{name}");
            let id = view.job.result.as_ref().expect("a result").order_id.clone();
            assert_eq!(id.as_deref(), items[0]["id"].as_str(), "{name}");
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_item_is_changed_and_gone_after_every_failure_of_its_writes() {
    let world = faulty().start().await;
    let change = |shop: &Shop<'_>, _| {
        let id = shop
            .world
            .desk
            .put_inventory_item(&shop.id, pen())
            .expect("an item");
        (
            id.clone(),
            ask(CommandKind::InventoryUpdate, &id, json!({"stock": 9})),
        )
    };
    let changes = each(
        &world,
        RequestKind::PutInventoryItem,
        change,
        |shop, _, _, name, _| {
            let items = shop.world.desk.inventory(&shop.id).expect("the store");
            assert_eq!(
                (&items[0]["stock"], &items[0]["location"]),
                (&json!(9), &json!("A-1")),
                "{name}"
            );
        },
    );
    changes.await;
    let remove = |shop: &Shop<'_>, _| {
        let id = shop
            .world
            .desk
            .put_inventory_item(&shop.id, pen())
            .expect("an item");
        (id.clone(), ask(CommandKind::InventoryDelete, &id, Value::Null))
    };
    each(
        &world,
        RequestKind::DeleteInventoryItem,
        remove,
        |shop, _, _, name, _| {
            assert!(
                shop.world.desk.inventory(&shop.id).expect("the store").is_empty(),
                "{name}"
            );
        },
    )
    .await;
}

#[tokio::test]
async fn a_complete_refusal_fails_at_once() {
    let world = world().start().await;
    for (status, code) in [
        (400, ErrorCode::UpstreamRejected),
        (422, ErrorCode::UpstreamRejected),
        (404, ErrorCode::OrderNotFound),
    ] {
        for kind in [RequestKind::GetOrder, RequestKind::PutOrder] {
            let shop = world.shop().await;
            let order = shop.order();
            let fault = Fault::Reject {
                status,
                message: "No".to_owned(),
            };
            world.desk.fail_next(shop.requests(kind), fault);
            let view = shop.run(note(&order, "refused")).await;
            assert_failed(&view, code);
            assert_eq!(view.upstream_message.as_deref(), Some("No"));
            assert_eq!(
                (view.job.attempts, shop.notes(&order, "refused")),
                (1, 0),
                "{status} {kind:?}"
            );
        }
    }
    world.check().await;
}
