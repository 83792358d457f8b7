//! By which names the log lines of a cycle are found.

use std::fmt::Display;
use std::sync::{Mutex, PoisonError};

use domain::job::Job;
use domain::{JobId, RequestId, TenantId, UpstreamStoreId};
use runtime::telemetry::LogContext;

use crate::context::Context;
use crate::schedule::{Plan, Work};

/// Ids in one line.
const MOST: usize = 20;

/// What a cycle works on.
pub(crate) struct Subject {
    tenant: TenantId,
    store: Option<UpstreamStoreId>,
    jobs: Mutex<Vec<(JobId, Option<RequestId>)>>,
}

impl Subject {
    /// As far as a plan tells it.
    pub(crate) fn of(context: &Context, plan: &Plan) -> Self {
        let store = context.look(|schedule, _| schedule.store(plan.store_id));
        let jobs = match &plan.work {
            Work::Change(jobs) => jobs.iter().map(|id| (*id, None)).collect(),
            Work::Judge(_) => Vec::new(),
        };
        Self {
            tenant: plan.tenant_id,
            store: store.map(|store| store.store_id.clone()),
            jobs: Mutex::new(jobs),
        }
    }

    /// The jobs are known now.
    pub(crate) fn jobs<'a>(&self, jobs: impl IntoIterator<Item = &'a Job>) {
        let known = jobs.into_iter().map(|job| (job.id, Some(job.request_id.clone())));
        *self.jobs.lock().unwrap_or_else(PoisonError::into_inner) = known.collect();
    }
}

impl LogContext for Subject {
    fn fields(&self, tell: &mut dyn FnMut(&'static str, &str)) {
        tell("tenant_id", &self.tenant.to_string());
        if let Some(store) = &self.store {
            tell("store_id", store.as_str());
        }
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut requests: Vec<_> = jobs.iter().filter_map(|(_, request)| request.as_ref()).collect();
        requests.dedup();
        one_or_all("job_id", "job_ids", jobs.iter().map(|(id, _)| id), tell);
        one_or_all("request_id", "request_ids", requests.into_iter(), tell);
    }
}

fn one_or_all<T: Display>(
    one: &'static str,
    all: &'static str,
    values: impl ExactSizeIterator<Item = T>,
    tell: &mut dyn FnMut(&'static str, &str),
) {
    let name = match values.len() {
        0 => return,
        1 => one,
        _ => all,
    };
    let texts: Vec<String> = values.take(MOST).map(|value| value.to_string()).collect();
    tell(name, &texts.join(","));
}
