//! The adapter against the suite that every adapter must pass, each test on a real server of its own.

mod support;

use support::Broker;

async fn fresh() -> Broker {
    Broker::start().await
}

queue::conformance_tests!(fresh);
