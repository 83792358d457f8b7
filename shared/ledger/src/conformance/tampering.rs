//! Somebody with every right on the database changes what has happened.

use merkle::export::{Fault, Line, Verifier};
use merkle::{Checkpoint, Hash};

use super::seals::{self, SEED, events, identity, seal};
use super::{Fixture, audit, sample};
use crate::Backend;
use crate::seal::{Bad, LeafRun, Report, VerifyError, Wrong, verify};

const TABLES: [&str; 5] = ["events", "seal_leaves", "seal_nodes", "seal_heads", "ledger_head"];

async fn check(backend: &dyn Backend, pinned: &[Checkpoint]) -> Result<Report, Bad> {
    let identity = identity(backend).await;
    match verify(
        backend,
        |generation| identity.public_key(generation, &SEED),
        pinned,
    )
    .await
    {
        Ok(report) => Ok(report),
        Err(VerifyError::Bad(bad)) => Err(bad),
        Err(error) => panic!("{error}"),
    }
}

/// A log of 320 events of two tenants, signed at 3, 103, 203 and 306, of which a copy is kept; its guards are down.
struct Scene<'f> {
    fixture: &'f dyn Fixture,
    backend: std::sync::Arc<dyn Backend>,
    places: [sample::Place; 2],
}

impl<'f> Scene<'f> {
    async fn set(fixture: &'f dyn Fixture) -> Self {
        let backend = fixture.open().await;
        let first = sample::place(&*backend).await;
        seal(&*backend).await;
        let second = sample::place(&*backend).await;
        let places = [first, second];
        events(&*backend, &places[0], 97).await;
        seal(&*backend).await;
        events(&*backend, &places[1], 100).await;
        seal(&*backend).await;
        events(&*backend, &places[0], 103).await;
        seal(&*backend).await;
        events(&*backend, &places[0], 14).await;
        assert_eq!(backend.head().await.unwrap().position, 320);
        fixture.disarm().await;
        for table in TABLES {
            let copy = format!("CREATE TABLE copy_of_{table} AS SELECT * FROM {table}");
            fixture.raw(&copy).await.unwrap();
        }
        Self {
            fixture,
            backend,
            places,
        }
    }

