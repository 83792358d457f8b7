use std::convert::Infallible;
use std::sync::atomic::AtomicUsize;

use tokio::sync::oneshot;
use zeroize::Zeroizing;

use super::*;
use crate::argon::PoolConfig;
use crate::entropy::SystemEntropy;
use crate::root::RootKey;

type Tenant = &'static str;
type Answer = Result<Option<Tenant>, AuthenticateError<Infallible>>;

struct Fixture {
    login: Arc<Authenticator<Tenant>>,
    pool: ArgonPool,
    loads: AtomicUsize,
    rows: Mutex<HashMap<LookupHash, Candidate<Tenant>>>,
    keyring: Arc<Keyring>,
    start: Instant,
}

impl Fixture {
    fn new() -> Self {
        Self::with(AuthenticatorConfig::default())
    }

    fn with(config: AuthenticatorConfig) -> Self {
        let keyring = Arc::new(Keyring::new(&RootKey(Zeroizing::new([42; 32]))));
        let pool = ArgonPool::new(PoolConfig {
            memory_kib: 8,
            passes: 1,
            ..PoolConfig::default()
        })
        .unwrap();
        Self {
            login: Arc::new(Authenticator::new(keyring.clone(), pool.clone(), config)),
            pool,
            loads: AtomicUsize::new(0),
            rows: Mutex::default(),
            keyring,
            start: Instant::now(),
        }
    }

    async fn know(&self, key: &MasterKey, payload: Tenant) -> LookupHash {
        let phc = self.pool.hash(key, [1; 16]).await.unwrap().into();
        let lookup = self.keyring.lookup_hash(key);
        self.rows
            .lock()
            .unwrap()
            .insert(lookup, Candidate { phc, payload });
        lookup
    }

    fn row(&self, lookup: &LookupHash) -> Option<Candidate<Tenant>> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        self.rows.lock().unwrap().get(lookup).cloned()
    }

    /// Logs in `after` the start.
    async fn login(&self, key: &MasterKey, after: Duration) -> Answer {
        self.login
            .authenticate(key, self.start + after, |lookup| {
                std::future::ready(Ok(self.row(&lookup)))
            })
            .await
    }

    fn loads(&self) -> usize {
        self.loads.load(Ordering::SeqCst)
    }
}

fn key(text: &str) -> MasterKey {
    MasterKey::parse(text).unwrap()
}

const AT_ONCE: Duration = Duration::ZERO;
const LATER: Duration = Duration::from_millis(900);

#[tokio::test]
async fn a_login_costs_one_verification_the_first_time_and_none_after() {
    let fixture = Fixture::new();
    fixture.know(&key("a"), "anna").await;
    for second in 0..60 {
        assert_eq!(
            fixture
                .login(&key("a"), Duration::from_secs(second))
                .await
                .unwrap(),
            Some("anna")
        );
    }
    assert_eq!((fixture.pool.verifications(), fixture.loads()), (1, 60));
}

#[tokio::test]
async fn within_a_second_the_payload_is_loaded_again_but_the_key_not_proven_again() {
    let fixture = Fixture::new();
    fixture.know(&key("a"), "anna").await;
    fixture.login(&key("a"), AT_ONCE).await.unwrap();
    fixture.know(&key("a"), "anna, renamed").await;

    assert_eq!(
        fixture
            .login(&key("a"), Duration::from_millis(449))
            .await
            .unwrap(),
        Some("anna")
    );
    assert_eq!(
        fixture.login(&key("a"), LATER).await.unwrap(),
        Some("anna, renamed")
    );
    assert_eq!((fixture.pool.verifications(), fixture.loads()), (1, 2));
}

#[tokio::test]
async fn a_revocation_nobody_announced_takes_hold_within_a_second() {
    let fixture = Fixture::new();
    fixture.know(&key("a"), "anna").await;
    fixture.login(&key("a"), AT_ONCE).await.unwrap();
    fixture.rows.lock().unwrap().clear();
    assert_eq!(fixture.login(&key("a"), LATER).await.unwrap(), None);
}

