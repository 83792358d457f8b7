//! Each fault as a client meets it, and whether the write took effect.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use simulator::{Fault, FaultRule, Matcher, RequestKind};

use crate::support::{DEADLINE, Desk, STORE, read};

/// An order, its path, and a body for a PUT that changes its e-mail address.
fn change(desk: &Desk) -> (String, String, Value) {
    let order = desk.order();
    let mut body = desk.stored(&order);
    body["email"] = json!("changed@example.com");
    let path = format!("/orders/{order}");
    (order, path, body)
}

fn is_changed(desk: &Desk, order: &str) -> bool {
    desk.stored(order)["email"] == "changed@example.com"
}

fn is_reset(error: &reqwest::Error) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(current) = cause {
        if let Some(io) = current.downcast_ref::<std::io::Error>() {
            return io.kind() == std::io::ErrorKind::ConnectionReset;
        }
        cause = current.source();
    }
    false
}

#[tokio::test]
async fn a_reset_before_drops_the_connection_and_applies_nothing() {
    let desk = Desk::start().await;
    let (order, path, body) = change(&desk);
    desk.simulator
        .fail_next(RequestKind::PutOrder, Fault::ResetBefore);
    let error = desk.send(Method::PUT, &path, Some(&body)).await.unwrap_err();
    assert!(is_reset(&error), "{error:?}");
    assert!(!is_changed(&desk, &order));
    let entry = &desk.simulator.request_log()[0];
    assert_eq!(
        (entry.status, entry.applied, entry.fault.as_deref()),
        (None, false, Some("reset_before"))
    );
    assert_eq!(
        desk.put(&path, &body).await.status,
        200,
        "the next one is unharmed"
    );
}

#[tokio::test]
async fn a_reset_before_spends_no_token() {
    let desk = Desk::start_with(simulator::SimulatorConfig::default()).await;
    desk.simulator.fail_next(Matcher::any(), Fault::ResetBefore);
    desk.send(Method::GET, "/test", None).await.unwrap_err();
    assert_eq!(desk.simulator.tokens(STORE), Ok(20));
}

#[tokio::test]
async fn a_reset_after_drops_the_connection_but_the_write_took_effect() {
    let desk = Desk::start().await;
    let (order, path, body) = change(&desk);
    desk.simulator.fail_next(RequestKind::PutOrder, Fault::ResetAfter);
    let error = desk.send(Method::PUT, &path, Some(&body)).await.unwrap_err();
    assert!(is_reset(&error), "{error:?}");
    assert!(is_changed(&desk, &order));
    assert!(desk.simulator.request_log()[0].applied);
}

#[tokio::test]
async fn a_timeout_never_answers_and_applies_nothing() {
    let desk = Desk::start().await;
    let (order, path, body) = change(&desk);
    desk.simulator.fail_next(RequestKind::PutOrder, Fault::Timeout);
    let error = desk.send(Method::PUT, &path, Some(&body)).await.unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    assert!(!is_changed(&desk, &order));
}

#[tokio::test]
async fn a_late_write_takes_effect_after_the_client_has_gone() {
    let desk = Desk::start().await;
    let (order, path, body) = change(&desk);
    let fault = Fault::TimeoutLateWrite { delay_ms: 400 };
    desk.simulator.fail_next(RequestKind::PutOrder, fault);
    let request = desk
        .request(Method::PUT, &path)
        .json(&body)
        .timeout(Duration::from_millis(100));
    assert!(request.send().await.unwrap_err().is_timeout());
    assert!(!is_changed(&desk, &order));
    let mut newer = desk.stored(&order);
    newer["email"] = json!("newer@example.com");
    assert_eq!(desk.put(&path, &newer).await.status, 200);
    let late = desk
        .simulator
        .wait_until(DEADLINE, |_| is_changed(&desk, &order))
        .await;
    assert!(late, "the late write erases the newer one");
    let log = desk.simulator.request_log();
    assert!(log[0].applied && log[0].applied_ms > log[1].applied_ms);
}

#[tokio::test]
async fn a_late_write_may_come_after_an_error_answer() {
    let desk = Desk::start().await;
    let (order, path, body) = change(&desk);
    desk.simulator.fail_next(
        RequestKind::PutOrder,
        Fault::LateWrite {
            delay_ms: 100,
            status: 504,
        },
    );
    assert_eq!(desk.put(&path, &body).await.status, 504);
    assert!(!is_changed(&desk, &order));
    assert!(
        desk.simulator
            .wait_until(DEADLINE, |_| is_changed(&desk, &order))
            .await
    );
}

