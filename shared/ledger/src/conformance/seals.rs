//! The tree over the events, as it is stored.

use merkle::export::{Line, Verifier};
use merkle::proof::{verify_consistency, verify_inclusion};
use merkle::{Checkpoint, Frontier, Hash, NodeId, PublicKey, cover};
use uuid::Uuid;

use super::{Fixture, audit, sample};
use crate::seal::{Exporter, GrowError, Grower, Identity, LeafRun, SignedHead, TreeNode, proof};
use crate::{Backend, Recorded};

/// The seed of the key that signs here.
pub const SEED: [u8; 32] = [9; 32];

fn hash(n: u64) -> Hash {
    Hash::leaf(&n.to_be_bytes())
}

fn run(first: u64, count: u64) -> LeafRun {
    LeafRun {
        first,
        hashes: (first..first + count).map(hash).collect(),
    }
}

/// The log's name.
pub async fn identity(backend: &dyn Backend) -> Identity {
    Identity::open(backend, Uuid::new_v4()).await.unwrap()
}

/// The key that verifies its heads.
pub async fn key(backend: &dyn Backend) -> PublicKey {
    identity(backend).await.signer(&SEED).public()
}

/// Seals everything there is and signs it.
pub async fn seal(backend: &dyn Backend) {
    let identity = identity(backend).await;
    let mut grower = Grower::load(backend, identity, &SEED).await.unwrap();
    while grower.advance(backend).await.unwrap() > 0 {}
    let signer = identity.signer(&SEED);
    grower
        .sign(backend, &signer, identity.generation(), sample::at(0))
        .await
        .unwrap();
}

/// Submits `count` jobs in one append.
pub async fn events(backend: &dyn Backend, place: &sample::Place, count: usize) {
    let mut append = sample::append(sample::at(1));
    for _ in 0..count {
        let job = sample::submission(&place.store, Some("1"), sample::at(1));
        append.submit_job(&job, Some(sample::sealed("body")));
    }
    sample::land(backend, append).await;
}

/// The leaves of a log.
pub fn leaves(log: &[Recorded]) -> Vec<Hash> {
    log.iter().map(Recorded::leaf_hash).collect()
}

pub fn tree(leaves: &[Hash]) -> Frontier {
    let mut tree = Frontier::new();
    for leaf in leaves {
        tree.push(*leaf, |_, _| {});
    }
    tree
}

pub async fn a_run_lands_once_and_only_where_the_last_one_ended(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    assert_eq!(backend.sealed_size().await.unwrap(), 0);
    assert!(!backend.append_leaves(&run(2, 1), &[]).await.unwrap());
    assert!(backend.append_leaves(&run(1, 3), &[]).await.unwrap());
    for wrong in [1, 2, 3, 5] {
        let node = TreeNode {
            id: NodeId {
                level: 8,
                index: wrong,
            },
            hash: hash(0),
        };
        assert!(!backend.append_leaves(&run(wrong, 2), &[node]).await.unwrap());
        assert!(
            backend.tree_nodes(&[node.id]).await.unwrap().is_empty(),
            "nothing of it"
        );
    }
    assert!(backend.append_leaves(&run(4, 2), &[]).await.unwrap());
    assert_eq!(fixture.open().await.sealed_size().await.unwrap(), 5);
    assert_eq!(
        backend.leaf_hashes(0, 10).await.unwrap(),
        (1..=5).map(hash).collect::<Vec<_>>()
    );
}

pub async fn hashes_and_subtrees_come_back_as_they_were_sealed(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let mut first = 1;
    for count in [1, 1_024, 7, 256, 1_024, 2] {
        let node = TreeNode {
            id: NodeId {
                level: 8 + (count % 3) as u8,
                index: first,
            },
            hash: hash(first),
        };
        assert!(backend.append_leaves(&run(first, count), &[node]).await.unwrap());
        first += count;
        assert_eq!(backend.tree_nodes(&[node.id]).await.unwrap(), [node]);
    }
    for (after, limit) in [
        (0, 1),
        (0, 5_000),
        (1_020, 20),
        (1_025, 7),
        (1_032, 1_000),
        (2_313, 1),
        (2_314, 9),
    ] {
        let until = (after + u64::from(limit)).min(first - 1);
        let expected: Vec<Hash> = (after + 1..=until).map(hash).collect();
        assert_eq!(
            backend.leaf_hashes(after, limit).await.unwrap(),
            expected,
            "{after} {limit}"
        );
    }
    let asked = [(8, 1), (8, 3), (9, 2), (9, 1), (63, 1 << 40)].map(|(level, index)| NodeId { level, index });
    let mut found = backend.tree_nodes(&asked).await.unwrap();
    found.sort_by_key(|node| node.id);
    let ids: Vec<NodeId> = found.iter().map(|node| node.id).collect();
    assert_eq!(
        ids,
        [NodeId { level: 9, index: 1 }, NodeId { level: 9, index: 2 }]
    );
    assert!(backend.tree_nodes(&[]).await.unwrap().is_empty());
}

