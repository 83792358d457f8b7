//! What the database files must not show.

use domain::order::CommandKind;
use serde_json::json;
use simulator::{Edit, Fault, RequestKind};

use crate::support::*;

#[tokio::test]
async fn the_files_show_no_secret_and_nothing_personal() {
    let world = world().start().await;
    let shop = world.shop().await;
    let order = shop.order();
    let mut made = new_order("createdbuyer@example.com");
    made["shipping"]["address1"] = json!("99 Hidden Street");
    assert_succeeded(&shop.run(create(made)).await);
    let address = json!({"address_type": "shipping", "address": {"address1": "12 Secret Lane"}});
    assert_succeeded(
        &shop
            .run(ask(CommandKind::OrderUpdateAddress, &order, address))
            .await,
    );
    world
        .desk
        .foreign_edit(
            &shop.id,
            &order,
            Edit::merge(json!({"email": "foreign@example.com"})),
        )
        .expect("edited");
    let fault = Fault::ServerError {
        status: 500,
        applied: true,
    };
    world.desk.fail_next(shop.requests(RequestKind::PutOrder), fault);
    assert_succeeded(&shop.run(note(&order, "Gift for Margarethe")).await);
    let message = "No such customer as ada@example.com".to_owned();
    world.desk.fail_next(
        shop.requests(RequestKind::PutOrder),
        Fault::Reject { status: 400, message },
    );
    shop.run(note(&order, "Refused for Margarethe")).await;
    let failing = mutate(
        &order,
        json!([{"op": "test", "path": "/email", "value": "tested@example.com"}]),
    );
    shop.run(failing).await;
    let held = world.desk.hold(
        shop.requests(RequestKind::PutOrder),
        simulator::HoldPhase::BeforeApply,
    );
    let open = shop.submit(note(&order, "Open for Margarethe")).await;
    assert!(world.desk.wait_held(held, 1, PATIENCE).await);
    // With an intent open, so that its plan is among what is searched.
    let bytes = world.files();
    world.desk.release(held).expect("held");
    world.ended(open).await;
    assert!(
        contains(&bytes, b"job.submitted.v1"),
        "the files are what we think they are"
    );
    for secret in [
        MASTER_KEY,
        "api-key-of-shop",
        "@example.com",
        "Hidden Street",
        "Secret Lane",
        "Main Street",
        "Margarethe",
        "Springfield",
        "Handle with care",
        "Blue Mug",
    ] {
        assert!(!contains(&bytes, secret.as_bytes()), "{secret} is in the files");
    }
    world.check().await;
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}
