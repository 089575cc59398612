//! Money paid, paid back and held back on the invoices of one call-off.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::domain::date::Date;
use crate::domain::event::{InvoicePaid, Recorded, RetentionReleased, RetentionWithheld, Value};
use crate::domain::id::{InvoiceId, PaymentId, RetentionId};
use crate::domain::money::{Amount, Currency};

/// A payment so far.
#[derive(Debug)]
pub(super) struct Payment<'a> {
    pub(super) recorded: &'a Arc<Recorded>,
    pub(super) paid: &'a InvoicePaid,
    /// In the agreement's currency.
    pub(super) amount: Amount,
}

/// Money held back so far.
#[derive(Debug)]
pub(super) struct Retention<'a> {
    pub(super) withheld: &'a RetentionWithheld,
    /// What was released of it.
    pub(super) released: Vec<Value>,
}

/// The payments of one call-off.
#[derive(Debug)]
pub(super) struct Payments<'a> {
    currency: Currency,
    all: Vec<Payment<'a>>,
    places: BTreeMap<&'a PaymentId, usize>,
    /// Payments that came back, known or not.
    reversed: BTreeSet<&'a PaymentId>,
    /// What is paid on each invoice, known or not, in the agreement's currency.
    paid: BTreeMap<&'a InvoiceId, Amount>,
    /// Places of the payments on each invoice.
    of_invoice: BTreeMap<&'a InvoiceId, Vec<usize>>,
    known: BTreeSet<&'a InvoiceId>,
    paid_on_known: Amount,
    paid_in_all: Amount,
    pub(super) retentions: BTreeMap<&'a RetentionId, Retention<'a>>,
    /// Releases that came before what they release.
    early_releases: Vec<&'a RetentionReleased>,
}

impl<'a> Payments<'a> {
    pub(super) fn new(currency: Currency) -> Self {
        Self {
            currency,
            all: Vec::new(),
            places: BTreeMap::new(),
            reversed: BTreeSet::new(),
            paid: BTreeMap::new(),
            of_invoice: BTreeMap::new(),
            known: BTreeSet::new(),
            paid_on_known: Amount::ZERO,
            paid_in_all: Amount::ZERO,
            retentions: BTreeMap::new(),
            early_releases: Vec::new(),
        }
    }

    pub(super) fn pay(&mut self, recorded: &'a Arc<Recorded>, paid: &'a InvoicePaid) {
        let amount = paid.value.in_currency(self.currency);
        let amount = amount.expect("admission refuses what cannot be converted");
        let place = self.all.len();
        self.all.push(Payment { recorded, paid, amount });
        self.places.insert(&paid.payment, place);
        self.of_invoice.entry(&paid.invoice).or_default().push(place);
        if !self.reversed.contains(&paid.payment) {
            self.add(&paid.invoice, amount);
        }
    }

    pub(super) fn pay_back(&mut self, payment: &'a PaymentId) {
        if !self.reversed.insert(payment) {
            return;
        }
        let known = self.places.get(payment).and_then(|place| self.all.get(*place));
        if let Some(Payment { paid, amount, .. }) = known {
            let (invoice, amount) = (&paid.invoice, amount.negated());
            self.add(invoice, amount);
        }
    }

    fn add(&mut self, invoice: &'a InvoiceId, amount: Amount) {
        let paid = self.paid.entry(invoice).or_default();
        *paid = paid.plus(amount);
        self.paid_in_all = self.paid_in_all.plus(amount);
        if self.known.contains(invoice) {
            self.paid_on_known = self.paid_on_known.plus(amount);
        }
    }

    /// What was paid before its invoice came now counts on it.
    pub(super) fn know(&mut self, invoice: &'a InvoiceId) {
        if self.known.insert(invoice) {
            self.paid_on_known = self.paid_on_known.plus(self.on_invoice(invoice));
        }
    }

    pub(super) fn withhold(&mut self, withheld: &'a RetentionWithheld) {
        let id = &withheld.retention;
        let released =
            self.early_releases.iter().filter(|one| one.retention == *id).map(|one| one.value);
        let retention = Retention { withheld, released: released.collect() };
        self.retentions.insert(id, retention);
    }

    pub(super) fn release(&mut self, released: &'a RetentionReleased) {
        match self.retentions.get_mut(&released.retention) {
            Some(retention) => retention.released.push(released.value),
            None => self.early_releases.push(released),
        }
    }

    /// What is paid on an invoice, known or not, in the agreement's currency.
    pub(super) fn on_invoice(&self, invoice: &InvoiceId) -> Amount {
        self.paid.get(invoice).copied().unwrap_or_default()
    }

    /// What is paid on known invoices.
    pub(super) fn on_known(&self) -> Amount {
        self.paid_on_known
    }

    /// What is paid on invoices that are not known.
    pub(super) fn on_unknown(&self) -> Amount {
        self.paid_in_all.minus(self.paid_on_known)
    }

    /// The payments on an invoice that did not come back.
    pub(super) fn standing_on(&self, invoice: &InvoiceId) -> impl Iterator<Item = &Payment<'a>> {
        let places = self.of_invoice.get(invoice).into_iter().flatten();
        let payments = places.filter_map(|place| self.all.get(*place));
        payments.filter(|payment| !self.reversed.contains(&payment.paid.payment))
    }

    /// The payments on invoices that are not known.
    pub(super) fn unattached(&self) -> impl Iterator<Item = &Payment<'a>> {
        self.all.iter().filter(|payment| !self.known.contains(&payment.paid.invoice))
    }

    /// Whether a payment came back.
    pub(super) fn came_back(&self, payment: &PaymentId) -> bool {
        self.reversed.contains(payment)
    }
}

impl Payment<'_> {
    pub(super) fn date(&self) -> Date {
        self.recorded.event.effective
    }
}
