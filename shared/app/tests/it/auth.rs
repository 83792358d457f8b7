//! Keys, and tenants that come into being with their first change.

use std::time::Duration;

use app::{
    AddKeyError, AuthError, Caller, Denied, NewKey, RegisterError, RevokeKeyError, SubmitError, TenantRef,
};
use domain::KeyId;
use domain::event::KeyAdded;
use domain::tenant::Key;
use ledger::view::ViewRow;
use ledger::{Append, Expected, Meta, NewEvent, Stream};
use testkit::eventually;

use crate::place::{KEY, OTHER_KEY, Place, master, note, pool, registration, tenant};

#[tokio::test]
async fn an_unknown_key_is_an_empty_tenant_until_its_first_change() {
    let place = Place::new().await;
    let caller = place.caller(KEY).await;
    assert!(matches!(caller.tenant, TenantRef::Provisional(_)));
    assert!(place.app.list_stores(&caller).await.unwrap().is_empty());
    assert!(
        place
            .app
            .jobs(&caller, &app::JobQuery::default())
            .await
            .unwrap()
            .jobs
            .is_empty()
    );
    assert!(place.log().await.is_empty(), "reading writes nothing");

    let (caller, store) = place.store(KEY).await;
    assert_eq!(tenant(&caller), store.tenant_id);
    let log = place.log().await;
    let types: Vec<_> = log.iter().map(|event| event.type_name.as_str()).collect();
    assert_eq!(
        types,
        ["tenant.created.v1", "tenant.key_added.v1", "store.registered.v1"]
    );
    assert!(
        log.iter().all(|event| event.meta().key_id == caller.key_id),
        "the new key is the actor"
    );
}

#[tokio::test]
async fn a_refused_first_change_writes_no_tenant() {
    let place = Place::new().await;
    let caller = place.caller(KEY).await;
    let mut wrong = registration("101", None);
    wrong.api_key = vault::ApiKey::parse("wrong").unwrap();
    let refused = place.app.register_store(&caller, wrong, true, None).await;
    assert!(
        matches!(refused, Err(RegisterError::CredentialsRejected)),
        "{refused:?}"
    );
    assert!(place.log().await.is_empty());
}

#[tokio::test]
async fn a_short_key_and_any_unknown_one_without_provisioning_open_nothing() {
    let place = Place::new().await;
    assert!(matches!(
        place.app.authenticate(&master("short")).await,
        Err(AuthError::Unknown)
    ));
    let place = Place::with(|config| config.auto_provision = false).await;
    assert!(matches!(
        place.app.authenticate(&master(KEY)).await,
        Err(AuthError::Unknown)
    ));
}

#[tokio::test]
async fn two_first_changes_with_one_key_make_one_tenant() {
    let place = Place::new().await;
    let (one, two) = (place.caller(KEY).await, place.caller(KEY).await);
    let (first, second) = tokio::join!(
        place
            .app
            .register_store(&one, registration("101", None), false, None),
        place
            .app
            .register_store(&two, registration("102", None), false, None),
    );
    let (first, second) = (first.unwrap().done().unwrap(), second.unwrap().done().unwrap());
    assert_eq!(first.tenant_id, second.tenant_id);
    assert_eq!(place.count("tenant.created.v1").await, 1);
    assert_eq!(
        place
            .app
            .list_stores(&place.caller(KEY).await)
            .await
            .unwrap()
            .len(),
        2
    );
}

fn a_new_key() -> NewKey {
    NewKey {
        label: "second".to_owned(),
        expires_at: None,
    }
}

async fn second_key(place: &Place, caller: &Caller) -> Caller {
    let added = place.app.add_key(caller, &a_new_key(), None).await;
    let secret = added.unwrap().done().unwrap().secret;
    place.caller(secret.expose()).await
}