#[tokio::test]
async fn a_reset_of_the_simulator_drops_late_writes() {
    let desk = Desk::start().await;
    let (order, path, body) = change(&desk);
    desk.simulator.fail_next(
        RequestKind::PutOrder,
        Fault::LateWrite {
            delay_ms: 30,
            status: 502,
        },
    );
    assert_eq!(desk.put(&path, &body).await.status, 502);
    desk.simulator.reset();
    desk.simulator.put_order(STORE, json!({"id": order})).unwrap();
    // A later write of the new time marks the moment by which the old one would have come.
    desk.simulator.fail_next(
        RequestKind::PutOrder,
        Fault::LateWrite {
            delay_ms: 90,
            status: 502,
        },
    );
    assert_eq!(
        desk.put(&path, &json!({"email": "second@example.com"}))
            .await
            .status,
        502
    );
    let second = |_: &simulator::Handle| desk.stored(&order)["email"] == "second@example.com";
    assert!(desk.simulator.wait_until(DEADLINE, second).await);
    assert_eq!(desk.simulator.counters().kind(RequestKind::PutOrder).applied, 1);
}

#[tokio::test]
async fn injected_throttling_names_its_wait() {
    let desk = Desk::start().await;
    desk.simulator
        .fail_next(RequestKind::Test, Fault::Throttle { retry_after: 7 });
    let reply = desk.get("/test").await;
    assert_eq!(
        (reply.status, reply.tokens, reply.retry_after),
        (429, Some(0), Some(7))
    );
    assert_eq!(
        desk.simulator.counters().total().throttled,
        0,
        "the bucket had no part in it"
    );
}

#[tokio::test]
async fn errors_come_before_or_after_the_write() {
    let desk = Desk::start().await;
    for applied in [false, true] {
        let faults = [
            (500, Fault::ServerError { status: 500, applied }),
            (503, Fault::ServerError { status: 503, applied }),
            (
                200,
                Fault::StatusError {
                    message: "no".into(),
                    applied,
                },
            ),
        ];
        for (status, fault) in faults {
            let (order, path, body) = change(&desk);
            desk.simulator.fail_next(RequestKind::PutOrder, fault);
            let reply = desk.put(&path, &body).await;
            assert_eq!(
                (reply.status, reply.body["status"].as_str()),
                (status, Some("error"))
            );
            assert_eq!(is_changed(&desk, &order), applied);
        }
    }
}

#[tokio::test]
async fn rejections_apply_nothing() {
    let desk = Desk::start().await;
    for status in [400, 401, 403, 404] {
        let (order, path, body) = change(&desk);
        desk.simulator.fail_next(
            RequestKind::PutOrder,
            Fault::Reject {
                status,
                message: "no".into(),
            },
        );
        let reply = desk.put(&path, &body).await;
        assert_eq!(
            (reply.status, reply.body["message"].as_str()),
            (status, Some("no"))
        );
        assert!(!is_changed(&desk, &order));
    }
}

#[tokio::test]
async fn garbage_and_html_are_no_json() {
    let desk = Desk::start().await;
    for (status, fault) in [
        (200, Fault::Garbage { applied: true }),
        (
            200,
            Fault::Html {
                status: 200,
                applied: true,
            },
        ),
        (
            502,
            Fault::Html {
                status: 502,
                applied: true,
            },
        ),
    ] {
        let (order, path, body) = change(&desk);
        desk.simulator.fail_next(RequestKind::PutOrder, fault);
        let response = desk.send(Method::PUT, &path, Some(&body)).await.unwrap();
        assert_eq!(response.status().as_u16(), status);
        assert!(response.json::<Value>().await.is_err());
        assert!(is_changed(&desk, &order));
    }
}

