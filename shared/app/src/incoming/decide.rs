//! What an image of an order, sent by others, tells.

use domain::order::check::Difference;
use domain::order::diff::diff;
use domain::order::{ETag, OrderDoc, Verdict, fields, judge, patch};

/// The last image on record, and how it came about.
pub(super) struct Last {
    pub image: OrderDoc,
    /// The update of ours that made it; none if it was others' doing.
    pub ours: Option<Ours>,
}

/// An update of ours.
pub(super) struct Ours {
    /// The order as it was read for it.
    pub before: OrderDoc,
    /// The order as it was sent.
    pub after: OrderDoc,
    /// Whether the whole order was written, so that what others changed in between is lost.
    pub whole: bool,
}

/// What an image tells.
#[derive(Debug, PartialEq)]
pub(super) enum Told {
    /// Nothing new: it is on record, or older than what is.
    Nothing,
    /// Others changed the order.
    Changed,
    /// Others had changed the order between our last read and our update, which has overwritten these places.
    Overwritten(Vec<Difference>),
}

/// Decides what `image` tells beside the last one on record. Times are Order Desk's own, of one second's resolution: within
/// the same second it is by content that what came before our update is told from what came after; where neither can be
/// shown, nothing is recorded, since the next read will see what is true.
pub(super) fn decide(image: &OrderDoc, last: Option<&Last>, tag: impl Fn(&OrderDoc) -> ETag) -> Told {
    let Some(Last { image: known, ours }) = last else {
        return Told::Changed;
    };
    if tag(known) == tag(image) {
        return Told::Nothing;
    }
    let (then, at) = (updated(known), updated(image));
    let is_later = matches!((then, at), (Some(then), Some(at)) if at > then);
    let is_older = matches!((then, at), (Some(then), Some(at)) if at < then);
    let Some(ours) = ours else {
        return if is_older { Told::Nothing } else { Told::Changed };
    };
    if is_later {
        return Told::Changed;
    }
    if tag(&ours.before) == tag(image) {
        return Told::Nothing;
    }
    match judge(&ours.before, &ours.after, image) {
        Verdict::Applied if !is_older => Told::Changed,
        Verdict::NotApplied if ours.whole && is_after(at, updated(&ours.before)) => {
            match lost(&ours.before, image, known) {
                lost if lost.is_empty() => Told::Nothing,
                lost => Told::Overwritten(lost),
            }
        }
        Verdict::Applied | Verdict::NotApplied | Verdict::Unclear => Told::Nothing,
    }
}

/// Surely later: without times nothing is sure.
fn is_after(at: Option<&str>, than: Option<&str>) -> bool {
    matches!((at, than), (Some(at), Some(than)) if at > than)
}

/// What others had changed since `before` and is not in `written`.
fn lost(before: &OrderDoc, image: &OrderDoc, written: &OrderDoc) -> Vec<Difference> {
    let (theirs, now) = (image.to_value(), written.to_value());
    let places = patch::touched(&diff(before, image)).into_iter();
    places
        .filter(|place| {
            let field = place.split('/').nth(1).unwrap_or_default();
            let is_ours_to_lose = !fields::is_server_managed(field);
            is_ours_to_lose && theirs.pointer(place) != now.pointer(place)
        })
        .map(|place| Difference {
            sent: now.pointer(&place).cloned(),
            returned: theirs.pointer(&place).cloned(),
            pointer: place,
        })
        .collect()
}

/// When Order Desk last changed the order; its texts sort as they stand.
fn updated(order: &OrderDoc) -> Option<&str> {
    order
        .get("date_updated")?
        .as_str()
        .filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn order(second: u32, email: &str, notes: Value) -> OrderDoc {
        let mut order = json!({"id": "1", "email": email, "folder_id": 1});
        order["date_updated"] = format!("2026-01-01 00:00:{second:02}").into();
        order["order_notes"] = notes;
        OrderDoc::from_value(order).unwrap()
    }

    /// We read it at second 10 and wrote a note at second 20.
    fn ours() -> Last {
        let note = json!([{"username": "API", "content": "ours"}]);
        Last {
            image: order(20, "a@example.com", note.clone()),
            ours: Some(Ours {
                before: order(10, "a@example.com", json!([])),
                after: order(10, "a@example.com", note),
                whole: true,
            }),
        }
    }

    fn told(image: &OrderDoc, last: Option<&Last>) -> Told {
        decide(image, last, |doc| ETag::of(b"key", doc))
    }

    fn noted() -> Value {
        json!([{"username": "API", "content": "ours"}])
    }

    #[test]
    fn an_order_of_which_nothing_was_known_is_news() {
        assert_eq!(told(&order(1, "a@example.com", json!([])), None), Told::Changed);
    }

    #[test]
    fn what_is_known_or_older_tells_nothing() {
        let last = Last { ours: None, ..ours() };
        let same = order(25, "a@example.com", noted());
        assert_eq!(
            told(&same, Some(&last)),
            Told::Nothing,
            "the time alone is no content"
        );
        assert_eq!(
            told(&order(19, "b@example.com", noted()), Some(&last)),
            Told::Nothing
        );
        assert_eq!(
            told(&order(20, "b@example.com", noted()), Some(&last)),
            Told::Changed
        );
        let read = order(10, "a@example.com", json!([]));
        assert_eq!(
            told(&read, Some(&ours())),
            Told::Nothing,
            "it is what we had read"
        );
    }

    #[test]
    fn within_the_second_of_our_update_its_content_decides() {
        let after = order(20, "b@example.com", noted());
        assert_eq!(told(&after, Some(&ours())), Told::Changed, "it has our note");
        let before = order(20, "b@example.com", json!([]));
        let Told::Overwritten(lost) = told(&before, Some(&ours())) else {
            panic!("it has not got our note")
        };
        assert_eq!(lost.len(), 1);
        assert_eq!(
            (lost[0].pointer.as_str(), &lost[0].sent, &lost[0].returned),
            (
                "/email",
                &Some(json!("a@example.com")),
                &Some(json!("b@example.com"))
            )
        );
        let later = order(21, "b@example.com", json!([]));
        assert_eq!(
            told(&later, Some(&ours())),
            Told::Changed,
            "they removed our note"
        );
    }

    #[test]
    fn an_edit_between_our_read_and_our_update_is_lost_and_one_before_our_read_is_not() {
        let within = order(15, "b@example.com", json!([]));
        assert!(matches!(told(&within, Some(&ours())), Told::Overwritten(_)));
        for second in [9, 10] {
            let early = order(second, "b@example.com", json!([]));
            assert_eq!(told(&early, Some(&ours())), Told::Nothing, "{second}");
        }
        let mut moved = ours();
        moved.ours.as_mut().unwrap().whole = false;
        assert_eq!(
            told(&within, Some(&moved)),
            Told::Nothing,
            "a move overwrites nothing"
        );
        // What our update kept is not lost.
        let mut kept = ours();
        kept.image = order(20, "b@example.com", noted());
        assert_eq!(told(&within, Some(&kept)), Told::Nothing);
    }

    #[test]
    fn without_times_only_what_surely_came_after_our_update_is_recorded() {
        let timeless = |email: &str, notes: Value| {
            let mut value = order(0, email, notes).into_value();
            value.as_object_mut().unwrap().shift_remove("date_updated");
            OrderDoc::from_value(value).unwrap()
        };
        assert_eq!(
            told(&timeless("b@example.com", noted()), Some(&ours())),
            Told::Changed
        );
        assert_eq!(
            told(&timeless("b@example.com", json!([])), Some(&ours())),
            Told::Nothing
        );
    }
}
