//! Registering, finding, changing and removing stores.

use std::sync::Arc;
use std::time::Duration;

use app::{
    ChangeStoreError, Earlier, FindStoreError, Once, Outcome, PatchStore, RegisterError, StoredAnswer,
    SubmitError,
};
use domain::event::StorePaused;
use domain::store::{PauseReason, Store};
use futures::StreamExt;
use ledger::{Append, Meta};
use queue::{Queue, Subject};
use simulator::RequestKind;
use vault::ApiKey;

use crate::place::{KEY, OTHER_KEY, Place, key, note, registration};

fn once(text: &str, fingerprint: u8) -> Once<Store> {
    let render = |store: &Store| StoredAnswer {
        status: 201,
        body: store.id.to_string().into_bytes(),
    };
    Once {
        key: key(text, fingerprint),
        render: Arc::new(render),
    }
}

#[tokio::test]
async fn a_store_is_found_by_order_desks_id_by_ours_and_by_a_label_of_its_own() {
    let place = Place::new().await;
    let caller = place.caller(KEY).await;
    // The label of the second is the id of the first: ids go before labels.
    for (id, label) in [("101", "shop"), ("102", "101"), ("103", "twin"), ("104", "twin")] {
        let made = place
            .app
            .register_store(&caller, registration(id, Some(label)), false, None)
            .await;
        assert!(made.is_ok(), "{made:?}");
    }
    let caller = place.caller(KEY).await;
    let first = place.app.find_store(&caller, "101").await.unwrap();
    assert_eq!(
        (first.store_id.as_str(), first.label.as_deref()),
        ("101", Some("shop"))
    );
    assert_eq!(
        place
            .app
            .find_store(&caller, &first.id.to_string())
            .await
            .unwrap(),
        first
    );
    assert_eq!(place.app.find_store(&caller, "shop").await.unwrap(), first);
    assert!(matches!(
        place.app.find_store(&caller, "twin").await,
        Err(FindStoreError::Ambiguous)
    ));
    assert!(matches!(
        place.app.find_store(&caller, "Shop").await,
        Err(FindStoreError::NotFound)
    ));
}

#[tokio::test]
async fn a_store_is_registered_once_per_tenant_and_nobody_learns_of_anothers() {
    let place = Place::new().await;
    let (caller, mine) = place.store(KEY).await;
    let again = place
        .app
        .register_store(&caller, registration("101", None), false, None)
        .await;
    assert!(matches!(again, Err(RegisterError::Exists)));
    let (_, theirs) = place.store(OTHER_KEY).await;
    assert_ne!((mine.id, mine.tenant_id), (theirs.id, theirs.tenant_id));
    assert_eq!(mine.upstream_key, theirs.upstream_key, "they share the bucket");
    assert_eq!(mine.partition, domain::partition::of(&"101".parse().unwrap(), 64));
}