#[tokio::test]
async fn a_truncated_answer_ends_before_its_announced_length() {
    let desk = Desk::start().await;
    for applied in [false, true] {
        let (order, path, body) = change(&desk);
        desk.simulator
            .fail_next(RequestKind::PutOrder, Fault::Truncated { applied });
        let mut response = desk.send(Method::PUT, &path, Some(&body)).await.unwrap();
        assert_eq!(response.status().as_u16(), 200);
        let announced = response.content_length().unwrap();
        let first = response.chunk().await.unwrap().unwrap();
        assert!(first.starts_with(b"{\"status\":\"success\"") && (first.len() as u64) < announced);
        assert!(response.chunk().await.is_err());
        assert_eq!(is_changed(&desk, &order), applied);
    }
}

#[tokio::test]
async fn an_oversized_answer_is_as_large_as_asked() {
    let desk = Desk::start().await;
    for declared in [false, true] {
        let fault = Fault::Oversized {
            bytes: 1_000_003,
            declared,
            applied: false,
        };
        desk.simulator.fail_next(RequestKind::Test, fault);
        let response = desk.send(Method::GET, "/test", None).await.unwrap();
        assert_eq!(response.content_length(), declared.then_some(1_000_003));
        let bytes = response.bytes().await.unwrap();
        assert_eq!(bytes.len(), 1_000_003);
        assert_eq!(
            serde_json::from_slice::<Value>(&bytes).unwrap()["status"],
            "success"
        );
    }
}

#[tokio::test]
async fn a_slow_write_happens_even_if_the_client_gives_up() {
    let desk = Desk::start().await;
    for applied_first in [false, true] {
        let (order, path, body) = change(&desk);
        desk.simulator.fail_next(
            RequestKind::PutOrder,
            Fault::Slow {
                delay_ms: 300,
                applied_first,
            },
        );
        let request = desk
            .request(Method::PUT, &path)
            .json(&body)
            .timeout(Duration::from_millis(100));
        assert!(request.send().await.unwrap_err().is_timeout());
        assert_eq!(is_changed(&desk, &order), applied_first);
        assert!(
            desk.simulator
                .wait_until(DEADLINE, |_| is_changed(&desk, &order))
                .await
        );
    }
    desk.simulator.fail_next(
        RequestKind::Test,
        Fault::Slow {
            delay_ms: 50,
            applied_first: false,
        },
    );
    assert_eq!(desk.get("/test").await.status, 200, "and who waits is answered");
}

#[tokio::test]
async fn rules_choose_by_kind_order_store_skip_and_times() {
    let desk = Desk::start().await;
    let ids = desk.simulator.seed_orders(STORE, 2).unwrap();
    let refuse = Fault::ServerError {
        status: 500,
        applied: false,
    };
    desk.simulator.set_faults(vec![
        FaultRule::once(
            Matcher::from(RequestKind::GetOrder).order(&ids[0]).store(STORE),
            refuse.clone(),
        )
        .skip(1)
        .times(2),
        FaultRule::always(Matcher::any().store("another"), refuse.clone()),
        FaultRule::always(Matcher::from(RequestKind::MoveOrders).order(&ids[1]), refuse),
    ]);
    let mut states = Vec::new();
    for _ in 0..4 {
        states.push(desk.get(&format!("/orders/{}", ids[0])).await.status);
    }
    assert_eq!(states, [200, 500, 500, 200]);
    assert_eq!(desk.get(&format!("/orders/{}", ids[1])).await.status, 200);
    let move_both = json!({"order_id_list": ids, "destination_folder_id": 2});
    assert_eq!(
        desk.post("/move-orders", &move_both).await.status,
        500,
        "the body names the order"
    );
    assert_eq!(desk.simulator.faults()[0].hits, 2);
    desk.simulator.clear_faults();
    assert_eq!(desk.post("/move-orders", &move_both).await.status, 200);
}

#[tokio::test]
async fn poison_refuses_each_put_that_contains_it_whatever_the_escapes() {
    let desk = Desk::start().await;
    let (order, path, mut body) = change(&desk);
    desk.simulator.set_poison(vec!["böse/1".into()]);
    body["order_notes"] = json!([{"content": "this is böse/1 indeed"}]);
    assert_eq!(desk.put(&path, &body).await.status, 400);
    let escaped = body.to_string().replace("böse/1", "b\\u00f6se\\/1");
    let request = desk.request(Method::PUT, &path).body(escaped);
    assert_eq!(read(request.send().await.unwrap()).await.status, 400);
    assert!(!is_changed(&desk, &order));
    body["order_notes"] = json!([{"content": "harmless"}]);
    assert_eq!(desk.put(&path, &body).await.status, 200);
}
