//! Commands: what is accepted, sealed, repeated and refused.

use std::time::Duration;

use app::payload::JobBody;
use app::{Denied, Earlier, ItemError, Purpose, Submission, SubmitError};
use domain::job::{JobClass, JobStatus, Priority};
use domain::order::{CommandKind, FieldCode, Mutation};
use futures::StreamExt;
use queue::{Queue, Subject};
use serde_json::json;

use crate::place::{KEY, OTHER_KEY, Place, SOON, command, key, note};

fn invalid(result: Result<app::Submitted, SubmitError>) -> Vec<(usize, bool, String, FieldCode)> {
    let Err(SubmitError::Invalid(errors)) = result else {
        panic!("{result:?}")
    };
    errors
        .into_iter()
        .map(
            |ItemError {
                 index,
                 in_body,
                 error,
             }| (index, in_body, error.pointer, error.code),
        )
        .collect()
}

#[tokio::test]
async fn a_command_becomes_a_durable_job_whose_body_opens_only_as_itself() {
    let place = Place::new().await;
    let (caller, store) = place.store(KEY).await;
    place.app.create_callback_secret(&caller, None).await.unwrap();
    let mut submission = note("4312", "Call first");
    submission.priority = Priority::High;
    submission.strict = true;
    submission.callback_url = Some("https://example.com/done".into());
    submission.if_match = Some("\"tag\"".parse().unwrap());
    let job = place.submit(&caller, &store, submission).await;
    assert_eq!(
        place.app.ledger().job(job.id).await.unwrap().unwrap(),
        job,
        "what is answered is what is kept"
    );
    assert_eq!(
        (job.status, job.kind, job.class),
        (JobStatus::Queued, CommandKind::OrderAddNote, JobClass::Shared)
    );
    assert_eq!(
        (job.lane.as_str(), job.priority, job.strict, job.has_callback),
        ("order:4312", Priority::High, true, true)
    );
    assert_eq!(
        (job.due_at, job.run_at, job.max_attempts),
        (place.app.now(), None, 8)
    );
    assert_eq!(job.deadline_at, place.app.now().plus(Duration::from_hours(24)));
    assert_eq!((job.partition, job.key_id), (store.partition, caller.key_id));
    assert_eq!(
        (job.if_match.as_deref(), &job.request_id),
        (Some("\"tag\""), &caller.request_id)
    );

    let seals = place.app.seals();
    let sealed = job.body.clone().unwrap();
    let body: JobBody = seals
        .open_json(job.tenant_id, Purpose::JobBody, job.id.0, &sealed)
        .await
        .unwrap();
    let Mutation::AddNote {
        content, date_added, ..
    } = body.mutation
    else {
        panic!("a note")
    };
    assert_eq!(
        (content.as_str(), date_added),
        ("Call first", place.app.now().to_order_desk())
    );
    assert_eq!(body.callback_url.as_deref(), Some("https://example.com/done"));
    assert!(
        seals
            .open(job.tenant_id, Purpose::JobOutcome, job.id.0, &sealed)
            .await
            .is_err()
    );
    assert!(
        seals
            .open(job.tenant_id, Purpose::JobBody, store.id.0, &sealed)
            .await
            .is_err()
    );
    assert!(
        seals
            .open(store.id.0.into(), Purpose::JobBody, job.id.0, &sealed)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn one_data_key_seals_all_records_of_an_order_and_its_loss_is_noticed() {
    let place = Place::new().await;
    let (caller, store) = place.store(KEY).await;
    let key_of =
        |job: &domain::job::Job| vault::sealed_key_id(job.body.as_ref().unwrap().as_bytes()).unwrap();
    let first = place.submit(&caller, &store, note("1", "a")).await;
    let second = place.submit(&caller, &store, note("1", "b")).await;
    let other = place.submit(&caller, &store, note("2", "c")).await;
    assert_eq!(key_of(&first), key_of(&second));
    assert_ne!(key_of(&first), key_of(&other));
    // Erased behind the back of this process, which remembers the key.
    let mut append = ledger::Append::new(place.app.now(), ledger::Meta::default());
    append
        .destroy_keys
        .push(ledger::DestroyKeys::Order(store.id, "1".parse().unwrap()));
    place.app.ledger().append(append).await.unwrap();
    let third = place.submit(&caller, &store, note("1", "d")).await;
    assert_ne!(
        key_of(&third),
        key_of(&first),
        "nothing is sealed under a key that is gone"
    );
    place.app.seals().forget_key(key_of(&first).into()).await;
    let opened = place
        .app
        .seals()
        .open(
            first.tenant_id,
            Purpose::JobBody,
            first.id.0,
            first.body.as_ref().unwrap(),
        )
        .await;
    assert!(matches!(opened, Err(app::SealError::KeyGone)));
}

#[tokio::test]
async fn lanes_and_classes_follow_from_the_command() {
    let place = Place::new().await;
    let (caller, store) = place.store(KEY).await;
    let lane = async |submission: Submission| {
        let job = place.submit(&caller, &store, submission).await;
        (job.lane.replace(&job.id.to_string(), "JOB"), job.class)
    };
    let order = |source: serde_json::Value| {
        let body = json!({"source_id": source, "order_items": [{"name": "Mug", "price": 1, "quantity": 1}]});
        command(CommandKind::OrderCreate, None, body)
    };
    let (one, class) = lane(order(json!("jane@example.com"))).await;
    assert!(one.starts_with("source:") && !one.contains("jane"), "{one}");
    assert_eq!(class, JobClass::Alone);
    assert_eq!(lane(order(json!("jane@example.com"))).await.0, one);
    assert_ne!(lane(order(json!("A-1"))).await.0, one);
    assert_eq!(
        lane(order(json!(""))).await,
        ("create:JOB".into(), JobClass::Alone)
    );
    let long = lane(order(json!("x".repeat(5_000)))).await.0;
    assert!(long.starts_with("source:") && long.len() < 100, "{long}");
    // Text that no database column would take.
    lane(order(json!("a\u{0}b"))).await;
    let folder = command(CommandKind::OrderMoveFolder, Some("7"), json!({"folder_id": 2}));
    assert_eq!(lane(folder).await, ("order:7".into(), JobClass::Last));
    let item = command(CommandKind::InventoryUpdate, Some("7"), json!({"stock": 3}));
    assert_eq!(lane(item).await.0, "item:7");
}

#[tokio::test]
async fn a_time_ahead_is_kept_one_in_the_past_means_now_and_one_too_far_is_refused() {
    let place = Place::new().await;
    let (caller, store) = place.store(KEY).await;
    let at = |run_at| Submission {
        run_at: Some(run_at),
        ..note("1", "x")
    };
    let now = place.app.now();
    let hour = now.plus(Duration::from_hours(1));
    let later = place.submit(&caller, &store, at(hour)).await;
    assert_eq!((later.run_at, later.due_at), (Some(hour), hour));
    assert_eq!(later.deadline_at, hour.plus(Duration::from_hours(24)));
    let past = place
        .submit(&caller, &store, at(now.minus(Duration::from_hours(1))))
        .await;
    assert_eq!((past.run_at, past.due_at), (None, now));
    let far = place
        .app
        .submit(
            &caller,
            &store,
            vec![at(now.plus(Duration::from_hours(24 * 367)))],
            None,
        )
        .await;
    assert_eq!(
        invalid(far),
        [(0, false, "/run_at".into(), FieldCode::FieldInvalid)]
    );
}

#[tokio::test]
async fn a_batch_is_accepted_whole_or_not_at_all_with_every_error_told() {
    let place = Place::new().await;
    let (caller, store) = place.store(KEY).await;
    let bad = vec![
        note("1", "fine"),
        command(
            CommandKind::OrderAddNote,
            Some("2"),
            json!({"note": 5, "colour": "red"}),
        ),
        command(CommandKind::OrderAddNote, None, json!({"note": "to whom"})),
        Submission {
            callback_url: Some("ftp://example.com".into()),
            ..note("3", "x")
        },
    ];
    let mut errors = invalid(place.app.submit(&caller, &store, bad, None).await);
    errors.sort_by(|a, b| (a.0, &a.2).cmp(&(b.0, &b.2)));
    assert_eq!(
        errors,
        [
            (1, true, "/colour".into(), FieldCode::FieldUnknown),
            (1, true, "/note".into(), FieldCode::FieldInvalid),
            (2, false, "/order_id".into(), FieldCode::FieldMissing),
            (3, false, "/callback_url".into(), FieldCode::FieldInvalid),
        ]
    );
    assert_eq!(place.count("job.submitted.v1").await, 0);
    for wrong in [vec![], vec![note("1", "x"); app::MAX_BATCH + 1]] {
        let errors = invalid(place.app.submit(&caller, &store, wrong, None).await);
        assert_eq!(errors[0].3, FieldCode::LimitExceeded);
    }

    let good: Vec<_> = (0..app::MAX_BATCH)
        .map(|n| note(&(n % 7 + 1).to_string(), &n.to_string()))
        .collect();
    let submitted = place.app.submit(&caller, &store, good, None).await.unwrap();
    let positions: Vec<u64> = submitted.jobs.iter().map(|job| job.position).collect();
    assert!(
        positions.windows(2).all(|pair| pair[1] == pair[0] + 1),
        "in request order, without a gap"
    );
    let kept = place
        .app
        .ledger()
        .job(submitted.jobs[999].id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(kept, submitted.jobs[999]);
}

#[tokio::test]
async fn a_repeat_gets_the_same_job_as_it_is_now_and_another_request_is_a_clash() {
    let place = Place::new().await;
    let (caller, store) = place.store(KEY).await;
    let submit = async |text: &str, idempotency| {
        place
            .app
            .submit(&caller, &store, vec![note("1", text)], Some(idempotency))
            .await
    };
    let first = submit("a", key("k", 1)).await.unwrap();
    assert!(!first.replayed);
    let running = place.begin(&first.jobs[0]).await;
    let repeat = submit("a", key("k", 1)).await.unwrap();
    assert!(repeat.replayed);
    assert_eq!(
        (repeat.jobs[0].id, repeat.jobs[0].status),
        (running.id, JobStatus::Running)
    );
    let clash = submit("b", key("k", 2)).await;
    assert!(
        matches!(clash, Err(SubmitError::Denied(Denied::KeyReused))),
        "{clash:?}"
    );
    assert_eq!(place.count("job.submitted.v1").await, 1);

    let earlier = place.app.idempotent_lookup(&caller, &key("k", 1)).await.unwrap();
    let Some(Earlier::Jobs(jobs)) = earlier else {
        panic!("{earlier:?}")
    };
    assert_eq!(jobs[0].id, running.id);
    let stranger = place.store(OTHER_KEY).await.0;
    assert!(
        place
            .app
            .idempotent_lookup(&stranger, &key("k", 1))
            .await
            .unwrap()
            .is_none(),
        "keys belong to tenants"
    );
}

#[tokio::test]
async fn twenty_concurrent_twins_make_one_job() {
    let place = Place::new().await;
    let (caller, store) = place.store(KEY).await;
    let twins = (0..20).map(|_| {
        place
            .app
            .submit(&caller, &store, vec![note("1", "a")], Some(key("k", 1)))
    });
    let submitted: Vec<_> = futures::future::join_all(twins)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    assert!(
        submitted
            .iter()
            .all(|one| one.jobs[0].id == submitted[0].jobs[0].id)
    );
    assert_eq!(submitted.iter().filter(|one| !one.replayed).count(), 1);
    assert_eq!(place.count("job.submitted.v1").await, 1);
}

#[tokio::test]
async fn a_repeated_item_of_a_batch_returns_its_job_and_a_clash_refuses_the_batch() {
    let place = Place::new().await;
    let (caller, store) = place.store(KEY).await;
    let item = |order: &str, text: &str, fingerprint| Submission {
        idempotency_key: Some(text.to_owned()),
        fingerprint: [fingerprint; 32],
        ..note(order, text)
    };
    let single = place
        .app
        .submit(&caller, &store, vec![note("1", "s")], Some(key("single", 9)))
        .await
        .unwrap();
    let first = place
        .app
        .submit(&caller, &store, vec![item("1", "a", 1)], None)
        .await
        .unwrap();
    let batch = vec![
        item("2", "b", 2),
        item("1", "a", 1),
        item("1", "single", 9),
        item("2", "b", 2),
    ];
    let second = place
        .app
        .submit(&caller, &store, batch, Some(key("whole", 5)))
        .await
        .unwrap();
    let ids: Vec<_> = second.jobs.iter().map(|job| job.id).collect();
    assert_eq!(
        (ids[1], ids[2], ids[3]),
        (first.jobs[0].id, single.jobs[0].id, ids[0])
    );
    assert_eq!(place.count("job.submitted.v1").await, 3);
    let again = place
        .app
        .submit(&caller, &store, vec![note("2", "b")], Some(key("whole", 5)))
        .await
        .unwrap();
    assert!(again.replayed);
    assert_eq!(again.jobs.iter().map(|job| job.id).collect::<Vec<_>>(), ids);

    for clash in [
        vec![note("3", "new"), item("1", "a", 7)],
        vec![item("3", "c", 1), item("3", "c", 2)],
        vec![item("3", "c", 1), item("1", "whole", 5)],
    ] {
        let refused = place.app.submit(&caller, &store, clash, None).await;
        assert!(
            matches!(&refused, Err(SubmitError::ItemKeyReused(at)) if *at == [1]),
            "{refused:?}"
        );
    }
    let same = place
        .app
        .submit(&caller, &store, vec![item("3", "z", 1)], Some(key("z", 1)))
        .await;
    assert!(matches!(same, Err(SubmitError::ItemKeyReused(_))), "{same:?}");
    assert_eq!(place.count("job.submitted.v1").await, 3);
}

#[tokio::test]
async fn a_caller_who_goes_away_changes_nothing_about_the_commit_nor_about_who_is_told() {
    let place = Place::new().await;
    let (caller, store) = place.store(KEY).await;
    let mut hints = place.queue.hints(store.partition).await;
    tokio::time::timeout(SOON, hints.next()).await.unwrap().unwrap();
    let mut announced = place.queue.announcements().await;
    let mut calls = 0;
    let position = loop {
        calls += 1;
        assert!(calls < 100, "every call was answered before it could be dropped");
        let before = place.app.ledger().head().await.unwrap().position;
        let mut call = Box::pin(place.app.submit(&caller, &store, vec![note("1", "a")], None));
        let dropped = loop {
            // Ready already: its answer was as fast as our look at the ledger. Another try.
            if futures::poll!(&mut call).is_ready() {
                break None;
            }
            let position = place.app.ledger().head().await.unwrap().position;
            if position > before {
                break Some(position);
            }
        };
        drop(call);
        if let Some(position) = dropped {
            break position;
        }
    };
    let told = async {
        while let Some(hint) = hints.next().await
            && hint.position < position
        {}
    };
    tokio::time::timeout(SOON, told).await.expect("the owner is told");
    for _ in 0..calls {
        let news = tokio::time::timeout(SOON, announced.next())
            .await
            .unwrap()
            .unwrap();
        assert!(
            matches!(news.subject, Subject::Job { ended: false, .. }),
            "{news:?}"
        );
    }
    assert_eq!(place.count("job.submitted.v1").await, calls);
}

#[tokio::test]
async fn errors_of_a_large_batch_are_cut_off() {
    let place = Place::new().await;
    let (caller, store) = place.store(KEY).await;
    let bad = |n: usize| command(CommandKind::OrderAddNote, Some("1"), json!({"note": n}));
    let batch = (0..1000).map(bad).collect();
    let errors = invalid(place.app.submit(&caller, &store, batch, None).await);
    assert!((100..=200).contains(&errors.len()), "{}", errors.len());
}