    async fn run(&self, statements: &[&str]) {
        for sql in statements {
            self.fixture
                .raw(sql)
                .await
                .unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
    }

    async fn restore(&self) {
        for table in TABLES {
            let delete = format!("DELETE FROM {table}");
            let copy = format!("INSERT INTO {table} SELECT * FROM copy_of_{table}");
            self.run(&[&delete, &copy]).await;
        }
    }

    /// Changes the database, asserts what is found, and mends it.
    async fn finds(&self, statements: &[&str], position: u64, wrong: impl Fn(&Wrong) -> bool) {
        self.run(statements).await;
        let bad = check(&*self.backend, &[]).await.expect_err(statements[0]);
        assert!(
            bad.position == position && wrong(&bad.wrong),
            "{statements:?}: {bad}"
        );
        self.restore().await;
    }
}

pub async fn a_log_that_nobody_touched_is_verified_while_it_grows(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let report = check(&*backend, &[]).await.unwrap();
    assert_eq!((report.events, report.sealed, report.heads), (0, 0, 0));
    let place = sample::place(&*backend).await;
    assert_eq!(check(&*backend, &[]).await.unwrap().sealed, 0);
    seal(&*backend).await;
    let writer = tokio::spawn({
        let (backend, place) = (fixture.open().await, place.clone());
        async move {
            for _ in 0..25 {
                events(&*backend, &place, 40).await;
                seal(&*backend).await;
            }
        }
    });
    let mut seen = 0;
    while !writer.is_finished() {
        let report = check(&*backend, &[]).await.unwrap();
        assert!(report.events >= seen);
        seen = report.events;
    }
    writer.await.unwrap();
    let report = check(&*backend, &[]).await.unwrap();
    assert_eq!((report.events, report.sealed, report.heads), (1_003, 1_003, 26));
    assert_eq!(report.checkpoint.unwrap().size, 1_003);
}

pub async fn an_event_that_was_altered_is_named(fixture: &dyn Fixture) {
    let scene = Scene::set(fixture).await;
    check(&*scene.backend, &[]).await.unwrap();
    for change in [
        "data = data || ' '",
        "data = replace(data, 'order.add_note', 'order.add_nose')",
        "meta = '{}'",
        "sealed = NULL",
        "type = 'job.failed.v1'",
        "order_id = '2'",
        "order_id = NULL",
        "store_id = NULL",
        "job_id = NULL",
        "stream = 'job-x'",
        "version = 9",
        "tenant_seq = 5000",
    ] {
        for position in [50, 256, 300] {
            let sql = format!("UPDATE events SET {change} WHERE position = {position}");
            scene
                .finds(&[&sql], position, |wrong| *wrong == Wrong::Altered)
                .await;
        }
    }
    let tenant = "UPDATE events SET tenant_id = (SELECT tenant_id FROM copy_of_events WHERE position = 4), tenant_seq = 900 WHERE position = 60";
    scene.finds(&[tenant], 60, |wrong| *wrong == Wrong::Altered).await;
    let time = "UPDATE events SET recorded_at = (SELECT recorded_at FROM copy_of_events WHERE position = 1) WHERE position = 60";
    scene.finds(&[time], 60, |wrong| *wrong == Wrong::Altered).await;
    // What is not sealed yet is only known by its order.
    let seq = "UPDATE events SET tenant_seq = 5000 WHERE position = 310";
    scene
        .finds(&[seq], 310, |wrong| {
            matches!(
                wrong,
                Wrong::TenantSeq {
                    expected: 207,
                    found: 5_000
                }
            )
        })
        .await;
    // The first of several.
    let both = [
        "UPDATE events SET meta = '{}' WHERE position = 222",
        "UPDATE events SET meta = '{}' WHERE position = 111",
    ];
    scene.finds(&both, 111, |wrong| *wrong == Wrong::Altered).await;
    check(&*scene.backend, &[]).await.unwrap();
}

pub async fn an_event_that_was_removed_or_moved_is_named(fixture: &dyn Fixture) {
    let scene = Scene::set(fixture).await;
    for position in [1, 50, 256, 306, 307] {
        let delete = format!("DELETE FROM events WHERE position = {position}");
        scene
            .finds(&[&delete], position, |wrong| *wrong == Wrong::Missing)
            .await;
        // With all that follows moved up, so that there is no gap.
        let away = format!("UPDATE events SET position = position + 1000000 WHERE position > {position}");
        let back = "UPDATE events SET position = position - 1000001 WHERE position > 1000000";
        let head = "UPDATE ledger_head SET position = position - 1";
        let statements = [delete.as_str(), &away, back, head];
        if position <= 306 {
            scene
                .finds(&statements, position, |wrong| *wrong == Wrong::Altered)
                .await;
        }
    }
    let swap = [
        "UPDATE events SET position = 1000000 WHERE position = 120",
        "UPDATE events SET position = 120 WHERE position = 140",
        "UPDATE events SET position = 140 WHERE position = 1000000",
    ];
    scene.finds(&swap, 120, |wrong| *wrong == Wrong::Altered).await;
    let insert = [
        "UPDATE events SET position = position + 1000000 WHERE position > 200",
        "UPDATE events SET position = position - 999999 WHERE position > 1000000",
        "UPDATE events SET position = 201 WHERE position = 100",
    ];
    scene.finds(&insert, 100, |wrong| *wrong == Wrong::Missing).await;
    scene
        .finds(&["DELETE FROM events WHERE position > 310"], 311, |wrong| {
            *wrong == Wrong::Missing
        })
        .await;
    scene
        .finds(&["DELETE FROM events WHERE position > 300"], 301, |wrong| {
            *wrong == Wrong::Truncated { until: 306 }
        })
        .await;
    let beyond = [
        "UPDATE events SET position = 321 WHERE position = 320",
        "UPDATE ledger_head SET position = 319",
    ];
    scene.finds(&beyond, 320, |wrong| *wrong == Wrong::Beyond).await;
}

pub async fn an_event_altered_with_all_that_was_sealed_of_it_is_bracketed_by_signed_heads(
    fixture: &dyn Fixture,
) {
    let scene = Scene::set(fixture).await;
    // Everything is sealed anew over the altered event; only the signing key is not theirs.
    scene
        .run(&[
            "UPDATE events SET data = data || ' ' WHERE position = 150",
            "DELETE FROM seal_leaves",
            "DELETE FROM seal_nodes",
        ])
        .await;
    let log = audit::log(&*scene.backend).await;
    let mut first = 1;
    while first <= 306 {
        let count = 100.min(307 - first);
        let run = LeafRun {
            first,
            hashes: seals::leaves(&log[first as usize - 1..(first + count) as usize - 1]),
        };
        let mut nodes = Vec::new();
        let mut tree = seals::tree(&seals::leaves(&log[..first as usize - 1]));
        for leaf in &run.hashes {
            tree.push(*leaf, |id, hash| {
                if id.level >= crate::seal::LOWEST_STORED {
                    nodes.push(crate::seal::TreeNode { id, hash });
                }
            });
        }
        assert!(scene.backend.append_leaves(&run, &nodes).await.unwrap());
        first += count;
    }
    let bad = check(&*scene.backend, &[]).await.unwrap_err();
    assert_eq!(bad.position, 104);
    assert!(matches!(bad.wrong, Wrong::Head { until: 203, .. }), "{bad}");
}

pub async fn what_was_sealed_cannot_be_changed_unnoticed(fixture: &dyn Fixture) {
    let scene = Scene::set(fixture).await;
    let zero = hash_as_sql(fixture).await;
    scene
        .finds(&[&format!("UPDATE seal_nodes SET hash = {zero}")], 1, |wrong| {
            *wrong == Wrong::Node { until: 256 }
        })
        .await;
    scene
        .finds(&["DELETE FROM seal_nodes"], 1, |wrong| {
            *wrong == Wrong::Node { until: 256 }
        })
        .await;
    scene
        .finds(&["DELETE FROM seal_leaves WHERE first = 104"], 104, |wrong| {
            *wrong == Wrong::Unsealed
        })
        .await;
    scene
        .finds(
            &["UPDATE seal_heads SET note = replace(note, '203', '204')"],
            203,
            |wrong| *wrong == Wrong::Forged,
        )
        .await;
    scene
        .finds(
            &[&format!("UPDATE seal_heads SET root = {zero} WHERE size = 203")],
            203,
            |wrong| *wrong == Wrong::Forged,
        )
        .await;
    scene
        .finds(
            &["UPDATE seal_heads SET size = 104 WHERE size = 103"],
            104,
            |wrong| *wrong == Wrong::Forged,
        )
        .await;
    check(&*scene.backend, &[]).await.unwrap();
}

/// 32 zero bytes, in the words of the database.
async fn hash_as_sql(fixture: &dyn Fixture) -> &'static str {
    let sqlite = "zeroblob(32)";
    let postgres = "decode(repeat('00', 32), 'hex')";
    match fixture.raw(&format!("SELECT {sqlite}")).await {
        Ok(()) => sqlite,
        Err(_) => postgres,
    }
}

