//! `verify-log`, as a person calls it.

use std::path::Path;
use std::process::{Command, Output};

use ledger::seal::{Exporter, Grower, Identity};
use ledger::{Append, Backend, Expected, Meta, NewEvent, Stream};
use ledger_sqlite::SqliteLedger;
use merkle::export::Line;
use vault::{Entropy, Keyring, KmsKey, RootKey, SystemEntropy};

const KMS_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_orderdesk-gateway"))
        .current_dir(folder)
        .env("MCP_KMS_KEY", KMS_KEY)
        .env("DATABASE_URL", "sqlite:///app.db")
        .arg("verify-log")
        .args(arguments)
        .output()
        .unwrap()
}

#[track_caller]
fn says(output: &Output, code: i32, what: &str) {
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert!(text.contains(what), "{text}");
}

struct Kept {
    checkpoint: String,
    key: String,
    export: Vec<Line>,
}

/// A ledger of ten events of one tenant, sealed and signed.
async fn sealed(folder: &Path) -> Kept {
    let ledger = SqliteLedger::open(folder.join("app.db")).await.unwrap();
    ledger.migrate().await.unwrap();
    let root = RootKey::generate(&mut SystemEntropy);
    let wrapped = root.wrap(&KmsKey::parse(KMS_KEY).unwrap(), &mut SystemEntropy);
    ledger
        .init_setting("root_key", wrapped.to_string().as_bytes())
        .await
        .unwrap();
    let id = || {
        let mut bytes = [0; 16];
        SystemEntropy.fill(&mut bytes);
        uuid::Uuid::from_bytes(bytes)
    };
    let tenant_id = domain::TenantId(id());
    let at = domain::Timestamp::from_millis(1_800_000_000_000);
    for version in 0..10 {
        let mut append = Append::new(at, Meta::default());
        append.event(NewEvent {
            stream: Stream::Tenant(tenant_id),
            expected: Expected::Version(version),
            tenant_id,
            store_id: None,
            order_id: None,
            job_id: None,
            event: domain::event::KeyRevoked {
                at,
                tenant_id,
                key_id: domain::KeyId(id()),
            }
            .into(),
            sealed: None,
        });
        ledger.append_batch(&[append]).await.unwrap().remove(0).unwrap();
    }
    let keyring = Keyring::new(&root);
    let seed = keyring.signing_seed();
    let identity = Identity::open(&ledger, id()).await.unwrap();
    let mut grower = Grower::load(&ledger, identity, seed).await.unwrap();
    grower.advance(&ledger).await.unwrap();
    let signer = identity.signer(seed);
    grower.sign(&ledger, &signer, 1, at).await.unwrap();
    let (mut exporter, header) = Exporter::start(&ledger, identity, seed, tenant_id, true)
        .await
        .unwrap()
        .unwrap();
    let mut export = vec![header];
    for event in ledger.events_after(0, 100).await.unwrap() {
        export.extend(exporter.entry(&ledger, &event, None).await.unwrap());
    }
    export.push(exporter.end(&ledger).await.unwrap());
    let head = ledger.latest_signed_head().await.unwrap().unwrap();
    ledger.close().await;
    Kept {
        checkpoint: head.note,
        key: signer.public().to_string(),
        export,
    }
}

fn write(folder: &Path, lines: &[Line]) {
    let text: String = lines
        .iter()
        .map(|line| serde_json::to_string(line).unwrap() + "\n")
        .collect();
    std::fs::write(folder.join("export.ndjson"), text).unwrap();
}

#[tokio::test]
async fn a_database_is_verified_against_its_heads_and_a_kept_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    says(&run(folder.path(), &[]), 1, "there is no file");
    let kept = sealed(folder.path()).await;
    says(
        &run(folder.path(), &[]),
        0,
        "verified: 10 events, 10 of them sealed, 1 signed heads",
    );
    std::fs::write(folder.path().join("kept"), &kept.checkpoint).unwrap();
    says(
        &run(folder.path(), &["--checkpoint", "kept"]),
        0,
        "1 kept checkpoints",
    );
    let forged = kept.checkpoint.replace("\n10\n", "\n11\n");
    std::fs::write(folder.path().join("forged"), forged).unwrap();
    says(
        &run(folder.path(), &["--checkpoint", "forged"]),
        1,
        "the checkpoint cannot be used",
    );
}

#[tokio::test]
async fn an_export_is_verified_and_its_first_bad_position_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let kept = sealed(folder.path()).await;
    write(folder.path(), &kept.export);
    let first = run(folder.path(), &["export.ndjson"]);
    says(&first, 0, "compare this key");
    let known = run(folder.path(), &["export.ndjson", "--key", &kept.key]);
    says(&known, 0, "tenant_position 1 to 10, none missing between");
    let stranger = merkle::Signer::new("stranger", &[1; 32])
        .unwrap()
        .public()
        .to_string();
    says(
        &run(folder.path(), &["export.ndjson", "--key", &stranger]),
        1,
        "not the one to check with",
    );
    let mut altered = kept.export.clone();
    let Line::Entry(entry) = &mut altered[4] else {
        unreachable!()
    };
    entry.type_name = "tenant.key_added.v1".to_owned();
    write(folder.path(), &altered);
    says(
        &run(folder.path(), &["export.ndjson", "--key", &kept.key]),
        1,
        "line 5, position 4: the event is not the one that was sealed",
    );
}
