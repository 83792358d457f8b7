//! Another worker takes over what a dead one owned, soon; what a stopping one owned, at once.

use std::time::{Duration, Instant};

use futures::future::join_all;

use super::support::{Client, Cluster, LEASE_TTL, PATIENCE, Setup, Shop, TAKE_OVER};

/// Enough that every worker owns some in all likelihood.
const SHOPS: usize = 24;

/// Submits a job to each store and returns how long after `since` each had ended.
async fn fresh_jobs(client: &Client, shops: &[Shop], text: &str, since: Instant) -> Vec<Duration> {
    let jobs = shops.iter().map(|shop| {
        let call = shop.note(client, 0, text).header("Prefer", "wait=30");
        async move {
            let answer = call.send().await.expect("an answer");
            assert_eq!(
                (answer.status, &answer.body["status"]),
                (200, &"succeeded".into()),
                "{answer:?}"
            );
            since.elapsed()
        }
    });
    join_all(jobs).await
}

/// How long such jobs take on this machine as busy as it is, when nothing happens to the workers.
async fn usual(client: &Client, shops: &[Shop]) -> Duration {
    let ends = fresh_jobs(client, shops, "before", Instant::now()).await;
    ends.into_iter().max().expect("some jobs")
}

/// The owner of each store's partition.
async fn owners(cluster: &Cluster) -> Vec<(i64, String)> {
    let sql = "select s.partition, p.owner from stores s join partitions p using (partition)
        where p.owner is not null order by 1";
    let rows = cluster.sql(sql).await;
    rows.into_iter()
        .map(|row| {
            let partition = row[0].as_deref().and_then(|text| text.parse().ok());
            (partition.expect("a number"), row[1].clone().expect("an owner"))
        })
        .collect()
}

#[tokio::test]
async fn a_dead_workers_stores_are_served_again_within_the_lease_and_two_seconds() {
    let cluster = Setup::of(1, 3).start().await;
    let client = cluster.client();
    let shops = cluster.shops(&client, SHOPS, 1).await;
    let usual = usual(&client, &shops).await;
    let before = owners(&cluster).await;

    cluster.workers[1].kill9();
    let killed = Instant::now();
    let ends = fresh_jobs(&client, &shops, "after", killed).await;

    let after = owners(&cluster).await;
    assert_eq!(after.len(), SHOPS, "{after:?}");
    let moved = before
        .iter()
        .zip(&after)
        .filter(|(before, after)| before != after)
        .count();
    assert!(moved > 0, "the dead worker owned none of the stores");
    let latest = ends.iter().max().expect("some jobs");
    eprintln!("take-over of {moved} stores after {latest:?}");
    assert!(
        *latest <= LEASE_TTL + TAKE_OVER + usual,
        "served again after {latest:?}, usually after {usual:?}: {ends:?}"
    );
    cluster.assert_ledger_is_whole(2 * SHOPS).await;
}

#[tokio::test]
async fn a_worker_that_is_asked_to_stop_hands_over_at_once() {
    // A lease so long that only a hand-over can be this fast.
    let cluster = Setup::of(1, 3).set("LEASE_TTL", "30s").start().await;
    let client = cluster.client();
    let shops = cluster.shops(&client, SHOPS, 1).await;
    let usual = usual(&client, &shops).await;
    let before = owners(&cluster).await;

    assert!(cluster.workers[1].process().sigterm());
    let asked = Instant::now();
    let ends = fresh_jobs(&client, &shops, "after", asked).await;

    let after = owners(&cluster).await;
    let moved = before
        .iter()
        .zip(&after)
        .filter(|(before, after)| before != after)
        .count();
    assert!(!cluster.partitions_were_lost(), "what is handed over is not lost");
    assert!(moved > 0, "the stopping worker owned none of the stores");
    let latest = ends.iter().max().expect("some jobs");
    eprintln!("hand-over of {moved} stores after {latest:?}");
    assert!(
        *latest <= TAKE_OVER + usual,
        "served again after {latest:?}, usually after {usual:?}: {ends:?}"
    );
    let status = cluster.workers[1].process().wait_exit(PATIENCE).await;
    assert_eq!(
        status.code(),
        Some(0),
        "{:?}",
        cluster.workers[1].process().lines()
    );
    cluster.assert_ledger_is_whole(2 * SHOPS).await;
}

#[tokio::test]
async fn all_processes_asked_to_stop_under_load_end_well_and_their_successors_finish_the_work() {
    let mut cluster = Setup::of(1, 2).start().await;
    let client = cluster.client();
    let shops = cluster.shops(&client, 4, 2).await;
    cluster.desk.set_latency(Duration::from_millis(20));
    let load = super::support::Load::start(&client, &shops, 4, Duration::from_millis(20));
    load.more(30).await;
    for worker in &cluster.workers {
        assert!(worker.process().sigterm());
    }
    for worker in &cluster.workers {
        let status = worker.process().wait_exit(PATIENCE).await;
        assert_eq!(status.code(), Some(0), "{:?}", worker.process().lines());
    }
    let owned = "select count(*) from partitions where owner is not null";
    assert_eq!(cluster.number(owned).await, 0, "everything was handed over");
    assert_eq!(
        cluster.number("select count(*) from open_batches").await,
        0,
        "no request was cut off"
    );
    // Without any worker commands are accepted all the same.
    load.more(10).await;
    cluster.workers[0].restart().await;
    assert_eq!(
        cluster.apis[0].terminate(PATIENCE).await,
        Some(0),
        "{:?}",
        cluster.apis[0].logs()
    );
    cluster.apis[0].restart().await;
    load.more(10).await;
    let accepted = load.stop().await;
    cluster.assert_all_done_once(&client, &accepted).await;
}
