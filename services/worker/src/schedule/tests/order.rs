//! Order within a lane, and what may share a request.

use domain::JobId;
use domain::job::{JobClass, JobStatus};
use proptest::prelude::*;

use super::desk::*;
use crate::schedule::Finish;

#[test]
fn jobs_of_a_lane_run_by_due_time_then_position() {
    let mut desk = Desk::new();
    let store = desk.store(1, "k");
    let alone = JobClass::Alone;
    let third = desk.job(store, "order:1").class(alone).submit();
    let fourth = desk.job(store, "order:1").class(alone).submit();
    let first = desk.job(store, "order:1").class(alone).due_ago(secs(9)).submit();
    let second = desk.job(store, "order:1").class(alone).due_ago(secs(5)).submit();
    assert_eq!(desk.drain(), [[first], [second], [third], [fourth]]);
}

#[test]
fn a_lane_does_one_thing_at_a_time_and_lanes_do_not_wait_for_each_other() {
    let mut desk = Desk::new();
    let store = desk.store(1, "k");
    desk.submit(store, "order:1");
    desk.submit(store, "order:2");
    let plans = desk.plans();
    assert_eq!(plans.len(), 2);
    // when another comes while its lane is busy
    let late = desk.submit(store, "order:1");
    // then it waits for the end of the cycle
    assert_eq!(desk.plans(), []);
    let first = plans.iter().find(|plan| plan.lane == "order:1").unwrap();
    desk.succeed(first);
    assert_eq!(jobs_of(&desk.plan()), [late]);
}

#[test]
fn a_retrying_head_closes_its_lane_and_no_other() {
    let mut desk = Desk::new();
    let store = desk.store(1, "k");
    let head = desk.submit(store, "order:1");
    let plan = desk.plan();
    let again = desk.now.at.plus(secs(30));
    let row = desk.row(head, retry_at(again));
    desk.finish(
        &plan,
        &Finish {
            jobs: vec![row],
            ..Finish::default()
        },
    );
    // given newcomers to this lane and another
    let behind = desk.submit(store, "order:1");
    let other = desk.submit(store, "order:2");
    // then only the other lane goes on
    assert_eq!(desk.drain(), [[other]]);
    desk.advance(ms(29_999));
    assert_eq!(desk.drain(), Vec::<Vec<JobId>>::new());
    desk.advance(ms(1));
    assert_eq!(desk.drain(), [vec![head, behind]]);
}

#[test]
fn all_due_jobs_of_a_lane_share_a_batch_up_to_its_limit() {
    let mut desk = Desk::new();
    let store = desk.store(1, "k");
    let due: Vec<JobId> = (0..150).map(|_| desk.submit(store, "order:1")).collect();
    let later = desk.job(store, "order:1").due_in(secs(60)).submit();
    assert_eq!(desk.drain(), [due[..100].to_vec(), due[100..].to_vec()]);
    desk.advance(secs(60));
    assert_eq!(desk.drain(), [[later]]);
}

#[test]
fn alone_runs_alone_and_last_ends_its_batch() {
    use JobClass::{Alone, Last, Shared};
    let mut desk = Desk::new();
    let store = desk.store(1, "k");
    let ids: Vec<JobId> = [
        Shared, Shared, Last, Shared, Alone, Shared, Last, Last, Alone, Alone, Shared,
    ]
    .map(|class| desk.job(store, "order:1").class(class).submit())
    .to_vec();
    let batches = desk.drain();
    let sizes: Vec<usize> = batches.iter().map(Vec::len).collect();
    assert_eq!(sizes, [3, 1, 1, 2, 1, 1, 1, 1]);
    assert_eq!(batches.concat(), ids);
}

#[test]
fn a_batch_needs_the_tokens_of_its_most_expensive_job() {
    let mut desk = Desk::new();
    let store = desk.store(1, "k");
    desk.submit(store, "order:1");
    desk.job(store, "order:1").strict().submit();
    assert_eq!(desk.plan().tokens, 3);
}

