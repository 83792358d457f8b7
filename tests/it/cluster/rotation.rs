//! `rotate-kms` beside API and worker processes over Postgres.

use system_tests::{Spec, kms_key};
use testkit::{CrashPoint, eventually};

use super::support::{Cluster, PATIENCE, Setup, notes};

fn rotation(cluster: &Cluster, new: &str, old: &str) -> Spec {
    cluster
        .spec("orderdesk-gateway")
        .arg("rotate-kms")
        .env("MCP_KMS_KEY", new)
        .env("MCP_KMS_KEY_PREVIOUS", old)
}

#[tokio::test]
async fn a_rotation_that_was_killed_is_resumed_and_spares_logins_tags_and_an_open_request() {
    let mut cluster = Setup::of(2, 0).start().await;
    let (old, new) = (cluster.kms_key().to_owned(), kms_key());
    let client = cluster.client();
    let shop = cluster.shop(&client, "501", 2).await;
    let tag = |answer: system_tests::Answer| answer.header("etag").to_owned();
    let quiet = client.get(shop.order(1)).to(0).send().await.expect("an answer");
    let quiet = tag(quiet.expect(200));
    // The worker dies with its intent on record and nothing sent.
    let victim = cluster
        .start_worker_crashing(&CrashPoint("intent.after", 1))
        .await;
    let job = shop
        .note(&client, 0, "open")
        .header("Idempotency-Key", "open")
        .expect(202)
        .await;
    victim.wait_killed(PATIENCE).await;

    for point in ["rotate.before", "rotate.after"] {
        let process = rotation(&cluster, &new, &old).launch(Some(&CrashPoint(point, 1)));
        assert_eq!(process.wait_exit(PATIENCE).await.code(), None, "{point}");
        for api in [0, 1] {
            client.get("/stores").to(api).expect(200).await;
        }
    }
    let resumed = rotation(&cluster, &new, &old).run(PATIENCE).await;
    assert_eq!(resumed.code(), Some(0), "{:?}", resumed.lines);
    // Who starts with the old key alone does not come up.
    let unaware = cluster.spec("orderdesk-worker");
    let refused = unaware
        .env("WORKER_PORT", testkit::free_port().to_string())
        .run(PATIENCE)
        .await;
    assert_eq!(refused.code(), Some(2), "{:?}", refused.lines);

    // One process goes on as it is, the other begins anew with the new key.
    cluster.set("MCP_KMS_KEY", &new);
    cluster.apis[1].set_env("MCP_KMS_KEY", &new);
    cluster.apis[1].restart().await;
    let worker = cluster.start_worker().await;
    cluster.workers.push(worker);
    let ended = client.ended(job["id"].as_str().expect("an id")).await;
    assert_eq!(ended["status"], "succeeded", "{ended}");
    let order = cluster.desk.get_order(&shop.id, &shop.orders[0]);
    assert_eq!(notes(&order.expect("the order is there"), "open"), 1);
    for api in [0, 1] {
        let repeated = shop
            .note(&client, 0, "open")
            .header("Idempotency-Key", "open")
            .to(api)
            .send()
            .await
            .expect("an answer");
        assert_eq!(
            (repeated.header("idempotency-replayed"), &repeated.body["id"]),
            ("true", &job["id"]),
            "{}",
            repeated.body
        );
        // On a busy machine a read may take too long, which is told as such; it says nothing of the tag.
        eventually("the tag to be known", PATIENCE, async || {
            let unchanged = client.get(shop.order(1)).header("If-None-Match", &quiet);
            let answer = unchanged.to(api).send().await.expect("an answer");
            if answer.status == 503 {
                return Err(answer.body.to_string());
            }
            assert_eq!(answer.status, 304, "{answer:?}");
            Ok(())
        })
        .await;
    }
    // Of two with the tag of before the rotation, the second one finds the order changed by the first.
    for (api, expected) in [(0, "succeeded"), (1, "failed")] {
        let note = shop.note(&client, 1, &format!("after the rotation {api}"));
        let conditional = note.header("If-Match", &quiet).header("Prefer", "wait=30");
        let done = conditional.to(api).expect(200).await;
        assert_eq!(done["status"], expected, "{done}");
    }
    cluster.assert_ledger_is_whole(3).await;
}
