//! Following jobs: every change of one of them or of all, in the order of the log, each once.
//!
//! What is told comes from the ledger, after the position that was told last. The bus only says when to look, and a
//! look each second makes up for what it does not say. So whoever comes back with the last position misses nothing and
//! hears nothing twice, in whatever process.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use domain::event::{DecodeError, Event};
use domain::job::{Job, JobStatus};
use domain::{JobId, TenantId};
use ledger::Recorded;
use tokio::time::Instant;

use crate::bus::{Topic, Waiter};
use crate::jobs::POLL;
use crate::{App, Caller, Denied, JobQuery, JobView};

/// How many events are read at once; a reader who is slow holds back no more than these.
const PAGE: u32 = 16;
/// How many open jobs are remembered as they were told last, so that they need not be folded from their beginning.
const REMEMBERED: usize = 64;
/// Events of one job that are read at once to fold it.
const FOLD_PAGE: u32 = 100;

/// A job as one event left it.
#[derive(Clone, Debug)]
pub struct JobNews {
    /// Ledger position of the event: whoever has seen it goes on after it.
    pub position: u64,
    /// The job.
    pub view: JobView,
}

/// How following a single job begins.
pub enum Following {
    /// There is something to come.
    Open(Box<Follow>),
    /// The job has ended, and the follower knows it.
    Over,
}

/// Follows jobs until it is dropped. Bounded: it reads on only when it is asked for more.
pub struct Follow {
    app: App,
    caller: Caller,
    what: What,
    waiter: Option<Waiter>,
    /// All up to here was told, or is in `ready`.
    after: u64,
    ready: VecDeque<JobNews>,
    /// Open jobs as they were told last.
    last: HashMap<JobId, Job>,
    proven: Instant,
    ended: bool,
}

#[derive(Clone)]
enum What {
    Job(JobId),
    Matching(Box<JobQuery>),
}

impl App {
    /// Follows one of the caller's jobs: what came after the position `after`, else its present state, and then each
    /// change up to its end. None if the caller has no such job.
    pub async fn follow_job(
        &self,
        caller: &Caller,
        id: JobId,
        after: Option<u64>,
    ) -> Result<Option<Following>, Denied> {
        let mut follow = Follow::new(self, caller, What::Job(id), 0);
        let Some(job) = self.own_job(caller, id).await? else {
            return Ok(None);
        };
        let head = job.last_position;
        if job.status.is_final() && after.is_some_and(|after| after >= head) {
            return Ok(Some(Following::Over));
        }
        follow.after = after.map_or(head, |after| after.min(head));
        if after.is_none() {
            follow.ended = job.status.is_final();
            follow.ready.push_back(JobNews {
                position: head,
                view: self.view(job.clone()).await?,
            });
            follow.remember(job);
        }
        Ok(Some(Following::Open(Box::new(follow))))
    }

    /// Follows those of the caller's jobs that the query means: each change after the position `after`, else from
    /// now on. The query's cursor and limit do not count.
    pub async fn follow_jobs(
        &self,
        caller: &Caller,
        query: &JobQuery,
        after: Option<u64>,
    ) -> Result<Follow, Denied> {
        let head = self.0.ledger.head().await?.position;
        let after = after.map_or(head, |after| after.min(head));
        Ok(Follow::new(
            self,
            caller,
            What::Matching(Box::new(query.clone())),
            after,
        ))
    }
}

impl Follow {
    /// Registers with the bus before anything is read: a change between the two is news.
    fn new(app: &App, caller: &Caller, what: What, after: u64) -> Self {
        let mut follow = Self {
            app: app.clone(),
            caller: caller.clone(),
            what,
            waiter: None,
            after,
            ready: VecDeque::new(),
            last: HashMap::new(),
            proven: Instant::now(),
            ended: false,
        };
        follow.listen();
        follow
    }

    /// The position up to which there is nothing more to tell once `ready` is told.
    pub fn position(&self) -> u64 {
        self.ready.front().map_or(self.after, |news| news.position - 1)
    }

    /// The next news; none if there was none for `patience`, or the job has ended: see [`Follow::ended`].
    ///
    /// # Errors
    /// [`Denied::KeyRevoked`] once the caller's key is withdrawn.
    pub async fn next(&mut self, patience: Duration) -> Result<Option<JobNews>, Denied> {
        let until = Instant::now() + patience;
        loop {
            if let Some(news) = self.ready.pop_front() {
                return Ok(Some(news));
            }
            if self.ended {
                return Ok(None);
            }
            self.prove().await?;
            let more = self.look().await?;
            let now = Instant::now();
            if now >= until && self.ready.is_empty() {
                return Ok(None);
            }
            if more {
                continue;
            }
            let look_again = until.min(now + POLL);
            match &mut self.waiter {
                // Whether by news or by time, the ledger says what is true.
                Some(waiter) => drop(tokio::time::timeout_at(look_again, waiter.news()).await),
                None => tokio::time::sleep_until(look_again).await,
            }
        }
    }

    /// Whether all has been told, up to the job's end.
    pub fn ended(&self) -> bool {
        self.ended && self.ready.is_empty()
    }