#[test]
fn batches_never_mix_tenants() {
    let mut desk = Desk::new();
    let (one, two) = (desk.store(1, "k"), desk.store(2, "k"));
    let ids: Vec<JobId> = [one, one, two, one, two, two]
        .map(|store| desk.submit(store, "order:1"))
        .to_vec();
    let batches = desk.drain();
    assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1, 1, 2]);
    assert_eq!(batches.concat(), ids);
}

#[test]
fn halves_of_a_refused_batch_travel_apart_and_with_no_newcomers() {
    let mut desk = Desk::new();
    let store = desk.store(1, "k");
    let ids: Vec<JobId> = (0..6).map(|_| desk.submit(store, "order:1")).collect();
    let plan = desk.plan();
    let jobs = ids
        .iter()
        .map(|id| desk.row(*id, |row| end(row, JobStatus::Queued)))
        .collect();
    let groups = vec![ids[..3].to_vec(), ids[3..].to_vec()];
    desk.finish(
        &plan,
        &Finish {
            jobs,
            groups,
            ..Finish::default()
        },
    );
    // given a newcomer, and news of jobs that are in a group
    let newcomer = desk.submit(store, "order:1");
    for id in &ids {
        desk.tell(*id, |_| {});
    }
    assert_eq!(
        desk.drain(),
        [ids[..3].to_vec(), ids[3..].to_vec(), vec![newcomer]]
    );
}

#[test]
fn quarters_of_one_order_do_not_join_halves_of_another_time() {
    let mut desk = Desk::new();
    let store = desk.store(1, "k");
    let ids: Vec<JobId> = (0..8).map(|_| desk.submit(store, "order:1")).collect();
    let mut expected = Vec::new();
    // when each batch is halved until it cannot be halved any more
    while let Some(crate::schedule::Action::Run(plan)) = desk.next() {
        let batch = jobs_of(&plan).to_vec();
        if batch.len() == 1 {
            expected.extend(batch);
            desk.succeed(&plan);
            continue;
        }
        let (first, second) = batch.split_at(batch.len() / 2);
        desk.finish(
            &plan,
            &Finish {
                groups: vec![first.to_vec(), second.to_vec()],
                ..Finish::default()
            },
        );
    }
    assert_eq!(expected, ids);
}

proptest! {
    #[test]
    fn whatever_is_submitted_when_each_lane_runs_in_order(
        jobs in prop::collection::vec((0u8..4, 0u8..2, -5i64..20, 0u8..6), 1..60),
    ) {
        let mut desk = Desk::new();
        let stores = [desk.store(1, "k"), desk.store(2, "k")];
        let mut seen: Vec<JobId> = Vec::new();
        for (lane, tenant, due, class) in jobs {
            let class = match class { 0 => JobClass::Alone, 1 => JobClass::Last, _ => JobClass::Shared };
            let job = desk.job(stores[usize::from(tenant)], &format!("order:{lane}")).class(class);
            if due < 0 { job.due_ago(secs(due.unsigned_abs())) } else { job.due_in(secs(due.unsigned_abs())) }.submit();
        }
        desk.advance(secs(30));
        for batch in desk.drain() {
            let rows: Vec<_> = batch.iter().map(|id| &desk.jobs[id]).collect();
            prop_assert!(rows.iter().all(|row| row.tenant_id == rows[0].tenant_id && row.lane == rows[0].lane));
            let (last, before) = rows.split_last().unwrap();
            prop_assert!(before.iter().all(|row| row.class == JobClass::Shared));
            prop_assert!(before.is_empty() || last.class != JobClass::Alone);
            seen.extend(batch);
        }
        prop_assert_eq!(seen.len(), desk.jobs.len());
        for (earlier, one) in seen.iter().enumerate() {
            for other in &seen[earlier + 1..] {
                let (one, other) = (&desk.jobs[one], &desk.jobs[other]);
                prop_assert!(one.lane != other.lane || (one.due_at, one.position) < (other.due_at, other.position));
            }
        }
    }
}
