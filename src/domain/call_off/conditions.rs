//! Which rules do not hold for a call-off, at a point of its fold, and since when.

use super::placement::{self, placement_faults};
use super::walk::{OrderSoFar, OrderStatus, Walk};
use crate::domain::charter::Charter;
use crate::domain::date::Date;
use crate::domain::event::{InvoiceKind, OrderPolicy};
use crate::domain::finding::{Condition, FindingKey, Subject};
use crate::domain::id::InvoiceId;
use crate::domain::money::Money;
use crate::domain::reason::Reason;

type Conditions = Vec<(FindingKey, Condition)>;

/// A rule that can hold again later in the fold, so that its first day must be looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Volatile {
    OverInvoiced,
    Overpaid(InvoiceId),
}

/// Every rule that does not hold and whose first day is that of a document.
pub(super) fn lasting(walk: &Walk<'_>, charter: &Charter) -> Conditions {
    let mut conditions = Conditions::new();
    if let Some(order) = &walk.order {
        of_placement(&mut conditions, walk, order, charter);
    }
    if let Some((order, since)) = walk.touched_when_not_open {
        push(&mut conditions, Reason::OrderNotOpen, Subject::Order(order.clone()), None, since);
    }
    of_invoices(&mut conditions, walk, charter);
    of_references(&mut conditions, walk);
    conditions
}

/// The volatile rules that do not hold.
pub(super) fn volatile(walk: &Walk<'_>) -> Vec<Volatile> {
    let mut broken = Vec::new();
    if over_invoiced(walk).is_some() {
        broken.push(Volatile::OverInvoiced);
    }
    for one in &walk.invoices {
        if overpaid(walk, &one.invoice.invoice).is_some() {
            broken.push(Volatile::Overpaid(one.invoice.invoice.clone()));
        }
    }
    broken
}

impl Volatile {
    /// How far it is broken. None while it holds.
    pub(super) fn excess(&self, walk: &Walk<'_>) -> Option<Money> {
        match self {
            Self::OverInvoiced => over_invoiced(walk),
            Self::Overpaid(invoice) => overpaid(walk, invoice),
        }
    }

    /// The finding that it is.
    pub(super) fn key(&self, walk: &Walk<'_>) -> Option<FindingKey> {
        match self {
            Self::OverInvoiced => {
                let order = walk.order.as_ref()?.placed.order.clone();
                Some(FindingKey { rule: Reason::OverInvoiced, subject: Subject::Order(order) })
            }
            Self::Overpaid(invoice) => {
                let subject = Subject::Invoice(invoice.clone());
                Some(FindingKey { rule: Reason::Overpaid, subject })
            }
        }
    }
}

/// How much more is invoiced than was last ordered: in the order's own currency when every document
/// on it shares that, so that a moving rate alone never makes an order over-invoiced.
fn over_invoiced(walk: &Walk<'_>) -> Option<Money> {
    let order = walk.order.as_ref()?;
    let stated = order.ordered_stated.currency;
    let excess = match walk.invoiced_as_stated(stated) {
        Some(invoiced) => {
            Money { amount: invoiced.minus(order.ordered_stated.amount), currency: stated }
        }
        None => Money { amount: walk.invoiced().minus(order.ordered), currency: walk.currency },
    };
    excess.amount.is_positive().then_some(excess)
}

fn overpaid(walk: &Walk<'_>, invoice: &InvoiceId) -> Option<Money> {
    walk.payments.standing_on(invoice).next()?;
    let owed = walk.owed(walk.invoice(invoice)?);
    let excess = owed.overpaid();
    (owed.paid.is_positive() && excess.amount.is_positive()).then_some(excess)
}

fn of_placement(
    conditions: &mut Conditions,
    walk: &Walk<'_>,
    order: &OrderSoFar<'_>,
    charter: &Charter,
) {
    if order.status == OrderStatus::NotPlaced {
        return;
    }
    let subject = Subject::Order(order.placed.order.clone());
    let value = Some(Money { amount: order.placed_value, currency: walk.currency });
    let event = &order.placement.event;
    let standing = match event.corrects {
        Some(_) => placement::Standing::Correction,
        None => placement::Standing::Original,
    };
    for fault in placement_faults(order.placed, event.effective, standing, charter) {
        push(conditions, fault.reason, subject.clone(), value, event.effective);
    }
}

fn of_invoices(conditions: &mut Conditions, walk: &Walk<'_>, charter: &Charter) {
    let policy = charter.terms().order_policy;
    for one in &walk.invoices {
        let invoice = one.invoice;
        let since = one.receipt.event.effective;
        let subject = Subject::Invoice(invoice.invoice.clone());
        let net = Money { amount: walk.net_less_all(one), currency: walk.currency };
        let mut add = |rule| push(conditions, rule, subject.clone(), Some(net), since);
        let parties = [&invoice.keys.supplier, &invoice.keys.buyer];
        if parties.into_iter().flatten().any(|party| !party.is_valid()) {
            add(Reason::InvalidOrganisationNumber);
        }
        if walk.is_rejected(invoice) {
            continue;
        }
        if invoice.kind == InvoiceKind::InterestOrFee {
            // It never counts, but it still names an order that is not there.
            let is_on_order = walk.order.is_some() && !walk.is_stray(invoice);
            if !is_on_order && invoice.order.is_some() {
                add(Reason::UnknownOrder);
            }
            continue;
        }
        // What lowers another invoice is told with that one.
        if one.after_closing && invoice.corrected.is_none() {
            add(Reason::InvoiceOnClosedOrder);
        }
        let is_on_order = walk.order.is_some() && !walk.is_stray(invoice);
        if walk.names_unknown_invoice(invoice) {
            add(Reason::UnknownInvoice);
        } else if is_on_order || invoice.corrected.is_some() {
            // A negative invoice lowers the one that it names, and is told with that one.
        } else if invoice.order.is_some() {
            add(Reason::UnknownOrder);
        } else if policy == OrderPolicy::Required {
            add(Reason::OffOrderInvoice);
        }
    }
}

fn of_references(conditions: &mut Conditions, walk: &Walk<'_>) {
    for one in &walk.credits {
        let subject = Subject::CreditNote(one.credit.credit_note.clone());
        let amount = Some(Money { amount: one.net, currency: walk.currency });
        let since = one.recorded.event.effective;
        if walk.invoice(&one.credit.invoice).is_none() {
            push(conditions, Reason::UnknownInvoice, subject.clone(), amount, since);
        }
        if !one.credit.supplier.is_valid() {
            push(conditions, Reason::InvalidOrganisationNumber, subject, amount, since);
        }
    }
    for payment in walk.payments.unattached() {
        if walk.payments.came_back(&payment.paid.payment) {
            continue;
        }
        let subject = Subject::Payment(payment.paid.payment.clone());
        let amount = Some(Money { amount: payment.amount, currency: walk.currency });
        push(conditions, Reason::UnknownInvoice, subject, amount, payment.date());
    }
}

fn push(
    conditions: &mut Conditions,
    rule: Reason,
    subject: Subject,
    amount: Option<Money>,
    since: Date,
) {
    conditions.push((FindingKey { rule, subject }, Condition { amount, days: None, since }));
}
