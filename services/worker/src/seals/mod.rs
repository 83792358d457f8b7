//! Sealing the log: the tree over new events, and signed heads.
//!
//! Whoever owns partition 0 seals, so that one does the work; nothing depends on there being only one. What is written
//! follows from the events, and of two that seal at once the second finds that the tree has moved on and loads it anew.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ledger::seal::{GrowError, Grower, Identity};
use merkle::Signer;
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::metric;

/// The partition whose owner seals.
const PARTITION: u16 = 0;
/// After an altered log was found: somebody has to look at it, and nothing is signed before.
const ALARM: Duration = Duration::from_mins(1);

/// The tree as this worker knows it.
struct Sealer {
    grower: Grower,
    identity: Identity,
    signer: Signer,
}

/// Seals what is new until `stopped`, each [`seal_every`](crate::WorkerConfig::seal_every).
pub(crate) async fn run(context: Arc<Context>, stopped: CancellationToken) {
    let mut sealer = None;
    loop {
        let mut pause = context.config.seal_every;
        if !context.lease.owns(PARTITION) {
            sealer = None;
        } else if let Err(error) = round(&context, &mut sealer, &stopped).await {
            // It is unknown what was stored: the next round loads it anew.
            sealer = None;
            pause = told(&error, pause);
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stopped.cancelled() => return,
        }
    }
}

/// Tells what went wrong, and says when to try again.
fn told(error: &GrowError, pause: Duration) -> Duration {
    match error {
        GrowError::Moved { .. } => {
            tracing::debug!(error = %error, "another worker has sealed");
            pause
        }
        GrowError::Backend(source) => {
            tracing::warn!(error = %source, "sealing the log did not get on");
            pause
        }
        GrowError::Inconsistent { .. } | GrowError::Sign(_) => {
            metric::seal_alarm();
            tracing::error!(error = %error, "the log is not sealed any further: run verify-log");
            pause.max(ALARM)
        }
    }
}

async fn round(
    context: &Context,
    sealer: &mut Option<Sealer>,
    stopped: &CancellationToken,
) -> Result<(), GrowError> {
    let ledger = &*context.ledger;
    if sealer.is_none() {
        let identity = Identity::open(ledger, context.clock.uuid()).await?;
        let seed = context.keyring.signing_seed();
        *sealer = Some(Sealer {
            grower: Grower::load(ledger, identity, seed).await?,
            identity,
            signer: identity.signer(seed),
        });
    }
    let Some(sealer) = sealer else { return Ok(()) };
    let mut signed = Instant::now();
    // No further than to the present head, so that a busy log does not keep us from signing.
    let head = ledger.head().await?.position;
    while sealer.grower.size() < head && !stopped.is_cancelled() && context.lease.owns(PARTITION) {
        if sealer.grower.advance(ledger).await? == 0 {
            break;
        }
        // A long way to catch up is signed on the way, too.
        if signed.elapsed() >= context.config.seal_every {
            sealer.sign(context).await?;
            signed = Instant::now();
        }
    }
    if sealer.grower.is_unsigned() {
        sealer.sign(context).await?;
    }
    Ok(())
}

impl Sealer {
    async fn sign(&mut self, context: &Context) -> Result<(), GrowError> {
        let generation = self.identity.generation();
        let now = context.now().at;
        self.grower
            .sign(&*context.ledger, &self.signer, generation, now)
            .await?;
        metric::sealed(self.grower.size());
        Ok(())
    }
}
