//! A backup that is taken while everything works, and restored on another machine.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use simulator::{HoldPhase, Matcher, RequestKind};
use system_tests::Ended;
use testkit::{Nats, Postgres, eventually};

use super::support::{Client, Cluster, Load, PATIENCE, Setup, notes};

/// The log as it was, up to a position.
fn log_up_to(position: i64) -> String {
    format!(
        "select md5(string_agg(position || type || data || coalesce(encode(sealed, 'hex'), ''), '' order by position))
            from events where position <= {position}"
    )
}

const HEAD: &str = "select max(position) from events";

/// A signed head that covers more than `position`, as soon as there is one.
async fn checkpoint_beyond(client: &Client, position: i64) -> String {
    eventually("a head beyond it is signed", PATIENCE, async || {
        let answer = client.get("/audit/checkpoint").send().await;
        let answer = answer.map_err(|error| format!("{error:?}"))?;
        let note = answer.body.as_str().unwrap_or_default();
        let size: Option<i64> = note.lines().nth(1).and_then(|size| size.parse().ok());
        if size > Some(position) {
            Ok(note.to_owned())
        } else {
            Err(answer.body.to_string())
        }
    })
    .await
}

async fn verify(cluster: &Cluster, checkpoint: &Path) -> Ended {
    cluster
        .spec("orderdesk-gateway")
        .arg("verify-log")
        .arg("--checkpoint")
        .arg(&checkpoint.to_string_lossy())
        .run(PATIENCE)
        .await
}

/// `migrate --restored`, as soon as the heartbeats that are in the backup have run out.
async fn restored(cluster: &Cluster) -> Ended {
    let spec = cluster.spec("orderdesk-gateway").arg("migrate").arg("--restored");
    eventually("the ledger is restored", PATIENCE, async || {
        let ended = spec.run(PATIENCE).await;
        let in_use = ended
            .lines
            .iter()
            .any(|line| line.contains("a worker uses this ledger"));
        assert!(in_use || ended.code() == Some(0), "{:?}", ended.lines);
        if in_use {
            Err(ended.lines.join("\n"))
        } else {
            Ok(ended)
        }
    })
    .await
}

/// The number that a line of `migrate --restored` begins with.
fn number(ended: &Ended, text: &str) -> u64 {
    let line = ended.lines.iter().find(|line| line.contains(text));
    line.and_then(|line| line.split(' ').next())
        .and_then(|number| number.parse().ok())
        .unwrap_or_else(|| panic!("{text:?} in {:?}", ended.lines))
}

