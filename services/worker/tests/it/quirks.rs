//! A store with every oddity at once.

use domain::order::CommandKind;
use serde_json::json;
use simulator::{Quirks, RequestKind, Rule, RuleAction, Trigger};

use crate::support::*;

fn all_quirks() -> Quirks {
    let rule = |on, action| Rule { on, action };
    Quirks {
        empty_maps_as_lists: true,
        numeric_strings: true,
        escaped_text: true,
        phone_format: true,
        folders_as_list: true,
        put_answer_without_order: false,
        renewed_item_ids: true,
        put_honours_folder: true,
        refuse_empty_items: true,
        put_appends_notes: true,
        store_unknown_fields: true,
        rules: vec![
            rule(
                Trigger::Put,
                RuleAction::Tag {
                    name: "edited".to_owned(),
                    color: "red".to_owned(),
                },
            ),
            rule(
                Trigger::Create,
                RuleAction::Note {
                    username: "Rule".to_owned(),
                    content: "imported".to_owned(),
                },
            ),
            rule(
                Trigger::Move,
                RuleAction::Note {
                    username: "Rule".to_owned(),
                    content: "moved".to_owned(),
                },
            ),
        ],
    }
}

async fn everything(quirks: Quirks) {
    let world = world().start().await;
    world.desk.set_quirks(quirks);
    let shop = world.shop().await;
    let order = shop.order();
    let commands = vec![
        note(&order, "one/two ü"),
        note(&order, "one/two ü"),
        ask(
            CommandKind::OrderAddItems,
            &order,
            json!({"items": [{"name": "Pen", "code": "PEN", "price": 2, "quantity": 3}]}),
        ),
        ask(
            CommandKind::OrderUpdateAddress,
            &order,
            json!({"address_type": "shipping", "address": {"phone": "555-987-6543", "city": "Köln"}}),
        ),
    ];
    let views = shop.run_all(commands).await;
    views.iter().for_each(assert_succeeded);
    let pointers: Vec<_> = views[0]
        .differences
        .iter()
        .map(|d| d["pointer"].as_str().expect("a pointer").to_owned())
        .collect();
    for expected in ["/tag_name", "/tag_color"] {
        assert!(
            pointers.iter().any(|pointer| pointer == expected),
            "{expected} in {pointers:?}"
        );
    }
    assert!(
        !pointers.iter().any(|p| p.starts_with("/order_notes")),
        "{pointers:?}"
    );
    let after = shop.get(&order);
    assert_eq!(
        notes(&after, "one/two ü"),
        2,
        "equal notes of two jobs are two notes"
    );
    assert_eq!(after["order_notes"].as_array().expect("notes").len(), 3);
    assert_eq!(after["order_items"].as_array().expect("items").len(), 3);
    assert_eq!(
        (&after["shipping"]["phone"], &after["shipping"]["city"]),
        (&json!("(555) 987-6543"), &json!("Köln"))
    );
    // Nothing of it counts as somebody else's edit.
    assert_succeeded(&shop.run(note(&order, "three")).await);
    assert!(world.events_of("order.changed_externally.v1").await.is_empty());
    let moved = shop
        .run(ask(
            CommandKind::OrderMoveFolder,
            &order,
            json!({"folder_name": "Prepared"}),
        ))
        .await;
    assert_succeeded(&moved);
    assert_eq!(shop.get(&order)["folder_id"], 2);
    let both = mutate(
        &order,
        json!([
            {"op": "add", "path": "/order_notes/-", "value": {"content": "with a move"}},
            {"op": "replace", "path": "/folder_id", "value": 3},
        ]),
    );
    assert_succeeded(&shop.run(both).await);
    let after = shop.get(&order);
    assert_eq!(
        (
            &after["folder_id"],
            notes(&after, "with a move"),
            notes(&after, "three")
        ),
        (&json!(3), 1, 1)
    );
    let made = shop.run(create(new_order("ada@example.com"))).await;
    assert_succeeded(&made);
    assert_eq!(shop.count(RequestKind::CreateOrder), 1);
    world.check().await;
}

#[tokio::test]
async fn every_change_succeeds_once_in_a_store_full_of_oddities() {
    everything(all_quirks()).await;
}

#[tokio::test]
async fn every_change_succeeds_once_if_updates_answer_without_the_order_too() {
    everything(Quirks {
        put_answer_without_order: true,
        ..all_quirks()
    })
    .await;
}

#[tokio::test]
async fn lost_answers_are_found_out_in_a_store_full_of_oddities() {
    let world = world().start().await;
    world.desk.set_quirks(all_quirks());
    let shop = world.shop().await;
    let commands = [
        |order: &str| note(order, "once"),
        |order: &str| {
            ask(
                CommandKind::OrderAddItems,
                order,
                json!({"items": [{"name": "Pen", "code": "PEN", "price": 2, "quantity": 1}]}),
            )
        },
        |order: &str| {
            mutate(
                order,
                json!([{"op": "replace", "path": "/shipping/phone", "value": "555-987-6543"}, {"op": "replace", "path": "/email", "value": "n@example.com"}]),
            )
        },
    ];
    for (n, command) in commands.into_iter().enumerate() {
        let order = shop.order();
        let fault = simulator::Fault::ServerError {
            status: 500,
            applied: true,
        };
        world.desk.fail_next(shop.requests(RequestKind::PutOrder), fault);
        let view = shop.run(command(&order)).await;
        assert_succeeded(&view);
        assert!(view.job.result.expect("a result").recovered, "{n}");
        let after = shop.get(&order);
        let counts = (
            notes(&after, "once"),
            after["order_items"].as_array().expect("items").len(),
        );
        assert_eq!(counts, [(1, 2), (0, 3), (0, 2)][n]);
    }
    world.check().await;
}
