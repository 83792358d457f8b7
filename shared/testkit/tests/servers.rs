//! The servers: each starts, answers, and comes back after a stop or a kill, with its data.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use testkit::{Nats, Postgres, Redis};

#[tokio::test]
async fn postgres_keeps_committed_rows_over_restart_and_kill() {
    let postgres = Postgres::start_new().await;
    let database = postgres.database().await;
    postgres
        .sql(
            &database,
            "create table kept (n int, t text); insert into kept values (1, null)",
        )
        .await;
    postgres.restart().await;
    postgres
        .sql(&database, "insert into kept values (2, 'zwei')")
        .await;
    postgres.kill9().await;
    assert!(postgres.try_sql(&database, "select 1").await.is_err());
    postgres.start().await;
    let rows = postgres.sql(&database, "select * from kept order by n").await;
    assert_eq!(
        rows,
        [
            vec![Some("1".into()), None],
            vec![Some("2".into()), Some("zwei".into())]
        ]
    );
    postgres.stop().await;
    postgres.stop().await;
    assert!(postgres.try_sql(&database, "select 1").await.is_err());
}

#[tokio::test]
async fn a_database_saved_in_one_postgres_is_there_in_another() {
    let (one, other) = tokio::join!(Postgres::start_new(), Postgres::start_new());
    let (from, to) = (one.database().await, other.database().await);
    one.sql(&from, "create table kept (n int); insert into kept values (7)")
        .await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dump");
    one.dump(&from, &file).await;
    other.load(&to, &file).await;
    assert_eq!(
        other.sql(&to, "select n from kept").await,
        [vec![Some("7".into())]]
    );
}

#[tokio::test]
async fn postgres_gives_every_test_an_empty_database() {
    let postgres = Postgres::shared().await;
    let (one, two) = (postgres.database().await, postgres.database().await);
    assert_ne!(one, two);
    postgres.sql(&one, "create table t ()").await;
    let error = postgres.try_sql(&two, "select * from t").await.unwrap_err();
    assert_eq!(error.to_string(), "relation \"t\" does not exist");
}

#[tokio::test]
async fn the_shared_postgres_serves_tests_with_runtimes_of_their_own() {
    let database = Postgres::shared().await.database().await;
    assert_eq!(
        Postgres::shared().await.sql(&database, "select 1").await,
        [vec![Some("1".into())]]
    );
}

#[tokio::test]
async fn redis_keeps_its_keys_over_restart_and_kill() {
    let redis = Redis::start_new().await;
    assert_eq!(redis.command("SET one 1").await.unwrap(), "+OK");
    redis.restart().await;
    assert_eq!(redis.command("SET two 2").await.unwrap(), "+OK");
    redis.kill9().await;
    assert!(redis.command("PING").await.is_err());
    redis.start().await;
    assert_eq!(redis.command("EXISTS one two").await.unwrap(), ":2");
    redis.stop().await;
    assert!(redis.command("PING").await.is_err());
}

#[tokio::test]
async fn nats_keeps_its_streams_over_restart_and_kill_until_wiped() {
    let nats = Nats::start_new().await;
    assert!(
        request(
            &nats,
            "$JS.API.STREAM.CREATE.s",
            r#"{"name":"s","subjects":["s.>"]}"#
        )
        .contains("\"created\"")
    );
    assert!(request(&nats, "s.one", "hello").contains("\"seq\":1"));
    nats.restart().await;
    assert!(request(&nats, "s.two", "hello").contains("\"seq\":2"));
    nats.kill9().await;
    assert!(TcpStream::connect(nats.url().trim_start_matches("nats://")).is_err());
    nats.start().await;
    assert!(request(&nats, "$JS.API.STREAM.INFO.s", "").contains("\"messages\":2"));
    nats.wipe().await;
    assert!(request(&nats, "$JS.API.STREAM.INFO.s", "").contains("stream not found"));
    // What was stopped stays so over a wipe.
    nats.stop().await;
    nats.wipe().await;
    assert!(TcpStream::connect(nats.url().trim_start_matches("nats://")).is_err());
}

/// One request and its answer, in NATS' own text protocol.
fn request(nats: &Nats, subject: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(nats.url().trim_start_matches("nats://")).unwrap();
    stream
        .set_read_timeout(Some(std::time::Duration::from_secs(20)))
        .unwrap();
    let publish = format!("PUB {subject} answer {}\r\n{body}\r\n", body.len());
    stream
        .write_all(format!("CONNECT {{\"verbose\":false}}\r\nSUB answer 1\r\n{publish}").as_bytes())
        .unwrap();
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    lines.find(|line| line.starts_with("MSG answer")).unwrap();
    lines.next().unwrap()
}
