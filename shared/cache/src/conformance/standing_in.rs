//! Old answers for want of new ones.

use std::time::Duration;

use super::place::version;
use super::{Failure, Fixture, Place, Source};
use crate::State;

/// A cache that has an answer of this age, and an Order Desk that fails.
async fn old(fixture: &dyn Fixture, age: Duration, failure: Failure) -> (Place, Source) {
    let (place, source) = (Place::over(fixture.open().await), Source::open());
    place.read(&source).await.unwrap();
    place.advance(age);
    source.fail(failure);
    (place, source)
}

pub async fn an_old_answer_stands_in_while_nothing_else_can_be_had(fixture: &dyn Fixture) {
    let age = Duration::from_millis(89_999);
    let (place, source) = old(fixture, age, Failure::Away).await;
    let read = place.read(&source).await.unwrap();
    assert_eq!((version(&read), read.state, read.age), (1, State::Stale, age));
    assert_eq!(source.begun(), 2);
    source.fail(None);
    assert_eq!(place.shows(&source).await, (1, State::Miss));
}

pub async fn an_answer_that_is_too_old_does_not_stand_in(fixture: &dyn Fixture) {
    let (place, source) = old(fixture, Duration::from_secs(90), Failure::Away).await;
    assert_eq!(place.read(&source).await, Err(Failure::Away));
}

pub async fn an_error_that_is_an_answer_is_shown(fixture: &dyn Fixture) {
    let (place, source) = old(fixture, Duration::from_secs(20), Failure::NotFound).await;
    assert_eq!(place.read(&source).await, Err(Failure::NotFound));
}

pub async fn nothing_stands_in_after_a_raise(fixture: &dyn Fixture) {
    let (place, source) = old(fixture, Duration::from_secs(20), Failure::Away).await;
    place.raise().await;
    assert_eq!(place.read(&source).await, Err(Failure::Away));
}

pub async fn nothing_stands_in_for_a_caller_who_insists(fixture: &dyn Fixture) {
    let (place, source) = old(fixture, Duration::from_secs(20), Failure::Away).await;
    assert_eq!(place.insist(&source).await, Err(Failure::Away));
}
