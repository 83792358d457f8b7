//! The end of a job is known in every API process at once.

use std::time::{Duration, SystemTime};

use domain::Timestamp;
use futures::future::join_all;
use serde_json::Value;
use simulator::{HoldPhase, Matcher, RequestKind};

use super::support::{Client, PATIENCE, Setup, notes};

/// Without news from the bus a waiting call looks each second: one that is answered sooner was told.
const TOLD: Duration = Duration::from_millis(500);

fn since(time: &Value) -> Duration {
    let finished: Timestamp = time.as_str().and_then(|text| text.parse().ok()).expect("a time");
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .expect("after 1970");
    Timestamp::from_millis(i64::try_from(now.as_millis()).expect("before 9999")).since(finished)
}

#[tokio::test]
async fn whoever_waits_is_told_and_shown_the_new_order_whichever_process_accepted_the_job() {
    let cluster = Setup::of(3, 2).start().await;
    let client = cluster.client();
    let shop = cluster.shop(&client, "501", 1).await;
    let mut told = 0;
    for round in 0..6 {
        let note = format!("round {round}");
        let reading = Matcher::from(RequestKind::GetOrder).store(&shop.id);
        let hold = cluster.desk.hold(reading, HoldPhase::BeforeAnswer);
        let job = shop.note(&client, 0, &note).to(round).expect(202).await;
        let path = format!("/jobs/{}", job["id"].as_str().expect("a job has an id"));
        assert!(
            cluster.desk.wait_held(hold, 1, PATIENCE).await,
            "the worker reads the order"
        );
        let waiting = join_all((0..client.apis()).map(|api| wait(&client, &path, api)));
        let release = async {
            // When these are answered, the calls above have arrived.
            for api in (0..client.apis()).chain(0..client.apis()) {
                assert_eq!(
                    client.get(&path).to(api).expect(200).await["finished_at"],
                    Value::Null
                );
            }
            cluster.desk.release(hold).expect("the hold is there");
        };
        let (answers, ()) = tokio::join!(waiting, release);
        for (late, job) in answers {
            assert_eq!(job["status"], "succeeded", "{job}");
            assert!(late < Duration::from_secs(5), "told after {late:?}");
            told += usize::from(late < TOLD);
        }
        for api in 0..client.apis() {
            let order = client.get(shop.order(0)).to(api).persist().await;
            assert_eq!(notes(&order.body, &note), 1, "{order:?}");
        }
    }
    assert!(told >= 9, "only {told} of 18 calls were answered within {TOLD:?}");
}

/// How long after the job's end the call was answered, and with what.
async fn wait(client: &Client, path: &str, api: usize) -> (Duration, Value) {
    let job = client.get(format!("{path}?wait=30")).to(api).expect(200).await;
    (since(&job["finished_at"]), job)
}

#[tokio::test]
async fn a_command_that_waits_is_answered_with_its_finished_job() {
    let cluster = Setup::of(1, 1).start().await;
    let client = cluster.client();
    let shop = cluster.shop(&client, "501", 1).await;
    let mut told = 0;
    for round in 0..5 {
        let answer = shop
            .note(&client, 0, &format!("round {round}"))
            .header("Prefer", "wait=30")
            .send()
            .await;
        let answer = answer.expect("an answer");
        assert_eq!(
            (answer.status, &answer.body["status"]),
            (200, &"succeeded".into()),
            "{answer:?}"
        );
        assert_eq!(answer.headers["preference-applied"], "wait=30");
        told += usize::from(since(&answer.body["finished_at"]) < TOLD);
    }
    assert!(told >= 3, "only {told} of 5 calls were answered within {TOLD:?}");
}
