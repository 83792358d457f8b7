//! Folding the jobs of one order one after another, for one upstream update.

use super::diff::diff;
use super::digest::{ETag, IfMatch};
use super::document::OrderDoc;
use super::fold::{self, FoldError};
use super::mutation::Mutation;
use super::patch::Patch;
use crate::job::ErrorCode;

/// One job of a batch.
#[derive(Clone, Debug)]
pub struct BatchJob<Id> {
    /// By which the outcome is told apart.
    pub id: Id,
    /// What it does.
    pub mutation: Mutation,
    /// Its precondition, compared with the order at this job's turn.
    pub if_match: Option<IfMatch>,
}

/// What one job did to the order.
#[derive(Clone, Debug, PartialEq)]
pub struct Share {
    /// The job's own part of the change: from the order at its turn to the order after it.
    pub patch: Patch,
}

impl Share {
    /// Whether the job changed anything.
    pub fn is_change(&self) -> bool {
        !self.patch.0.is_empty()
    }
}

/// How one job of a batch came out.
#[derive(Clone, Debug)]
pub struct Outcome<Id> {
    /// The job.
    pub id: Id,
    /// Its share, or why it failed; a failed job leaves no trace in the order.
    pub result: Result<Share, FoldError>,
}

/// A batch, folded.
#[derive(Clone, Debug)]
pub struct Folded<Id> {
    /// One outcome per job, in the order of the jobs.
    pub jobs: Vec<Outcome<Id>>,
    /// The order as all jobs together make it.
    pub after: OrderDoc,
    /// The change of all jobs together.
    pub patch: Patch,
}

impl<Id> Folded<Id> {
    /// The jobs that could be folded, with their shares.
    pub fn shares(&self) -> impl Iterator<Item = (&Id, &Share)> {
        self.jobs
            .iter()
            .filter_map(|job| job.result.as_ref().ok().map(|share| (&job.id, share)))
    }
}

/// Folds `jobs` over `before`, in their order; `tag` makes an order's entity tag.
///
/// A job that cannot apply fails alone. `If-Match` sees the jobs before it, so of two with one tag the second
/// fails as soon as the first has changed something.
pub fn fold<Id: Clone>(
    before: &OrderDoc,
    jobs: &[BatchJob<Id>],
    tag: impl Fn(&OrderDoc) -> ETag,
) -> Folded<Id> {
    let mut now = before.clone();
    let mut outcomes = Vec::with_capacity(jobs.len());
    for job in jobs {
        let result = allowed(job, &now, &tag)
            .and_then(|()| fold::apply(&job.mutation, &now))
            .map(|after| {
                let patch = diff(&now, &after);
                now = after;
                Share { patch }
            });
        outcomes.push(Outcome {
            id: job.id.clone(),
            result,
        });
    }
    let patch = diff(before, &now);
    Folded {
        jobs: outcomes,
        after: now,
        patch,
    }
}

fn allowed<Id>(job: &BatchJob<Id>, now: &OrderDoc, tag: impl Fn(&OrderDoc) -> ETag) -> Result<(), FoldError> {
    match &job.if_match {
        Some(condition) if !condition.allows(&tag(now)) => Err(FoldError::new(
            ErrorCode::PreconditionFailed,
            "the order no longer carries the given tag",
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::order::document::FolderId;
    use crate::order::mutation::FolderTarget;
    use crate::order::patch::apply;

    fn tag(doc: &OrderDoc) -> ETag {
        ETag::of(b"key", doc)
    }

    fn order() -> OrderDoc {
        OrderDoc::from_value(json!({"id": "1", "folder_id": 1, "order_notes": []})).unwrap()
    }

    fn note(id: u32, if_match: Option<IfMatch>) -> BatchJob<u32> {
        let mutation = Mutation::AddNote {
            content: format!("note {id}"),
            username: "API".into(),
            date_added: "2026-01-01 00:00:00".into(),
        };
        BatchJob {
            id,
            mutation,
            if_match,
        }
    }

    #[test]
    fn of_two_jobs_with_one_tag_the_second_fails_alone() {
        let order = order();
        let guard = Some(IfMatch::Tags(vec![tag(&order)]));
        let folded = fold(
            &order,
            &[
                note(1, guard.clone()),
                note(2, guard),
                note(3, Some(IfMatch::Any)),
            ],
            tag,
        );
        let codes: Vec<_> = folded
            .jobs
            .iter()
            .map(|job| job.result.as_ref().err().map(|e| e.code))
            .collect();
        assert_eq!(codes, [None, Some(ErrorCode::PreconditionFailed), None]);
        assert_eq!(folded.after.notes().len(), 2);
        assert_eq!(folded.shares().map(|(id, _)| *id).collect::<Vec<_>>(), [1, 3]);
    }

    #[test]
    fn a_second_job_may_name_the_tag_that_the_first_one_makes() {
        let order = order();
        let after = fold(&order, &[note(1, None)], tag).after;
        let folded = fold(
            &order,
            &[note(1, None), note(2, Some(IfMatch::Tags(vec![tag(&after)])))],
            tag,
        );
        assert!(folded.jobs.iter().all(|job| job.result.is_ok()));
    }

    #[test]
    fn shares_applied_in_turn_make_the_net_patch() {
        let order = order();
        let move_job = BatchJob {
            id: 2,
            mutation: Mutation::MoveFolder {
                folder: FolderTarget::Id(FolderId(9)),
            },
            if_match: None,
        };
        let folded = fold(&order, &[note(1, None), move_job], tag);
        let mut doc = order.clone();
        for (_, share) in folded.shares() {
            assert!(share.is_change());
            doc = apply(&share.patch, &doc).unwrap();
        }
        assert_eq!(doc, folded.after);
        assert_eq!(apply(&folded.patch, &order).unwrap(), folded.after);
        assert_eq!(fold::folder_change(&order, &folded.after), Some(FolderId(9)));
    }
}
