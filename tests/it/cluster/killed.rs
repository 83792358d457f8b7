//! Processes killed at random under load.

use std::time::Duration;

use super::support::{Load, Setup};

const APIS: usize = 2;
const WORKERS: usize = 3;
const KILLS: usize = 8;

#[tokio::test]
async fn processes_killed_at_random_under_load_lose_nothing_and_double_nothing() {
    let mut cluster = Setup::of(APIS, WORKERS).start().await;
    let client = cluster.client();
    let shops = cluster.shops(&client, 8, 4).await;
    // Slow enough that kills meet jobs between all steps.
    cluster.desk.set_latency(Duration::from_millis(20));
    let load = Load::start(&client, &shops, 6, Duration::from_millis(40));
    for kill in 0..KILLS {
        load.more(20).await;
        // The first round meets everyone, what follows is drawn.
        let victim = match kill {
            0..5 => kill,
            _ => uuid::Uuid::new_v4().as_bytes()[0] as usize % (APIS + WORKERS),
        };
        if victim < APIS {
            cluster.apis[victim].restart().await;
        } else {
            cluster.workers[victim - APIS].restart().await;
        }
    }
    let accepted = load.stop().await;
    cluster.assert_all_done_once(&client, &accepted).await;
}
