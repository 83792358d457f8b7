//! Exports of an invented log of three tenants, whole and damaged.

use proptest::prelude::*;

use super::*;
use crate::export::FORMAT;
use crate::export::line::{Content, Record};
use crate::note::Signer;
use crate::reference::mth;

const OURS: &str = "tenant-a";

fn signer() -> Signer {
    Signer::new("log/1", &[5; 32]).unwrap()
}

fn record(position: u64) -> Record {
    Record {
        stream: format!("job-{position}"),
        version: 1,
        store_id: Some("s".to_owned()),
        order_id: None,
        job_id: None,
        data: Content::Text(format!("{{\"n\":{position}}}")),
        sealed: Some(Content::base64(&position.to_be_bytes())),
        meta: Content::digest_of(b"{}"),
    }
}

fn entry(position: u64, tenant_position: u64) -> Entry {
    let mut entry = Entry {
        position,
        tenant_position,
        type_name: "job.submitted.v1".to_owned(),
        at: "2026-01-02T03:04:05.678Z".to_owned(),
        gap: Vec::new(),
        leaf: Hash::empty(),
        record: record(position),
        entry: Some(serde_json::json!({"position": position})),
    };
    entry.leaf = entry.computed(OURS).unwrap();
    entry
}

/// A log in which every third event is ours, and the export of ours from `from` on, with a checkpoint at `mark`.
struct World {
    leaves: Vec<Hash>,
    lines: Vec<Line>,
}

fn gap(leaves: &[Hash], from: u64, until: u64) -> Vec<Hash> {
    cover(from..until)
        .into_iter()
        .map(|id| mth(&leaves[id.leaves().start as usize..id.leaves().end as usize]))
        .collect()
}

fn head(leaves: &[Hash], size: u64) -> String {
    let checkpoint = Checkpoint {
        origin: "log/1".to_owned(),
        size,
        root: mth(&leaves[..size as usize]),
    };
    checkpoint.sign(&signer()).unwrap()
}

fn world(size: u64, from: u64, mark: u64) -> World {
    let ours = |position: u64| position.is_multiple_of(3);
    let leaves: Vec<Hash> = (1..=size)
        .map(|position| {
            if ours(position) {
                entry(position, position / 3).leaf
            } else {
                Hash::leaf(&position.to_be_bytes())
            }
        })
        .collect();
    let mut lines = vec![Line::Header(Header {
        format: FORMAT.to_owned(),
        tenant_id: OURS.to_owned(),
        complete: true,
        checkpoint: head(&leaves, size),
        key: signer().public().to_string(),
    })];
    let (mut at, mut shown) = (0, Vec::new());
    for position in from..=size {
        if ours(position) {
            let mut entry = entry(position, position / 3);
            entry.gap = gap(&leaves, at, position - 1);
            at = position;
            shown.push(position / 3);
            lines.push(Line::Entry(Box::new(entry)));
        }
        if position == mark && at <= mark {
            lines.push(Line::Checkpoint(Mark {
                checkpoint: head(&leaves, mark),
                key: None,
                gap: gap(&leaves, at, mark),
            }));
            at = mark;
        }
    }
    lines.push(Line::End(End {
        entries: shown.len() as u64,
        first_tenant_position: shown.first().copied(),
        last_tenant_position: shown.last().copied(),
        gap: gap(&leaves, at, size),
    }));
    World { leaves, lines }
}

fn check(lines: &[Line]) -> Result<Summary, BadLine> {
    let mut verifier = Verifier::new(Some(signer().public()));
    for line in lines {
        verifier.line(&serde_json::to_string(line).unwrap())?;
    }
    verifier.finish()
}

fn entry_of(lines: &mut [Line], position: u64) -> &mut Entry {
    lines
        .iter_mut()
        .find_map(|line| match line {
            Line::Entry(entry) if entry.position == position => Some(&mut **entry),
            _ => None,
        })
        .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn every_whole_export_verifies_from_wherever_it_begins(size in 0_u64..200, from in 1_u64..220, mark in 0_u64..220) {
        let world = world(size, from, mark);
        let summary = check(&world.lines).unwrap();
        let first = from.div_ceil(3);
        let expected = (first <= size / 3).then_some((first, size / 3));
        prop_assert_eq!(summary.tenant_positions, expected);
        prop_assert_eq!(summary.checkpoint.root, mth(&world.leaves));
        prop_assert!(summary.complete);
    }
}