#[tokio::test]
async fn while_one_login_loads_again_the_others_go_on() {
    let fixture = Fixture::new();
    fixture.know(&key("a"), "anna").await;
    fixture.login(&key("a"), AT_ONCE).await.unwrap();
    let (anna, start) = (key("a"), fixture.start + Duration::from_millis(450));
    let stuck = fixture
        .login
        .authenticate(&anna, start, |_| std::future::pending::<Result<_, Infallible>>());
    tokio::pin!(stuck);
    let begun = std::future::poll_fn(|cx| std::task::Poll::Ready(stuck.as_mut().poll(cx).is_pending()));
    assert!(begun.await, "it loads");
    let meanwhile = Duration::from_millis(899);
    assert_eq!(fixture.login(&anna, meanwhile).await.unwrap(), Some("anna"));
    assert_eq!(fixture.loads(), 1);
    fixture.rows.lock().unwrap().clear();
    assert_eq!(fixture.login(&anna, LATER).await.unwrap(), None, "and no longer");
}

#[tokio::test]
async fn a_key_that_one_login_has_seen_refused_is_refused_to_all_and_costs_nothing_when_it_is_back() {
    let fixture = Fixture::new();
    let lookup = fixture.know(&key("a"), "anna").await;
    fixture.login(&key("a"), AT_ONCE).await.unwrap();
    let row = fixture.rows.lock().unwrap().remove(&lookup).unwrap();
    for _ in 0..3 {
        let refused = fixture.login(&key("a"), Duration::from_millis(450)).await;
        assert_eq!(refused.unwrap(), None);
    }
    fixture.rows.lock().unwrap().insert(lookup, row);
    let again = fixture.login(&key("a"), Duration::from_millis(451)).await;
    assert_eq!(again.unwrap(), Some("anna"));
    assert_eq!(fixture.pool.verifications(), 1);
}

#[tokio::test]
async fn a_key_is_proven_again_when_its_hash_changes_or_its_proof_ends() {
    let fixture = Fixture::new();
    let lookup = fixture.know(&key("a"), "anna").await;
    fixture.login(&key("a"), AT_ONCE).await.unwrap();

    let phc = fixture.pool.hash(&key("a"), [2; 16]).await.unwrap().into();
    fixture
        .rows
        .lock()
        .unwrap()
        .insert(lookup, Candidate { phc, payload: "anna" });
    fixture.login(&key("a"), LATER).await.unwrap();
    assert_eq!(fixture.pool.verifications(), 2);

    let day = Duration::from_hours(24);
    assert_eq!(fixture.login(&key("a"), day).await.unwrap(), Some("anna"));
    assert_eq!(fixture.pool.verifications(), 3);
}

#[tokio::test]
async fn a_burst_of_one_key_costs_one_verification() {
    let fixture = Arc::new(Fixture::new());
    fixture.know(&key("a"), "anna").await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..200 {
        let fixture = fixture.clone();
        tasks.spawn(async move { fixture.login(&key("a"), AT_ONCE).await.unwrap() });
    }
    assert!(
        tasks
            .join_all()
            .await
            .iter()
            .all(|answer| *answer == Some("anna"))
    );
    assert_eq!(fixture.pool.verifications(), 1);
    assert!(
        fixture.login.attempts.lock().is_empty(),
        "nothing is left of the burst"
    );
}

#[tokio::test]
async fn when_the_first_of_a_burst_gives_up_another_goes_on() {
    let fixture = Fixture::new();
    fixture.know(&key("a"), "anna").await;
    let held = fixture.pool.hold_turns();
    let anna = key("a");
    let mut first = Box::pin(fixture.login(&anna, AT_ONCE));
    let mut second = Box::pin(fixture.login(&anna, AT_ONCE));
    std::future::poll_fn(|cx| {
        assert!(first.as_mut().poll(cx).is_pending() && second.as_mut().poll(cx).is_pending());
        std::task::Poll::Ready(())
    })
    .await;
    drop((first, held));
    assert_eq!(second.await.unwrap(), Some("anna"));
    assert!(fixture.login.attempts.lock().is_empty());
}

