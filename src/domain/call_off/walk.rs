//! The fold of one call-off: what it amounts to after each document.

use std::collections::BTreeMap;

use super::prepaid;
use super::{Entry, Standing};
use crate::domain::charter::Charter;
use crate::domain::date::Date;
use crate::domain::event::{
    CreditNoteReceived, InvoiceKind, InvoicePaid, InvoiceReceived, OrderPlaced, Payload, Value,
};
use crate::domain::id::{InvoiceId, OrderId};
use crate::domain::levels::Sums;
use crate::domain::money::{Amount, Currency, Money};
use crate::domain::scope::{Scope, ScopeKeys};

/// What an order is at a place in the fold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderStatus {
    /// Not placed, or its placement is reversed.
    NotPlaced,
    /// Open.
    Open,
    /// Cancelled by the buyer.
    Cancelled,
    /// Rejected by the supplier.
    Rejected,
    /// Complete.
    Closed,
}

/// The order so far.
#[derive(Debug)]
pub(super) struct OrderView<'a> {
    pub(super) placed: &'a OrderPlaced,
    pub(super) placed_on: Date,
    pub(super) status: OrderStatus,
    /// Last value in the agreement's currency.
    pub(super) ordered: Amount,
    /// Last value as stated.
    pub(super) ordered_stated: Money,
    /// Value at placement, in the agreement's currency.
    pub(super) placed_value: Amount,
}

/// An invoice so far.
#[derive(Debug)]
pub(super) struct InvoiceView<'a> {
    pub(super) invoice: &'a InvoiceReceived,
    /// Net in the agreement's currency.
    pub(super) net: Amount,
    /// Whether the order was no longer open when it came.
    pub(super) after_closing: bool,
}

/// A credit note so far.
#[derive(Debug)]
pub(super) struct CreditView<'a> {
    pub(super) credit: &'a CreditNoteReceived,
    /// Net in the agreement's currency.
    pub(super) net: Amount,
}

