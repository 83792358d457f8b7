//! `migrate --restored`: making a ledger from a backup fit for use.

use app::{Restored, restored};
use domain::{IncarnationId, Timestamp};
use runtime::{Clock, Config, SystemClock};

use crate::error::StartError;
use crate::{open, root};

/// Begins a new generation and says what became of the jobs that were open.
pub(crate) async fn run(config: &Config) -> Result<(), StartError> {
    let opened = open::ledger(config).await?;
    // A key that does not open the backup is better found now than by the first start.
    root::open(&opened.ledger, config).await?;
    let clock = SystemClock;
    let now = Timestamp::from_millis(clock.unix_ms());
    let alone = opened.lock.is_some();
    let done = restored(&opened.ledger, IncarnationId(clock.uuid()), now, alone)
        .await
        .map_err(|error| StartError::failed("the restored ledger cannot be used", error))?;
    opened.ledger.close().await;
    let Restored {
        generation,
        in_doubt,
        to_review,
        later,
    } = done;
    println!("generation {generation} of the ledger begins");
    println!("{in_doubt} requests are in doubt: a worker will find out what became of them");
    println!("{to_review} open jobs may have been carried out since the backup: they ended as needs_review");
    println!("{later} open jobs were not due yet: they stay");
    Ok(())
}
