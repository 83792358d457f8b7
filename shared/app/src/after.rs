//! What follows a commit: the partition's owner is told, and every process.

use std::sync::Arc;

use domain::TenantId;
use ledger::{Append, AppendError, Appended};
use queue::{Announcement, Hint, Subject};

use crate::App;
use crate::metric::Tally;

/// Who is to be told about an append, once it is committed.
pub(crate) struct News {
    pub tenant: TenantId,
    /// Those whose owners have something to do.
    pub partitions: Vec<u16>,
    pub subjects: Vec<Subject>,
}

impl App {
    /// Appends, and tells `news` after the commit, even if the caller has gone away meanwhile.
    ///
    /// Crash points, for tests: `commit.before` and `commit.after`.
    pub(crate) async fn commit(&self, append: Append, news: News) -> Result<Appended, AppendError> {
        let queue = Arc::clone(&self.0.queue);
        let changes_store = news
            .subjects
            .iter()
            .any(|subject| matches!(subject, Subject::Store { .. }));
        let app = self.clone();
        let tally = Tally::of(&append);
        let tell = move |appended: &Appended| {
            runtime::crash::point("commit.after");
            let position = appended.last;
            tally.count();
            // Before the caller is answered: what it does next must not meet the store as it was.
            if changes_store {
                app.0.stores.forget();
            }
            // In a task of its own: a broker that is slow must not hold up the appender.
            tokio::spawn(async move {
                for partition in news.partitions {
                    queue.hint(Hint { partition, position }).await;
                }
                for subject in news.subjects {
                    queue
                        .announce(&Announcement {
                            tenant_id: news.tenant,
                            position,
                            subject,
                        })
                        .await;
                }
            });
        };
        runtime::crash::point("commit.before");
        self.0.ledger.append_then(append, tell).await
    }
}
