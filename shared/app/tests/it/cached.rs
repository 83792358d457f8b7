//! Reads through the cache: what is shown when, to whom, and after which change.

use std::sync::Arc;
use std::time::Duration;

use app::{
    App, CacheState, Caller, CustomerSearch, FindStoreError, Listing, PatchStore, ReadError, ReadOptions,
    Reading, Search,
};
use domain::OrderId;
use domain::job::ErrorCode;
use domain::store::Store;
use queue::Queue as _;
use serde_json::{Value, json};
use simulator::{Edit, Fault, FaultRule, HoldPhase, RequestKind};
use testkit::eventually;

use crate::place::{KEY, OTHER_KEY, Owner, Place, SOON, note};

const NORMAL: ReadOptions = ReadOptions { no_cache: false };
const FRESH: ReadOptions = ReadOptions { no_cache: true };

/// A tenant with store 101, one order in it and an owner who grants every read.
struct Shop {
    place: Place,
    caller: Caller,
    store: Arc<Store>,
    order: OrderId,
    serving: Box<dyn Send + Sync>,
}

impl Shop {
    /// Whose process is the only one, or one of several.
    async fn new(alone: bool) -> Self {
        let place = Place::with(|config| config.alone = alone).await;
        let (caller, store) = place.store(KEY).await;
        let order = json!({"email": "before@example.com"});
        let order = place.desk.put_order("101", order).unwrap().parse().unwrap();
        let serving = place
            .queue
            .serve_grants(store.partition, Owner::generous(60_000))
            .await;
        Self {
            place,
            caller,
            store,
            order,
            serving,
        }
    }

    async fn read(&self, options: ReadOptions) -> Result<Reading, ReadError> {
        self.read_in(&self.place.app, options).await
    }

    async fn read_in(&self, app: &App, options: ReadOptions) -> Result<Reading, ReadError> {
        app.read_order(&self.caller, &self.store, &self.order, options)
            .await
    }

    fn calls(&self) -> u64 {
        self.place.desk.counters().total().requests
    }

    /// Someone changes the order in Order Desk.
    fn edit(&self) {
        let patch = json!({"email": "after@example.com"});
        let edit = Edit::Merge { patch };
        self.place
            .desk
            .foreign_edit("101", self.order.as_str(), edit)
            .unwrap();
    }

    /// A job of the order ends, as far as the ledger knows; nobody is told.
    async fn end_a_job(&self) {
        let job = self
            .place
            .submit(&self.caller, &self.store, note(self.order.as_str(), "n"))
            .await;
        let job = self.place.begin(&job).await;
        self.place.fail(&job, ErrorCode::UpstreamRejected).await;
    }
}

