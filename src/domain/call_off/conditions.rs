//! Which rules do not hold for a call-off, at a point of its fold.

use super::walk::{OrderStatus, OrderView, Walk, is_consumption};
use crate::domain::charter::Charter;
use crate::domain::date::Date;
use crate::domain::event::{Competition, FrameworkKind};
use crate::domain::event::{InvoiceKind, OrderPlaced, OrderPolicy};
use crate::domain::finding::{FindingKey, Subject};
use crate::domain::money::{Amount, Currency, Money};
use crate::domain::reason::Reason;
use crate::domain::refusal::Refusal;

type Conditions = Vec<(FindingKey, Option<Money>)>;

/// Every rule that does not hold, with its amount.
pub(super) fn of(walk: &Walk<'_>, charter: &Charter) -> Conditions {
    let mut conditions = Conditions::new();
    if let Some(order) = &walk.order {
        of_order(&mut conditions, walk, order, charter);
    }
    if let Some(order) = walk.touched_when_not_open {
        let key = FindingKey { rule: Reason::OrderNotOpen, subject: Subject::Order(order.clone()) };
        conditions.push((key, None));
    }
    of_invoices(&mut conditions, walk, charter);
    of_references(&mut conditions, walk);
    conditions
}

fn of_order(
    conditions: &mut Conditions,
    walk: &Walk<'_>,
    order: &OrderView<'_>,
    charter: &Charter,
) {
    let subject = Subject::Order(order.placed.order.clone());
    let mut add =
        |rule, amount| conditions.push((FindingKey { rule, subject: subject.clone() }, amount));
    if order.status != OrderStatus::NotPlaced {
        let value = Money { amount: order.placed_value, currency: walk.currency };
        for refusal in placement_faults(order.placed, order.placed_on, charter) {
            add(refusal.reason, Some(value));
        }
    }
    let excess = over_invoiced(walk, order);
    if excess.amount.is_positive() {
        add(Reason::OverInvoiced, Some(excess));
    }
}

/// What is wrong with the placement of an order: parties and state, not ceilings.
pub(in crate::domain) fn placement_faults(
    placed: &OrderPlaced,
    date: Date,
    charter: &Charter,
) -> Vec<Refusal> {
    let terms = charter.terms();
    let mut faults = Vec::new();
    if let Some(buyer) = placed.keys.buyer.as_ref().filter(|buyer| !terms.buyers.contains(buyer)) {
        let text = "the buyer is not a party to the agreement";
        faults.push(Refusal::new(Reason::BuyerNotParty, buyer.to_string(), text));
    }
    let supplier = placed.keys.supplier.as_ref();
    if let Some(supplier) = supplier.filter(|supplier| !terms.suppliers.contains(supplier)) {
        let text = "the supplier is not a party to the agreement";
        faults.push(Refusal::new(Reason::SupplierNotParty, supplier.to_string(), text));
    }
    if let Some(lot) = placed.keys.lot.as_ref().filter(|lot| !terms.lots.contains(lot)) {
        let text = "the agreement has no such lot";
        faults.push(Refusal::new(Reason::UnknownLot, lot.to_string(), text));
    }
    if placed.ordered_by.is_some() && placed.ordered_by == placed.approved_by {
        let text = "the same person ordered and approved";
        faults.push(Refusal::new(Reason::SeparationOfDuties, placed.order.to_string(), text));
    }
    let reopened = terms.framework_kind == FrameworkKind::WithReopenedCompetition;
    if reopened && placed.competition == Competition::NotDocumented {
        let text =
            "call-offs under this framework follow a reopened competition, and none is named";
        faults.push(Refusal::new(Reason::CompetitionMissing, placed.order.to_string(), text));
    }
    let end = charter.stage_at(date).end;
    if date < terms.start {
        let text = format!("the term begins on {}", terms.start);
        faults.push(
            Refusal::new(Reason::AgreementNotStarted, placed.order.to_string(), text).on(date),
        );
    } else if date > end {
        let text = format!("the term in force ended on {end}");
        faults
            .push(Refusal::new(Reason::AgreementExpired, placed.order.to_string(), text).on(date));
    }
    faults
}