    /// A key may be withdrawn while its owner listens, and a tenant may come into being.
    async fn prove(&mut self) -> Result<(), Denied> {
        if self.caller.tenant_id().is_some() && self.proven.elapsed() < POLL {
            return Ok(());
        }
        let proven = self.app.authenticate(&self.caller.key).await?;
        self.caller.tenant = proven.tenant;
        self.proven = Instant::now();
        self.listen();
        Ok(())
    }

    /// Registers with the bus, as soon as there is a tenant to register for.
    fn listen(&mut self) {
        let topic = match &self.what {
            What::Job(id) => Some(Topic::Job(*id)),
            What::Matching(_) => self.caller.tenant_id().map(Topic::Tenant),
        };
        if let (None, Some(topic)) = (&self.waiter, topic) {
            self.waiter = Some(self.app.0.waiters.register(topic));
        }
    }

    /// Reads on; whether there may be more.
    async fn look(&mut self) -> Result<bool, Denied> {
        let Some(tenant) = self.caller.tenant_id() else {
            return Ok(false);
        };
        let job = match &self.what {
            What::Job(id) => Some(*id),
            What::Matching(_) => None,
        };
        let ledger = &self.app.0.ledger;
        let rows = ledger.job_events_after(tenant, job, self.after, PAGE).await?;
        let more = !rows.is_empty();
        for row in rows {
            let position = row.position;
            if let Some(news) = self.take(tenant, row).await? {
                self.ready.push_back(news);
            }
            self.after = position;
        }
        Ok(more)
    }

    async fn take(&mut self, tenant: TenantId, row: Recorded) -> Result<Option<JobNews>, Denied> {
        let event = row.event().map_err(unreadable)?;
        let Some(job) = self.folded(tenant, &row, &event).await? else {
            return Ok(None);
        };
        let told = is_told(&event) && self.means(&job);
        if job.status.is_final() {
            self.ended = matches!(self.what, What::Job(_));
        } else {
            self.remember(job.clone());
        }
        let view = match self.what {
            _ if !told => None,
            What::Job(_) => Some(self.app.view(job).await?),
            What::Matching(_) => Some(self.app.opened(job).await?),
        };
        Ok(view.map(|view| JobNews {
            position: row.position,
            view,
        }))
    }

    /// The job as this event left it.
    async fn folded(
        &mut self,
        tenant: TenantId,
        row: &Recorded,
        event: &Event,
    ) -> Result<Option<Job>, Denied> {
        let Some(id) = row.job_id else { return Ok(None) };
        let mut job = match self.last.remove(&id) {
            Some(job) if job.version + 1 == row.version => Some(job),
            _ => None,
        };
        if job.is_none() && row.version > 1 {
            job = self.before(tenant, id, row).await?;
        }
        Ok(advance(job, row, event))
    }

    /// The job as it was before this event.
    async fn before(&self, tenant: TenantId, id: JobId, row: &Recorded) -> Result<Option<Job>, Denied> {
        let (mut job, mut after) = (None, 0);
        loop {
            let ledger = &self.app.0.ledger;
            let page = ledger
                .job_events_after(tenant, Some(id), after, FOLD_PAGE)
                .await?;
            let Some(last) = page.last() else { return Ok(job) };
            after = last.position;
            for earlier in page {
                if earlier.position >= row.position {
                    return Ok(job);
                }
                let event = earlier.event().map_err(unreadable)?;
                job = advance(job, &earlier, &event);
            }
        }
    }

    fn remember(&mut self, job: Job) {
        if self.last.len() >= REMEMBERED {
            self.last.clear();
        }
        self.last.insert(job.id, job);
    }

    fn means(&self, job: &Job) -> bool {
        match &self.what {
            What::Job(id) => job.id == *id,
            What::Matching(query) => query.means(job),
        }
    }
}

impl JobQuery {
    fn means(&self, job: &Job) -> bool {
        let same = |status: &JobStatus| *status == job.status;
        self.store_id.is_none_or(|store| store == job.store_id)
            && self
                .order_id
                .as_ref()
                .is_none_or(|order| job.order_id.as_ref() == Some(order))
            && (self.status.is_empty() || self.status.iter().any(same))
            && self.kind.is_none_or(|kind| kind == job.kind)
            && self.from.is_none_or(|from| job.submitted_at >= from)
            && self.to.is_none_or(|to| job.submitted_at < to)
    }
}

fn advance(job: Option<Job>, row: &Recorded, event: &Event) -> Option<Job> {
    let mut job = match (job, event) {
        (_, Event::JobSubmitted(submitted)) => {
            let mut job = Job::submitted(submitted, None);
            job.position = row.position;
            job
        }
        (job, event) => job?.evolve(event, row.sealed.as_ref(), row.version),
    };
    job.last_position = row.position;
    Some(job)
}

/// Whether an event changes what a follower of jobs is told: that a failed job has a successor is told by the latter.
fn is_told(event: &Event) -> bool {
    !matches!(event, Event::JobRetriedAs(_))
}

fn unreadable(error: DecodeError) -> Denied {
    Denied::internal(error)
}

impl std::fmt::Debug for Follow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Follow")
            .field("after", &self.after)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}
