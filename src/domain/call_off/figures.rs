//! What a call-off amounts to at a place of its fold: sums per scope, and what each invoice owes.

use super::walk::{Account, InvoiceSoFar, OrderSoFar, OrderStatus, Retention, Tally, Walk};
use crate::domain::charter::Charter;
use crate::domain::event::{InvoiceReceived, Value};
use crate::domain::levels::{ScopeSums, Sums};
use crate::domain::money::{Amount, Currency, Money};
use crate::domain::scope::{Scope, ScopeKeys};
use crate::domain::view::Currencies;

/// What an invoice owes. All in one currency: the invoice's own when every document on it shares that,
/// else the agreement's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Owed {
    pub(super) currency: Currency,
    pub(super) currencies: Currencies,
    /// Net, VAT, interest and fees, less credit notes with their VAT, less what is stated as prepaid.
    pub(super) payable: Amount,
    pub(super) paid: Amount,
}

impl Owed {
    /// How much more is paid than is due.
    pub(super) fn overpaid(&self) -> Money {
        Money { amount: self.paid.minus(self.payable), currency: self.currency }
    }

    /// A sum of documents, in the currency of what is owed.
    fn of(&self, tally: &Tally) -> Amount {
        in_currency(tally, self.currency, self.currencies)
    }
}

/// A document or order, with the keys that it counts under and its sums.
pub(super) type Part<'w> = (Option<&'w InvoiceReceived>, &'w ScopeKeys, Sums);

impl Walk {
    /// The sums per scope that has a ceiling, the agreement always.
    pub(super) fn sums(&self, charter: &Charter) -> ScopeSums {
        let mut sums = self.off_order().clone();
        let mut add = |keys: &ScopeKeys, one: Sums| {
            for scope in keys.scopes().filter(|scope| charter.has_scope(scope)) {
                sums.add(scope, one);
            }
        };
        if let Some(order) = &self.order {
            add(&order.placement.stated().keys, self.order_sums(order));
        }
        for one in self.prepaid.left() {
            let invoice = one.invoice.stated();
            if !self.is_on_order(invoice) {
                let sums = Sums { prepaid: one.left, exposure: one.left, ..Sums::default() };
                add(&self.counted_as(invoice).keys, sums);
            }
        }
        let loose = Sums { paid: self.paid_on_unknown(), ..Sums::default() };
        if charter.has_scope(&Scope::Agreement) {
            sums.add(Scope::Agreement, loose);
        }
        sums
    }