#[tokio::test]
async fn a_revoked_key_is_refused_at_once_here_and_soon_by_those_who_hear_nothing_of_it() {
    let place = Place::new().await;
    let (caller, _) = place.store(KEY).await;
    let deaf = place.another_process();
    assert!(deaf.authenticate(&master(KEY)).await.is_ok());
    let second = second_key(&place, &caller).await;
    assert_eq!(tenant(&second), tenant(&caller));

    let first = caller.key_id.unwrap();
    place.app.revoke_key(&second, first, None).await.unwrap();
    for _ in 0..2 {
        let refused = place.app.authenticate(&master(KEY)).await;
        assert!(
            matches!(refused, Err(AuthError::KeyRevoked)),
            "it makes no tenant again"
        );
    }
    eventually("the key is refused", Duration::from_secs(10), async || {
        matches!(deaf.authenticate(&master(KEY)).await, Err(AuthError::KeyRevoked))
    })
    .await;
    assert!(deaf.authenticate(&second.key).await.is_ok());
}

#[tokio::test]
async fn of_two_keys_that_revoke_each_other_one_stays() {
    let place = Place::new().await;
    let (one, _) = place.store(KEY).await;
    let two = second_key(&place, &one).await;
    let (first, second) = (one.key_id.unwrap(), two.key_id.unwrap());
    let (a, b) = tokio::join!(
        place.app.revoke_key(&one, second, None),
        place.app.revoke_key(&two, first, None)
    );
    let lost = if a.is_ok() { &b } else { &a };
    assert!(a.is_ok() != b.is_ok(), "{a:?} {b:?}");
    assert!(
        matches!(lost, Err(RevokeKeyError::LastLive | RevokeKeyError::Denied(_))),
        "{lost:?}"
    );
    let keys = place.app.keys(&one).await.unwrap();
    let live = keys.iter().filter(|key| key.is_live(place.app.now())).count();
    assert_eq!(live, 1);
}

#[tokio::test]
async fn a_key_is_refused_from_the_moment_it_expires() {
    let place = Place::new().await;
    let (caller, _) = place.store(KEY).await;
    let added = KeyAdded {
        at: place.app.now(),
        tenant_id: tenant(&caller),
        key_id: KeyId(uuid::Uuid::now_v7()),
        lookup: hex::encode(place.app.keyring().lookup_hash(&master(OTHER_KEY))),
        phc: pool().hash(&master(OTHER_KEY), [7; 16]).await.unwrap(),
        label: None,
        expires_at: Some(place.app.now().plus(Duration::from_secs(10))),
    };
    let mut append = Append::new(place.app.now(), Meta::default());
    let key = Key::added(&added);
    let index = append.event(NewEvent {
        stream: Stream::Tenant(added.tenant_id),
        expected: Expected::Any,
        event: added.into(),
        sealed: None,
        tenant_id: key.tenant_id,
        store_id: None,
        order_id: None,
        job_id: None,
    });
    append.view(ViewRow::Key(Box::new(key)), index);
    place.app.ledger().append(append).await.unwrap();

    place.clock.advance(Duration::from_millis(9_999));
    assert_eq!(tenant(&place.caller(OTHER_KEY).await), tenant(&caller));
    place.clock.advance(Duration::from_millis(1));
    let expired = place.app.authenticate(&master(OTHER_KEY)).await;
    assert!(
        matches!(expired, Err(AuthError::KeyRevoked)),
        "although its proof is remembered"
    );
}

#[tokio::test]
async fn the_keys_of_an_erased_tenant_are_refused_and_its_calls_change_nothing() {
    let place = Place::new().await;
    let (caller, store) = place.store(KEY).await;
    place.app.delete_tenant(&caller).await.unwrap();
    let late = place
        .app
        .submit(&caller, &store, vec![note("1", "after")], None)
        .await;
    assert!(
        matches!(late, Err(SubmitError::Denied(Denied::KeyRevoked))),
        "{late:?}"
    );
    let again = place.app.add_key(&caller, &a_new_key(), None).await;
    assert!(
        matches!(again, Err(AddKeyError::Denied(Denied::KeyRevoked))),
        "{again:?}"
    );
    for app in [&place.app, &place.another_process()] {
        let refused = app.authenticate(&master(KEY)).await;
        assert!(matches!(refused, Err(AuthError::KeyRevoked)), "{refused:?}");
    }
}
