//! The fold of one call-off: what has happened to it after each document.
//!
//! A walk is a value that shares its parts, so that a copy of it is kept at some places of a long
//! call-off. Sums are kept as it is walked, so that a document costs the same however many there are.
//! `order` is the order, `account` one invoice with all that names it, `line` what an invoice is by
//! those that it lowers; `count` keeps what counts as consumption, `money` what is paid and held back,
//! `tally` adds up. A walk says what each document touched; what follows from that is for others.

mod account;
mod count;
mod line;
mod money;
mod order;
mod tally;

use std::sync::Arc;

use imbl::{OrdMap, OrdSet, Vector};

use crate::domain::call_off::Entry;
use crate::domain::call_off::filed::Filed;
use crate::domain::call_off::prepaid::Prepaid;
use crate::domain::charter::Charter;
use crate::domain::date::Date;
use crate::domain::event::{CreditNoteReceived, InvoicePaid, Payload, Value};
use crate::domain::id::{InvoiceId, OrderId, PaymentId, RetentionId};
use crate::domain::levels::ScopeSums;
use crate::domain::money::{Amount, Currency};

pub(super) use account::{Account, InvoiceSoFar, Retention};
pub use order::OrderStatus;
pub(super) use order::{OrderSoFar, note_once};
pub(super) use tally::Tally;

/// What a document touched, so that its rules are to be judged anew.
#[derive(Debug, Clone)]
pub(super) enum Touch {
    /// The order is placed, or its placement reversed: that touches its invoices too.
    Placement,
    /// Something was done to the order that only an open order allows.
    NotOpen,
    Invoice(InvoiceId),
    CreditNote(Filed<CreditNoteReceived>),
    Payment(Filed<InvoicePaid>),
}

/// The state of the fold.
#[derive(Debug, Clone)]
pub(super) struct Walk {
    pub(super) currency: Currency,
    pub(super) order: Option<Arc<OrderSoFar>>,
    /// Every invoice that came or was named.
    pub(super) accounts: OrdMap<InvoiceId, Arc<Account>>,
    pub(super) prepaid: Prepaid,
    /// Money held back, or released before it was.
    pub(super) retentions: OrdMap<RetentionId, Arc<Retention>>,
    payments: OrdMap<PaymentId, Filed<InvoicePaid>>,
    /// Payments that came back, known or not.
    came_back: OrdSet<PaymentId>,
    /// How many invoices have come.
    received: usize,
    /// How many have not come and are lowered by one that has.
    awaited: usize,
    /// How many came after the placement was reversed.
    strays: usize,
    /// How many are rejected by themselves, come or not.
    rejected: usize,
    /// Invoices that lower each other in a ring, and what lowers those.
    in_rings: Vector<InvoiceId>,
    /// Net less credits of what counts as consumption on the order.
    on_order: Tally,
    /// What is paid on invoices on the order.
    paid_on_order: Amount,
    /// What is paid on invoices that are not known.
    paid_on_unknown: Amount,
    /// Sums of what counts off the order, or without one; prepayments not included.
    off_order: ScopeSums,
    /// First day on which something was done to the order that only an open order allows.
    pub(super) touched_when_not_open: Option<(OrderId, Date)>,
}

impl Walk {
    pub(super) fn new(currency: Currency) -> Self {
        Self {
            currency,
            order: None,
            accounts: OrdMap::new(),
            prepaid: Prepaid::default(),
            retentions: OrdMap::new(),
            payments: OrdMap::new(),
            came_back: OrdSet::new(),
            received: 0,
            awaited: 0,
            strays: 0,
            rejected: 0,
            in_rings: Vector::new(),
            on_order: Tally::default(),
            paid_on_order: Amount::ZERO,
            paid_on_unknown: Amount::ZERO,
            off_order: ScopeSums::default(),
            touched_when_not_open: None,
        }
    }