    /// The order with all that hangs on it, or each invoice by itself; also with an order what counts
    /// off it. Payments on unknown invoices are no part.
    pub(super) fn parts(&self) -> Vec<Part<'_>> {
        let order = self.order.as_ref();
        let on_order =
            order.map(|order| (None, &order.placement.stated().keys, self.order_sums(order)));
        let invoices = self.invoices().into_iter();
        let off_order = invoices.filter(|(_, one)| !self.is_on_order(one.receipt.stated()));
        let off_order = off_order.map(|(account, one)| self.off_order_part(account, one));
        on_order.into_iter().chain(off_order).collect()
    }

    pub(super) fn order_sums(&self, order: &OrderSoFar) -> Sums {
        let left = self.prepaid.left().iter();
        let left = left.filter(|one| !self.is_adrift(one.invoice.stated()));
        let prepaid = left.fold(Amount::ZERO, |sum, one| sum.plus(one.left));
        let invoiced = self.invoiced();
        let (committed, claimed) = match order.status {
            OrderStatus::Open => (order.ordered, order.ordered.max(invoiced.plus(prepaid))),
            OrderStatus::Cancelled
            | OrderStatus::Rejected
            | OrderStatus::Closed
            | OrderStatus::NotPlaced => (Amount::ZERO, invoiced.plus(prepaid)),
        };
        Sums {
            reserved: Amount::ZERO,
            committed,
            invoiced,
            prepaid,
            paid: self.paid_on_order(),
            exposure: claimed.or_zero(),
        }
    }

    fn off_order_part<'w>(&'w self, account: &'w Account, one: &'w InvoiceSoFar) -> Part<'w> {
        let invoice = one.receipt.stated();
        let counts = self.is_consumption(invoice) && !self.is_rejected(invoice);
        let invoiced = if counts { account.net_less_credits() } else { Amount::ZERO };
        let prepaid = self.prepaid.left_of(&invoice.invoice);
        let paid = account.paid.converted();
        let exposure = invoiced.plus(prepaid);
        let sums = Sums { invoiced, prepaid, paid, exposure, ..Sums::default() };
        (Some(invoice), &self.counted_as(invoice).keys, sums)
    }

    /// Net of an invoice less its credit notes and the negative invoices that name it, in the
    /// agreement's currency. Nothing once it is rejected.
    pub(super) fn net_less_corrections(&self, account: &Account) -> Amount {
        let invoice = account.received.as_ref().map(|one| one.receipt.stated());
        if invoice.is_some_and(|invoice| self.is_rejected(invoice)) {
            Amount::ZERO
        } else {
            self.net_less_all(account)
        }
    }

    /// The same, rejected or not.
    pub(super) fn net_less_all(&self, account: &Account) -> Amount {
        self.corrections(account)
            .fold(account.net_less_credits(), |net, (other, _)| net.plus(other.net_less_credits()))
    }

    /// The negative invoices that name an invoice and are not rejected themselves.
    fn corrections<'w>(
        &'w self,
        account: &'w Account,
    ) -> impl Iterator<Item = (&'w Account, &'w InvoiceReceived)> {
        let naming = account.lowered_by.iter().filter_map(|id| self.account(id));
        let naming = naming
            .filter_map(|account| Some((account, account.received.as_ref()?.receipt.stated())));
        naming.filter(|(_, naming)| !self.is_rejected(naming))
    }

    /// What an invoice owes.
    pub(super) fn owed(&self, account: &Account, one: &InvoiceSoFar) -> Owed {
        let invoice = one.receipt.stated();
        let own = invoice.net.money.currency;
        let shared = account.credited.stated_in(own).is_some()
            && account.paid.stated_in(own).is_some()
            && self.held_back(account).flat_map(values).all(|value| value.money.currency == own);
        let (currency, currencies) =
            if shared { (own, Currencies::Shared) } else { (self.currency, Currencies::Mixed) };
        let payable = if self.is_rejected(invoice) {
            Amount::ZERO
        } else {
            let stated = invoice.net.money.amount.plus(invoice.vat).plus(invoice.interest_and_fees);
            let money = Money { amount: stated.minus(invoice.prepaid), currency: own };
            let credited = in_currency(&account.credited_gross, currency, currencies);
            of(Value { money, rate: invoice.net.rate }, currency).minus(credited)
        };
        let paid = in_currency(&account.paid, currency, currencies);
        Owed { currency, currencies, payable, paid }
    }

    /// Credit notes and negative invoices that name an invoice, net.
    pub(super) fn credited(&self, account: &Account, owed: &Owed) -> Amount {
        // A negative invoice is owed the other way round, by itself, so it does not lower this one.
        self.corrections(account).fold(owed.of(&account.credited), |lowered, (_, other)| {
            lowered.minus(of(other.net, owed.currency))
        })
    }

    /// What is held back on an invoice and not yet released.
    pub(super) fn retained(&self, account: &Account, owed: &Owed) -> Amount {
        self.held_back(account).fold(Amount::ZERO, |sum, held| {
            let mut values = values(held).map(|value| of(value, owed.currency));
            let withheld = values.next().unwrap_or_default();
            sum.plus(values.fold(withheld, Amount::minus).or_zero())
        })
    }

    fn held_back<'w>(&'w self, account: &'w Account) -> impl Iterator<Item = &'w Retention> {
        let held = account.retentions.iter().filter_map(|id| self.retentions.get(id));
        held.map(|held| &**held)
    }
}

/// What is held back, and then what is released of it.
fn values(held: &Retention) -> impl Iterator<Item = Value> {
    let withheld = held.withheld.iter().map(|withheld| withheld.value);
    withheld.chain(held.released.iter().copied())
}

fn in_currency(tally: &Tally, currency: Currency, currencies: Currencies) -> Amount {
    match currencies {
        Currencies::Shared => tally.stated_in(currency).unwrap_or_default(),
        Currencies::Mixed => tally.converted(),
    }
}

/// A value in a currency: as it is, or converted by its own rate. What cannot be converted counts as
/// nothing; admission has seen to it that there is a rate to the agreement's currency.
fn of(value: Value, currency: Currency) -> Amount {
    value.in_currency(currency).unwrap_or_default()
}
