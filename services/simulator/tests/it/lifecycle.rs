//! Start, latency, refused connections and shutdown.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;
use simulator::{HoldPhase, Matcher, Simulator, SimulatorConfig};

use crate::support::{DEADLINE, Desk};

#[tokio::test]
async fn refused_connections_never_reach_it_and_come_back_on_the_same_port() {
    let desk = Desk::start().await;
    desk.simulator.refuse_connections().await;
    let error = desk.send(Method::GET, "/test", None).await.unwrap_err();
    assert!(error.is_connect(), "{error:?}");
    desk.simulator.accept_connections().await;
    assert_eq!(desk.get("/test").await.status, 200);
    assert_eq!(desk.simulator.counters().total().requests, 1);
}

#[tokio::test]
async fn connections_can_be_refused_for_a_while_by_a_control_call() {
    let desk = Desk::start().await;
    assert_eq!(
        desk.control(Method::POST, "/refuse", &json!({"for_ms": 100}))
            .await
            .0,
        200
    );
    let refused_then_back = tokio::time::timeout(DEADLINE, async {
        while desk.send(Method::GET, "/test", None).await.is_ok() {}
        while desk.send(Method::GET, "/test", None).await.is_err() {}
    });
    assert!(refused_then_back.await.is_ok());
}

#[tokio::test]
async fn latency_is_added_to_every_answer() {
    let latency = Duration::from_millis(60);
    let desk = Desk::start_with(SimulatorConfig {
        latency,
        ..SimulatorConfig::default()
    })
    .await;
    let start = Instant::now();
    desk.get("/test").await;
    assert!(start.elapsed() >= latency);
}

#[tokio::test]
async fn shutdown_frees_the_port_and_drops_held_requests() {
    let desk = Desk::start().await;
    let address = desk.simulator.address();
    let hold = desk.simulator.hold(Matcher::any(), HoldPhase::BeforeApply);
    let request = desk.request(Method::GET, "/test").timeout(DEADLINE);
    let held = tokio::spawn(request.send());
    assert!(desk.simulator.wait_held(hold, 1, DEADLINE).await);
    tokio::time::timeout(DEADLINE, desk.simulator.shutdown())
        .await
        .unwrap();
    assert!(!held.await.unwrap().unwrap_err().is_timeout());
    let config = SimulatorConfig {
        port: address.port(),
        ..SimulatorConfig::default()
    };
    assert_eq!(Simulator::start(config).await.unwrap().address(), address);
}

#[tokio::test]
async fn a_port_that_is_taken_is_an_error() {
    let desk = Desk::start().await;
    let config = SimulatorConfig {
        port: desk.simulator.address().port(),
        ..SimulatorConfig::default()
    };
    assert!(Simulator::start(config).await.is_err());
}
