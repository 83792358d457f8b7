//! Whether a destroyed key is gone from the disk, not only from the table.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::collections::HashSet;

use ledger::conformance::sample;
use ledger::{Backend, DestroyKeys};
use ledger_sqlite::SqliteLedger;

/// So many that pages split, fill and empty.
const KEYS: u32 = 1_500;

/// Bytes that nothing else holds.
fn wrapped(number: u32) -> Vec<u8> {
    let mut bytes = b"wrapped:".to_vec();
    for turn in 0..13_u32 {
        bytes
            .extend((number.wrapping_mul(2_654_435_761) ^ turn.wrapping_mul(40_503) | 1 << 30).to_be_bytes());
    }
    bytes
}

/// All that is wrapped anywhere in the folder's files.
fn found(folder: &std::path::Path) -> HashSet<Vec<u8>> {
    let length = wrapped(0).len();
    let mut found = HashSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        let places = bytes
            .windows(length)
            .filter(|window| window.starts_with(b"wrapped:"));
        found.extend(places.map(<[u8]>::to_vec));
    }
    found
}

#[tokio::test]
async fn a_destroyed_key_is_nowhere_in_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = SqliteLedger::open(folder.path().join("app.db")).await.unwrap();
    ledger.migrate().await.unwrap();
    let place = sample::place(&ledger).await;
    let mut ids = Vec::new();
    for chunk in 0..KEYS / 50 {
        let mut append = sample::append(sample::at(1));
        for number in chunk * 50..(chunk + 1) * 50 {
            let mut key = sample::data_key(place.tenant.id, &place.store, None, sample::at(1));
            // In no order, as they come when jobs and creates are mixed.
            key.id = format!("{:08x}{number:024x}", number.wrapping_mul(2_654_435_761))
                .parse()
                .unwrap();
            key.wrapped = wrapped(number);
            ids.push(key.id);
            append.data_keys.push(key);
        }
        sample::land(&ledger, append).await;
    }
    // Bound later, as a create's is: the row is written a second time.
    let mut append = sample::append(sample::at(2));
    for (number, id) in ids.iter().enumerate().step_by(3) {
        append
            .bind_keys
            .push((*id, (number + 1).to_string().parse().unwrap()));
    }
    sample::land(&ledger, append).await;
    let some: Vec<u32> = (0..KEYS)
        .filter(|number| number % 7 == 0 || (400..800).contains(number))
        .collect();
    assert!(found(folder.path()).contains(&wrapped(some[3])), "it was there");

    for chunk in some.chunks(40) {
        let mut append = sample::append(sample::at(3));
        for number in chunk {
            let id = ids[*number as usize];
            append.destroy_keys.push(match number % 3 {
                0 => DestroyKeys::Order(place.store.id, (number + 1).to_string().parse().unwrap()),
                _ => DestroyKeys::One(id),
            });
        }
        sample::land(&ledger, append).await;
    }
    assert!(ledger.scrub().await.unwrap());
    let left = found(folder.path());
    let traces: Vec<_> = some
        .iter()
        .filter(|number| left.contains(&wrapped(**number)))
        .collect();
    assert!(traces.is_empty(), "{} of {} keys", traces.len(), some.len());
    assert!(left.contains(&wrapped(1)), "others stay");
    ledger.close().await;
}
