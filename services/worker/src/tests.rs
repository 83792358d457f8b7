//! Ownership as a worker's tasks see it: what is taken, given back, loaded and sent, with a real ledger and a clock
//! that the tests move.

use std::sync::Arc;
use std::time::Duration;

use app::Seals;
use domain::IncarnationId;
use domain::event::JobSubmitted;
use domain::store::Store;
use ledger::conformance::sample;
use ledger::{AppenderConfig, Backend, Ledger};
use ledger_sqlite::SqliteLedger;
use queue::local::LocalQueue;
use queue::{GrantAnswer, GrantRequest, Queue, ReadScope};
use runtime::ManualClock;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;
use vault::{Keyring, RootKey, SystemEntropy};

use crate::context::Context;
use crate::partitions::{self, Served};
use crate::schedule::{Action, Finish, Plan, Read};
use crate::upstream::{ABANDONED, Purse};
use crate::{Parts, WorkerConfig, engine, feed};

const TTL: Duration = Duration::from_secs(10);

/// One worker without its loops.
struct Bench {
    context: Arc<Context>,
    clock: Arc<ManualClock>,
    served: Served,
    _folder: tempfile::TempDir,
}

impl Bench {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let backend = SqliteLedger::open(folder.path().join("app.db")).await.unwrap();
        backend.migrate().await.unwrap();
        backend.init_partitions(2).await.unwrap();
        let ledger = Ledger::start(Arc::new(backend), AppenderConfig::default());
        let clock = Arc::new(ManualClock::at(sample::now().as_millis()));
        let keyring = Arc::new(Keyring::new(&RootKey::generate(&mut SystemEntropy)));
        let config = orderdesk::Config::new("http://127.0.0.1:9/api/v2".parse().unwrap());
        let parts = Parts {
            seals: Seals::new(ledger.clone(), Arc::clone(&keyring), clock.clone()),
            client: orderdesk::Client::new(config).unwrap(),
            queue: Arc::new(LocalQueue::new()),
            cache: cache::Cache::in_memory(app::cache_time(clock.clone())),
            clock: clock.clone(),
            config: WorkerConfig {
                lease_ttl: TTL,
                ..WorkerConfig::default()
            },
            ledger,
            keyring,
        };
        Self {
            context: Arc::new(Context::new(parts)),
            clock,
            served: Served::new(),
            _folder: folder,
        }
    }

    /// A heartbeat and what follows from it.
    async fn beat(&mut self) {
        let me = self.context.lease.incarnation();
        let membership = self.context.ledger.heartbeat(me, TTL, false).await.unwrap();
        partitions::drop_lost(&self.context, &membership, &mut self.served);
        self.context
            .lease
            .renewed(runtime::Clock::boot(&*self.clock), TTL);
        partitions::settle(&self.context, &membership, &mut self.served, false).await;
    }

    /// Waits until both partitions are loaded.
    async fn loaded(&self) {
        testkit::eventually("the partitions are loaded", Duration::from_secs(20), || async {
            (0..2).all(|partition| self.context.look(|schedule, _| schedule.is_open(partition)))
        })
        .await;
    }

    fn owned(&self) -> Vec<u16> {
        let mut owned: Vec<u16> = self
            .context
            .lease
            .owned()
            .into_iter()
            .map(|(partition, _)| partition)
            .collect();
        owned.sort_unstable();
        owned
    }

    /// A store of partition 1, in the ledger.
    async fn store(&self) -> Store {
        let mut append = sample::append(sample::now());
        let (tenant, _) = sample::add_tenant(&mut append);
        let (store, _) = sample::add_store(&mut append, &tenant, "101", 1);
        self.context.ledger.append(append).await.unwrap();
        store
    }

    /// A job, in the ledger, due since a moment.
    async fn submit(&self, store: &Store) -> JobSubmitted {
        let now = self.context.now().at;
        let mut job = sample::submission(store, Some("1"), now);
        job.due_at = now;
        job.deadline_at = now.plus(Duration::from_hours(24));
        let mut append = sample::append(now);
        append.submit_job(&job, None);
        self.context.ledger.append(append).await.unwrap();
        job
    }

    async fn head(&self) -> u64 {
        self.context.ledger.head().await.unwrap().position
    }

    fn knows(&self, jobs: usize) -> bool {
        self.context.look(|schedule, _| schedule.sizes().0) == jobs
    }

    fn ask(&self, partition: u16) -> bool {
        self.context.schedule(|schedule, now| {
            let read = Read {
                grant: Uuid::now_v7(),
                shows: crate::schedule::Shows::Other,
                interactive: true,
                patient_until: now.boot,
            };
            schedule.ask_read("key of 101", partition, read, now)
        })
    }

    /// The one cycle that starts.
    fn start(&self) -> Plan {
        match self.context.look(crate::schedule::Schedule::next) {
            Some(Action::Run(plan)) => plan,
            other => panic!("{other:?}"),
        }
    }
}