pub async fn heads_come_back_in_the_order_of_their_sizes(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    assert_eq!(backend.latest_signed_head().await.unwrap(), None);
    let head = |size, generation| SignedHead {
        size,
        generation,
        root: hash(size),
        note: format!("a\n{size}\nÜ\n\n\u{2014} a {generation}\n"),
        signed_at: sample::at(5),
    };
    for (size, generation) in [(0, 1), (300, 2), (7, 1), (300, 1)] {
        backend.put_signed_head(&head(size, generation)).await.unwrap();
    }
    let mut other = head(7, 1);
    other.note.push_str("another");
    backend.put_signed_head(&other).await.unwrap();
    assert_eq!(backend.latest_signed_head().await.unwrap(), Some(head(300, 2)));
    assert_eq!(
        backend.signed_heads_from(0, 10).await.unwrap(),
        [head(0, 1), head(7, 1), head(300, 1), head(300, 2)]
    );
    assert_eq!(
        backend.signed_heads_from(1, 2).await.unwrap(),
        [head(7, 1), head(300, 1)]
    );
    assert!(backend.signed_heads_from(301, 2).await.unwrap().is_empty());
}

pub async fn what_was_sealed_can_only_be_inserted(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    sample::place(&*backend).await;
    seal(&*backend).await;
    let node = TreeNode {
        id: NodeId { level: 8, index: 0 },
        hash: hash(0),
    };
    assert!(backend.append_leaves(&run(4, 1), &[node]).await.unwrap());
    for sql in [
        "UPDATE seal_leaves SET last = last",
        "DELETE FROM seal_leaves",
        "UPDATE seal_nodes SET idx = 5",
        "DELETE FROM seal_nodes",
        "UPDATE seal_heads SET note = 'x'",
        "DELETE FROM seal_heads",
    ] {
        assert!(fixture.raw(sql).await.is_err(), "{sql}");
    }
}

pub async fn several_sealers_at_once_seal_the_same_tree(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let place = sample::place(&*backend).await;
    let mut sealers = Vec::new();
    for _ in 0..3 {
        let handle = fixture.open().await;
        sealers.push(tokio::spawn(async move {
            let identity = identity(&*handle).await;
            let signer = identity.signer(&SEED);
            let mut moved = 0;
            'anew: for _ in 0..1_000 {
                let mut grower = Grower::load(&*handle, identity, &SEED).await.unwrap();
                loop {
                    match grower.advance(&*handle).await {
                        Ok(0) if grower.size() >= 303 && !grower.is_unsigned() => return moved,
                        Ok(_) => {}
                        Err(GrowError::Moved { .. }) => {
                            moved += 1;
                            continue 'anew;
                        }
                        Err(error) => panic!("{error}"),
                    }
                    grower.sign(&*handle, &signer, 1, sample::at(0)).await.unwrap();
                    tokio::task::yield_now().await;
                }
            }
            panic!("never done");
        }));
    }
    for _ in 0..30 {
        events(&*backend, &place, 10).await;
    }
    for sealer in sealers {
        sealer.await.unwrap();
    }
    let leaves = leaves(&audit::log(&*backend).await);
    assert_eq!(backend.leaf_hashes(0, 1_000).await.unwrap(), leaves);
    let key = key(&*backend).await;
    for head in backend.signed_heads_from(0, 1_000).await.unwrap() {
        let signed = Checkpoint::open(&head.note, &key).unwrap();
        assert_eq!(
            signed.root,
            tree(&leaves[..head.size as usize]).root(),
            "{}",
            head.size
        );
    }
}

pub async fn every_proof_from_the_database_verifies(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let place = sample::place(&*backend).await;
    for count in [3, 250, 1, 255, 300, 500] {
        events(&*backend, &place, count).await;
        seal(&*backend).await;
    }
    let leaves = leaves(&audit::log(&*backend).await);
    let end = leaves.len() as u64;
    assert_eq!(end, 1_312);
    let sizes = [
        1, 2, 3, 255, 256, 257, 511, 512, 513, 767, 768, 1_024, 1_025, 1_311, end,
    ];
    for size in sizes {
        let root = tree(&leaves[..size as usize]).root();
        assert_eq!(proof::root(&*backend, size).await.unwrap(), root);
        for position in [1, 2, 255, 256, 257, 512, 513, 1_000, size]
            .into_iter()
            .filter(|p| *p <= size)
        {
            let path = proof::inclusion(&*backend, position, size)
                .await
                .unwrap()
                .unwrap();
            let leaf = leaves[position as usize - 1];
            assert_eq!(verify_inclusion(&leaf, position - 1, size, &path, &root), Ok(()));
        }
        for from in sizes.into_iter().filter(|from| *from <= size) {
            let hashes = proof::consistency(&*backend, from, size).await.unwrap().unwrap();
            let old = tree(&leaves[..from as usize]).root();
            assert_eq!(verify_consistency(from, size, &hashes, &old, &root), Ok(()));
        }
    }
    assert_eq!(proof::inclusion(&*backend, 0, end).await.unwrap(), None);
    assert_eq!(proof::inclusion(&*backend, end + 1, end).await.unwrap(), None);
    assert_eq!(proof::consistency(&*backend, end, end - 1).await.unwrap(), None);
    assert!(
        proof::root(&*backend, end + 1).await.is_err(),
        "what is not sealed has no root"
    );
    let ids: Vec<NodeId> = cover(0..end).into_iter().filter(|id| id.level >= 8).collect();
    assert_eq!(backend.tree_nodes(&ids).await.unwrap().len(), ids.len());
}

