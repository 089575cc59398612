//! Findings that compare documents with each other, and the times at which findings were open.

use std::collections::BTreeMap;

use contract_ledger::domain::date::{Date, RecordedTime};
use contract_ledger::domain::event::{InvoiceKind, Payload, Value};
use contract_ledger::domain::money::Amount;
use contract_ledger::domain::reason::Reason;
use contract_ledger::domain::text::Text;

use super::documents::{Invoice, credit_notes, invoice, invoices, is_rejected, payments};
use super::findings::{Conditions, conditions};
use super::history::{Fold, History};
use super::orders::in_own;

pub(super) fn overpaid(fold: &Fold<'_>, invoice: Invoice<'_>, found: &mut Conditions) {
    let stated = invoice.stated;
    let with = |value: Value, amount: Amount| {
        let mut value = value;
        value.money.amount = amount;
        value
    };
    let due = stated.net.money.amount.plus(stated.vat).plus(stated.interest_and_fees);
    let mut payable = vec![with(stated.net, due.minus(stated.prepaid))];
    for (_, credit) in credit_notes(fold) {
        if credit.invoice == stated.invoice {
            let gross = credit.net.money.amount.plus(credit.vat);
            payable.push(with(credit.net, gross.negated()));
        }
    }
    let payments = payments(fold);
    let paid: Vec<Value> = payments
        .iter()
        .filter(|(_, paid)| paid.invoice == stated.invoice)
        .map(|(_, paid)| paid.value)
        .collect();
    let retained = fold.events.iter().filter_map(|event| match &event.event.payload {
        Payload::RetentionWithheld(held) if held.invoice == stated.invoice => Some(held.value),
        _ => None,
    });
    let currency = stated.net.money.currency;
    let shared = payable
        .iter()
        .chain(&paid)
        .copied()
        .chain(retained)
        .all(|value| value.money.currency == currency);
    let amount = |value: &Value| if shared { value.money.amount } else { in_own(fold, *value) };
    let sum = |values: &[Value]| values.iter().map(amount).fold(Amount::ZERO, Amount::plus);
    let payable = if is_rejected(fold, stated) { Amount::ZERO } else { sum(&payable) };
    let paid = sum(&paid);
    // Nothing paid is nothing overpaid, however much is credited.
    if paid.is_positive() && paid > payable {
        let currency = if shared { currency } else { fold.currency() };
        let subject = format!("invoice:{}", stated.invoice);
        found.add_with(Reason::Overpaid, subject, paid.minus(payable), currency);
    }
}

pub(super) fn duplicates(fold: &Fold<'_>, found: &mut Conditions) {
    let mut seen = Vec::new();
    for Invoice { stated, .. } in invoices(fold) {
        if is_rejected(fold, stated) {
            continue;
        }
        let kind = match stated.kind {
            InvoiceKind::Commercial => 0,
            InvoiceKind::Prepayment => 1,
            InvoiceKind::InterestOrFee => 2,
        };
        let sign = stated.net.money.amount.is_negative();
        let identity = (&stated.keys.supplier, kind, &stated.number, stated.issued, sign);
        let same = |other: &(_, &Option<Text>)| {
            other.0 == identity || (stated.document.is_some() && *other.1 == stated.document)
        };
        if seen.iter().any(same) {
            let subject = format!("invoice:{}", stated.invoice);
            let amount = in_own(fold, stated.net);
            found.add_with(Reason::DuplicateInvoice, subject, amount, fold.currency());
        }
        seen.push((identity, &stated.document));
    }
    let mut seen = Vec::new();
    for (_, credit) in credit_notes(fold) {
        if invoice(fold, &credit.invoice).is_some_and(|named| is_rejected(fold, named.stated)) {
            continue;
        }
        let sign = credit.net.money.amount.is_negative();
        let identity = (&credit.supplier, &credit.number, credit.issued, sign);
        let same = |other: &(_, &Option<Text>)| {
            other.0 == identity || (credit.document.is_some() && *other.1 == credit.document)
        };
        if seen.iter().any(same) {
            let subject = format!("credit_note:{}", credit.credit_note);
            let amount = in_own(fold, credit.net);
            found.add_with(Reason::DuplicateCredit, subject, amount, fold.currency());
        }
        seen.push((identity, &credit.document));
    }
}

/// One time that a finding was open, with its amount while it was last open.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Episode {
    pub(super) rule: Reason,
    pub(super) subject: String,
    pub(super) known: RecordedTime,
    pub(super) cleared: Option<RecordedTime>,
    pub(super) amount: Option<String>,
}

/// Every time that a finding was open as of a day, among the first so many events.
pub(super) fn episodes(history: &History, known: usize, as_of: Date) -> Vec<Episode> {
    let mut open: BTreeMap<(Reason, String), Episode> = BTreeMap::new();
    let mut all = Vec::new();
    for prefix in 1..=known {
        let recorded = history.events[prefix - 1].recorded;
        let now = match history.fold(prefix, as_of) {
            Some(fold) => conditions(history, prefix, &fold).0,
            None => BTreeMap::new(),
        };
        for (key, mut episode) in std::mem::take(&mut open) {
            if now.contains_key(&key) {
                open.insert(key, episode);
            } else {
                episode.cleared = Some(recorded);
                all.push(episode);
            }
        }
        for ((rule, subject), amount) in now {
            let key = (rule, subject.clone());
            let new = Episode { rule, subject, known: recorded, cleared: None, amount: None };
            open.entry(key).or_insert(new).amount = amount;
        }
    }
    all.extend(open.into_values());
    all.sort();
    all
}