/// Another worker.
struct Other(IncarnationId);

impl Other {
    fn new() -> Self {
        Self(IncarnationId(Uuid::now_v7()))
    }

    async fn beat(&self, bench: &Bench) {
        bench.context.ledger.heartbeat(self.0, TTL, false).await.unwrap();
    }

    async fn take(&self, bench: &Bench, partition: u16) {
        self.beat(bench).await;
        assert_eq!(
            bench
                .context
                .ledger
                .claim(self.0, &[partition], true)
                .await
                .unwrap()
                .len(),
            1
        );
    }
}

#[tokio::test]
async fn what_was_to_be_given_back_goes_on_when_the_other_worker_leaves() {
    let mut bench = Bench::new().await;
    bench.beat().await;
    bench.loaded().await;
    let store = bench.store().await;
    bench.submit(&store).await;
    feed::catch_up(&bench.context, &mut Some(0)).await.unwrap();
    let plan = bench.start();
    // given another worker, and a cycle that keeps the partition from being handed over
    let other = Other::new();
    other.beat(&bench).await;
    bench.beat().await;
    assert!(!bench.ask(1), "it drains");
    assert_eq!(bench.owned(), [0, 1]);
    // when the other one leaves before the cycle ends
    bench.context.ledger.goodbye(other.0).await.unwrap();
    bench.beat().await;
    // then the partition is served as before
    assert!(bench.ask(1));
    bench
        .context
        .schedule(|schedule, now| schedule.finish(&plan, &Finish::default(), now));
    bench.beat().await;
    assert_eq!(bench.owned(), [0, 1]);
}

#[tokio::test]
async fn what_was_just_given_back_is_not_taken_for_ours() {
    let mut bench = Bench::new().await;
    bench.beat().await;
    bench.loaded().await;
    assert_eq!(bench.owned(), [0, 1]);
    // Another worker has come; ours gives half back in one beat, whose own answer still shows it as ours.
    Other::new().beat(&bench).await;
    bench.beat().await;
    assert_eq!(bench.owned().len(), 1);
}

#[tokio::test]
async fn a_claim_whose_answer_was_lost_is_taken_up() {
    let mut bench = Bench::new().await;
    let me = bench.context.lease.incarnation();
    bench.context.ledger.heartbeat(me, TTL, false).await.unwrap();
    bench.context.ledger.claim(me, &[0, 1], false).await.unwrap();
    bench.beat().await;
    bench.loaded().await;
    assert_eq!(bench.owned(), [0, 1]);
    let store = bench.store().await;
    let mut append = bench.context.append_for(1).unwrap();
    append.submit_job(&sample::submission(&store, Some("1"), append.now), None);
    bench
        .context
        .ledger
        .append(append)
        .await
        .expect("the epoch is right");
}

#[tokio::test]
async fn a_lost_partition_is_not_taken_again_while_a_cycle_of_before_runs() {
    let mut bench = Bench::new().await;
    bench.beat().await;
    bench.loaded().await;
    let store = bench.store().await;
    bench.submit(&store).await;
    feed::catch_up(&bench.context, &mut Some(0)).await.unwrap();
    let plan = bench.start();
    let other = Other::new();
    other.take(&bench, 1).await;
    bench.beat().await;
    assert_eq!(bench.owned(), [0]);
    // when the other one is gone, and our cycle is still at it
    bench.context.ledger.goodbye(other.0).await.unwrap();
    bench.beat().await;
    assert_eq!(bench.owned(), [0]);
    bench
        .context
        .schedule(|schedule, now| schedule.finish(&plan, &Finish::default(), now));
    bench.beat().await;
    assert_eq!(bench.owned(), [0, 1]);
}

#[tokio::test]
async fn a_cycle_that_wakes_without_its_partition_or_its_lease_sends_nothing() {
    let mut bench = Bench::new().await;
    bench.beat().await;
    bench.loaded().await;
    let store = bench.store().await;
    bench.submit(&store).await;
    feed::catch_up(&bench.context, &mut Some(0)).await.unwrap();
    let plan = bench.start();
    for frozen in [true, false] {
        if frozen {
            bench.clock.advance(TTL);
        } else {
            let other = Other::new();
            other.take(&bench, 1).await;
            bench.beat().await;
        }
        let abandoned = CancellationToken::new();
        let (context, upstream) = (Arc::clone(&bench.context), plan.upstream.clone());
        let cycle = tokio::spawn(ABANDONED.scope(abandoned.clone(), async move {
            let mut purse = Purse::new(&context, &upstream, 2);
            let request = async { panic!("it sends") };
            drop(purse.call::<()>(request).await);
        }));
        tokio::time::timeout(Duration::from_secs(20), abandoned.cancelled())
            .await
            .expect("it gives up");
        cycle.abort();
        assert!(cycle.await.unwrap_err().is_cancelled(), "it does not go on");
    }
}

