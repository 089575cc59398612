//! What an append costs in the parts that only compute: parsing, deciding, encoding, the leaf, the block.
//!
//! Each over the made-up histories. `cargo bench --bench append`, or with a name to run a part of it.

#![expect(clippy::unwrap_used, reason = "a benchmark stops at what it did not expect")]

#[expect(dead_code, reason = "the folds of a long order belong to the bench `fold`")]
mod histories;

use std::collections::BTreeMap;
use std::hint::black_box;

use bytes::Bytes;
use contract_ledger::block::{self, BlockHash, Codec};
use contract_ledger::domain::admit::admit;
use contract_ledger::domain::agreement::Agreement;
use contract_ledger::domain::date::Date;
use contract_ledger::domain::event::Recorded;
use contract_ledger::domain::id::RequestId;
use contract_ledger::merkle::TreeHash;
use contract_ledger::wire::parse::parse_append;
use contract_ledger::wire::record::{self, AcceptedEvent, Provenance, RecordHeader};
use contract_ledger::wire::{leaf, v1};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use prost::Message as _;

use histories::{Told, generated, generated_requests};

/// Scale of the made-up histories, in millionths.
const SCALE_PARTS: u64 = 1_000;
/// Records of one block, as when one call at a time is answered, and when many are.
const BLOCK_RECORDS: [usize; 3] = [1, 4, 16];
const EVENTS_PER_REQUEST_MAX: usize = 1000;

fn requests() -> Vec<v1::AppendEventsRequest> {
    generated_requests(SCALE_PARTS).filter_map(|request| request.append).collect()
}

fn elements(count: usize) -> Throughput {
    Throughput::Elements(u64::try_from(count).unwrap())
}

/// From the bytes of a request to what the rules decide on.
fn parse(criterion: &mut Criterion) {
    let requests = requests();
    let encoded: Vec<Vec<u8>> = requests.iter().map(prost::Message::encode_to_vec).collect();
    let mut group = criterion.benchmark_group("request");
    group.throughput(elements(requests.len()));
    group.bench_function("decode", |bencher| {
        bencher.iter(|| {
            for bytes in &encoded {
                black_box(v1::AppendEventsRequest::decode(bytes.as_slice()).unwrap());
            }
        });
    });
    group.bench_function("parse", |bencher| {
        let parse = |requests: Vec<v1::AppendEventsRequest>| {
            for request in requests {
                black_box(parse_append(request, EVENTS_PER_REQUEST_MAX).unwrap());
            }
        };
        bencher.iter_batched(|| requests.clone(), parse, BatchSize::LargeInput);
    });
    group.finish();
}

/// The decision on each event, on top of those before it.
fn decide(criterion: &mut Criterion) {
    let told = generated(SCALE_PARTS);
    let events: usize = told.iter().map(|one| one.events.len()).sum();
    let admit_all = |one: &Told| {
        let mut agreement =
            Agreement::new(one.agreement.clone(), std::sync::Arc::default(), Date::END_OF_TIME);
        for event in &one.events {
            let recorded = Recorded::clone(event);
            // Refused as it would be by a ledger, it leaves no trace in the agreement.
            if let Ok(admitted) = admit(agreement.clone(), recorded) {
                agreement = admitted;
            }
        }
        agreement
    };
    let mut group = criterion.benchmark_group("decision");
    group.throughput(elements(events));
    group.sample_size(20);
    group.bench_function("admit", |bencher| {
        bencher.iter(|| told.iter().map(admit_all).collect::<Vec<Agreement>>());
    });
    group.finish();
}

/// Records as they are stored, and what the tree keeps of them.
fn store(criterion: &mut Criterion) {
    let records = records();
    let stored: Vec<Bytes> = records.iter().map(record::encode).collect();
    let mut group = criterion.benchmark_group("record");
    group.throughput(elements(records.len()));
    group.bench_function("encode", |bencher| {
        bencher.iter(|| records.iter().map(record::encode).collect::<Vec<Bytes>>());
    });
    group.bench_function("leaf and its hash", |bencher| {
        bencher.iter(|| {
            for (record, stored) in records.iter().zip(&stored) {
                let leaf = leaf::of_record(record, stored).unwrap();
                black_box(TreeHash::of_leaf(&leaf));
            }
        });
    });
    group.finish();

    for (name, codec) in [("block, compressed", Codec::Zstd), ("block, as it is", Codec::None)] {
        let mut group = criterion.benchmark_group(name);
        group.throughput(elements(stored.len()));
        for count in BLOCK_RECORDS {
            group.bench_function(format!("{count} records"), |bencher| {
                bencher.iter(|| {
                    for records in stored.chunks(count) {
                        black_box(block::encode(0, BlockHash::ZERO, records, codec).unwrap());
                    }
                });
            });
        }
        group.finish();
    }
}

/// The records of the made-up requests, as a ledger would make them.
fn records() -> Vec<v1::Record> {
    let told = generated(SCALE_PARTS).into_iter();
    let mut told: BTreeMap<String, _> = told
        .map(|one| (one.agreement.to_string(), (one.agreement, one.events.into_iter())))
        .collect();
    let record = |request: &v1::AppendEventsRequest| {
        let (agreement_id, events) = told.get_mut(&request.agreement_id).unwrap();
        let event = events.next().unwrap();
        let header = RecordHeader {
            position: event.position,
            recorded: event.recorded,
            agreement_id,
            request_id: RequestId::parse(&request.request_id).unwrap(),
            expected_version: None,
            request_event_count: 1,
            provenance: Provenance::Observed,
        };
        let accepted = AcceptedEvent {
            version: event.version,
            event_id: event.event_id,
            request_index: 0,
            stated: request.events.first().unwrap().clone(),
        };
        record::of_event(&header, accepted)
    };
    requests().iter().map(record).collect()
}

criterion_group!(benches, parse, decide, store);
criterion_main!(benches);