pub async fn nothing_is_signed_on_top_of_what_was_altered(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let place = sample::place(&*backend).await;
    events(&*backend, &place, 20).await;
    seal(&*backend).await;
    let identity = identity(&*backend).await;
    Grower::load(&*backend, identity, &SEED).await.unwrap();
    let stranger = Grower::load(&*backend, identity, &[1; 32]).await;
    assert!(matches!(stranger, Err(GrowError::Inconsistent { size: 23 })));
    fixture.disarm().await;
    fixture.raw("UPDATE seal_heads SET size = 22").await.unwrap();
    let altered = Grower::load(&*backend, identity, &SEED).await;
    assert!(matches!(altered, Err(GrowError::Inconsistent { size: 22 })));
}

pub async fn another_generation_signs_the_same_tree_under_another_name(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    sample::place(&*backend).await;
    seal(&*backend).await;
    let before = identity(&*backend).await;
    assert!(backend.swap_setting("generation", b"1", b"2").await.unwrap());
    let after = identity(&*backend).await;
    assert_eq!((before.generation(), after.generation()), (1, 2));
    assert_eq!(after.origin_of(1), before.origin());
    assert_ne!(after.origin(), before.origin());
    seal(&*backend).await;
    let heads = backend.signed_heads_from(0, 10).await.unwrap();
    assert_eq!(
        heads
            .iter()
            .map(|head| (head.size, head.generation))
            .collect::<Vec<_>>(),
        [(3, 1), (3, 2)]
    );
    assert_eq!(heads[0].root, heads[1].root);
    assert!(Checkpoint::open(&heads[1].note, &after.public_key(2, &SEED)).is_ok());
    assert!(Checkpoint::open(&heads[1].note, &after.public_key(1, &SEED)).is_err());
    let key = |generation| after.public_key(generation, &SEED);
    let report = crate::seal::verify(&*backend, key, &[]).await.unwrap();
    assert_eq!((report.events, report.sealed, report.heads), (3, 3, 2));
}

/// The export of a tenant's events from `from` on.
pub async fn export(backend: &dyn Backend, place: &sample::Place, from: u64) -> Vec<Line> {
    let identity = identity(backend).await;
    let (mut exporter, header) = Exporter::start(backend, identity, &SEED, place.tenant.id, true)
        .await
        .unwrap()
        .expect("something is signed");
    let mut lines = vec![header];
    for event in audit::log(backend).await {
        if event.tenant_id == place.tenant.id && event.position >= from {
            lines.extend(exporter.entry(backend, &event, None).await.unwrap());
        }
    }
    lines.push(exporter.end(backend).await.unwrap());
    lines
}

pub async fn an_export_proves_itself_from_wherever_it_begins(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let places = [sample::place(&*backend).await, sample::place(&*backend).await];
    for round in 0..40 {
        events(&*backend, &places[0], 1 + round).await;
        if round % 4 == 0 {
            seal(&*backend).await;
        }
        events(&*backend, &places[1], 31).await;
    }
    events(&*backend, &places[0], 200).await;
    seal(&*backend).await;
    events(&*backend, &places[0], 100).await;
    seal(&*backend).await;
    events(&*backend, &places[0], 5).await;
    let key = key(&*backend).await;
    for from in [1, 2, 600, 2_000, 2_366, 2_367] {
        let lines = export(&*backend, &places[0], from).await;
        let mut verifier = Verifier::new(Some(key.clone()));
        for line in &lines {
            verifier.line(&serde_json::to_string(line).unwrap()).unwrap();
        }
        let summary = verifier.finish().unwrap();
        assert_eq!(summary.checkpoint.size, 2_366);
        let marks = lines
            .iter()
            .filter(|line| matches!(line, Line::Checkpoint(_)))
            .count();
        assert_eq!(marks, usize::from(from <= 2), "after a thousand entries of ours");
        if from == 1 {
            assert_eq!(
                summary.tenant_positions,
                Some((1, 1_123)),
                "what is not signed comes with the next one"
            );
            let text = serde_json::to_string(&lines).unwrap();
            assert!(!text.contains("argon2id"), "no hash of a key");
        }
        if from == 2_367 {
            assert_eq!(summary.tenant_positions, None);
        }
    }
}
