//! What a made-up history promises: the same bytes, the order of recording, the proportion, and
//! requests that a ledger can take.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use super::*;
use crate::generate::framework::embedded;
use crate::wire::json::to_short_json;
use crate::wire::parse::parse_append;

/// SHA-256 of the first lines of a history, as it was when this form was published.
const PINNED: &str = include_str!("../../tests/golden/generated_history.txt");
const PINNED_LINES: usize = 2000;

fn options(scale_parts: u64) -> HistoryOptions {
    HistoryOptions {
        seed: 1,
        scale_parts,
        from: Date::parse("2022-01-01").unwrap(),
        to: Date::parse("2025-12-31").unwrap(),
    }
}

fn contracts() -> Vec<Contract> {
    embedded().iter().map(|notice| Contract::of(notice).unwrap()).collect()
}

fn history(options: HistoryOptions) -> History {
    History::of(contracts(), options)
}

fn fingerprint(options: HistoryOptions) -> String {
    let mut hash = Sha256::new();
    for request in history(options).take(PINNED_LINES) {
        hash.update(to_short_json(&request).as_bytes());
        hash.update(b"\n");
    }
    hash.finalize().iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
}

fn append(request: &v1::ImportEventsRequest) -> &v1::AppendEventsRequest {
    request.append.as_ref().unwrap()
}

fn payload_of(request: &v1::ImportEventsRequest) -> &Payload {
    append(request).events[0].payload.as_ref().unwrap()
}

fn microseconds(request: &v1::ImportEventsRequest) -> i64 {
    let time = request.recorded_time.unwrap();
    time.seconds * MICROSECONDS + i64::from(time.nanos) / NANOSECONDS_PER_MICROSECOND
}

#[test]
fn the_same_seed_gives_the_same_bytes_for_ever() {
    assert_eq!(fingerprint(options(2_000)), PINNED.trim());
}

#[test]
fn parts_of_an_invoice_are_the_same_with_a_sign() {
    assert_eq!(u64::try_from(INVOICE_PARTS_SIGNED), Ok(INVOICE_PARTS));
}

#[test]
fn another_seed_gives_other_bytes() {
    let other = HistoryOptions { seed: 2, ..options(2_000) };
    assert_ne!(fingerprint(other), fingerprint(options(2_000)));
}

#[test]
fn recorded_times_never_decrease_and_lie_within_the_days_asked_for() {
    let wanted = HistoryOptions {
        from: Date::parse("2023-06-01").unwrap(),
        to: Date::parse("2024-05-31").unwrap(),
        ..options(5_000)
    };
    let mut last = start_of_day(wanted.from);
    let mut count = 0;
    for request in history(wanted) {
        let recorded = microseconds(&request);
        assert!(recorded >= last, "{request:?}");
        last = recorded;
        count += 1;
    }
    assert!(last <= end_of_day(wanted.to));
    assert!(count > 1000, "{count}");
}

#[test]
fn effective_dates_are_never_ahead_of_the_recording() {
    use crate::domain::date::RecordedTime;
    for request in history(options(2_000)) {
        let event = &append(&request).events[0];
        let effective = Date::parse(&event.effective_date).unwrap();
        let recorded = RecordedTime::from_microseconds(microseconds(&request)).unwrap();
        assert!(effective <= recorded.oslo_date(), "{request:?}");
    }
}

#[test]
fn every_request_parses_and_has_an_id_of_its_own() {
    let mut ids = BTreeSet::new();
    for request in history(options(3_000)) {
        let stated = append(&request).clone();
        assert!(ids.insert(stated.request_id.clone()), "{request:?}");
        let parsed = parse_append(stated, 1);
        assert!(parsed.is_ok(), "{}: {parsed:?}", to_short_json(&request));
    }
}

#[test]
fn every_agreement_begins_with_its_signature() {
    let mut begun = BTreeSet::new();
    for request in history(options(2_000)) {
        let agreement = append(&request).agreement_id.clone();
        let is_signature = matches!(payload_of(&request), Payload::AgreementSigned(_));
        assert_eq!(begun.insert(agreement), is_signature, "{request:?}");
    }
    assert_eq!(begun.len(), 22);
}

#[test]
fn invoices_come_in_the_proportion_of_the_scale() {
    let scale_parts = 20_000;
    let wanted = options(scale_parts);
    let contracts = contracts();
    let weights: u64 = contracts.iter().map(weight).sum();
    let whole_year = INVOICES_PER_YEAR * scale_parts / SCALE_PARTS;
    let mut seen: BTreeMap<String, (i64, Option<Date>)> = BTreeMap::new();
    for request in history(wanted) {
        let day = Date::parse(&append(&request).events[0].effective_date).unwrap();
        let entry = seen.entry(append(&request).agreement_id.clone()).or_default();
        if let Payload::InvoiceReceived(_) = payload_of(&request) {
            entry.0 += 1;
            entry.1 = Some(entry.1.map_or(day, |last| last.max(day)));
        }
    }
    for contract in &contracts {
        let (invoices, last) = seen[&contract.agreement_id];
        let bought = last.map_or(0, |last| last.days_since(contract.start.max(contract.signed_on)));
        let share = weight(contract) * 1_000_000 / weights;
        let year = i64::try_from(whole_year * share / 1_000_000).unwrap();
        let expected = year * bought / 365;
        // Invoices follow their orders by some weeks, at both ends.
        let tolerance = year / 6 + expected / 20 + 5;
        assert!(
            (invoices - expected).abs() <= tolerance,
            "{}: {invoices} invoices, {expected} expected in {bought} days",
            contract.agreement_id
        );
    }
}