pub async fn an_end_that_was_cut_off_is_noticed_by_who_kept_a_checkpoint(fixture: &dyn Fixture) {
    let scene = Scene::set(fixture).await;
    let heads = scene.backend.signed_heads_from(0, 10).await.unwrap();
    let kept: Vec<Checkpoint> = heads
        .iter()
        .map(|head| Checkpoint::peek(&head.note).unwrap())
        .collect();
    assert_eq!(check(&*scene.backend, &kept).await.unwrap().heads, 4);
    scene
        .run(&[
            "DELETE FROM events WHERE position > 203",
            "DELETE FROM seal_leaves WHERE first > 203",
            "DELETE FROM seal_nodes",
            "DELETE FROM seal_heads WHERE size > 203",
            "UPDATE ledger_head SET position = 203",
        ])
        .await;
    check(&*scene.backend, &kept[..3]).await.unwrap();
    let bad = check(&*scene.backend, &kept).await.unwrap_err();
    assert_eq!((bad.position, bad.wrong), (204, Wrong::Truncated { until: 306 }));
    scene.restore().await;
    let mut other = kept[2].clone();
    other.root = Hash::empty();
    let bad = check(&*scene.backend, &[other]).await.unwrap_err();
    assert!(matches!(bad.wrong, Wrong::Head { until: 203, .. }), "{bad}");
}

pub async fn an_altered_event_shows_in_its_tenants_export(fixture: &dyn Fixture) {
    let scene = Scene::set(fixture).await;
    let key = seals::key(&*scene.backend).await;
    let read = |lines: Vec<Line>| {
        let mut verifier = Verifier::new(Some(key.clone()));
        for line in lines {
            verifier.line(&serde_json::to_string(&line).unwrap())?;
        }
        verifier.finish()
    };
    let whole = seals::export(&*scene.backend, &scene.places[1], 1).await;
    let summary = read(whole).unwrap();
    assert_eq!(summary.tenant_positions, Some((1, 103)));
    scene
        .run(&["UPDATE events SET meta = '{}' WHERE position = 150"])
        .await;
    let bad = read(seals::export(&*scene.backend, &scene.places[1], 1).await).unwrap_err();
    assert_eq!((bad.position, bad.fault), (Some(150), Fault::Altered));
    assert!(
        read(seals::export(&*scene.backend, &scene.places[0], 1).await).is_ok(),
        "not theirs"
    );
    scene.restore().await;
    scene.run(&["DELETE FROM events WHERE position = 150"]).await;
    let bad = read(seals::export(&*scene.backend, &scene.places[1], 1).await).unwrap_err();
    assert_eq!(
        (bad.position, bad.fault),
        (Some(151), Fault::TenantPosition { expected: 50 })
    );
}
