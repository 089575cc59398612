//! What a call-off amounts to at a place of its fold: sums per scope, and what each invoice owes.

use std::collections::BTreeMap;

use super::payments::Payment;
use super::prepaid;
use super::walk::{InvoiceSoFar, OrderSoFar, OrderStatus, Walk};
use crate::domain::charter::Charter;
use crate::domain::event::{InvoiceReceived, Value};
use crate::domain::levels::Sums;
use crate::domain::money::{Amount, Currency, Money};
use crate::domain::scope::{Scope, ScopeKeys};
use crate::domain::view::Currencies;

/// What an invoice owes. All in one currency: the invoice's own when every document on it shares that,
/// else the agreement's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Owed {
    pub(super) currency: Currency,
    pub(super) currencies: Currencies,
    /// Credit notes and negative invoices that name it, net.
    pub(super) credited: Amount,
    /// Net, VAT, interest and fees, less credit notes with their VAT, less what is stated as prepaid.
    pub(super) payable: Amount,
    pub(super) paid: Amount,
    /// Held back and not yet released.
    pub(super) retained: Amount,
}

impl Owed {
    /// How much more is paid than is due.
    pub(super) fn overpaid(&self) -> Money {
        Money { amount: self.paid.minus(self.payable), currency: self.currency }
    }
}

/// A document or order, with the keys that it counts under and its sums.
pub(super) type Part<'w> = (Option<&'w InvoiceReceived>, &'w ScopeKeys, Sums);

impl<'a> Walk<'a> {
    /// The sums per scope that has a ceiling, the agreement always.
    pub(super) fn sums(&self, charter: &Charter) -> BTreeMap<Scope, Sums> {
        let mut sums = BTreeMap::new();
        for (_, keys, one) in self.parts() {
            add(&mut sums, charter, keys, one);
        }
        let loose = Sums { paid: self.payments.on_unknown(), ..Sums::default() };
        add(&mut sums, charter, &ScopeKeys::default(), loose);
        sums
    }