#[tokio::test]
async fn a_flood_of_random_keys_verifies_nothing_and_evicts_nobody() {
    let fixture = Fixture::with(AuthenticatorConfig {
        capacity: 10,
        ..AuthenticatorConfig::default()
    });
    let known: Vec<_> = (0..10).map(|n| key(&format!("known-{n}"))).collect();
    for key in &known {
        fixture.know(key, "anna").await;
        fixture.login(key, AT_ONCE).await.unwrap();
    }
    for _ in 0..5_000 {
        let random = MasterKey::generate(&mut SystemEntropy);
        assert_eq!(fixture.login(&random, AT_ONCE).await.unwrap(), None);
    }
    fixture.login.proven.run_pending_tasks().await;
    assert_eq!((fixture.pool.verifications(), fixture.loads()), (10, 5_010));
    assert_eq!(
        fixture.login.remembered_keys(),
        10,
        "random keys leave nothing behind"
    );
    assert!(fixture.login.attempts.lock().is_empty());

    for key in &known {
        assert_eq!(fixture.login(key, AT_ONCE).await.unwrap(), Some("anna"));
    }
    assert_eq!(
        (fixture.pool.verifications(), fixture.loads()),
        (10, 5_010),
        "all are still remembered"
    );
}

#[tokio::test]
async fn what_is_remembered_is_bounded_and_the_newest_stay() {
    let fixture = Fixture::with(AuthenticatorConfig {
        capacity: 10,
        ..AuthenticatorConfig::default()
    });
    for n in 0..50 {
        let key = key(&format!("known-{n}"));
        fixture.know(&key, "anna").await;
        fixture.login(&key, AT_ONCE).await.unwrap();
        fixture.login.proven.run_pending_tasks().await;
    }
    assert_eq!(fixture.login.remembered_keys(), 10);
    fixture.login(&key("known-49"), AT_ONCE).await.unwrap();
    assert_eq!(fixture.pool.verifications(), 50);
}

#[tokio::test]
async fn a_revocation_takes_hold_at_once() {
    let fixture = Fixture::new();
    let lookup = fixture.know(&key("a"), "anna").await;
    fixture.login(&key("a"), AT_ONCE).await.unwrap();
    fixture.rows.lock().unwrap().clear();
    fixture.login.invalidate(&lookup).await;
    assert_eq!(fixture.login(&key("a"), AT_ONCE).await.unwrap(), None);
}

#[tokio::test]
async fn a_revocation_during_a_login_makes_it_start_over_and_nothing_old_is_remembered() {
    let fixture = Arc::new(Fixture::new());
    let lookup = fixture.know(&key("a"), "anna").await;
    let (loaded, until_loaded) = oneshot::channel();
    let (go_on, until_revoked) = oneshot::channel::<()>();
    let pause = Arc::new(Mutex::new(Some((loaded, until_revoked))));

    let slow = tokio::spawn({
        let fixture = fixture.clone();
        async move {
            let load = |lookup| {
                let (row, pause) = (fixture.row(&lookup), pause.lock().unwrap().take());
                async move {
                    if let Some((loaded, until_revoked)) = pause {
                        loaded.send(()).unwrap();
                        until_revoked.await.unwrap();
                    }
                    Ok::<_, Infallible>(row)
                }
            };
            fixture.login.authenticate(&key("a"), fixture.start, load).await
        }
    });
    until_loaded.await.unwrap();
    fixture.rows.lock().unwrap().clear();
    fixture.login.invalidate(&lookup).await;

    // One who comes after the revocation does not join those who came before it.
    assert_eq!(fixture.login(&key("a"), AT_ONCE).await.unwrap(), None);
    go_on.send(()).unwrap();
    assert_eq!(
        slow.await.unwrap().unwrap(),
        None,
        "it had loaded the key before the revocation"
    );
    assert_eq!(fixture.login(&key("a"), AT_ONCE).await.unwrap(), None);
    assert!(fixture.login.attempts.lock().is_empty());
}

