//! The fold of one call-off: what has happened to it after each document.
//!
//! Sums are kept as it is walked, so that a day costs the same however many documents there are.
//! `count` keeps what counts as consumption.

mod count;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::domain::call_off::payments::Payments;
use crate::domain::call_off::{Entry, Standing};
use crate::domain::date::Date;
use crate::domain::event::{
    CreditNoteReceived, InvoiceKind, InvoiceReceived, OrderPlaced, Payload, PrepaymentOffset,
    Recorded, Value,
};
use crate::domain::id::{InvoiceId, OrderId};
use crate::domain::money::{Amount, Currency, Money};

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
pub(super) struct OrderSoFar<'a> {
    pub(super) placement: &'a Arc<Recorded>,
    pub(super) placed: &'a OrderPlaced,
    pub(super) status: OrderStatus,
    /// Last value in the agreement's currency.
    pub(super) ordered: Amount,
    /// Last value as stated.
    pub(super) ordered_stated: Money,
    /// Value at placement, in the agreement's currency.
    pub(super) placed_value: Amount,
    standing: Standing,
    pub(super) confirmed: bool,
    pub(super) deliveries: u32,
    pub(super) received_by: Vec<String>,
}

/// An invoice so far.
#[derive(Debug)]
pub(super) struct InvoiceSoFar<'a> {
    pub(super) receipt: &'a Arc<Recorded>,
    pub(super) invoice: &'a InvoiceReceived,
    /// Net in the agreement's currency.
    pub(super) net: Amount,
    /// Whether the order was no longer open when it came.
    pub(super) after_closing: bool,
    /// Places of the negative invoices that name it.
    pub(super) corrections: Vec<usize>,
    pub(super) approved_by: Option<&'a str>,
    pub(super) approved: bool,
    pub(super) disputed: bool,
}

/// A credit note so far.
#[derive(Debug)]
pub(super) struct CreditSoFar<'a> {
    pub(super) recorded: &'a Arc<Recorded>,
    pub(super) credit: &'a CreditNoteReceived,
    /// Net in the agreement's currency.
    pub(super) net: Amount,
}

/// What the counting documents of a call-off state, by currency.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Stated {
    documents: u64,
    pub(super) net: Amount,
}

