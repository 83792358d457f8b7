//! Where orders are to go: looking folders up before anything is sent.

use domain::job::{ErrorCode, Job, JobClass, JobError};
use domain::order::{FolderId, FolderTarget, Mutation};
use orderdesk::Failure;

use super::failure::{Fate, describe};
use super::order::{Change, Ready};
use crate::schedule::Finish;
use crate::upstream::{Wanted, find_folder, know_folders};

impl Change<'_, '_> {
    /// Looks up folders that commands name, and those that they move to by number while that costs no part of the
    /// window between read and update.
    pub(super) async fn find_folders(&mut self) -> Result<(), Finish> {
        let mut index = 0;
        while let Some(loaded) = self.jobs.get(index) {
            index += 1;
            let id = loaded.job.id;
            let Mutation::MoveFolder { folder } = loaded.mutation.clone() else {
                if loaded.job.class == JobClass::Last {
                    self.know_folders().await;
                }
                continue;
            };
            let wanted = match &folder {
                FolderTarget::Id(id) => Wanted::Id(*id),
                FolderTarget::Name(name) => Wanted::Name(name),
            };
            let fate = match self.look_up(&wanted).await? {
                Ok(Some(folder)) => {
                    let loaded = &mut self.jobs[index - 1];
                    loaded.mutation = loaded.mutation.clone().with_folder(folder);
                    continue;
                }
                Ok(None) => {
                    let error = JobError::new(ErrorCode::FolderNotFound, "the store has no such folder");
                    Fate { error, message: None }
                }
                Err(fate) => fate,
            };
            self.lose(Some(id), fate);
            index -= 1;
        }
        Ok(())
    }

    /// Where operations move the order shows in the fold; that folders are known by then spares a second read.
    async fn know_folders(&mut self) {
        let credentials = self.cycle.credentials.clone();
        let store = self.cycle.plan.store_id;
        if let Err(error) = know_folders(&mut self.cycle.purse, &credentials, store).await {
            // What it means is decided when a folder is asked for.
            tracing::debug!(failure = %error.failure(), "folders could not be read");
        }
    }

    /// A folder among the store's. The inner error is a complete refusal, which concerns only the job that asked;
    /// anything else stops the batch.
    async fn look_up(&mut self, wanted: &Wanted<'_>) -> Result<Result<Option<FolderId>, Fate>, Finish> {
        let credentials = self.cycle.credentials.clone();
        let store = self.cycle.plan.store_id;
        match find_folder(&mut self.cycle.purse, &credentials, store, wanted).await {
            Ok(found) => Ok(Ok(found)),
            Err(error) if matches!(error.failure(), Failure::Refused { .. } | Failure::NotFound) => {
                Ok(Err(describe(&error, ErrorCode::FolderNotFound)))
            }
            Err(error) => {
                let jobs = self.rows();
                let jobs: Vec<&Job> = jobs.iter().collect();
                Err(self
                    .cycle
                    .read_failed(&jobs, &self.sealer, &error, ErrorCode::FolderNotFound)
                    .await)
            }
        }
    }

    /// Looks a destination up before anything is sent: a move that follows a PUT must not turn out impossible when
    /// the PUT is done, and Order Desk is not known to refuse a folder that it does not have. The job that wants it
    /// fails alone. `None` if Order Desk had to be asked.
    pub(super) async fn check_destination(&mut self, mut ready: Ready) -> Result<Option<Ready>, Finish> {
        let Some(folder) = ready.destination else {
            return Ok(Some(ready));
        };
        let asked = self.cycle.purse.spent;
        let found = match self.look_up(&Wanted::Id(folder)).await? {
            Ok(found) => found.is_some(),
            Err(fate) => {
                self.lose(ready.shares.last().map(|(id, _)| *id), fate);
                return Ok(None);
            }
        };
        if !found {
            let error = JobError::new(
                ErrorCode::FolderNotFound,
                format!("the store has no folder {folder}"),
            );
            // What moves the order ends its batch.
            self.lose(
                ready.shares.last().map(|(id, _)| *id),
                Fate { error, message: None },
            );
        }
        if self.cycle.purse.spent != asked {
            return Ok(None);
        }
        if !found {
            ready = self.fold(ready.before, ready.external, ready.read_at);
        }
        Ok(Some(ready))
    }
}