/// How much more is invoiced than was last ordered: in the order's own currency when every document
/// on it shares that, so that a moving rate alone never makes an order over-invoiced.
fn over_invoiced(walk: &Walk<'_>, order: &OrderView<'_>) -> Money {
    let stated = order.ordered_stated.currency;
    match invoiced_as_stated(walk, stated) {
        Some(invoiced) => {
            Money { amount: invoiced.minus(order.ordered_stated.amount), currency: stated }
        }
        None => Money { amount: walk.invoiced().minus(order.ordered), currency: walk.currency },
    }
}

fn invoiced_as_stated(walk: &Walk<'_>, currency: Currency) -> Option<Amount> {
    let mut sum = Amount::ZERO;
    for view in walk.invoices.iter().filter(|view| is_consumption(view)) {
        let net = view.invoice.net.money;
        if net.currency != currency {
            return None;
        }
        sum = sum.plus(net.amount);
    }
    for view in &walk.credits {
        let Some(credited) = walk.invoice(&view.credit.invoice) else {
            continue;
        };
        if !is_consumption(credited) {
            continue;
        }
        let net = view.credit.net.money;
        if net.currency != currency {
            return None;
        }
        sum = sum.minus(net.amount);
    }
    Some(sum)
}

fn of_invoices(conditions: &mut Conditions, walk: &Walk<'_>, charter: &Charter) {
    let policy = charter.terms().order_policy;
    for view in &walk.invoices {
        let invoice = view.invoice;
        let subject = Subject::Invoice(invoice.invoice.clone());
        let net = Money { amount: walk.net_less_corrections(view), currency: walk.currency };
        let mut add = |rule| {
            conditions.push((FindingKey { rule, subject: subject.clone() }, Some(net)));
        };
        let parties = [&invoice.keys.supplier, &invoice.keys.buyer];
        if parties.into_iter().flatten().any(|party| !party.is_valid()) {
            add(Reason::InvalidOrganisationNumber);
        }
        if invoice.kind == InvoiceKind::InterestOrFee {
            // It never counts, but it still names an order that is not there.
            if walk.order.is_none() && invoice.order.is_some() {
                add(Reason::UnknownOrder);
            }
            continue;
        }
        if view.after_closing {
            add(Reason::InvoiceOnClosedOrder);
        }
        if walk.order.is_some() {
            continue;
        }
        let corrects_unknown =
            invoice.corrected.as_ref().is_some_and(|corrected| walk.invoice(corrected).is_none());
        if invoice.corrected.is_some() && !corrects_unknown {
            // It lowers the invoice that it names, and is told with that one.
            continue;
        }
        if corrects_unknown {
            add(Reason::UnknownInvoice);
        } else if invoice.order.is_some() {
            add(Reason::UnknownOrder);
        } else if policy == OrderPolicy::Required {
            add(Reason::OffOrderInvoice);
        }
    }
}

fn of_references(conditions: &mut Conditions, walk: &Walk<'_>) {
    for view in &walk.credits {
        let subject = Subject::CreditNote(view.credit.credit_note.clone());
        let amount = Money { amount: view.net, currency: walk.currency };
        let mut add = |rule| {
            conditions.push((FindingKey { rule, subject: subject.clone() }, Some(amount)));
        };
        if walk.invoice(&view.credit.invoice).is_none() {
            add(Reason::UnknownInvoice);
        }
        if !view.credit.supplier.is_valid() {
            add(Reason::InvalidOrganisationNumber);
        }
    }
    for (payment, amount) in &walk.payments {
        if walk.invoice(&payment.invoice).is_none() {
            let subject = Subject::Payment(payment.payment.clone());
            let amount = Money { amount: *amount, currency: walk.currency };
            let key = FindingKey { rule: Reason::UnknownInvoice, subject };
            conditions.push((key, Some(amount)));
        }
    }
}
