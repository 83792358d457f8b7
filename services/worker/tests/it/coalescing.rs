//! Many jobs of one order in few requests.

use domain::job::ErrorCode;
use simulator::RequestKind;

use crate::support::*;

#[tokio::test]
async fn fifty_notes_travel_in_one_update() {
    let world = world().start().await;
    let shop = world.shop().await;
    let order = shop.order();
    let views = shop
        .run_all((0..50).map(|n| note(&order, &format!("note {n}"))).collect())
        .await;
    for (n, view) in views.iter().enumerate() {
        assert_succeeded(view);
        let result = view.job.result.as_ref().expect("a result");
        assert_eq!((result.coalesced_with, result.upstream_requests), (49, 2));
        assert_eq!(
            result.etag_after,
            views[0].job.result.as_ref().expect("a result").etag_after
        );
        assert_eq!(
            view.patch.as_ref().expect("a patch")[0]["path"],
            format!("/order_notes/{}", n + 1)
        );
    }
    let texts: Vec<String> = shop.get(&order)["order_notes"].as_array().expect("notes")[1..]
        .iter()
        .map(|note| note["content"].as_str().expect("a text").to_owned())
        .collect();
    let expected: Vec<String> = (0..50).map(|n| format!("note {n}")).collect();
    assert_eq!(texts, expected, "in the order of submission");
    assert_eq!(shop.log().len(), 2);
    world.check().await;
}

#[tokio::test]
async fn one_poisonous_job_of_fifty_fails_alone() {
    let world = world().start().await;
    world.desk.set_poison(vec!["<poison>".to_owned()]);
    let shop = world.shop().await;
    let order = shop.order();
    let text = |n: usize| {
        if n == 17 {
            "a <poison> one".to_owned()
        } else {
            format!("note {n}")
        }
    };
    let views = shop
        .run_all((0..50).map(|n| note(&order, &text(n))).collect())
        .await;
    for (n, view) in views.iter().enumerate() {
        if n == 17 {
            assert_failed(view, ErrorCode::UpstreamRejected);
            assert_eq!(shop.notes(&order, &text(n)), 0);
        } else {
            assert_succeeded(view);
            assert_eq!(shop.notes(&order, &text(n)), 1, "{}", text(n));
        }
    }
    let puts = shop.count(RequestKind::PutOrder);
    assert!(puts <= 14, "halving, not one by one: {puts}");
    // Halving keeps the order of the jobs.
    let order_of: Vec<usize> = shop.get(&order)["order_notes"].as_array().expect("notes")[1..]
        .iter()
        .map(|note| {
            note["content"]
                .as_str()
                .and_then(|text| text["note ".len()..].parse().ok())
                .expect("a number")
        })
        .collect();
    assert!(order_of.is_sorted(), "{order_of:?}");
    world.check().await;
}

#[tokio::test]
async fn two_tenants_of_one_store_never_share_a_request() {
    let world = world().start().await;
    let shop = world.shop().await;
    let order = shop.order();
    let other = world.other_tenant(&shop.id).await;
    let hold = world.desk.hold(
        shop.requests(RequestKind::GetOrder),
        simulator::HoldPhase::BeforeApply,
    );
    let mine = shop
        .submit_all((0..5).map(|n| note(&order, &format!("mine {n}"))).collect())
        .await;
    let theirs = other
        .submit_all((0..5).map(|n| note(&order, &format!("theirs {n}"))).collect())
        .await;
    world.desk.release(hold).expect("held");
    for id in mine.iter().chain(&theirs) {
        let job = world.until(*id, "ended", |job| job.status.is_final()).await;
        assert!(job.result.expect("a result").coalesced_with <= 4);
    }
    for n in 0..5 {
        assert_eq!(
            (
                shop.notes(&order, &format!("mine {n}")),
                shop.notes(&order, &format!("theirs {n}"))
            ),
            (1, 1)
        );
    }
    for event in world.events_of("batch.opened.v1").await {
        let domain::event::Event::BatchOpened(opened) = event.event().expect("readable") else {
            panic!("a batch")
        };
        for id in opened.jobs {
            assert_eq!(world.job(id).await.tenant_id, opened.tenant_id);
        }
    }
    assert_eq!(other.store.upstream_key, shop.store.upstream_key, "one bucket");
    world.check().await;
}
