//! The suite that every adapter must pass.

mod support;

async fn fresh() -> support::Database {
    support::Database::fresh().await
}

ledger::conformance_tests!(fresh);