/// The state of the fold.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    pub(super) currency: Currency,
    pub(super) order: Option<OrderView<'a>>,
    pub(super) invoices: Vec<InvoiceView<'a>>,
    pub(super) credits: Vec<CreditView<'a>>,
    pub(super) payments: Vec<(&'a InvoicePaid, Amount)>,
    /// Whether any invoice is a prepayment.
    pub(super) has_prepayments: bool,
    /// Place of each invoice in `invoices`.
    places: BTreeMap<&'a InvoiceId, usize>,
    /// What is credited on each invoice, known or not.
    credited: BTreeMap<&'a InvoiceId, Amount>,
    /// What is paid on each invoice, known or not.
    paid: BTreeMap<&'a InvoiceId, Amount>,
    /// Net less credits of the invoices that are consumption.
    invoiced: Amount,
    /// What is paid on known invoices.
    paid_on_known: Amount,
    /// What is paid on all.
    paid_in_all: Amount,
    /// The order, when something was done to it that only an open order allows.
    pub(super) touched_when_not_open: Option<&'a OrderId>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(currency: Currency) -> Self {
        Self {
            currency,
            order: None,
            invoices: Vec::new(),
            credits: Vec::new(),
            payments: Vec::new(),
            has_prepayments: false,
            places: BTreeMap::new(),
            credited: BTreeMap::new(),
            paid: BTreeMap::new(),
            invoiced: Amount::ZERO,
            paid_on_known: Amount::ZERO,
            paid_in_all: Amount::ZERO,
            touched_when_not_open: None,
        }
    }

    pub(super) fn absorb(&mut self, entry: &'a Entry) {
        let date = entry.recorded.event.effective;
        match &entry.recorded.event.payload {
            Payload::OrderPlaced(placed) => self.place(placed, date, entry.standing),
            Payload::OrderChanged(changed) => {
                let ordered = self.amount(changed.value);
                self.touch(&changed.order);
                if let Some(order) = self.placed_order() {
                    order.ordered = ordered;
                    order.ordered_stated = changed.value.money;
                }
            }
            Payload::OrderCancelled(ended) => self.end(&ended.order, OrderStatus::Cancelled),
            Payload::OrderClosed(ended) => self.end(&ended.order, OrderStatus::Closed),
            Payload::InvoiceReceived(invoice) => self.take_invoice(invoice),
            Payload::CreditNoteReceived(credit) => {
                let net = self.amount(credit.net);
                let credited = self.credited.entry(&credit.invoice).or_default();
                *credited = credited.plus(net);
                if self.invoice(&credit.invoice).is_some_and(is_consumption) {
                    self.invoiced = self.invoiced.minus(net);
                }
                self.credits.push(CreditView { credit, net });
            }
            Payload::InvoicePaid(payment) => {
                let amount = self.amount(payment.value);
                let paid = self.paid.entry(&payment.invoice).or_default();
                *paid = paid.plus(amount);
                self.paid_in_all = self.paid_in_all.plus(amount);
                if self.invoice(&payment.invoice).is_some() {
                    self.paid_on_known = self.paid_on_known.plus(amount);
                }
                self.payments.push((payment, amount));
            }
            Payload::AgreementSigned(_)
            | Payload::OptionExercised(_)
            | Payload::EventReversed(_) => {}
            _ => {}
        }
    }

    pub(super) fn order_status(&self) -> OrderStatus {
        self.order.as_ref().map_or(OrderStatus::NotPlaced, |order| order.status)
    }

    /// The invoice of an id, when it has come.
    pub(super) fn invoice(&self, id: &InvoiceId) -> Option<&InvoiceView<'a>> {
        self.invoices.get(*self.places.get(id)?)
    }

    /// What is credited on an invoice, in the agreement's currency.
    pub(super) fn credited(&self, id: &InvoiceId) -> Amount {
        self.credited.get(id).copied().unwrap_or_default()
    }

    /// Net less credits of the invoices that are consumption.
    pub(super) fn invoiced(&self) -> Amount {
        self.invoiced
    }

    pub(super) fn net_less_credits(&self, view: &InvoiceView<'_>) -> Amount {
        view.net.minus(self.credited(&view.invoice.invoice))
    }

    /// The sums per scope that has a ceiling, the agreement always.
    pub(super) fn sums(&self, charter: &Charter) -> BTreeMap<Scope, Sums> {
        let mut sums = BTreeMap::new();
        match &self.order {
            Some(order) => {
                let prepaid = total(prepaid::left(self).into_iter().map(|(_, left)| left));
                let invoiced = self.invoiced();
                let (committed, claimed) = match order.status {
                    OrderStatus::Open => (order.ordered, order.ordered.max(invoiced.plus(prepaid))),
                    OrderStatus::Cancelled
                    | OrderStatus::Rejected
                    | OrderStatus::Closed
                    | OrderStatus::NotPlaced => (Amount::ZERO, invoiced.plus(prepaid)),
                };
                let paid = self.paid_on_known;
                let exposure = claimed.or_zero();
                let whole =
                    Sums { reserved: Amount::ZERO, committed, invoiced, prepaid, paid, exposure };
                add(&mut sums, charter, &order.placed.keys, whole);
            }
            None => self.add_off_order(&mut sums, charter),
        }
        let loose_paid = self.paid_in_all.minus(self.paid_on_known);
        let loose = Sums { paid: loose_paid, ..Sums::default() };
        add(&mut sums, charter, &ScopeKeys::default(), loose);
        sums
    }

    /// Without an order each invoice counts by itself, in the scopes that it names.
    fn add_off_order(&self, sums: &mut BTreeMap<Scope, Sums>, charter: &Charter) {
        for view in &self.invoices {
            let invoiced =
                if is_consumption(view) { self.net_less_credits(view) } else { Amount::ZERO };
            let paid = self.paid.get(&view.invoice.invoice).copied().unwrap_or_default();
            let one = Sums { invoiced, paid, exposure: invoiced, ..Sums::default() };
            add(sums, charter, self.keys_of(view.invoice), one);
        }
        for (view, left) in prepaid::left(self) {
            let one = Sums { prepaid: left, exposure: left, ..Sums::default() };
            add(sums, charter, &view.invoice.keys, one);
        }
    }

    /// Net of an invoice less its credit notes and the negative invoices that name it.
    pub(super) fn net_less_corrections(&self, view: &InvoiceView<'_>) -> Amount {
        let id = &view.invoice.invoice;
        let naming =
            self.invoices.iter().filter(|other| other.invoice.corrected.as_ref() == Some(id));
        naming
            .fold(self.net_less_credits(view), |net, other| net.plus(self.net_less_credits(other)))
    }

    /// A negative invoice counts where the invoice that it lowers counts.
    fn keys_of(&self, invoice: &'a InvoiceReceived) -> &'a ScopeKeys {
        let mut counted = invoice;
        // At most once through all of them: ids of invoices that name each other may go in a ring.
        for _ in &self.invoices {
            match counted.corrected.as_ref().and_then(|named| self.invoice(named)) {
                Some(named) => counted = named.invoice,
                None => break,
            }
        }
        &counted.keys
    }

    /// What came before its invoice attaches to it.
    fn take_invoice(&mut self, invoice: &'a InvoiceReceived) {
        let net = self.amount(invoice.net);
        let after_closing = match self.order_status() {
            OrderStatus::Cancelled | OrderStatus::Rejected | OrderStatus::Closed => true,
            OrderStatus::NotPlaced | OrderStatus::Open => false,
        };
        let view = InvoiceView { invoice, net, after_closing };
        if is_consumption(&view) {
            self.invoiced = self.invoiced.plus(self.net_less_credits(&view));
        }
        let paid = self.paid.get(&invoice.invoice).copied().unwrap_or_default();
        self.paid_on_known = self.paid_on_known.plus(paid);
        self.has_prepayments |= invoice.kind == InvoiceKind::Prepayment;
        self.places.insert(&invoice.invoice, self.invoices.len());
        self.invoices.push(view);
    }

    pub(super) fn amount(&self, value: Value) -> Amount {
        value.in_currency(self.currency).expect("admission refuses what cannot be converted")
    }

    /// A reversed placement leaves what hangs on it in the order's scopes, with nothing ordered.
    fn place(&mut self, placed: &'a OrderPlaced, placed_on: Date, standing: Standing) {
        let placed_value = self.amount(placed.value);
        let stated = placed.value.money;
        let nothing = Money { amount: Amount::ZERO, currency: stated.currency };
        let (status, ordered, ordered_stated) = match standing {
            Standing::Live => (OrderStatus::Open, placed_value, stated),
            Standing::Reversed => (OrderStatus::NotPlaced, Amount::ZERO, nothing),
        };
        let live_already = self.order_status() != OrderStatus::NotPlaced;
        if standing == Standing::Live || !live_already {
            self.order = Some(OrderView {
                placed,
                placed_on,
                status,
                ordered,
                ordered_stated,
                placed_value,
            });
        }
    }

    fn placed_order(&mut self) -> Option<&mut OrderView<'a>> {
        self.order.as_mut().filter(|order| order.status != OrderStatus::NotPlaced)
    }

    fn touch(&mut self, order: &'a OrderId) {
        if self.order_status() != OrderStatus::Open {
            self.touched_when_not_open = Some(order);
        }
    }

    /// The first end counts: a closed order is not cancelled afterwards, nor the other way.
    fn end(&mut self, order: &'a OrderId, status: OrderStatus) {
        self.touch(order);
        if let Some(order) = self.placed_order().filter(|order| order.status == OrderStatus::Open) {
            order.status = status;
        }
    }
}

pub(super) fn is_consumption(view: &InvoiceView<'_>) -> bool {
    match view.invoice.kind {
        InvoiceKind::Commercial => true,
        InvoiceKind::Prepayment | InvoiceKind::InterestOrFee => false,
    }
}

fn total(amounts: impl Iterator<Item = Amount>) -> Amount {
    amounts.fold(Amount::ZERO, Amount::plus)
}

fn add(sums: &mut BTreeMap<Scope, Sums>, charter: &Charter, keys: &ScopeKeys, one: Sums) {
    let ceilings = &charter.terms().ceilings;
    for scope in keys.scopes() {
        if ceilings.iter().any(|ceiling| ceiling.scope == scope) {
            let sum: &mut Sums = sums.entry(scope).or_default();
            *sum = sum.plus(one);
        }
    }
}