#[test]
fn only_what_is_under_way_is_held() {
    let most_after = |to: &str| {
        let wanted = HistoryOptions { to: Date::parse(to).unwrap(), ..options(20_000) };
        let mut history = history(wanted);
        let mut most = 0;
        while history.next().is_some() {
            let held = history.agreements.iter().map(|agreement| agreement.under_way.len()).sum();
            most = most.max(held);
        }
        most
    };
    // Twice the time does not hold twice as much: the number of agreements in their term is the same.
    let (short, long): (usize, usize) = (most_after("2024-12-31"), most_after("2026-12-31"));
    assert!(long < short * 3 / 2, "{short} held at most, then {long}");
}

#[test]
fn everything_that_goes_wrong_in_practice_is_in_it() {
    let mut kinds: BTreeMap<&'static str, u32> = BTreeMap::new();
    for request in history(options(20_000)) {
        let event = &append(&request).events[0];
        let kind = match payload_of(&request) {
            Payload::AgreementSigned(_) => "signed",
            Payload::OptionExercised(_) => "option exercised",
            Payload::OptionDeclined(_) => "option declined",
            Payload::AgreementAmended(_) => "amended",
            Payload::PriceIndexed(_) => "indexed",
            Payload::AgreementSuspended(_) => "suspended",
            Payload::AgreementResumed(_) => "resumed",
            Payload::HeadroomReserved(_) => "reserved",
            Payload::ReservationReleased(_) => "released",
            Payload::OrderPlaced(_)
                if event.admission_mode == i32::from(v1::AdmissionMode::Intent) =>
            {
                "order asked for"
            }
            Payload::OrderPlaced(order) if order.exchange_rate.is_some() => "order in euro",
            Payload::OrderPlaced(order) if order.ordered_by == order.approved_by => "two eyes",
            Payload::OrderPlaced(_) => "order",
            Payload::OrderConfirmed(_) => "order confirmed",
            Payload::OrderRejected(_) => "order rejected",
            Payload::OrderChanged(_) => "order changed",
            Payload::OrderCancelled(_) => "order cancelled",
            Payload::DeliveryReceived(_) => "delivery",
            Payload::OrderClosed(_) => "order closed",
            Payload::OrderReopened(_) => "order reopened",
            Payload::InvoiceReceived(invoice)
                if invoice.kind == i32::from(v1::InvoiceKind::Prepayment) =>
            {
                "prepayment"
            }
            Payload::InvoiceReceived(invoice)
                if invoice.kind == i32::from(v1::InvoiceKind::InterestOrFee) =>
            {
                "interest"
            }
            Payload::InvoiceReceived(invoice) if !invoice.corrected_invoice_id.is_empty() => {
                "negative invoice"
            }
            Payload::InvoiceReceived(invoice) if invoice.prepaid.is_some() => "final invoice",
            Payload::InvoiceReceived(invoice) if invoice.order_id.is_empty() => "off-order invoice",
            Payload::InvoiceReceived(_) => "invoice",
            Payload::CreditNoteReceived(_) => "credit note",
            Payload::InvoiceApproved(_) => "approved",
            Payload::InvoiceDisputed(_) => "disputed",
            Payload::InvoiceRejected(_) => "invoice rejected",
            Payload::DisputeResolved(_) => "resolved",
            Payload::PrepaymentOffset(_) => "offset",
            Payload::InvoicePaid(_) => "paid",
            Payload::PaymentReversed(_) => "payment reversed",
            Payload::RetentionWithheld(_) => "withheld",
            Payload::RetentionReleased(_) => "retention released",
            Payload::ThresholdPolicySet(_) => "policy",
            Payload::DocumentAttached(_) => "document",
            Payload::OverrideGranted(_)
            | Payload::AgreementTerminated(_)
            | Payload::AgreementClosed(_)
            | Payload::EventReversed(_)
            | Payload::FindingAcknowledged(_)
            | Payload::FindingWaived(_)
            | Payload::FindingResolved(_) => "rare",
        };
        *kinds.entry(kind).or_default() += 1;
    }
    assert!(kinds.len() >= 37, "{} kinds: {kinds:?}", kinds.len());
    // Most invoices have an order.
    assert!(kinds["invoice"] > 3 * kinds["off-order invoice"], "{kinds:?}");
}
