//! Checkpoints and proofs, checked as a client would.

use ledger::seal::{Grower, Identity};
use merkle::proof::{verify_consistency, verify_inclusion};
use merkle::{Checkpoint, Hash, PublicKey};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::place::{KEY, Place};

const OTHER: &str = "another-master-key-of-more-than-32-characters";

/// What a worker does every few seconds.
pub async fn seal(place: &Place) -> u64 {
    let ledger = place.app.ledger();
    let identity = Identity::open(&**ledger, Uuid::now_v7()).await.unwrap();
    let seed = place.app.keyring().signing_seed();
    let mut grower = Grower::load(&**ledger, identity, seed).await.unwrap();
    while grower.advance(&**ledger).await.unwrap() > 0 {}
    let (signer, generation) = (identity.signer(seed), identity.generation());
    let now = place.app.now();
    grower.sign(&**ledger, &signer, generation, now).await.unwrap();
    grower.size()
}

async fn key(place: &Place) -> PublicKey {
    let keys = place.get("/audit/keys").anonymous().send().await.ok(200);
    let key = keys["keys"][0].clone();
    assert_eq!((&key["current"], &key["generation"]), (&json!(true), &json!(1)));
    let parsed: PublicKey = key["verifier_key"].as_str().unwrap().parse().unwrap();
    assert_eq!(key["name"], parsed.name());
    parsed
}

async fn checkpoint(place: &Place) -> Checkpoint {
    let reply = place.get("/audit/checkpoint").send().await;
    assert_eq!(reply.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(reply.status.as_u16(), 200, "{}", reply.text);
    Checkpoint::open(&reply.text, &key(place).await).unwrap()
}

fn hashes(proof: &Value) -> Vec<Hash> {
    proof["hashes"].as_array().unwrap().iter().map(hash).collect()
}

fn hash(value: &Value) -> Hash {
    value.as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_client_can_check_that_its_events_are_in_the_log() {
    let (place, order) = Place::with_order().await;
    for text in ["one", "two", "three"] {
        place.note(&order, text).await;
    }
    let end = seal(&place).await;
    let checkpoint = checkpoint(&place).await;
    assert_eq!(checkpoint.size, end);
    let log = place.app.ledger().events_after(0, 100).await.unwrap();
    assert_eq!(log.len() as u64, end);
    for event in log {
        let uri = format!("/audit/proof/inclusion?position={}", event.position);
        let proof = place.get(&uri).send().await.ok(200);
        let (index, leaf) = (event.position - 1, event.leaf_hash());
        assert_eq!(proof["leaf_index"], index);
        assert_eq!(hash(&proof["leaf_hash"]), leaf);
        let signed = Checkpoint::open(proof["checkpoint"].as_str().unwrap(), &key(&place).await).unwrap();
        assert_eq!(signed, checkpoint);
        verify_inclusion(&leaf, index, end, &hashes(&proof), &checkpoint.root).unwrap();
    }
    let uri = "/audit/proof/inclusion?position=2&size=3";
    let proof = place.get(uri).send().await.ok(200);
    assert_eq!(
        (&proof["tree_size"], &proof["checkpoint"]),
        (&json!(3), &Value::Null)
    );
}

#[tokio::test]
async fn a_client_can_check_that_the_log_was_only_added_to() {
    let (place, order) = Place::with_order().await;
    seal(&place).await;
    let kept = checkpoint(&place).await;
    for text in ["one", "two", "three", "four"] {
        place.note(&order, text).await;
    }
    seal(&place).await;
    let now = checkpoint(&place).await;
    let uri = format!("/audit/proof/consistency?from={}", kept.size);
    let proof = place.get(&uri).send().await.ok(200);
    assert_eq!(proof["to"]["tree_size"], now.size);
    assert_eq!(hash(&proof["from"]["root_hash"]), kept.root);
    verify_consistency(kept.size, now.size, &hashes(&proof), &kept.root, &now.root).unwrap();
    let uri = format!("/audit/proof/consistency?from={}&to={}", kept.size, kept.size + 2);
    let proof = place.get(&uri).send().await.ok(200);
    assert_eq!(proof["checkpoint"], Value::Null);
    let between = hash(&proof["to"]["root_hash"]);
    verify_consistency(kept.size, kept.size + 2, &hashes(&proof), &kept.root, &between).unwrap();
    place.get("/audit/proof/consistency?from=0").send().await.ok(200);
}

#[tokio::test]
async fn positions_of_others_and_those_that_do_not_exist_look_alike() {
    let place = Place::new().await;
    place.register(KEY, "101").await;
    let own = place.app.ledger().head().await.unwrap().position;
    place.register(OTHER, "102").await;
    let end = seal(&place).await;
    let ask = |position: u64| format!("/audit/proof/inclusion?position={position}");
    place.get(&ask(own)).send().await.ok(200);
    let mut details = Vec::new();
    for position in [own + 1, end, end + 1, 0, u64::MAX] {
        let reply = place.get(&ask(position)).send().await;
        details.push(reply.refused(404, "position_not_found").body["detail"].clone());
    }
    details.dedup();
    assert_eq!(details.len(), 1);
    place.get(&ask(own + 1)).key(OTHER).send().await.ok(200);
    let others = place.get(&ask(own)).key(OTHER).send().await;
    others.refused(404, "position_not_found");
}

#[tokio::test]
async fn what_is_not_signed_yet_is_to_be_asked_for_again() {
    let (place, order) = Place::with_order().await;
    for uri in [
        "/audit/checkpoint",
        "/audit/proof/inclusion?position=1",
        "/audit/proof/consistency?from=0",
    ] {
        let reply = place.get(uri).send().await.refused(409, "not_sealed");
        assert!(reply.header("retry-after").is_some());
    }
    let end = seal(&place).await;
    place.note(&order, "later").await;
    for uri in [
        format!("/audit/proof/inclusion?position={}", end + 1),
        format!("/audit/proof/inclusion?position=1&size={}", end + 1),
        format!("/audit/proof/inclusion?position={end}&size={}", end - 1),
        format!("/audit/proof/consistency?from=1&to={}", end + 1),
    ] {
        place.get(&uri).send().await.refused(409, "not_sealed");
    }
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused_with_its_name() {
    let place = Place::new().await;
    place.register(KEY, "101").await;
    let end = seal(&place).await;
    let inclusion = |query: &str| format!("/audit/proof/inclusion{query}");
    for (uri, pointer) in [
        (inclusion(""), "/query/position"),
        (inclusion("?position=x"), "/query/position"),
        (inclusion("?position=%2B1"), "/query/position"),
        (inclusion("?position=1&size=-1"), "/query/size"),
        (inclusion("?position=1&sice=1"), "/query/sice"),
        ("/audit/proof/consistency".to_owned(), "/query/from"),
        (
            format!("/audit/proof/consistency?from={}", end + 1),
            "/query/from",
        ),
        ("/audit/checkpoint?size=1".to_owned(), "/query/size"),
    ] {
        let reply = place.get(&uri).send().await.refused(422, "validation_failed");
        assert_eq!(reply.pointers(), [pointer], "{uri}");
    }
    for path in [
        "/audit/checkpoint",
        "/audit/proof/inclusion",
        "/audit/proof/consistency",
    ] {
        place
            .get(path)
            .anonymous()
            .send()
            .await
            .refused(401, "unauthorized");
    }
}
