//! Requests that wait for the test.

use reqwest::Method;
use serde_json::{Value, json};
use simulator::{HoldPhase, Matcher, RequestKind};

use crate::support::{DEADLINE, Desk, STORE, read};

fn send(desk: &Desk, method: Method, path: &str, body: &Value) -> tokio::task::JoinHandle<u16> {
    let request = desk.request(method, path).json(body).timeout(DEADLINE);
    tokio::spawn(async move { read(request.send().await.unwrap()).await.status })
}

#[tokio::test]
async fn a_held_put_is_applied_only_after_its_release() {
    let desk = Desk::start().await;
    let order = desk.order();
    let path = format!("/orders/{order}");
    let hold = desk.simulator.hold(
        Matcher::from(RequestKind::PutOrder).order(&order),
        HoldPhase::BeforeApply,
    );
    let put = send(&desk, Method::PUT, &path, &json!({"email": "held@example.com"}));
    assert!(desk.simulator.wait_held(hold, 1, DEADLINE).await);
    assert_eq!(desk.stored(&order)["email"], "buyer1@example.com");
    assert_eq!(desk.get(&path).await.status, 200, "other kinds pass");
    desk.simulator.release(hold).unwrap();
    assert_eq!(put.await.unwrap(), 200);
    assert_eq!(desk.stored(&order)["email"], "held@example.com");
    assert!(desk.simulator.release(hold).is_err());
}

#[tokio::test]
async fn a_hold_before_the_answer_lets_the_write_through() {
    let desk = Desk::start().await;
    let order = desk.order();
    let hold = desk.simulator.hold(Matcher::writes(), HoldPhase::BeforeAnswer);
    let put = send(
        &desk,
        Method::PUT,
        &format!("/orders/{order}"),
        &json!({"email": "x@example.com"}),
    );
    assert!(desk.simulator.wait_held(hold, 1, DEADLINE).await);
    assert_eq!(desk.stored(&order)["email"], "x@example.com");
    assert!(!put.is_finished());
    desk.simulator.release(hold).unwrap();
    assert_eq!(put.await.unwrap(), 200);
}

#[tokio::test]
async fn requests_can_be_let_go_one_by_one_in_order_of_arrival() {
    let desk = Desk::start().await;
    let order = desk.order();
    let path = format!("/orders/{order}");
    let hold = desk.simulator.hold(RequestKind::PutOrder, HoldPhase::BeforeApply);
    let first = send(&desk, Method::PUT, &path, &json!({"email": "first@example.com"}));
    assert!(desk.simulator.wait_held(hold, 1, DEADLINE).await);
    let second = send(&desk, Method::PUT, &path, &json!({"email": "second@example.com"}));
    assert!(desk.simulator.wait_held(hold, 2, DEADLINE).await);
    desk.simulator.release_some(hold, 1).unwrap();
    assert_eq!(first.await.unwrap(), 200);
    assert_eq!(desk.stored(&order)["email"], "first@example.com");
    assert!(!second.is_finished());
    desk.simulator.release_some(hold, 1).unwrap();
    assert_eq!(second.await.unwrap(), 200);
    assert_eq!(desk.stored(&order)["email"], "second@example.com");
}

#[tokio::test]
async fn holds_work_by_control_calls() {
    let desk = Desk::start().await;
    let order = desk.simulator.put_order(STORE, json!({})).unwrap();
    let body = json!({"match": {"kind": "get_order"}, "phase": "before_apply"});
    let (status, hold) = desk.control(Method::POST, "/holds", &body).await;
    assert_eq!(status, 200);
    let get = send(&desk, Method::GET, &format!("/orders/{order}"), &json!({}));
    let wait = format!("/holds/{}/wait", hold["id"]);
    let (_, arrived) = desk.control(Method::POST, &wait, &json!({"count": 1})).await;
    assert_eq!(arrived["arrived"], true);
    let (_, listed) = desk.control(Method::GET, "/holds", &json!({})).await;
    assert_eq!(listed["holds"][0]["waiting"], 1);
    let release = format!("/holds/{}/release", hold["id"]);
    assert_eq!(desk.control(Method::POST, &release, &json!({})).await.0, 200);
    assert_eq!(get.await.unwrap(), 200);
    assert_eq!(desk.control(Method::POST, &release, &json!({})).await.0, 404);
}
