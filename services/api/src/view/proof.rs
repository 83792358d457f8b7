//! Proofs about the log; hashes and keys in base64 (RFC 4648 §4), as in checkpoints.

use app::{Consistency, Inclusion, LogKey};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

/// An inclusion proof.
pub(crate) fn inclusion(proof: &Inclusion) -> Value {
    json!({
        "position": proof.position,
        "leaf_index": proof.position.saturating_sub(1),
        "leaf_hash": proof.leaf.to_string(),
        "tree_size": proof.size,
        "hashes": hashes(&proof.hashes),
        "checkpoint": proof.head.as_ref().map(|head| &head.note),
    })
}

/// A consistency proof.
pub(crate) fn consistency(proof: &Consistency) -> Value {
    let tree = |(size, root): &(u64, _)| json!({"tree_size": size, "root_hash": format!("{root}")});
    json!({
        "from": tree(&proof.from),
        "to": tree(&proof.to),
        "hashes": hashes(&proof.hashes),
        "checkpoint": proof.head.as_ref().map(|head| &head.note),
    })
}

/// A key of the log.
pub(crate) fn log_key(key: &LogKey) -> Value {
    json!({
        "name": key.key.name(),
        "key_id": hex::encode(key.key.id()),
        "algorithm": "ed25519",
        "public_key": BASE64_STANDARD.encode(key.key.bytes()),
        "verifier_key": key.key.to_string(),
        "generation": key.generation,
        "current": key.current,
    })
}

fn hashes(hashes: &[impl ToString]) -> Vec<String> {
    hashes.iter().map(ToString::to_string).collect()
}
