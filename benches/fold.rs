//! What folding costs: many small call-offs, and one order with thousands of documents.
//!
//! `cargo bench --bench fold`, or with a name to run a part of it.

#![expect(clippy::unwrap_used, reason = "a benchmark stops at what it did not expect")]

mod histories;

use std::hint::black_box;
use std::sync::Arc;

use contract_ledger::domain::agreement::Agreement;
use contract_ledger::domain::event::Recorded;
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

use histories::{Told, generated, one_long_order};

/// Scale of the made-up histories, in millionths.
const SCALE_PARTS: u64 = 2_000;
const LONG: [u32; 4] = [500, 2_000, 5_000, 20_000];

/// Every event of agreements whose call-offs have a few documents each.
fn small_call_offs(criterion: &mut Criterion) {
    let told = generated(SCALE_PARTS);
    let events: usize = told.iter().map(|one| one.events.len()).sum();
    let mut group = criterion.benchmark_group("fold");
    group.throughput(Throughput::Elements(u64::try_from(events).unwrap()));
    group.sample_size(20);
    group.bench_function("small call-offs", |bencher| {
        bencher.iter(|| told.iter().map(Told::fold).collect::<Vec<Agreement>>());
    });
    group.finish();
}

/// Every event of one agreement with one order.
fn long_order(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("fold one order");
    group.sample_size(10);
    for invoices in LONG {
        let told = one_long_order(invoices);
        group.throughput(Throughput::Elements(u64::try_from(told.events.len()).unwrap()));
        group.bench_with_input(BenchmarkId::from_parameter(invoices), &told, |bencher, told| {
            bencher.iter(|| told.fold());
        });
    }
    group.finish();
}

/// Which of so many events is left out and added again.
type Place = fn(usize) -> usize;

/// One more event at the end of the order, and one in its middle.
fn one_more(criterion: &mut Criterion) {
    let places: [(&str, Place); 2] =
        [("one more at the end", |count| count - 1), ("one more in the middle", |count| count / 2)];
    for (name, place_of) in places {
        let mut group = criterion.benchmark_group(name);
        group.sample_size(20);
        for invoices in LONG {
            let (before, event) = without(one_long_order(invoices), place_of);
            group.bench_function(BenchmarkId::from_parameter(invoices), |bencher| {
                let apply = |mut agreement: Agreement| {
                    agreement.apply(black_box(&event));
                    agreement
                };
                bencher.iter_batched(|| before.clone(), apply, BatchSize::LargeInput);
            });
        }
        group.finish();
    }
}

fn without(mut told: Told, place_of: Place) -> (Agreement, Arc<Recorded>) {
    let event = told.events.remove(place_of(told.events.len()));
    (told.fold(), event)
}

criterion_group!(benches, small_call_offs, long_order, one_more);
criterion_main!(benches);
