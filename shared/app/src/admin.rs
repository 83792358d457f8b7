//! What the administrator sees of the whole and may do to it.

use ledger::{BackendError, PartitionQueue};

use crate::denied::may_be_denied;
use crate::{App, Denied};

/// The views, which are made anew together.
pub const PROJECTIONS: [&str; 7] = ledger::rebuild::VIEWS;

/// Why the views were not made anew.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// Somebody does it at this moment.
    #[error("a rebuild is under way")]
    UnderWay,
    /// See [`Denied`].
    #[error(transparent)]
    Denied(#[from] Denied),
}

may_be_denied!(RebuildError);

impl App {
    /// What waits in every partition, and who owns it.
    pub async fn queue_overview(&self) -> Result<Vec<PartitionQueue>, Denied> {
        Ok(self.0.ledger.partition_queues(self.now()).await?)
    }

    /// Makes all views anew from the log, while everybody works on; says how many events were folded. It goes on to
    /// its end although the caller goes away.
    pub async fn rebuild_views(&self) -> Result<u64, RebuildError> {
        let app = self.clone();
        let rebuilding = tokio::spawn(async move {
            let Ok(_only) = app.0.rebuilding.try_lock() else {
                return Err(RebuildError::UnderWay);
            };
            match app.0.ledger.rebuild().await {
                Ok(events) => Ok(events),
                Err(BackendError::Busy) => Err(RebuildError::UnderWay),
                Err(error) => Err(error.into()),
            }
        });
        rebuilding.await.map_err(Denied::internal)?
    }
}