#[tokio::test]
async fn a_proof_stored_just_after_its_revocation_is_not_honoured() {
    let fixture = Fixture::new();
    fixture.know(&key("a"), "anna").await;
    fixture.login(&key("a"), AT_ONCE).await.unwrap();
    let lookup = fixture.keyring.lookup_hash(&key("a"));
    let proof = fixture.login.proven.get(&lookup).await.unwrap();
    fixture.login.invalidate(&lookup).await;
    // The overtaken log-in's insert arrives last.
    fixture.login.proven.insert(lookup, proof).await;
    fixture.rows.lock().unwrap().clear();
    assert_eq!(fixture.login(&key("a"), AT_ONCE).await.unwrap(), None);
}

#[tokio::test]
async fn revocations_without_end_do_not_keep_a_login_for_ever() {
    let fixture = Fixture::new();
    fixture.know(&key("a"), "anna").await;
    let load = |lookup| {
        let row = fixture.row(&lookup);
        let login = fixture.login.clone();
        async move {
            login.invalidate(&lookup).await;
            Ok::<_, Infallible>(row)
        }
    };
    let answer = fixture.login.authenticate(&key("a"), fixture.start, load).await;
    assert!(matches!(answer, Err(AuthenticateError::Unsettled)), "{answer:?}");
    assert_eq!(fixture.loads(), MAX_TRIES);
}

#[tokio::test]
async fn a_tombstone_refuses_without_argon2_and_its_error_is_passed_on() {
    let fixture = Fixture::new();
    let refused = fixture
        .login
        .authenticate(&key("a"), fixture.start, |_| {
            std::future::ready(Err("key_revoked"))
        })
        .await;
    assert!(
        matches!(refused, Err(AuthenticateError::Load("key_revoked"))),
        "{refused:?}"
    );
    assert_eq!(fixture.pool.verifications(), 0);
}

#[tokio::test]
async fn a_hash_of_another_key_is_no_login() {
    let fixture = Fixture::new();
    let phc = fixture.pool.hash(&key("other"), [1; 16]).await.unwrap().into();
    let lookup = fixture.keyring.lookup_hash(&key("a"));
    fixture
        .rows
        .lock()
        .unwrap()
        .insert(lookup, Candidate { phc, payload: "anna" });
    let answer = fixture.login(&key("a"), AT_ONCE).await;
    assert!(matches!(answer, Err(AuthenticateError::Mismatch)), "{answer:?}");
    assert!(matches!(
        fixture.login(&key("a"), AT_ONCE).await,
        Err(AuthenticateError::Mismatch)
    ));
}

#[tokio::test]
async fn a_full_queue_turns_new_logins_away_but_not_remembered_ones() {
    let fixture = Fixture::new();
    fixture.know(&key("a"), "anna").await;
    fixture.know(&key("b"), "bert").await;
    fixture.login(&key("a"), AT_ONCE).await.unwrap();

    let held = fixture.pool.hold_places();
    let answer = fixture.login(&key("b"), AT_ONCE).await;
    assert!(
        matches!(answer, Err(AuthenticateError::Hash(HashError::Busy))),
        "{answer:?}"
    );
    assert_eq!(fixture.login(&key("a"), AT_ONCE).await.unwrap(), Some("anna"));
    assert_eq!(fixture.login(&key("a"), LATER).await.unwrap(), Some("anna"));

    drop(held);
    assert_eq!(
        fixture.login(&key("b"), AT_ONCE).await.unwrap(),
        Some("bert"),
        "busy is not remembered"
    );
}
