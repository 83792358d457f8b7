//! SIGTERM under load: who stops ends in time, no request fails, and no job waits for a successor.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use domain::Timestamp;
use serde_json::Value;
use testkit::at_best;

use super::support::{Cluster, Load, Setup, time, took};

/// `SHUTDOWN_GRACE`, as it is by default.
const GRACE: Duration = Duration::from_secs(30);
/// How much longer than usually a job may take because somebody stops.
const DELAY: Duration = Duration::from_secs(2);

/// The answers of all API processes, as they logged them.
fn answers(cluster: &Cluster) -> Vec<(u64, String)> {
    let answer = |text: String| {
        let line: Value = serde_json::from_str(&text).ok()?;
        Some((line["status"].as_u64()?, text))
    };
    cluster.logs().into_iter().filter_map(answer).collect()
}

/// Stops one of each kind under load; whether no job waited for it.
async fn round() -> Result<(), String> {
    // A lease so long that who takes over without a hand-over comes far too late. And on a busy machine a short time for
    // requests to Order Desk lets workers hold them back.
    let setup = Setup::of(2, 3)
        .set("LEASE_TTL", "30s")
        .set("ORDERDESK_TIMEOUT", "15s");
    let cluster = setup.start().await;
    let client = cluster.client();
    let shops = cluster.shops(&client, 12, 4).await;
    cluster.desk.set_latency(Duration::from_millis(20));
    let load = Load::start(&client, &shops, 4, Duration::from_millis(60));
    load.more(60).await;
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a time after 1970");
    let asked = Timestamp::from_millis(i64::try_from(now.as_millis()).expect("a time of this age"));
    let stop = async |node: &system_tests::Node| {
        assert!(node.process().sigterm());
        let status = node.process().wait_exit(GRACE).await;
        assert_eq!(status.code(), Some(0), "{:?}", node.logs());
    };
    stop(&cluster.workers[1]).await;
    load.more(30).await;
    stop(&cluster.apis[1]).await;
    load.more(30).await;

    let accepted = load.stop().await;
    let jobs = cluster.assert_all_done_once(&client, &accepted).await;
    let answers = answers(&cluster);
    let accepting = answers.iter().filter(|(status, _)| *status == 202).count();
    assert!(accepting >= accepted.len(), "each is in the log: {accepting}");
    let failed: Vec<_> = answers.iter().filter(|(status, _)| *status >= 500).collect();
    assert!(failed.is_empty(), "{failed:?}");
    assert!(!cluster.partitions_were_lost(), "what is handed over is not lost");
    let longest = |jobs: Vec<&Value>| jobs.into_iter().map(took).max().expect("some jobs");
    let (before, since) = jobs.iter().partition(|job| time(job, "finished_at") < asked);
    let (usual, latest) = (longest(before), longest(since));
    eprintln!("jobs took {latest:?} at most while processes stopped, {usual:?} before");
    if latest <= usual + DELAY {
        Ok(())
    } else {
        Err(format!("a job took {latest:?}, {usual:?} before"))
    }
}

#[tokio::test]
async fn processes_that_stop_under_load_fail_no_request_and_delay_no_job() {
    at_best("jobs wait for nobody who stops", round).await;
}