    /// The order with all that hangs on it, or each invoice by itself; also with an order what counts
    /// off it. Payments on unknown invoices are no part.
    pub(super) fn parts(&self) -> Vec<Part<'_>> {
        let left = prepaid::left(self);
        let left_of = |one: &InvoiceSoFar<'_>| {
            let id = &one.invoice.invoice;
            let found = left.iter().find(|(other, _)| other.invoice.invoice == *id);
            found.map(|(_, left)| *left).unwrap_or_default()
        };
        let order = self.order.as_ref();
        let on_order = order.map(|order| (None, &order.placed.keys, self.order_sums(order)));
        let off_order =
            self.invoices.iter().filter(|one| order.is_none() || self.is_adrift(one.invoice));
        let off_order = off_order.map(|one| self.off_order(one, left_of(one)));
        on_order.into_iter().chain(off_order).collect()
    }

    pub(super) fn order_sums(&self, order: &OrderSoFar<'_>) -> Sums {
        let left = prepaid::left(self).into_iter();
        let left = left.filter(|(one, _)| !self.is_adrift(one.invoice));
        let prepaid = left.fold(Amount::ZERO, |sum, (_, left)| sum.plus(left));
        let invoiced = self.invoiced();
        let (committed, claimed) = match order.status {
            OrderStatus::Open => (order.ordered, order.ordered.max(invoiced.plus(prepaid))),
            OrderStatus::Cancelled
            | OrderStatus::Rejected
            | OrderStatus::Closed
            | OrderStatus::NotPlaced => (Amount::ZERO, invoiced.plus(prepaid)),
        };
        let adrift = self.invoices.iter().filter(|one| self.is_adrift(one.invoice));
        let paid_off_order = adrift.fold(Amount::ZERO, |sum, one| {
            sum.plus(self.payments.on_invoice(&one.invoice.invoice))
        });
        let paid = self.payments.on_known().minus(paid_off_order);
        Sums {
            reserved: Amount::ZERO,
            committed,
            invoiced,
            prepaid,
            paid,
            exposure: claimed.or_zero(),
        }
    }

    fn off_order<'w>(&'w self, one: &'w InvoiceSoFar<'a>, prepaid: Amount) -> Part<'w> {
        let counts = self.is_consumption(one.invoice) && !self.is_rejected(one.invoice);
        let invoiced = if counts { self.net_less_credits(one) } else { Amount::ZERO };
        let paid = self.payments.on_invoice(&one.invoice.invoice);
        let exposure = invoiced.plus(prepaid);
        let sums = Sums { invoiced, prepaid, paid, exposure, ..Sums::default() };
        (Some(one.invoice), &self.counted_as(one.invoice).keys, sums)
    }

    /// Net of an invoice less its credit notes and the negative invoices that name it, in the
    /// agreement's currency. Nothing once it is rejected.
    pub(super) fn net_less_corrections(&self, one: &InvoiceSoFar<'_>) -> Amount {
        if self.is_rejected(one.invoice) { Amount::ZERO } else { self.net_less_all(one) }
    }

    /// The same, rejected or not.
    pub(super) fn net_less_all(&self, one: &InvoiceSoFar<'_>) -> Amount {
        self.corrections(one)
            .fold(self.net_less_credits(one), |net, other| net.plus(self.net_less_credits(other)))
    }

    /// The negative invoices that name an invoice and are not rejected themselves.
    fn corrections<'w>(
        &'w self,
        one: &'w InvoiceSoFar<'_>,
    ) -> impl Iterator<Item = &'w InvoiceSoFar<'a>> {
        let naming = one.corrections.iter().filter_map(|place| self.invoices.get(*place));
        naming.filter(|naming| !self.is_rejected(naming.invoice))
    }

    /// What an invoice owes.
    pub(super) fn owed(&self, one: &InvoiceSoFar<'_>) -> Owed {
        let own = one.invoice.net.money.currency;
        let id = &one.invoice.invoice;
        let shared = self.credits_of(id).all(|credit| credit.credit.net.money.currency == own)
            && self
                .payments
                .standing_on(id)
                .all(|payment| payment.paid.value.money.currency == own)
            && self.retained_values(one).all(|value| value.money.currency == own);
        if shared {
            self.owed_in(one, own, Currencies::Shared)
        } else {
            self.owed_in(one, self.currency, Currencies::Mixed)
        }
    }

    fn owed_in(&self, one: &InvoiceSoFar<'_>, currency: Currency, currencies: Currencies) -> Owed {
        let invoice = one.invoice;
        let own = invoice.net.money.currency;
        let rate = invoice.net.rate;
        let in_own =
            |amount: Amount| of(Value { money: Money { amount, currency: own }, rate }, currency);
        let mut credited = Amount::ZERO;
        let mut credited_gross = Amount::ZERO;
        for credit in self.credits_of(&invoice.invoice) {
            let net = credit.credit.net;
            let amount = net.money.amount.plus(credit.credit.vat);
            let gross = Money { amount, currency: net.money.currency };
            credited = credited.plus(of(net, currency));
            // Converted as a whole, so that a document is rounded once.
            credited_gross =
                credited_gross.plus(of(Value { money: gross, rate: net.rate }, currency));
        }
        // A negative invoice is owed the other way round, by itself, so it does not lower this one.
        let lowered = self
            .corrections(one)
            .fold(credited, |lowered, other| lowered.minus(of(other.invoice.net, currency)));
        let payable = if self.is_rejected(invoice) {
            Amount::ZERO
        } else {
            let stated = invoice.net.money.amount.plus(invoice.vat).plus(invoice.interest_and_fees);
            in_own(stated.minus(invoice.prepaid)).minus(credited_gross)
        };
        let value = |payment: &Payment<'_>| of(payment.paid.value, currency);
        let paid = self.payments.standing_on(&invoice.invoice).map(value);
        Owed {
            currency,
            currencies,
            credited: lowered,
            payable,
            paid: paid.fold(Amount::ZERO, Amount::plus),
            retained: self.retained(one, currency),
        }
    }

    fn retained(&self, one: &InvoiceSoFar<'_>, currency: Currency) -> Amount {
        let held = self.payments.retentions.values();
        held.filter(|held| held.withheld.invoice == one.invoice.invoice).fold(
            Amount::ZERO,
            |sum, held| {
                let released = held.released.iter().map(|value| of(*value, currency));
                let left = released.fold(of(held.withheld.value, currency), Amount::minus);
                sum.plus(left.or_zero())
            },
        )
    }

    fn retained_values<'w>(
        &'w self,
        one: &'w InvoiceSoFar<'_>,
    ) -> impl Iterator<Item = Value> + 'w {
        let held = self.payments.retentions.values();
        held.filter(|held| held.withheld.invoice == one.invoice.invoice).flat_map(|held| {
            std::iter::once(held.withheld.value).chain(held.released.iter().copied())
        })
    }
}

/// A value in a currency: as it is, or converted by its own rate. What cannot be converted counts as
/// nothing; admission has seen to it that there is a rate to the agreement's currency.
fn of(value: Value, currency: Currency) -> Amount {
    value.in_currency(currency).unwrap_or_default()
}

fn add(sums: &mut BTreeMap<Scope, Sums>, charter: &Charter, keys: &ScopeKeys, one: Sums) {
    for scope in keys.scopes() {
        if charter.has_scope(&scope) {
            let sum: &mut Sums = sums.entry(scope).or_default();
            *sum = sum.plus(one);
        }
    }
}