#[test]
fn an_altered_entry_is_named() {
    let damages: [fn(&mut Entry); 8] = [
        |entry| entry.record.data = Content::Text("{}".to_owned()),
        |entry| entry.record.meta = Content::Text("{\"actor\":\"other\"}".to_owned()),
        |entry| entry.record.sealed = None,
        |entry| entry.record.stream = "job-x".to_owned(),
        |entry| entry.record.job_id = Some("x".to_owned()),
        |entry| entry.type_name = "job.failed.v1".to_owned(),
        |entry| entry.at = "2027-01-02T03:04:05.678Z".to_owned(),
        |entry| entry.leaf = Hash::empty(),
    ];
    for damage in damages {
        let mut lines = world(60, 1, 40).lines;
        damage(entry_of(&mut lines, 33));
        let bad = check(&lines).unwrap_err();
        assert_eq!((bad.position, bad.fault), (Some(33), Fault::Altered));
    }
}

#[test]
fn an_entry_altered_with_its_hash_is_caught_by_the_next_checkpoint() {
    for (position, from, to) in [(33, 3, 40), (45, 42, 60)] {
        let mut lines = world(60, 1, 40).lines;
        let entry = entry_of(&mut lines, position);
        entry.record.data = Content::Text("{}".to_owned());
        entry.leaf = entry.computed(OURS).unwrap();
        let bad = check(&lines).unwrap_err();
        assert_eq!((bad.position, bad.fault), (Some(from), Fault::Root { from, to }));
    }
}

#[test]
fn a_removed_or_moved_entry_is_named() {
    let whole = world(60, 1, 40).lines;
    let mut removed = whole.clone();
    removed.remove(11);
    let bad = check(&removed).unwrap_err();
    assert_eq!(
        (bad.position, bad.fault),
        (Some(36), Fault::TenantPosition { expected: 11 })
    );

    // Whether the hashes before the next entry are as many as they should be then is chance; the checkpoint is not.
    let mut first = whole.clone();
    first.remove(1);
    let bad = check(&first).unwrap_err();
    assert_eq!(
        (bad.position, bad.fault),
        (Some(6), Fault::Root { from: 6, to: 40 })
    );

    let mut swapped = whole.clone();
    swapped.swap(11, 12);
    assert_eq!(check(&swapped).unwrap_err().position, Some(36));

    let mut twice = whole.clone();
    twice.insert(5, whole[4].clone());
    let bad = check(&twice).unwrap_err();
    assert_eq!((bad.position, bad.fault), (Some(12), Fault::Order));

    let mut renumbered = whole.clone();
    renumbered.remove(11);
    for line in &mut renumbered {
        if let Line::Entry(entry) = line
            && entry.position > 33
        {
            entry.tenant_position -= 1;
        }
    }
    assert_eq!(check(&renumbered).unwrap_err().position, Some(36));

    let mut short = whole.clone();
    short.pop();
    assert_eq!(check(&short).unwrap_err().fault, Fault::Incomplete);
    let last = whole.len() - 1;
    let mut cut = whole;
    cut.remove(last - 1);
    assert!(matches!(check(&cut).unwrap_err().fault, Fault::Gap { .. }));
}

#[test]
fn a_hidden_entry_cannot_be_filled_over() {
    // Whoever removes the last entry of the tenant and hides it in the gap may do so: it was not asked for. But no one
    // from between: the tenant's numbers show it.
    let mut world = world(60, 1, 0);
    world.lines.remove(11);
    let (before, until) = (30, 35);
    entry_of(&mut world.lines, 36).gap = gap(&world.leaves, before, until);
    let bad = check(&world.lines).unwrap_err();
    assert_eq!(bad.fault, Fault::TenantPosition { expected: 11 });

    let Line::Header(header) = &mut world.lines[0] else {
        unreachable!()
    };
    header.complete = false;
    let Some(Line::End(end)) = world.lines.last_mut() else {
        unreachable!()
    };
    end.entries -= 1;
    assert!(
        !check(&world.lines).unwrap().complete,
        "a filtered export says so"
    );
}

