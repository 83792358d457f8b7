//! The appender over a real database.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use super::{Fixture, audit, sample};
use crate::{AppendError, AppenderConfig, Guard, Ledger, Refusal};

const DEADLINE: Duration = Duration::from_mins(1);

pub async fn hundreds_of_appends_at_once_all_land(fixture: &dyn Fixture) {
    let ledger = Ledger::start(fixture.open().await, AppenderConfig::default());
    let place = sample::place(&*ledger).await;
    let mut callers = Vec::new();
    for n in 0..400 {
        let (ledger, store) = (ledger.clone(), place.store.clone());
        callers.push(tokio::spawn(async move {
            let (append, job) = sample::submit(&store, Some("1"), sample::at(n));
            (ledger.append(append).await.unwrap(), job)
        }));
    }
    let mut positions = Vec::new();
    for caller in callers {
        let (appended, job) = caller.await.unwrap();
        assert_eq!(appended.first, appended.last);
        assert_eq!(
            ledger.job(job.id).await.unwrap().unwrap().position,
            appended.first
        );
        positions.push(appended.first);
    }
    positions.sort_unstable();
    assert_eq!(positions, (4..404).collect::<Vec<u64>>());
    audit::whole(&*ledger).await;
}

pub async fn an_append_that_is_refused_fails_alone(fixture: &dyn Fixture) {
    let ledger = Ledger::start(fixture.open().await, AppenderConfig::default());
    let place = sample::place(&*ledger).await;
    let mut callers = Vec::new();
    for n in 0..90 {
        let (ledger, store) = (ledger.clone(), place.store.clone());
        callers.push(tokio::spawn(async move {
            let (append, _) = sample::submit(&store, Some("1"), sample::at(n));
            let id = if n % 3 == 0 { sample::id() } else { store.id };
            (n, ledger.append(append.guard(Guard::StoreOpen(id))).await)
        }));
    }
    for caller in callers {
        match caller.await.unwrap() {
            (n, Ok(_)) => assert_ne!(n % 3, 0),
            (n, Err(AppendError::Refused(refusal))) => {
                assert_eq!((n % 3, refusal), (0, Refusal::StoreGone));
            }
            (_, Err(error)) => panic!("{error}"),
        }
    }
    assert_eq!(audit::whole(&*ledger).await.jobs.len(), 60);
}

pub async fn an_append_that_breaks_the_database_fails_alone(fixture: &dyn Fixture) {
    let ledger = Ledger::start(fixture.open().await, AppenderConfig::default());
    let place = sample::place(&*ledger).await;
    let twin = sample::data_key(place.tenant.id, &place.store, None, sample::at(1));
    let mut callers = Vec::new();
    for n in 0..40 {
        let (ledger, store, twin) = (ledger.clone(), place.store.clone(), twin.clone());
        callers.push(tokio::spawn(async move {
            let (mut append, _) = sample::submit(&store, Some("1"), sample::at(n));
            if n == 20 {
                // No guard foresees a data key that is there twice.
                append.data_keys.extend([twin.clone(), twin]);
            }
            (n, ledger.append(append).await)
        }));
    }
    for caller in callers {
        let (n, result) = caller.await.unwrap();
        if n == 20 {
            assert!(matches!(result, Err(AppendError::Failed(_))), "{result:?}");
        } else {
            result.unwrap();
        }
    }
    assert_eq!(ledger.data_key(twin.id).await.unwrap(), None);
    assert_eq!(audit::whole(&*ledger).await.jobs.len(), 39);
}

pub async fn a_caller_that_goes_away_changes_nothing(fixture: &dyn Fixture) {
    let ledger = Ledger::start(fixture.open().await, AppenderConfig::default());
    let place = sample::place(&*ledger).await;
    let told = Arc::new(AtomicU64::new(0));
    for n in 0..50 {
        let (append, _) = sample::submit(&place.store, Some("1"), sample::at(n));
        let count = Arc::clone(&told);
        let waiting = ledger.append_then(append, move |appended| {
            assert!(appended.first > 3);
            count.fetch_add(1, Ordering::SeqCst);
        });
        // Polled once, so that it is handed in, and dropped. On a busy machine the other thread may have ended it by then.
        let mut waiting = Box::pin(waiting);
        if let Poll::Ready(appended) = futures::poll!(waiting.as_mut()) {
            appended.unwrap();
        }
    }
    let started = Instant::now();
    while told.load(Ordering::SeqCst) < 50 {
        assert!(started.elapsed() < DEADLINE, "{told:?} of 50 were told");
        tokio::task::yield_now().await;
    }
    assert_eq!(audit::whole(&*ledger).await.jobs.len(), 50);
}

pub async fn closing_waits_for_what_was_handed_in(fixture: &dyn Fixture) {
    let ledger = Ledger::start(
        fixture.open().await,
        AppenderConfig {
            max_appends: 3,
            ..AppenderConfig::default()
        },
    );
    let place = sample::place(&*ledger).await;
    let mut waiting = Vec::new();
    for n in 0..30 {
        let (append, _) = sample::submit(&place.store, Some("1"), sample::at(n));
        let mut append = Box::pin(ledger.append(append));
        // On a busy machine the other thread may have ended it by then.
        match futures::poll!(append.as_mut()) {
            Poll::Ready(appended) => drop(appended.unwrap()),
            Poll::Pending => waiting.push(append),
        }
    }
    ledger.close().await;
    for append in waiting {
        append.await.unwrap();
    }
    let (late, _) = sample::submit(&place.store, Some("1"), sample::at(99));
    assert!(matches!(ledger.append(late).await, Err(AppendError::Closed)));
    assert_eq!(audit::whole(&*ledger).await.jobs.len(), 30);
}