#[tokio::test]
async fn a_backup_taken_under_load_and_restored_elsewhere_goes_on_and_does_nothing_twice() {
    // Long enough that the request below is still on its way when the backup is taken.
    let mut cluster = Setup::of(1, 2).set("ORDERDESK_TIMEOUT", "15s").start().await;
    let client = cluster.client();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (dump, kept, lost) = (
        folder.path().join("dump"),
        folder.path().join("kept"),
        folder.path().join("lost"),
    );
    let slow = cluster.shop(&client, "601", 1).await;
    let shops = cluster.shops(&client, 4, 3).await;
    cluster.desk.set_latency(Duration::from_millis(20));

    // One update that Order Desk has carried out and whose answer is not there yet, and a job that waits behind it.
    let put = Matcher::from(RequestKind::PutOrder).store("601");
    let hold = cluster.desk.hold(put, HoldPhase::BeforeAnswer);
    let id = |job: Value| job["id"].as_str().expect("a job has an id").to_owned();
    let on_its_way = id(slow.note(&client, 0, "on its way").expect(202).await);
    assert!(cluster.desk.wait_held(hold, 1, PATIENCE).await);
    let behind = id(slow.note(&client, 0, "behind it").expect(202).await);
    let load = Load::start(&client, &shops, 4, Duration::from_millis(20));
    load.more(30).await;
    std::fs::write(&kept, checkpoint_beyond(&client, 0).await).expect("the note is kept");

    cluster.postgres.dump(&cluster.database, &dump).await;

    // What happens from here on is not in the backup, though Order Desk sees it.
    cluster.desk.release(hold).expect("the hold is there");
    for job in [&on_its_way, &behind] {
        assert_eq!(client.ended(job).await["status"], "succeeded");
    }
    load.more(20).await;
    let accepted = load.stop().await;
    let (elsewhere, nats) = tokio::join!(Postgres::start_new(), Nats::start_new());
    let database = elsewhere.database().await;
    elsewhere.load(&database, &dump).await;
    let rows = elsewhere.sql(&database, HEAD).await;
    let head: i64 = rows[0][0]
        .as_deref()
        .and_then(|head| head.parse().ok())
        .expect("events");
    std::fs::write(&lost, checkpoint_beyond(&client, head).await).expect("the note is kept");
    let log = log_up_to(head);
    let before = cluster.sql(&log).await;
    cluster.move_to(elsewhere, nats, database);

    let restored = restored(&cluster).await;
    assert!(
        restored
            .lines
            .iter()
            .any(|line| line == "generation 2 of the ledger begins")
    );
    assert!(
        number(&restored, " requests are in doubt") >= 1,
        "{:?}",
        restored.lines
    );
    assert!(
        number(&restored, " open jobs may have been") >= 1,
        "{:?}",
        restored.lines
    );
    cluster.restart().await;

    let job = client.ended(&on_its_way).await;
    assert_eq!(
        (&job["status"], &job["result"]["recovered"]),
        (&"succeeded".into(), &true.into()),
        "{job}"
    );
    let job = client.ended(&behind).await;
    assert_eq!(
        (&job["status"], &job["error"]["code"]),
        (&"failed".into(), &"needs_review".into()),
        "{job}"
    );
    let order = cluster
        .desk
        .get_order("601", &slow.orders[0])
        .expect("the order is there");
    assert_eq!(
        (notes(&order, "on its way"), notes(&order, "behind it")),
        (1, 1),
        "{order}"
    );

    let mut known = 2;
    for one in &accepted {
        let sql = format!("select count(*) from jobs where id = '{}'", one.job);
        let is_known = cluster.number(&sql).await == 1;
        let order = cluster
            .desk
            .get_order(&one.store, &one.order)
            .expect("the order is there");
        let is_done = if is_known {
            known += 1;
            let job = client.ended(&one.job).await;
            let done = job["status"] == "succeeded";
            assert!(done || job["error"]["code"] == "needs_review", "{job}");
            done
        } else {
            assert_eq!(
                client
                    .get(format!("/jobs/{}", one.job))
                    .send()
                    .await
                    .expect("an answer")
                    .status,
                404
            );
            false
        };
        let count = notes(&order, &one.note);
        assert!(count <= 1, "{one:?} is there {count} times");
        assert!(!is_done || count == 1, "{one:?} is missing");
    }
    assert!(
        known > 2 && known < accepted.len() + 2,
        "the backup was taken in between: {known}"
    );

    // Work goes on, at the next position of the same log.
    let fresh = shops[0].note(&client, 0, "fresh").expect(202).await;
    assert_eq!(client.ended(&id(fresh)).await["status"], "succeeded");
    cluster.assert_ledger_is_whole(known + 1).await;
    assert!(cluster.number(HEAD).await > head);
    assert_eq!(
        cluster.sql(&log).await,
        before,
        "the log up to the backup is what it was"
    );
    let good = verify(&cluster, &kept).await;
    assert_eq!(good.code(), Some(0), "{:?}", good.lines);
    assert!(
        good.lines.iter().any(|line| line.contains("1 kept checkpoints")),
        "{:?}",
        good.lines
    );
    let bad = verify(&cluster, &lost).await;
    assert_eq!(
        bad.code(),
        Some(1),
        "the lost end is not taken for this log's: {:?}",
        bad.lines
    );
}