#[test]
fn another_key_and_other_signatures_are_refused() {
    let mut lines = world(30, 1, 0).lines;
    let stranger = Signer::new("log/1", &[6; 32]).unwrap();
    let Line::Header(header) = &mut lines[0] else {
        unreachable!()
    };
    let original = header.clone();
    header.key = stranger.public().to_string();
    assert!(matches!(check(&lines).unwrap_err().fault, Fault::Key(_)));
    let Line::Header(header) = &mut lines[0] else {
        unreachable!()
    };
    *header = original.clone();
    header.checkpoint = header.checkpoint.replace("\n30\n", "\n31\n");
    assert!(matches!(check(&lines).unwrap_err().fault, Fault::Checkpoint(_)));
    let Line::Header(header) = &mut lines[0] else {
        unreachable!()
    };
    *header = original;
    header.format = "other/1".to_owned();
    assert!(matches!(check(&lines).unwrap_err().fault, Fault::Malformed(_)));
}

#[test]
fn an_earlier_generation_is_known_by_its_key() {
    let mut world = world(30, 1, 0);
    let earlier = Signer::new("log/0", &[5; 32]).unwrap();
    let checkpoint = Checkpoint {
        origin: "log/0".to_owned(),
        size: 6,
        root: mth(&world.leaves[..6]),
    };
    let mark = Mark {
        checkpoint: checkpoint.sign(&earlier).unwrap(),
        key: Some(earlier.public().to_string()),
        gap: Vec::new(),
    };
    world.lines.insert(3, Line::Checkpoint(mark.clone()));
    assert!(check(&world.lines).is_ok());
    let stranger = Signer::new("log/0", &[6; 32]).unwrap();
    let mark = Mark {
        checkpoint: checkpoint.sign(&stranger).unwrap(),
        key: Some(stranger.public().to_string()),
        ..mark
    };
    world.lines[3] = Line::Checkpoint(mark);
    assert!(matches!(check(&world.lines).unwrap_err().fault, Fault::Key(_)));
}

#[test]
fn what_is_out_of_place_is_refused_without_a_panic() {
    let whole = world(30, 1, 0).lines;
    assert_eq!(check(&whole[1..]).unwrap_err().fault, Fault::Misplaced);
    assert_eq!(check(&[]).unwrap_err().fault, Fault::Incomplete);
    let mut twice = whole.clone();
    twice.insert(2, whole[0].clone());
    assert_eq!(check(&twice).unwrap_err().fault, Fault::Misplaced);
    let mut more = whole.clone();
    more.push(whole[1].clone());
    assert_eq!(check(&more).unwrap_err().fault, Fault::Misplaced);
    for position in [0, 31, u64::MAX] {
        let mut lines = whole.clone();
        entry_of(&mut lines, 3).position = position;
        assert_eq!(check(&lines).unwrap_err().fault, Fault::Order);
    }
    let mut lines = whole.clone();
    entry_of(&mut lines, 3).tenant_position = u64::MAX;
    assert!(check(&lines).is_err());
    let mut count = whole;
    let Some(Line::End(end)) = count.last_mut() else {
        unreachable!()
    };
    end.entries += 1;
    assert_eq!(check(&count).unwrap_err().fault, Fault::Count);
    let mut verifier = Verifier::new(None);
    assert!(verifier.line("{}").is_err());
    assert!(verifier.line("nothing").is_err());
}

/// The form that others have written programs for.
#[test]
fn the_lines_never_change() {
    let mut lines = world(4, 1, 3).lines;
    lines.truncate(3);
    let text: Vec<String> = lines
        .iter()
        .map(|line| serde_json::to_string(line).unwrap())
        .collect();
    assert!(text[0].starts_with(
        r#"{"kind":"header","format":"orderdesk-gateway-audit/1","tenant_id":"tenant-a","complete":true,"checkpoint":"log/1\n4\n"#
    ));
    assert!(text[1].starts_with(r#"{"kind":"entry","position":3,"tenant_position":1,"type":"job.submitted.v1","at":"2026-01-02T03:04:05.678Z","gap":[""#));
    assert!(text[1].ends_with(
        r#""record":{"stream":"job-3","version":1,"store_id":"s","order_id":null,"job_id":null,"data":"{\"n\":3}","sealed":{"base64":"AAAAAAAAAAM="},"meta":{"sha256":"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"}},"entry":{"position":3}}"#
    ));
    assert!(text[2].starts_with(r#"{"kind":"checkpoint","checkpoint":"log/1\n3\n"#));
    for (line, text) in lines.iter().zip(&text) {
        assert_eq!(&serde_json::from_str::<Line>(text).unwrap(), line);
    }
}
