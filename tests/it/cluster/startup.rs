//! What API and worker processes refuse to start with.

use system_tests::{Spec, fast_environment, kms_key};
use testkit::Postgres;

use super::support::PATIENCE;

const PROGRAMS: [&str; 2] = ["orderdesk-api", "orderdesk-worker"];

fn spec(program: &str) -> Spec {
    Spec::of(program)
        .envs(fast_environment(&kms_key(), "http://127.0.0.1:1/api/v2"))
        .env("PORT", "0")
        .env("WORKER_PORT", "0")
}

/// The exit code and all that was written.
async fn outcome(spec: Spec) -> (Option<i32>, Vec<String>) {
    let ended = spec.run(PATIENCE).await;
    (ended.code(), ended.lines)
}

#[tokio::test]
async fn a_ledger_in_a_file_is_refused_in_one_line() {
    for program in PROGRAMS {
        let (code, lines) = outcome(spec(program).env("NATS_URL", "nats://127.0.0.1:1")).await;
        assert_eq!((code, lines.len()), (Some(2), 1), "{lines:?}");
        assert!(
            lines[0].contains("DATABASE_URL is ") && lines[0].contains("postgres://"),
            "{lines:?}"
        );
    }
}

#[tokio::test]
async fn a_missing_broker_is_refused_in_one_line_before_anything_is_opened() {
    for program in PROGRAMS {
        let refused = spec(program).env("DATABASE_URL", "postgres://user:s3cret@127.0.0.1:1/none");
        let (code, lines) = outcome(refused).await;
        assert_eq!((code, lines.len()), (Some(2), 1), "{lines:?}");
        assert!(
            lines[0].contains("NATS_URL is not set") && lines[0].contains("nats://"),
            "{lines:?}"
        );
        assert!(!lines[0].contains("s3cret"), "{lines:?}");
    }
}

#[tokio::test]
async fn a_database_without_a_schema_is_refused_in_one_line() {
    let postgres = Postgres::start_new().await;
    let database = postgres.database().await;
    for program in PROGRAMS {
        let refused = spec(program)
            .env("DATABASE_URL", &database)
            .env("NATS_URL", "nats://127.0.0.1:1");
        let (code, lines) = outcome(refused).await;
        let errors: Vec<&String> = lines
            .iter()
            .filter(|line| line.contains("orderdesk-gateway:"))
            .collect();
        assert_eq!((code, errors.len()), (Some(1), 1), "{lines:?}");
        assert!(
            errors[0].contains("run the migrations"),
            "it says what to do: {lines:?}"
        );
    }
    let tables = "select count(*) from information_schema.tables where table_schema = 'public'";
    assert_eq!(
        postgres.sql(&database, tables).await[0][0].as_deref(),
        Some("0"),
        "nothing was written"
    );
}

#[tokio::test]
async fn a_database_of_another_version_is_refused_in_one_line() {
    let postgres = Postgres::start_new().await;
    let database = postgres.database().await;
    let migrated = spec("orderdesk-gateway")
        .arg("migrate")
        .env("DATABASE_URL", &database);
    assert_eq!(migrated.run(PATIENCE).await.code(), Some(0));
    for (sql, says) in [
        (
            "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
                values (9999, 'later', true, '', 0)",
            "the database is at version 9999, this program knows ",
        ),
        (
            "delete from _sqlx_migrations where version > 1",
            "the database is at version 1, this program needs ",
        ),
    ] {
        postgres.sql(&database, sql).await;
        for program in PROGRAMS {
            let refused = spec(program)
                .env("DATABASE_URL", &database)
                .env("NATS_URL", "nats://127.0.0.1:1");
            let (code, lines) = outcome(refused).await;
            assert_eq!((code, lines.len()), (Some(1), 1), "{lines:?}");
            assert!(lines[0].contains(says), "{lines:?}");
        }
    }
}

#[tokio::test]
async fn a_database_that_is_down_is_told_in_one_line_without_its_password() {
    let closed = format!("postgres://user:s3cret@127.0.0.1:{}/none", testkit::free_port());
    for program in PROGRAMS {
        let refused = spec(program)
            .env("DATABASE_URL", &closed)
            .env("NATS_URL", "nats://127.0.0.1:1");
        let (code, lines) = outcome(refused).await;
        assert_eq!((code, lines.len()), (Some(1), 1), "{lines:?}");
        assert!(
            lines[0].contains("database") && !lines[0].contains("s3cret"),
            "{lines:?}"
        );
    }
}