#[tokio::test]
async fn verifying_asks_order_desk_before_anything_is_written() {
    let place = Place::new().await;
    let caller = place.caller(KEY).await;
    let good = place
        .app
        .register_store(&caller, registration("101", None), true, None)
        .await;
    assert!(good.is_ok(), "{good:?}");
    assert_eq!(place.desk.counters().kind(RequestKind::Test).requests, 1);
    let caller = place.caller(KEY).await;
    let mut wrong = registration("102", None);
    wrong.api_key = ApiKey::parse("wrong").unwrap();
    let bad = place.app.register_store(&caller, wrong, true, None).await;
    assert!(matches!(bad, Err(RegisterError::CredentialsRejected)), "{bad:?}");
    assert_eq!(place.app.list_stores(&caller).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_repeated_registration_gets_the_first_ones_answer_and_another_one_is_a_clash() {
    let place = Place::new().await;
    let caller = place.caller(KEY).await;
    let first = place
        .app
        .register_store(&caller, registration("101", None), false, Some(once("k", 1)))
        .await
        .unwrap();
    let id = first.done().unwrap().id.to_string();
    // The caller's own view of itself does not matter: the first one is still provisional.
    for caller in [caller, place.caller(KEY).await] {
        let repeat = place
            .app
            .register_store(&caller, registration("101", None), true, Some(once("k", 1)))
            .await;
        let Ok(Outcome::Replayed(answer)) = repeat else {
            panic!("{repeat:?}")
        };
        assert_eq!(
            answer,
            StoredAnswer {
                status: 201,
                body: id.clone().into_bytes()
            }
        );
    }
    assert_eq!(
        place.desk.counters().total().requests,
        0,
        "a replay verifies nothing"
    );
    let caller = place.caller(KEY).await;
    let clash = place
        .app
        .register_store(&caller, registration("102", None), false, Some(once("k", 2)))
        .await;
    assert!(
        matches!(clash, Err(RegisterError::Denied(app::Denied::KeyReused))),
        "{clash:?}"
    );
    place.clock.advance(Duration::from_hours(24));
    let later = place
        .app
        .register_store(&caller, registration("102", None), false, Some(once("k", 2)))
        .await;
    assert!(
        matches!(later, Ok(Outcome::Done(_))),
        "the key is free after a day: {later:?}"
    );
}

#[tokio::test]
async fn a_twin_of_a_registration_that_is_being_verified_is_told_so() {
    let place = Place::new().await;
    let hold = place
        .desk
        .hold(RequestKind::Test, simulator::HoldPhase::BeforeAnswer);
    let caller = place.caller(KEY).await;
    let (app, first) = (place.app.clone(), caller.clone());
    let under_way = tokio::spawn(async move {
        app.register_store(&first, registration("101", None), true, Some(once("k", 1)))
            .await
    });
    assert!(place.desk.wait_held(hold, 1, crate::place::SOON).await);
    let twin = place
        .app
        .register_store(&caller, registration("101", None), true, Some(once("k", 1)))
        .await;
    assert!(
        matches!(twin, Err(RegisterError::Denied(app::Denied::InProgress))),
        "{twin:?}"
    );
    place.desk.release(hold).unwrap();
    assert!(matches!(under_way.await.unwrap(), Ok(Outcome::Done(_))));
    let repeat = place
        .app
        .register_store(&caller, registration("101", None), true, Some(once("k", 1)))
        .await;
    assert!(matches!(repeat, Ok(Outcome::Replayed(_))), "{repeat:?}");
}

#[tokio::test]
async fn concurrent_twins_without_verification_register_once_and_get_one_answer() {
    let place = Place::new().await;
    let (one, two) = (place.caller(KEY).await, place.caller(KEY).await);
    let (first, second) = tokio::join!(
        place
            .app
            .register_store(&one, registration("101", None), false, Some(once("k", 1))),
        place
            .app
            .register_store(&two, registration("101", None), false, Some(once("k", 1))),
    );
    let outcomes = [first.unwrap(), second.unwrap()];
    let done: Vec<_> = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, Outcome::Done(_)))
        .collect();
    assert_eq!(done.len(), 1, "{outcomes:?}");
    assert_eq!(place.count("store.registered.v1").await, 1);
}

#[tokio::test]
async fn a_patch_renames_rotates_and_pauses_in_one_commit_and_is_announced() {
    let place = Place::new().await;
    let (caller, store) = place.store(KEY).await;
    let mut announced = place.queue.announcements().await;
    let patch = PatchStore {
        label: Some(Some("shop".into())),
        api_key: Some(ApiKey::parse("other").unwrap()),
        paused: Some(true),
    };
    let patched = place
        .app
        .patch_store(&caller, &store, patch, None)
        .await
        .unwrap()
        .done()
        .unwrap();
    assert_eq!(
        (patched.label.as_deref(), patched.paused),
        (Some("shop"), Some(PauseReason::User))
    );
    assert_ne!(patched.upstream_key, store.upstream_key);
    assert_eq!(place.app.find_store(&caller, "101").await.unwrap(), patched);
    let news = tokio::time::timeout(crate::place::SOON, announced.next())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (news.position, news.subject),
        (patched.last_position, Subject::Store { store_id: store.id })
    );
    // Both the old and the new row can be opened: a worker may still hold the old one.
    place.app.seals().credentials(&store).await.unwrap();
    place.app.seals().credentials(&patched).await.unwrap();
    let bare = PatchStore {
        label: Some(None),
        ..PatchStore::default()
    };
    // Decided upon a row that is out of date, and right all the same.
    let bare = place
        .app
        .patch_store(&caller, &store, bare, None)
        .await
        .unwrap()
        .done()
        .unwrap();
    assert_eq!((bare.label, bare.paused), (None, Some(PauseReason::User)));
    let before = place.log().await.len();
    place
        .app
        .patch_store(&caller, &patched, PatchStore::default(), None)
        .await
        .unwrap();
    assert_eq!(
        place.log().await.len(),
        before,
        "a patch of nothing writes nothing"
    );
}

