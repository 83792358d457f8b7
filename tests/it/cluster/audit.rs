//! The audit log over Postgres: what is proven of it, and what is found of changes past the gateway.

use super::support::{PATIENCE, Setup};
use crate::audited::{self, KEEP, MEND, finds};

#[tokio::test]
async fn its_proofs_hold_for_an_outsider_and_what_is_changed_in_the_database_is_named() {
    let mut cluster = Setup::of(2, 2).start().await;
    let client = cluster.client();
    let shop = cluster.shop(&client, "501", 3).await;
    let stranger = cluster.client();
    let other = cluster.shop(&stranger, "502", 1).await;
    let one = system_tests::Client::with_key(cluster.apis[0].url(), client.key());
    let run = async |round: &str| {
        for n in 0..3 {
            let ours = shop.note(&client, n, round).expect(202).await;
            let theirs = other.note(&stranger, n, round).expect(202).await;
            client.ended(ours["id"].as_str().expect("an id")).await;
            stranger.ended(theirs["id"].as_str().expect("an id")).await;
        }
    };
    run("first").await;
    let kept = audited::head(&one).await;
    run("second").await;
    audited::head(&one).await;
    let (_, positions) = audited::prove(&one, &kept).await;

    for node in cluster.apis.drain(..).chain(cluster.workers.drain(..)) {
        node.kill9();
    }
    cluster
        .sql("ALTER TABLE events DISABLE TRIGGER events_insert_only")
        .await;
    cluster.sql(KEEP).await;
    let verify = cluster.spec("orderdesk-gateway").arg("verify-log");
    finds(&verify.run(PATIENCE).await, None);
    for (statements, bad) in audited::tamperings(&positions) {
        for sql in statements {
            cluster.sql(&sql).await;
        }
        finds(&verify.run(PATIENCE).await, Some(bad));
        for sql in MEND {
            cluster.sql(sql).await;
        }
    }
    finds(&verify.run(PATIENCE).await, None);
}
