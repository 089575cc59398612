//! Sums per scope, use of ceilings, forecast and state at one point of the two times.

use std::collections::BTreeMap;

use contract_ledger::domain::date::Date;
use contract_ledger::domain::event::{CeilingKind, InvoiceKind};
use contract_ledger::domain::money::Amount;
use contract_ledger::domain::scope::{Scope, ScopeKeys};
use num_bigint::BigInt;

use super::charter::charter;
use super::documents::{
    Counts, counts, invoice, invoices, is_rejected, lowered, net_less_credits, payments,
    prepaid_left,
};
use super::history::Fold;
use super::orders::{Status, in_own, order, order_ids, reservations};

/// The sums of one scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Sums {
    pub(super) reserved: Amount,
    pub(super) committed: Amount,
    pub(super) invoiced: Amount,
    pub(super) prepaid: Amount,
    pub(super) paid: Amount,
    pub(super) exposure: Amount,
}

/// Sums of every scope in which anything counts.
pub(super) fn sums(fold: &Fold<'_>) -> BTreeMap<Scope, Sums> {
    let mut all: BTreeMap<Scope, Sums> = BTreeMap::from([(Scope::Agreement, Sums::default())]);
    let mut add = |keys: &ScopeKeys, part: Sums| {
        for scope in keys.scopes() {
            let sum = all.entry(scope).or_default();
            sum.reserved = sum.reserved.plus(part.reserved);
            sum.committed = sum.committed.plus(part.committed);
            sum.invoiced = sum.invoiced.plus(part.invoiced);
            sum.prepaid = sum.prepaid.plus(part.prepaid);
            sum.paid = sum.paid.plus(part.paid);
            sum.exposure = sum.exposure.plus(part.exposure);
        }
    };
    let left = prepaid_left(fold);
    let mut documents = Vec::new();
    for invoice in invoices(fold) {
        let stated = invoice.stated;
        if lowered(fold, stated).is_some() || is_rejected(fold, stated) {
            continue;
        }
        let mut part = Sums::default();
        match stated.kind {
            InvoiceKind::Commercial => part.invoiced = net_less_credits(fold, stated),
            InvoiceKind::Prepayment => part.prepaid = left[&stated.invoice],
            InvoiceKind::InterestOrFee => {}
        }
        documents.push((counts(fold, invoice), part));
    }
    for id in order_ids(fold) {
        let order = order(fold, &id);
        let mut part = Sums::default();
        for (place, document) in &documents {
            if *place == Counts::OnOrder(id.clone()) {
                part.invoiced = part.invoiced.plus(document.invoiced);
                part.prepaid = part.prepaid.plus(document.prepaid);
            }
        }
        let used = part.invoiced.plus(part.prepaid);
        part.exposure = used.or_zero();
        if order.status == Status::Open {
            part.committed = order.ordered(fold);
            part.exposure = part.committed.max(used).or_zero();
        }
        add(&order.keys.unwrap(), part);
    }
    for (place, mut part) in documents {
        if let Counts::OffOrder(keys) = place {
            part.exposure = part.invoiced.plus(part.prepaid);
            add(&keys, part);
        }
    }
    for (reserved, open) in reservations(fold) {
        add(&reserved.keys, Sums { reserved: open, exposure: open, ..Sums::default() });
    }
    for (_, payment) in payments(fold) {
        let paid = in_own(fold, payment.value);
        let keys = match invoice(fold, &payment.invoice) {
            None => ScopeKeys::default(),
            Some(invoice) => match counts(fold, invoice) {
                Counts::OnOrder(id) => order(fold, &id).keys.unwrap(),
                Counts::OffOrder(keys) => keys,
            },
        };
        add(&keys, Sums { paid, ..Sums::default() });
    }
    all
}

/// How much of one ceiling is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Used {
    pub(super) kind: CeilingKind,
    pub(super) ceiling: Amount,
    pub(super) sums: Sums,
    pub(super) remaining: Amount,
    pub(super) usage_ppm: Option<BigInt>,
}

/// How much of every ceiling is used.
pub(super) fn usage(fold: &Fold<'_>) -> BTreeMap<Scope, Used> {
    let all = sums(fold);
    let mut used = BTreeMap::new();
    for (scope, (kind, ceiling)) in charter(fold).ceilings {
        let sums = all.get(&scope).copied().unwrap_or_default();
        let remaining = ceiling.minus(sums.exposure);
        let usage_ppm = sums.exposure.times_over(1_000_000, ceiling);
        used.insert(scope, Used { kind, ceiling, sums, remaining, usage_ppm });
    }
    used
}

/// When the agreement's ceiling runs out at the pace so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Forecast {
    pub(super) elapsed: i64,
    pub(super) days_left: BigInt,
    /// None beyond the calendar.
    pub(super) run_out: Option<Date>,
    pub(super) end: Date,
}

impl Forecast {
    pub(super) fn is_early(&self) -> bool {
        match self.run_out {
            Some(day) => day < self.end,
            None => self.days_left < BigInt::ZERO,
        }
    }
}

pub(super) fn forecast(fold: &Fold<'_>) -> Option<Forecast> {
    let used = &usage(fold)[&Scope::Agreement];
    let elapsed = fold.as_of.days_since(fold.terms.start);
    if !used.sums.exposure.is_positive() || elapsed < 30 {
        return None;
    }
    let days_left = used.remaining.times_over(elapsed, used.sums.exposure)?;
    let run_out = i64::try_from(&days_left).ok().and_then(|days| fold.as_of.plus_days(days));
    Some(Forecast { elapsed, days_left, run_out, end: charter(fold).end })
}

/// Where the agreement is in its life.
pub(super) fn state(fold: &Fold<'_>) -> &'static str {
    let charter = charter(fold);
    let passed = |day: Option<Date>| day.is_some_and(|day| day < fold.as_of);
    if passed(charter.closed) {
        "Closed"
    } else if passed(charter.terminated) {
        "Terminated"
    } else if fold.as_of < fold.terms.start {
        "NotStarted"
    } else if fold.as_of > charter.end {
        "Expired"
    } else if charter.suspended {
        "Suspended"
    } else {
        "Active"
    }
}
