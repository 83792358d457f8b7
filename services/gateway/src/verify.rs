//! `verify-log`: whether the log, or an export of it, is what was signed.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use ledger::seal::{Identity, verify};
use merkle::export::Verifier;
use merkle::{Checkpoint, PublicKey};
use runtime::Config;
use vault::Keyring;

use crate::error::StartError;
use crate::{open, root};

/// What to verify, and against what.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct VerifyLog {
    /// An export (NDJSON; - reads standard input) instead of the database
    export: Option<PathBuf>,
    /// The verifier key that you noted earlier, for an export
    #[arg(long, requires = "export")]
    key: Option<PublicKey>,
    /// A checkpoint that you kept, for the database; without one nobody can tell whether its end was cut off
    #[arg(long, conflicts_with = "export")]
    checkpoint: Vec<PathBuf>,
}

const BAD: &str = "the log is not what was signed";
const UNUSABLE: &str = "the database cannot be used";
const UNREADABLE: &str = "the file cannot be read";

/// Verifies, and prints what was verified; the error names the first position that is bad.
pub(crate) async fn run(
    what: VerifyLog,
    config: impl FnOnce() -> Result<Config, StartError>,
) -> Result<(), StartError> {
    match &what.export {
        Some(path) if path.as_os_str() == "-" => export(std::io::stdin().lock(), what.key),
        Some(path) => {
            let file = std::fs::File::open(path).map_err(|error| StartError::failed(UNREADABLE, error))?;
            export(BufReader::new(file), what.key)
        }
        None => database(&config()?, &what.checkpoint).await,
    }
}

fn export(lines: impl BufRead, key: Option<PublicKey>) -> Result<(), StartError> {
    let known = key.is_some();
    let mut verifier = Verifier::new(key);
    for line in lines.lines() {
        let line = line.map_err(|error| StartError::failed(UNREADABLE, error))?;
        verifier.line(&line).map_err(|bad| StartError::failed(BAD, bad))?;
    }
    let summary = verifier.finish().map_err(|bad| StartError::failed(BAD, bad))?;
    let (first, last) = summary.tenant_positions.unwrap_or_default();
    println!(
        "verified: {} events of tenant {}, tenant_position {first} to {last}, {}",
        summary.entries,
        summary.tenant_id,
        if summary.complete {
            "none missing between"
        } else {
            "chosen by a filter"
        }
    );
    println!(
        "checkpoint: {} events, root {}",
        summary.checkpoint.size, summary.checkpoint.root
    );
    println!("key: {}", summary.key);
    if !known {
        println!("compare this key with the one that you noted earlier: the export itself named it");
    }
    Ok(())
}

async fn database(config: &Config, kept: &[PathBuf]) -> Result<(), StartError> {
    let ledger = open::beside(config, UNUSABLE).await?;
    let failed = |error| StartError::failed(UNUSABLE, error);
    let stored = ledger.setting(root::SETTING).await.map_err(failed)?;
    let identity = Identity::find(&*ledger).await.map_err(failed)?;
    let (Some(_), Some(identity)) = (stored, identity) else {
        return Err(StartError::failed(UNUSABLE, "nothing was ever sealed in it"));
    };
    let keyring = Keyring::new(&root::open(&ledger, config).await?);
    let key = |generation| identity.public_key(generation, keyring.signing_seed());
    let mut pinned = Vec::new();
    for path in kept {
        pinned.push(checkpoint(path, identity, &key)?);
    }
    let report = verify(&*ledger, key, &pinned)
        .await
        .map_err(|error| StartError::failed(BAD, error))?;
    ledger.close().await;
    println!(
        "verified: {} events, {} of them sealed, {} signed heads, {} kept checkpoints",
        report.events,
        report.sealed,
        report.heads,
        pinned.len()
    );
    if let Some(last) = report.checkpoint {
        println!("checkpoint: {} events, root {}", last.size, last.root);
    }
    println!("key: {}", key(identity.generation()));
    Ok(())
}

/// A kept checkpoint, signed by any generation of this log.
fn checkpoint(
    path: &Path,
    identity: Identity,
    key: &impl Fn(u32) -> PublicKey,
) -> Result<Checkpoint, StartError> {
    let note = std::fs::read_to_string(path).map_err(|error| StartError::failed(UNREADABLE, error))?;
    let bad = |error| StartError::failed("the checkpoint cannot be used", error);
    let origin = Checkpoint::peek(&note).map_err(bad)?.origin;
    let generation = (1..=identity.generation()).find(|generation| identity.origin_of(*generation) == origin);
    let generation = generation.unwrap_or(identity.generation());
    Checkpoint::open(&note, &key(generation)).map_err(bad)
}