    /// Takes in the next document. What it touched is added to `touched`.
    pub(super) fn absorb(&mut self, entry: &Entry, charter: &Charter, touched: &mut Vec<Touch>) {
        let recorded = &entry.recorded;
        let date = recorded.event.effective;
        match &recorded.event.payload {
            Payload::OrderPlaced(_) => {
                if let Some(placement) = Filed::new(recorded) {
                    self.place(placement, entry.standing, charter);
                    touched.push(Touch::Placement);
                }
            }
            Payload::OrderConfirmed(_) => self.on_order(|order| order.confirmed = true),
            Payload::OrderChanged(changed) => {
                let ordered = self.amount(changed.value);
                self.touch(&changed.order, date, touched);
                self.on_order(|order| {
                    order.ordered = ordered;
                    order.ordered_stated = changed.value.money;
                });
            }
            Payload::OrderRejected(_) => self.end(OrderStatus::Rejected),
            Payload::OrderCancelled(ended) => {
                self.touch(&ended.order, date, touched);
                self.end(OrderStatus::Cancelled);
            }
            Payload::OrderClosed(ended) => {
                self.touch(&ended.order, date, touched);
                self.end(OrderStatus::Closed);
            }
            Payload::OrderReopened(_) => self.end(OrderStatus::Open),
            Payload::DeliveryReceived(delivery) => {
                self.touch(&delivery.order, date, touched);
                self.on_order(|order| {
                    order.deliveries = order.deliveries.saturating_add(1);
                    note_once(&mut order.received_by, delivery.received_by.as_deref());
                });
            }
            Payload::InvoiceReceived(_) => self.take_invoice(recorded, charter, touched),
            Payload::CreditNoteReceived(_) => self.take_credit(recorded, charter, touched),
            Payload::InvoiceApproved(approved) => {
                self.on_invoice(&approved.invoice, |one| one.approval = Filed::new(recorded));
            }
            Payload::InvoiceDisputed(disputed) => {
                self.on_invoice(&disputed.invoice, |one| one.disputed = true);
            }
            Payload::DisputeResolved(resolved) => {
                self.on_invoice(&resolved.invoice, |one| one.disputed = false);
            }
            Payload::InvoiceRejected(rejected) => self.reject(&rejected.invoice, charter, touched),
            Payload::PrepaymentOffset(offset) => self.offset_by_hand(offset),
            Payload::InvoicePaid(_) => self.pay(recorded, charter, touched),
            Payload::PaymentReversed(reversed) => self.pay_back(reversed, charter, touched),
            Payload::RetentionWithheld(withheld) => self.withhold(withheld, touched),
            Payload::RetentionReleased(released) => self.release(released, touched),
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

    /// The account of an invoice, when it has come or is named.
    pub(super) fn account(&self, id: &InvoiceId) -> Option<&Account> {
        self.accounts.get(id).map(|account| &**account)
    }

    /// The invoice of an id, when it has come.
    pub(super) fn invoice(&self, id: &InvoiceId) -> Option<&InvoiceSoFar> {
        self.account(id)?.received.as_ref()
    }

    /// How many invoices have come.
    pub(super) fn invoice_count(&self) -> usize {
        self.received
    }

    /// The invoices that have come with all that names them, in fold order.
    pub(super) fn invoices(&self) -> Vec<(&Account, &InvoiceSoFar)> {
        let received = |account: &'_ Arc<Account>| account.received.is_some();
        let accounts = self.accounts.values().filter(|account| received(account));
        let mut invoices: Vec<_> =
            accounts.filter_map(|account| Some((&**account, account.received.as_ref()?))).collect();
        invoices.sort_by_key(|(_, one)| one.receipt.place());
        invoices
    }

    /// Net less credits of what counts as consumption on the order.
    pub(super) fn invoiced(&self) -> Amount {
        self.on_order.converted()
    }

    /// The same as stated, when every counting document is in this currency.
    pub(super) fn invoiced_as_stated(&self, currency: Currency) -> Option<Amount> {
        self.on_order.stated_in(currency)
    }

    /// What is paid on invoices on the order.
    pub(super) fn paid_on_order(&self) -> Amount {
        self.paid_on_order
    }

    /// What is paid on invoices that are not known.
    pub(super) fn paid_on_unknown(&self) -> Amount {
        self.paid_on_unknown
    }

    /// Sums of what counts off the order, or without one; prepayments not included.
    pub(super) fn off_order(&self) -> &ScopeSums {
        &self.off_order
    }

    /// The payments on invoices that are not known and that did not come back, in fold order.
    pub(super) fn payments_on_unknown(&self) -> Vec<&Filed<InvoicePaid>> {
        let unknown = self.accounts.values().filter(|account| account.received.is_none());
        let payments = unknown.flat_map(|account| &account.payments);
        let mut payments: Vec<_> =
            payments.filter(|payment| !self.came_back(&payment.stated().payment)).collect();
        payments.sort_by_key(|payment| payment.place());
        payments
    }

    /// Whether a payment came back.
    pub(super) fn came_back(&self, payment: &PaymentId) -> bool {
        self.came_back.contains(payment)
    }

    pub(super) fn amount(&self, value: Value) -> Amount {
        value.in_currency(self.currency).expect("admission refuses what cannot be converted")
    }

    fn account_mut(&mut self, id: &InvoiceId) -> &mut Account {
        Arc::make_mut(self.accounts.entry(id.clone()).or_default())
    }

    fn on_invoice(&mut self, id: &InvoiceId, change: impl FnOnce(&mut InvoiceSoFar)) {
        let account = self.accounts.get_mut(id).filter(|account| account.received.is_some());
        if let Some(one) = account.and_then(|account| Arc::make_mut(account).received.as_mut()) {
            change(one);
        }
    }
}