/// The state of the fold.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    pub(super) currency: Currency,
    pub(super) order: Option<OrderSoFar<'a>>,
    pub(super) invoices: Vec<InvoiceSoFar<'a>>,
    pub(super) credits: Vec<CreditSoFar<'a>>,
    pub(super) offsets: Vec<&'a PrepaymentOffset>,
    pub(super) payments: Payments<'a>,
    /// Whether any invoice is a prepayment.
    pub(super) has_prepayments: bool,
    /// Place of each invoice in `invoices`.
    places: BTreeMap<&'a InvoiceId, usize>,
    /// Places of negative invoices by the invoice that they name and that has not come.
    waiting: BTreeMap<&'a InvoiceId, Vec<usize>>,
    rejected: BTreeSet<&'a InvoiceId>,
    /// Invoices that came after the placement was reversed: they name an order that is not known.
    strays: BTreeSet<&'a InvoiceId>,
    /// Places in `credits` by the invoice credited, known or not.
    credits_of: BTreeMap<&'a InvoiceId, Vec<usize>>,
    /// What is credited on each invoice, known or not.
    credited: BTreeMap<&'a InvoiceId, Amount>,
    /// Net less credits of what counts as consumption here.
    invoiced: Amount,
    /// The same as stated, by currency.
    stated: BTreeMap<Currency, Stated>,
    /// First day on which something was done to the order that only an open order allows.
    pub(super) touched_when_not_open: Option<(&'a OrderId, Date)>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(currency: Currency) -> Self {
        Self {
            currency,
            order: None,
            invoices: Vec::new(),
            credits: Vec::new(),
            offsets: Vec::new(),
            payments: Payments::new(currency),
            has_prepayments: false,
            places: BTreeMap::new(),
            waiting: BTreeMap::new(),
            rejected: BTreeSet::new(),
            strays: BTreeSet::new(),
            credits_of: BTreeMap::new(),
            credited: BTreeMap::new(),
            invoiced: Amount::ZERO,
            stated: BTreeMap::new(),
            touched_when_not_open: None,
        }
    }

    pub(super) fn absorb(&mut self, entry: &'a Entry) {
        let recorded = &entry.recorded;
        let date = recorded.event.effective;
        match &recorded.event.payload {
            Payload::OrderPlaced(placed) => self.place(recorded, placed, entry.standing),
            Payload::OrderConfirmed(_) => self.on_order(|order| order.confirmed = true),
            Payload::OrderChanged(changed) => {
                let ordered = self.amount(changed.value);
                self.touch(&changed.order, date);
                self.on_order(|order| {
                    order.ordered = ordered;
                    order.ordered_stated = changed.value.money;
                });
            }
            Payload::OrderRejected(_) => self.end(OrderStatus::Rejected),
            Payload::OrderCancelled(ended) => {
                self.touch(&ended.order, date);
                self.end(OrderStatus::Cancelled);
            }
            Payload::OrderClosed(ended) => {
                self.touch(&ended.order, date);
                self.end(OrderStatus::Closed);
            }
            Payload::OrderReopened(_) => self.end(OrderStatus::Open),
            Payload::DeliveryReceived(delivery) => {
                self.touch(&delivery.order, date);
                self.on_order(|order| {
                    order.deliveries = order.deliveries.saturating_add(1);
                    note_once(&mut order.received_by, delivery.received_by.as_deref());
                });
            }
            Payload::InvoiceReceived(invoice) => self.take_invoice(recorded, invoice),
            Payload::CreditNoteReceived(credit) => self.take_credit(recorded, credit),
            Payload::InvoiceApproved(approved) => self.on_invoice(&approved.invoice, |invoice| {
                invoice.approved = true;
                invoice.approved_by = approved.approved_by.as_deref();
            }),
            Payload::InvoiceDisputed(disputed) => {
                self.on_invoice(&disputed.invoice, |invoice| invoice.disputed = true);
            }
            Payload::DisputeResolved(resolved) => {
                self.on_invoice(&resolved.invoice, |invoice| invoice.disputed = false);
            }
            Payload::InvoiceRejected(rejected) => self.reject(&rejected.invoice),
            Payload::PrepaymentOffset(offset) => self.offsets.push(offset),
            Payload::InvoicePaid(paid) => self.payments.pay(recorded, paid),
            Payload::PaymentReversed(reversed) => self.payments.pay_back(&reversed.payment),
            Payload::RetentionWithheld(withheld) => self.payments.withhold(withheld),
            Payload::RetentionReleased(released) => self.payments.release(released),
            Payload::AgreementSigned(_)
            | Payload::OptionExercised(_)
            | Payload::OptionDeclined(_)
            | Payload::AgreementAmended(_)
            | Payload::PriceIndexed(_)
            | Payload::AgreementSuspended(_)
            | Payload::AgreementResumed
            | Payload::AgreementTerminated(_)
            | Payload::AgreementClosed
            | Payload::HeadroomReserved(_)
            | Payload::ReservationReleased(_)
            | Payload::OverrideGranted(_)
            | Payload::EventReversed(_)
            | Payload::FindingAcknowledged(_)
            | Payload::FindingWaived(_)
            | Payload::FindingResolved(_)
            | Payload::ThresholdPolicySet(_)
            | Payload::DocumentAttached => {}
        }
    }

    pub(super) fn order_status(&self) -> OrderStatus {
        self.order.as_ref().map_or(OrderStatus::NotPlaced, |order| order.status)
    }

    /// The invoice of an id, when it has come.
    pub(super) fn invoice(&self, id: &InvoiceId) -> Option<&InvoiceSoFar<'a>> {
        self.invoices.get(*self.places.get(id)?)
    }

    /// The credit notes on an invoice.
    pub(super) fn credits_of(&self, id: &InvoiceId) -> impl Iterator<Item = &CreditSoFar<'a>> {
        let places = self.credits_of.get(id).into_iter().flatten();
        places.filter_map(|place| self.credits.get(*place))
    }

    /// What is credited on an invoice, in the agreement's currency.
    pub(super) fn credited(&self, id: &InvoiceId) -> Amount {
        self.credited.get(id).copied().unwrap_or_default()
    }

    /// Net less credits of what counts as consumption: on the order, when there is one.
    pub(super) fn invoiced(&self) -> Amount {
        self.invoiced
    }

    /// The same as stated, when every counting document is in this currency.
    pub(super) fn invoiced_as_stated(&self, currency: Currency) -> Option<Amount> {
        let other = self.stated.iter().any(|(of, stated)| *of != currency && stated.documents > 0);
        let own = || self.stated.get(&currency).map(|stated| stated.net).unwrap_or_default();
        (!other).then(own)
    }

    pub(super) fn net_less_credits(&self, invoice: &InvoiceSoFar<'_>) -> Amount {
        invoice.net.minus(self.credited(&invoice.invoice.invoice))
    }

    /// Whether an invoice is rejected, or names one that is.
    pub(super) fn is_rejected(&self, invoice: &InvoiceReceived) -> bool {
        self.line_of(invoice).any(|one| self.rejected.contains(&one.invoice))
    }

    /// Whether an invoice counts off the order: it names one that has not come, or an order whose
    /// placement was reversed before it came, or lowers one that does.
    pub(super) fn is_adrift(&self, invoice: &InvoiceReceived) -> bool {
        // Almost always nothing is, and each day asks for each invoice.
        if self.waiting.is_empty() && self.strays.is_empty() {
            return false;
        }
        self.names_unknown_invoice(invoice) || self.is_stray(invoice)
    }

    /// Whether a negative invoice, or one that it lowers, names one that has not come.
    pub(super) fn names_unknown_invoice(&self, invoice: &InvoiceReceived) -> bool {
        self.line_of(invoice)
            .any(|one| one.corrected.as_ref().is_some_and(|named| !self.places.contains_key(named)))
    }

    /// Whether an invoice, or one that it lowers, came after the order's placement was reversed.
    pub(super) fn is_stray(&self, invoice: &InvoiceReceived) -> bool {
        self.line_of(invoice).any(|one| self.strays.contains(&one.invoice))
    }

    /// The invoice whose scopes a document counts in: itself, or the one that it lowers.
    pub(super) fn counted_as<'s>(&'s self, invoice: &'s InvoiceReceived) -> &'s InvoiceReceived {
        self.line_of(invoice).last().unwrap_or(invoice)
    }

    /// An invoice, the one that it names, the one which that one names, and so on. Names may go in a
    /// ring, so no further than there are invoices.
    fn line_of<'s>(
        &'s self,
        invoice: &'s InvoiceReceived,
    ) -> impl Iterator<Item = &'s InvoiceReceived> {
        let next = |one: &&'s InvoiceReceived| {
            let named = one.corrected.as_ref()?;
            self.invoice(named).map(|named| named.invoice)
        };
        std::iter::successors(Some(invoice), next).take(self.invoices.len() + 1)
    }

    /// Whether an invoice is consumption: a commercial one, or a negative one that lowers such. What
    /// lowers a prepayment, interest or a fee does to it what a credit note does.
    pub(super) fn is_consumption(&self, invoice: &InvoiceReceived) -> bool {
        let is_commercial = |one: &InvoiceReceived| match one.kind {
            InvoiceKind::Commercial => true,
            InvoiceKind::Prepayment | InvoiceKind::InterestOrFee => false,
        };
        is_commercial(invoice) && is_commercial(self.counted_as(invoice))
    }

    /// Whether an invoice counts as consumption of this call-off: on the order, when there is one.
    pub(super) fn counts(&self, invoice: &InvoiceReceived) -> bool {
        self.is_consumption(invoice) && !self.is_rejected(invoice) && !self.is_adrift(invoice)
    }

    pub(super) fn amount(&self, value: Value) -> Amount {
        value.in_currency(self.currency).expect("admission refuses what cannot be converted")
    }

    /// A reversed placement leaves what hangs on it in the order's scopes, with nothing ordered.
    fn place(&mut self, placement: &'a Arc<Recorded>, placed: &'a OrderPlaced, standing: Standing) {
        let placed_value = self.amount(placed.value);
        let stated = placed.value.money;
        let nothing = Money { amount: Amount::ZERO, currency: stated.currency };
        let (status, ordered, ordered_stated) = match standing {
            Standing::Live => (OrderStatus::Open, placed_value, stated),
            Standing::Reversed(_) => (OrderStatus::NotPlaced, Amount::ZERO, nothing),
        };
        let live_already = self.order_status() != OrderStatus::NotPlaced;
        if standing == Standing::Live || !live_already {
            self.order = Some(OrderSoFar {
                placement,
                placed,
                status,
                ordered,
                ordered_stated,
                placed_value,
                standing,
                confirmed: false,
                deliveries: 0,
                received_by: Vec::new(),
            });
            self.count_anew();
        }
    }

    /// Does something to an order that is placed.
    fn on_order(&mut self, change: impl FnOnce(&mut OrderSoFar<'a>)) {
        if let Some(order) = &mut self.order
            && order.status != OrderStatus::NotPlaced
        {
            change(order);
        }
    }

    fn touch(&mut self, order: &'a OrderId, date: Date) {
        if self.order_status() != OrderStatus::Open && self.touched_when_not_open.is_none() {
            self.touched_when_not_open = Some((order, date));
        }
    }

    /// What was done last says what the order is. An order whose placement is reversed stays not
    /// placed, and nothing comes after its end.
    fn end(&mut self, status: OrderStatus) {
        self.on_order(|order| order.status = status);
    }

    fn on_invoice(&mut self, id: &InvoiceId, change: impl FnOnce(&mut InvoiceSoFar<'a>)) {
        let place = self.places.get(id).copied();
        if let Some(invoice) = place.and_then(|place| self.invoices.get_mut(place)) {
            change(invoice);
        }
    }
}

/// Notes a pseudonym the first time that it comes.
pub(super) fn note_once(list: &mut Vec<String>, person: Option<&str>) {
    if let Some(person) = person.filter(|person| !list.iter().any(|one| one == person)) {
        list.push(person.to_owned());
    }
}
