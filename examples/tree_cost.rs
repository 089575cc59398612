//! What the kept tree costs an append: batches into one log in one run, with and without it in turn.
//!
//! `cargo run --release --example tree_cost`. The tree is grown and stored as `src/ledger/tree.rs` does
//! it, on the public parts that it is made of. Prints medians; asserts nothing, for times are not to be
//! relied on.

use std::io::Write as _;
use std::time::{Duration, Instant};

use bytes::Bytes;
use contract_ledger::domain::date::RecordedTime;
use contract_ledger::log::{DerivedTree, Log, LogOptions, OpenedLog};
use contract_ledger::merkle::{TiledTree, TreeHash};
use contract_ledger::wire::{leaf, record, v1};

/// Records of a batch; and the rounds, each a batch without the tree and one with it.
const CASES: [(u64, usize); 3] = [(1, 1500), (100, 200), (1000, 60)];

fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let opened = Log::open(&LogOptions::new(folder.path())).expect("an empty log");
    let OpenedLog { mut writer, reader, .. } = opened;
    let tiles = reader.derived("merkle", 1).expect("an empty tree");
    let mut tree = TiledTree::new();
    let mut position = 0;
    for (batch, rounds) in CASES {
        let (mut without, mut with, mut own) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..rounds {
            for has_tree in [false, true] {
                let records: Vec<_> = (position..position + batch).map(stored).collect();
                position += batch;
                let bytes: Vec<Bytes> = records.iter().map(|(_, bytes)| bytes.clone()).collect();
                let began = Instant::now();
                writer.append(&bytes).expect("a disk that takes it");
                let appended = began.elapsed();
                if has_tree {
                    grow(&mut tree, &tiles, &records);
                    with.push(began.elapsed());
                    own.push(began.elapsed().saturating_sub(appended));
                } else {
                    without.push(appended);
                }
            }
        }
        let line = format!(
            "{batch:>5} records: without {:?}, with {:?}, the tree alone {:?} (mean {:?})",
            median(&mut without),
            median(&mut with),
            median(&mut own),
            own.iter().sum::<Duration>() / u32::try_from(own.len()).expect("few rounds"),
        );
        writeln!(std::io::stdout(), "{line}").expect("somebody who reads");
    }
}

fn grow(tree: &mut TiledTree, tiles: &DerivedTree, records: &[(v1::Record, Bytes)]) {
    let mut puts = Vec::new();
    for (record, stored) in records {
        let leaf = leaf::of_record(record, stored).expect("a whole record");
        tree.append(TreeHash::of_leaf(&leaf), |tile, hashes| {
            let key = [&[tile.level()][..], &tile.index().to_be_bytes()].concat();
            puts.push((key, hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()));
        });
    }
    std::hint::black_box(tree.root());
    if !puts.is_empty() {
        tiles.apply(puts, tree.size() - tree.size() % 256).expect("a disk that takes it");
    }
}

/// An order of ordinary size, about 300 bytes.
fn stored(position: u64) -> (v1::Record, Bytes) {
    let order = v1::OrderPlaced {
        order_id: format!("order-{position}"),
        amount: Some(v1::Money { amount: "12500.00".to_owned(), currency: "NOK".to_owned() }),
        ..v1::OrderPlaced::default()
    };
    let event = v1::Event {
        effective_date: "2024-02-01".to_owned(),
        payload: Some(v1::event::Payload::OrderPlaced(order)),
        ..v1::Event::default()
    };
    let accepted = v1::RecordedEvent {
        event_id: uuid::Uuid::from_u128(u128::from(position) + 1).to_string(),
        agreement_version: position + 1,
        r#type: v1::EventType::OrderPlaced.into(),
        event: Some(event),
        ..v1::RecordedEvent::default()
    };
    let record = v1::Record {
        position,
        agreement_id: "framework-2024".to_owned(),
        request_id: uuid::Uuid::from_u128(u128::from(position) + 1).to_string(),
        recorded_time: RecordedTime::from_microseconds(0).map(record::timestamp),
        entry: Some(v1::record::Entry::Event(accepted)),
        ..v1::Record::default()
    };
    let bytes = record::encode(&record);
    (record, bytes)
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