#[tokio::test]
async fn a_new_key_resumes_a_store_whose_old_one_was_rejected() {
    let place = Place::new().await;
    let (caller, store) = place.store(KEY).await;
    let mut append = Append::new(place.app.now(), Meta::default());
    let event = StorePaused {
        at: append.now,
        store_id: store.id,
        reason: PauseReason::CredentialsRejected,
    };
    let paused = append.store(&store, event, None);
    place.app.ledger().append(append).await.unwrap();
    place.clock.advance(Duration::from_secs(3));
    let patch = PatchStore {
        api_key: Some(ApiKey::parse("new").unwrap()),
        ..PatchStore::default()
    };
    let patched = place
        .app
        .patch_store(&caller, &paused, patch, None)
        .await
        .unwrap()
        .done()
        .unwrap();
    assert_eq!((patched.paused, patched.paused_ms), (None, 3_000));
}

#[tokio::test]
async fn a_deleted_store_is_gone_for_its_owner_and_takes_nothing_more() {
    let place = Place::new().await;
    let (caller, store) = place.store(KEY).await;
    let answer = Once {
        key: key("d", 9),
        render: Arc::new(|_| StoredAnswer {
            status: 204,
            body: vec![],
        }),
    };
    place
        .app
        .delete_store(&caller, &store, Some(answer.clone()))
        .await
        .unwrap();
    assert!(place.app.list_stores(&caller).await.unwrap().is_empty());
    for name in [store.store_id.as_str(), &store.id.to_string()] {
        let found = place.app.find_store(&caller, name).await;
        assert!(matches!(found, Err(FindStoreError::NotFound)), "{found:?}");
    }
    let late = place
        .app
        .submit(&caller, &store, vec![note("1", "late")], None)
        .await;
    assert!(matches!(late, Err(SubmitError::StoreGone)), "{late:?}");
    let again = place.app.delete_store(&caller, &store, None).await;
    assert!(matches!(again, Err(ChangeStoreError::NotFound)), "{again:?}");
    let repeat = place
        .app
        .delete_store(&caller, &store, Some(answer))
        .await
        .unwrap();
    assert!(matches!(
        repeat,
        Outcome::Replayed(StoredAnswer { status: 204, .. })
    ));
    let earlier = place.app.idempotent_lookup(&caller, &key("d", 9)).await.unwrap();
    assert!(
        matches!(earlier, Some(Earlier::Answer(StoredAnswer { status: 204, .. }))),
        "{earlier:?}"
    );
    let (_, anew) = place.store(KEY).await;
    assert_ne!(anew.id, store.id, "it can be registered again");
}

#[tokio::test]
async fn another_tenant_can_neither_see_nor_change_a_store() {
    let place = Place::new().await;
    let (_, store) = place.store(KEY).await;
    let stranger = place.caller(OTHER_KEY).await;
    let made = place
        .app
        .register_store(&stranger, registration("102", None), false, None)
        .await;
    assert!(made.is_ok());
    for stranger in [stranger, place.caller(OTHER_KEY).await] {
        assert!(
            place
                .app
                .list_stores(&stranger)
                .await
                .unwrap()
                .iter()
                .all(|other| other.id != store.id)
        );
        for name in ["101", &store.id.to_string()] {
            assert!(matches!(
                place.app.find_store(&stranger, name).await,
                Err(FindStoreError::NotFound)
            ));
        }
        let patch = PatchStore {
            paused: Some(true),
            ..PatchStore::default()
        };
        let patched = place.app.patch_store(&stranger, &store, patch, None).await;
        assert!(matches!(patched, Err(ChangeStoreError::NotFound)));
        let deleted = place.app.delete_store(&stranger, &store, None).await;
        assert!(matches!(deleted, Err(ChangeStoreError::NotFound)));
        let status = place.app.store_status(&stranger, &store).await;
        assert!(matches!(status, Err(FindStoreError::NotFound)));
        let submitted = place
            .app
            .submit(&stranger, &store, vec![note("1", "mine")], None)
            .await;
        assert!(matches!(submitted, Err(SubmitError::StoreGone)));
    }
    assert_eq!(place.count("job.submitted.v1").await, 0);
}

#[tokio::test]
async fn the_status_of_a_store_counts_its_jobs() {
    let place = Place::new().await;
    let (caller, store) = place.store(KEY).await;
    let idle = place.app.store_status(&caller, &store).await.unwrap();
    assert_eq!(
        (idle.queued, idle.running, idle.oldest_wait_ms, idle.eta),
        (0, 0, None, None)
    );
    let first = place.submit(&caller, &store, note("1", "a")).await;
    place.submit(&caller, &store, note("2", "b")).await;
    place.begin(&first).await;
    place.clock.advance(Duration::from_secs(2));
    let busy = place.app.store_status(&caller, &store).await.unwrap();
    assert_eq!((busy.queued, busy.running), (1, 1));
    assert_eq!(busy.oldest_wait_ms, Some(2_000));
    assert!(busy.eta.is_some());
}