fn email(reading: &Reading) -> String {
    let order: Value = serde_json::from_slice(&reading.body).unwrap();
    order["email"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_order_is_kept_for_its_time_and_then_asked_for_again() {
    for alone in [true, false] {
        let shop = Shop::new(alone).await;
        let first = shop.read(NORMAL).await.unwrap();
        assert_eq!((first.cache, first.age), (CacheState::Miss, Duration::ZERO));
        shop.place.clock.advance(Duration::from_secs(14));
        let second = shop.read(NORMAL).await.unwrap();
        assert_eq!(
            (second.cache, second.age),
            (CacheState::Hit, Duration::from_secs(14))
        );
        assert_eq!((&second.body, &second.etag), (&first.body, &first.etag));
        assert_eq!(shop.calls(), 1);
        shop.edit();
        assert_eq!(shop.read(FRESH).await.unwrap().cache, CacheState::Bypass);
        let filled = shop.read(NORMAL).await.unwrap();
        assert_eq!(
            (filled.cache, email(&filled)),
            (CacheState::Hit, "after@example.com".to_owned())
        );
        shop.place.clock.advance(Duration::from_secs(15));
        assert_eq!(shop.read(NORMAL).await.unwrap().cache, CacheState::Miss);
        assert_eq!(shop.calls(), 3);
    }
}

#[tokio::test]
async fn everything_has_the_time_to_live_of_its_kind() {
    let shop = Shop::new(true).await;
    let item: OrderId = {
        let item = json!({"name": "Mug", "code": "MUG"});
        shop.place
            .desk
            .put_inventory_item("101", item)
            .unwrap()
            .parse()
            .unwrap()
    };
    let (app, caller, store) = (&shop.place.app, &shop.caller, &shop.store);
    let list = async |listing| {
        app.list(caller, store, &Search::new(listing, 50, 0), NORMAL)
            .await
    };
    let someone = CustomerSearch::default()
        .with("email", "before@example.com")
        .unwrap();
    for (what, seconds) in [
        ("list", 15),
        ("item", 60),
        ("inventory", 60),
        ("customers", 300),
        ("settings", 3_600),
    ] {
        let ask = async || {
            let answer = match what {
                "list" => list(Listing::Orders).await,
                "item" => app.read_item(caller, store, &item, NORMAL).await,
                "inventory" => list(Listing::Inventory).await,
                "customers" => app.find_customers(caller, store, &someone, NORMAL).await,
                _ => app.store_settings(caller, store, NORMAL).await,
            };
            answer.unwrap().cache
        };
        assert_eq!(ask().await, CacheState::Miss, "{what}");
        shop.place.clock.advance(Duration::from_secs(seconds - 1));
        assert_eq!(ask().await, CacheState::Hit, "{what}");
        shop.place.clock.advance(Duration::from_secs(1));
        assert_eq!(ask().await, CacheState::Miss, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_who_ask_at_once_make_one_call() {
    let shop = Arc::new(Shop::new(false).await);
    let hold = shop
        .place
        .desk
        .hold(RequestKind::GetOrder, HoldPhase::BeforeAnswer);
    let askers: Vec<_> = (0..100)
        .map(|_| {
            let shop = Arc::clone(&shop);
            tokio::spawn(async move { shop.read(NORMAL).await.map(|reading| email(&reading)) })
        })
        .collect();
    assert!(shop.place.desk.wait_held(hold, 1, SOON).await);
    shop.place.desk.release(hold).unwrap();
    for asker in askers {
        assert_eq!(asker.await.unwrap().unwrap(), "before@example.com");
    }
    assert_eq!(shop.calls(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_who_wait_are_told_why_there_is_no_answer() {
    let shop = Arc::new(Shop::new(true).await);
    let hold = shop
        .place
        .desk
        .hold(RequestKind::GetOrder, HoldPhase::BeforeAnswer);
    let refusal = Fault::Reject {
        status: 400,
        message: "no".to_owned(),
    };
    shop.place.desk.fail_next(RequestKind::GetOrder, refusal);
    let askers: Vec<_> = (0..10)
        .map(|_| {
            let shop = Arc::clone(&shop);
            tokio::spawn(async move { shop.read(NORMAL).await.map(drop) })
        })
        .collect();
    eventually("somebody is on the way", SOON, async || shop.calls() >= 1).await;
    shop.place.desk.release(hold).unwrap();
    let mut refused = 0;
    for asker in askers {
        match asker.await.unwrap() {
            Err(ReadError::Rejected { status: 400, message }) => {
                assert!(message.is_some());
                refused += 1;
            }
            // Who came when the first call had ended made a second one.
            answer => assert!(answer.is_ok(), "{answer:?}"),
        }
    }
    assert!(refused >= 1);
}

#[tokio::test]
async fn a_stale_answer_stands_in_while_order_desk_is_away_and_not_for_ever() {
    for alone in [true, false] {
        let shop = Shop::new(alone).await;
        shop.read(NORMAL).await.unwrap();
        shop.place.desk.refuse_connections().await;
        shop.place.clock.advance(Duration::from_secs(16));
        let stale = shop.read(NORMAL).await.unwrap();
        assert_eq!(
            (stale.cache, stale.age),
            (CacheState::Stale, Duration::from_secs(16))
        );
        let insisted = shop.read(FRESH).await;
        assert!(
            matches!(insisted, Err(ReadError::Unavailable { .. })),
            "{insisted:?}"
        );
        shop.place.clock.advance(Duration::from_secs(73));
        assert_eq!(shop.read(NORMAL).await.unwrap().age, Duration::from_secs(89));
        shop.place.clock.advance(Duration::from_secs(1));
        let over = shop.read(NORMAL).await;
        assert!(matches!(over, Err(ReadError::Unavailable { .. })), "{over:?}");
    }
}

#[tokio::test]
async fn where_nobody_answers_stale_answers_cost_no_further_call_until_a_probe_is_due() {
    let shop = Shop::new(true).await;
    shop.read(NORMAL).await.unwrap();
    shop.place.clock.advance(Duration::from_secs(16));
    let rule = FaultRule::always(RequestKind::GetOrder, Fault::ResetBefore);
    shop.place.desk.set_faults(vec![rule]);
    for _ in 0..8 {
        assert_eq!(shop.read(NORMAL).await.unwrap().cache, CacheState::Stale);
    }
    assert_eq!(shop.calls(), 1 + 5, "five in a row were enough");
    let insisted = shop.read(FRESH).await;
    assert!(
        matches!(insisted, Err(ReadError::Unavailable { .. })),
        "{insisted:?}"
    );
    shop.place.clock.advance(Duration::from_secs(10));
    shop.place.desk.clear_faults();
    assert_eq!(
        shop.read(NORMAL).await.unwrap().cache,
        CacheState::Miss,
        "the probe"
    );
    assert_eq!(shop.read(FRESH).await.unwrap().cache, CacheState::Bypass);
}

#[tokio::test]
async fn what_order_desk_refuses_is_not_answered_from_before() {
    let shop = Shop::new(true).await;
    shop.read(NORMAL).await.unwrap();
    shop.place.clock.advance(Duration::from_secs(16));
    shop.place
        .desk
        .foreign_edit("101", shop.order.as_str(), Edit::Delete)
        .unwrap();
    assert!(matches!(shop.read(NORMAL).await, Err(ReadError::NotFound)));
}

#[tokio::test]
async fn an_empty_bucket_is_answered_from_before() {
    let shop = Shop::new(true).await;
    shop.read(NORMAL).await.unwrap();
    shop.place.clock.advance(Duration::from_secs(20));
    let Shop {
        place,
        caller,
        store,
        order,
        serving,
    } = shop;
    drop(serving);
    let _serving = place
        .queue
        .serve_grants(store.partition, Owner::reluctant(&[5_000]))
        .await;
    let stale = place
        .app
        .read_order(&caller, &store, &order, NORMAL)
        .await
        .unwrap();
    assert_eq!(stale.cache, CacheState::Stale);
}

/// The interleaving that puts an old order back: read, change, end of the change, and only then the answer.
async fn old_answer_arrives_late(shop: &Arc<Shop>, change: impl AsyncFnOnce()) {
    let hold = shop
        .place
        .desk
        .hold(RequestKind::GetOrder, HoldPhase::BeforeAnswer);
    let reader = {
        let shop = Arc::clone(shop);
        tokio::spawn(async move { shop.read(NORMAL).await.map(|reading| email(&reading)) })
    };
    assert!(shop.place.desk.wait_held(hold, 1, SOON).await);
    shop.edit();
    change().await;
    shop.place.desk.release(hold).unwrap();
    assert_eq!(reader.await.unwrap().unwrap(), "before@example.com");
    let next = shop.read(NORMAL).await.unwrap();
    assert_eq!(
        (next.cache, email(&next)),
        (CacheState::Miss, "after@example.com".to_owned())
    );
}

#[tokio::test]
async fn a_read_from_before_a_change_does_not_put_the_old_order_back_where_the_worker_raises() {
    let shop = Arc::new(Shop::new(true).await);
    old_answer_arrives_late(&shop, async || {
        let topic = cache::Topic::Order(shop.order.clone());
        let area = cache::Area::new(shop.store.tenant_id, shop.store.id, topic);
        shop.place.app.cache().raise(&[area]).await;
    })
    .await;
}

#[tokio::test]
async fn a_read_from_before_a_change_does_not_put_the_old_order_back_where_nobody_says_anything() {
    let shop = Arc::new(Shop::new(false).await);
    old_answer_arrives_late(&shop, async || shop.end_a_job().await).await;
}

#[tokio::test]
async fn of_several_processes_none_shows_the_old_order_once_the_end_is_recorded() {
    let shop = Shop::new(false).await;
    let other = shop.place.another_process();
    for app in [&shop.place.app, &other] {
        assert_eq!(shop.read_in(app, NORMAL).await.unwrap().cache, CacheState::Miss);
        assert_eq!(shop.read_in(app, NORMAL).await.unwrap().cache, CacheState::Hit);
        let page = Search::new(Listing::Orders, 5, 0);
        let list = app.list(&shop.caller, &shop.store, &page, NORMAL).await;
        assert_eq!(list.unwrap().cache, CacheState::Miss);
    }
    shop.edit();
    shop.end_a_job().await;
    for app in [&shop.place.app, &other] {
        let shown = shop.read_in(app, NORMAL).await.unwrap();
        assert_eq!(
            (shown.cache, email(&shown)),
            (CacheState::Miss, "after@example.com".to_owned())
        );
        let page = Search::new(Listing::Orders, 5, 0);
        let list = app.list(&shop.caller, &shop.store, &page, NORMAL).await;
        assert_eq!(list.unwrap().cache, CacheState::Miss);
    }
}

#[tokio::test]
async fn tenants_with_one_store_do_not_see_each_others_entries() {
    let shop = Shop::new(true).await;
    shop.read(NORMAL).await.unwrap();
    let (caller, store) = shop.place.store(OTHER_KEY).await;
    assert_eq!(store.store_id, shop.store.store_id);
    let theirs = shop
        .place
        .app
        .read_order(&caller, &store, &shop.order, NORMAL)
        .await
        .unwrap();
    assert_eq!(theirs.cache, CacheState::Miss);
    let stolen = shop
        .place
        .app
        .read_order(&caller, &shop.store, &shop.order, NORMAL)
        .await;
    assert!(
        matches!(stolen, Err(ReadError::StoreGone)),
        "though it is in the cache: {stolen:?}"
    );
}

#[tokio::test]
async fn a_deleted_store_is_found_no_more_here_at_once_and_elsewhere_soon() {
    let shop = Shop::new(false).await;
    let (here, there) = (&shop.place.app, shop.place.another_process());
    let draining = tokio_util::sync::CancellationToken::new();
    for app in [here, &there] {
        app.find_store_to_read(&shop.caller, "101").await.unwrap();
    }
    let patch = PatchStore {
        label: Some(Some("New".to_owned())),
        ..PatchStore::default()
    };
    here.patch_store(&shop.caller, &shop.store, patch, None)
        .await
        .unwrap();
    let seen = here.find_store_to_read(&shop.caller, "101").await.unwrap();
    assert_eq!(
        seen.label.as_deref(),
        Some("New"),
        "what this process did it sees at once"
    );
    let bus = tokio::spawn(there.start_bus(draining.clone()));
    there.find_store_to_read(&shop.caller, "101").await.unwrap();
    here.delete_store(&shop.caller, &shop.store, None).await.unwrap();
    let gone = here.find_store_to_read(&shop.caller, "101").await;
    assert!(matches!(gone, Err(FindStoreError::NotFound)), "{gone:?}");
    eventually("the other process has heard of it", SOON, async || {
        there.find_store_to_read(&shop.caller, "101").await.is_err()
    })
    .await;
    draining.cancel();
    bus.await.unwrap();
}

#[tokio::test]
async fn a_deletion_that_nobody_tells_is_noticed_within_half_a_second() {
    let shop = Shop::new(false).await;
    let there = shop.place.another_process();
    there.find_store_to_read(&shop.caller, "101").await.unwrap();
    shop.place
        .app
        .delete_store(&shop.caller, &shop.store, None)
        .await
        .unwrap();
    assert!(
        there.find_store_to_read(&shop.caller, "101").await.is_ok(),
        "not told"
    );
    shop.place.clock.advance(Duration::from_millis(500));
    assert!(there.find_store_to_read(&shop.caller, "101").await.is_err());
}