#[tokio::test]
async fn what_is_submitted_while_a_partition_is_loaded_is_found() {
    let bench = Bench::new().await;
    let store = bench.store().await;
    bench.submit(&store).await;
    let mut cursor = None;
    // given a feed that is ahead, because the partition was not ours at its last looks
    feed::catch_up(&bench.context, &mut cursor).await.unwrap();
    bench.context.lease.gained(1, 1);
    bench
        .context
        .schedule(|schedule, now| schedule.add_partition(1, None, now));
    feed::load(&bench.context, 1).await;
    assert!(bench.knows(1));
    // when a job comes after the pages were read, and before a look that began without the partition ended
    bench.submit(&store).await;
    cursor = Some(bench.head().await);
    feed::catch_up(&bench.context, &mut cursor).await.unwrap();
    assert!(bench.knows(2));
    assert_eq!(cursor, Some(bench.head().await));
}

#[tokio::test]
async fn a_job_counts_as_found_the_first_time_only() {
    let mut bench = Bench::new().await;
    bench.beat().await;
    bench.loaded().await;
    let store = bench.store().await;
    bench.submit(&store).await;
    for found in [1, 0] {
        let again = feed::catch_up(&bench.context, &mut Some(0)).await.unwrap();
        assert_eq!(again, found);
    }
}

#[tokio::test]
async fn a_feed_without_partitions_keeps_up_with_the_head() {
    let bench = Bench::new().await;
    let mut cursor = None;
    feed::catch_up(&bench.context, &mut cursor).await.unwrap();
    bench.store().await;
    feed::catch_up(&bench.context, &mut cursor).await.unwrap();
    assert_eq!(cursor, Some(bench.head().await));
}

#[tokio::test]
async fn a_read_may_not_be_shown_beyond_the_lease_that_granted_it() {
    let mut bench = Bench::new().await;
    bench.beat().await;
    bench.loaded().await;
    let serving = crate::grants::serve(&bench.context, 1).await;
    bench.clock.advance(Duration::from_secs(7));
    let request = GrantRequest {
        partition: 1,
        upstream_key: "key of 101".to_owned(),
        read: ReadScope::Other,
        interactive: true,
        patience_ms: 10_000,
    };
    let queue: Arc<dyn Queue> = Arc::clone(&bench.context.queue);
    let asked = request.clone();
    let answer = tokio::spawn(async move { queue.request_grant(&asked, Duration::from_secs(10)).await });
    let cycles = TaskTracker::new();
    testkit::eventually("it is granted", Duration::from_secs(20), || async {
        while let Some(action) = bench.context.look(crate::schedule::Schedule::next) {
            engine::perform(&bench.context, action, &cycles);
        }
        answer.is_finished()
    })
    .await;
    let Some(GrantAnswer::Granted { grant }) = answer.await.unwrap() else {
        panic!("not granted")
    };
    assert_eq!((grant.valid_ms, grant.show_within_ms), (2_000, 3_000));
    // when there is no lease any more, nothing is granted
    bench.clock.advance(Duration::from_secs(3));
    let answer = bench
        .context
        .queue
        .request_grant(&request, Duration::from_secs(10))
        .await;
    assert!(matches!(answer, Some(GrantAnswer::Refused { .. })));
    drop(serving);
}

#[tokio::test]
async fn an_asker_that_gives_up_leaves_nothing_behind() {
    let mut bench = Bench::new().await;
    bench.beat().await;
    bench.loaded().await;
    let request = GrantRequest {
        partition: 1,
        upstream_key: "key of 101".to_owned(),
        read: ReadScope::Orders,
        interactive: false,
        patience_ms: 20,
    };
    // nobody performs what the schedule says
    let _serving = crate::grants::serve(&bench.context, 1).await;
    let answer = bench
        .context
        .queue
        .request_grant(&request, Duration::from_millis(20))
        .await;
    assert!(!matches!(answer, Some(GrantAnswer::Granted { .. })));
    testkit::eventually("nobody waits", Duration::from_secs(20), || async {
        bench.context.readers.lock().unwrap().is_empty()
    })
    .await;
}
