//! The head of the verifiable log's tree, advanced by a thousand leaves: what a worker does every few seconds.

use std::time::{Duration, Instant};

use ledger::seal::{Grower, Identity};
use vault::{Keyring, KmsKey, WrappedRoot};

use crate::copies::Copies;
use crate::stack::{KMS_KEY, Stack};
use crate::table::{Table, ms, quantile, sorted};
use crate::{Outcome, machine, raw};

/// Leaves by which the head is advanced.
const LEAVES: u64 = 1_000;
/// How often.
const ROUNDS: usize = 50;

/// The columns of [`measure`].
pub(crate) fn table() -> Table {
    Table::new(&[
        "ledger",
        "leaves",
        "loaded in",
        "advanced by 1,000: p50",
        "p99",
        "of it signing, p50",
        "load",
    ])
}

/// Advances the head of a ledger that is sealed and that nobody uses, again and again.
pub(crate) async fn measure(stack: &Stack, copies: &mut Copies) -> Outcome<Vec<String>> {
    let backend = raw::open(&stack.database).await?;
    let backend = &*backend;
    let identity = Identity::find(backend).await?.ok_or("nothing was ever sealed")?;
    let stored = backend.setting("root_key").await?.ok_or("there is no root key")?;
    let wrapped: WrappedRoot = String::from_utf8(stored)?.parse()?;
    let kms = KmsKey::parse(KMS_KEY).map_err(|_| "the KMS key is none")?;
    let keyring = Keyring::new(&wrapped.unwrap(&kms)?);
    let signer = identity.signer(keyring.signing_seed());

    let leaves = backend.sealed_size().await?;
    let begun = Instant::now();
    let mut grower = Grower::load(backend, identity, keyring.signing_seed()).await?;
    let loading = begun.elapsed();
    let (mut times, mut signing) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        copies.until(copies.events() + LEAVES).await?;
        let wanted = copies.events();
        let begun = Instant::now();
        while grower.size() < wanted {
            grower.advance(backend).await?;
        }
        let advanced = begun.elapsed();
        grower
            .sign(backend, &signer, identity.generation(), raw::now())
            .await?;
        times.push(begun.elapsed().as_secs_f64());
        signing.push(begun.elapsed().saturating_sub(advanced).as_secs_f64());
        // A worker does this every five seconds, and not in a row.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let times = sorted(times);
    Ok(vec![
        stack.shape.ledger().to_owned(),
        leaves.to_string(),
        ms(loading.as_secs_f64()),
        ms(quantile(&times, 0.5)),
        ms(quantile(&times, 0.99)),
        ms(quantile(&sorted(signing), 0.5)),
        machine::load(),
    ])
}
