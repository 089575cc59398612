//! Which rules do not hold for a call-off, and since when, kept as it is folded: after each document
//! only what it touched is judged anew.

use std::sync::Arc;

use imbl::OrdMap;
use imbl::ordmap::DiffItem;

use super::filed::Filed;
use super::placement::{self, placement_faults};
use super::walk::{Account, InvoiceSoFar, OrderStatus, Touch, Walk};
use crate::domain::charter::Charter;
use crate::domain::date::Date;
use crate::domain::event::{CreditNoteReceived, InvoiceKind, InvoicePaid, OrderPolicy};
use crate::domain::finding::{Condition, FindingKey, Subject};
use crate::domain::id::{CreditNoteId, InvoiceId, PaymentId};
use crate::domain::money::{Amount, Money};
use crate::domain::reason::Reason;
use crate::domain::tracker::Difference;

type Found = Vec<(FindingKey, Condition)>;

/// What is judged by itself, whatever becomes of the rest of the call-off.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Matter {
    Placement,
    NotOpen,
    OverInvoiced,
    Invoice(InvoiceId),
    Overpaid(InvoiceId),
    CreditNote(CreditNoteId),
    Payment(PaymentId),
}

/// The rules that do not hold. Only what breaks one is in it.
#[derive(Debug, Clone, Default)]
pub(super) struct Conditions(OrdMap<Matter, Arc<[(FindingKey, Condition)]>>);

/// The rules that do not hold after the documents so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Judgement {
    conditions: Conditions,
    /// The day of the last document.
    day: Option<Date>,
    /// What can hold again, was broken before this day, and held again in the course of it, with the
    /// first day of its breach: a day is judged by its end.
    held_again: OrdMap<Matter, Date>,
}

impl Conditions {
    /// What differs from earlier conditions.
    pub(super) fn difference(&self, earlier: &Self) -> Difference {
        let mut difference = Difference::default();
        if self.0.is_empty() && earlier.0.is_empty() {
            return difference;
        }
        for change in earlier.0.diff(&self.0) {
            match change {
                DiffItem::Add(_, new) => difference.after.extend(new.iter().cloned()),
                DiffItem::Update { old: (_, old), new: (_, new) } => {
                    difference.before.extend(old.iter().map(|(key, _)| key.clone()));
                    difference.after.extend(new.iter().cloned());
                }
                DiffItem::Remove(_, old) => {
                    difference.before.extend(old.iter().map(|(key, _)| key.clone()));
                }
            }
        }
        difference
    }

    #[cfg(test)]
    pub(super) fn all(&self) -> Found {
        self.0.values().flat_map(|found| found.iter().cloned()).collect()
    }
}

impl Judgement {
    /// Whether nothing is broken, and nothing was in the course of the last day.
    pub(super) fn is_empty(&self) -> bool {
        self.conditions.0.is_empty() && self.held_again.is_empty()
    }

    pub(super) fn conditions(&self) -> &Conditions {
        &self.conditions
    }

    /// Judges what the documents of a day have touched so far.
    pub(super) fn judge(&mut self, walk: &Walk, charter: &Charter, day: Date, touched: &[Touch]) {
        if self.day != Some(day) {
            self.day = Some(day);
            self.held_again = OrdMap::new();
        }
        for touch in touched {
            match touch {
                Touch::Placement => {
                    self.put(Matter::Placement, of_placement(walk, charter));
                    for (account, one) in walk.invoices() {
                        self.judge_invoice(walk, charter, account, one, day);
                    }
                }
                Touch::NotOpen => self.put(Matter::NotOpen, of_touched_when_not_open(walk)),
                Touch::Invoice(id) => {
                    if let Some(account) = walk.account(id)
                        && let Some(one) = &account.received
                    {
                        self.judge_invoice(walk, charter, account, one, day);
                    }
                }
                Touch::CreditNote(credit) => {
                    let id = credit.stated().credit_note.clone();
                    self.put(Matter::CreditNote(id), of_credit_note(walk, credit));
                }
                Touch::Payment(payment) => {
                    let id = payment.stated().payment.clone();
                    self.put(Matter::Payment(id), of_payment(walk, payment));
                }
            }
        }
        self.put_volatile(Matter::OverInvoiced, over_invoiced(walk), day);
    }

    fn judge_invoice(
        &mut self,
        walk: &Walk,
        charter: &Charter,
        account: &Account,
        one: &InvoiceSoFar,
        day: Date,
    ) {
        let id = &one.receipt.stated().invoice;
        self.put(Matter::Invoice(id.clone()), of_invoice(walk, charter, account, one));
        self.put_volatile(Matter::Overpaid(id.clone()), overpaid(walk, account, one), day);
    }

    fn put(&mut self, matter: Matter, found: Found) {
        let conditions = &mut self.conditions.0;
        if !found.is_empty() {
            conditions.insert(matter, found.into());
        } else if conditions.contains_key(&matter) {
            conditions.remove(&matter);
        }
    }

    /// Puts a rule that can hold again. Its breach begins on the first day that ends with it and after
    /// which every day did.
    fn put_volatile(&mut self, matter: Matter, broken: Option<(FindingKey, Money)>, day: Date) {
        let earlier = self.conditions.0.get(&matter).and_then(|found| found.first());
        let earlier = earlier.map(|(_, condition)| condition.since);
        match (earlier, broken) {
            (None, None) => {}
            (Some(since), None) => {
                if since < day {
                    self.held_again.insert(matter.clone(), since);
                }
                self.put(matter, Found::new());
            }
            (earlier, Some((key, excess))) => {
                let since = earlier.or_else(|| self.held_again.remove(&matter)).unwrap_or(day);
                let condition = Condition { amount: Some(excess), days: None, since };
                self.put(matter, vec![(key, condition)]);
            }
        }
    }
}

/// How much more is invoiced than was last ordered: in the order's own currency when every document
/// on it shares that, so that a moving rate alone never makes an order over-invoiced.
fn over_invoiced(walk: &Walk) -> Option<(FindingKey, Money)> {
    let order = walk.order.as_ref()?;
    let stated = order.ordered_stated.currency;
    let excess = match walk.invoiced_as_stated(stated) {
        Some(invoiced) => {
            Money { amount: invoiced.minus(order.ordered_stated.amount), currency: stated }
        }
        None => Money { amount: walk.invoiced().minus(order.ordered), currency: walk.currency },
    };
    if !excess.amount.is_positive() {
        return None;
    }
    let subject = Subject::Order(order.placement.stated().order.clone());
    Some((FindingKey { rule: Reason::OverInvoiced, subject }, excess))
}

fn overpaid(walk: &Walk, account: &Account, one: &InvoiceSoFar) -> Option<(FindingKey, Money)> {
    if account.paid.is_empty() {
        return None;
    }
    let owed = walk.owed(account, one);
    let excess = owed.overpaid();
    if !owed.paid.is_positive() || !excess.amount.is_positive() {
        return None;
    }
    let subject = Subject::Invoice(one.receipt.stated().invoice.clone());
    Some((FindingKey { rule: Reason::Overpaid, subject }, excess))
}

fn of_placement(walk: &Walk, charter: &Charter) -> Found {
    let order = walk.order.as_ref().filter(|order| order.status != OrderStatus::NotPlaced);
    let Some(order) = order else { return Found::new() };
    let placed = order.placement.stated();
    let amount = Some(Money { amount: order.placed_value, currency: walk.currency });
    let event = &order.placement.recorded().event;
    let standing = match event.corrects {
        Some(_) => placement::Standing::Correction,
        None => placement::Standing::Original,
    };
    let since = event.effective;
    let faults = placement_faults(placed, since, standing, charter).into_iter();
    faults
        .map(|fault| {
            let subject = Subject::Order(placed.order.clone());
            let key = FindingKey { rule: fault.reason, subject };
            (key, Condition { amount, days: None, since })
        })
        .collect()
}

fn of_touched_when_not_open(walk: &Walk) -> Found {
    let touched = walk.touched_when_not_open.iter();
    touched
        .map(|(order, since)| {
            let subject = Subject::Order(order.clone());
            let key = FindingKey { rule: Reason::OrderNotOpen, subject };
            (key, Condition { amount: None, days: None, since: *since })
        })
        .collect()
}

fn of_invoice(walk: &Walk, charter: &Charter, account: &Account, one: &InvoiceSoFar) -> Found {
    let rules = rules_of_invoice(walk, charter, one);
    if rules.is_empty() {
        return Found::new();
    }
    let subject = Subject::Invoice(one.receipt.stated().invoice.clone());
    let amount = Some(Money { amount: walk.net_less_all(account), currency: walk.currency });
    let condition = Condition { amount, days: None, since: one.receipt.date() };
    let key = |rule| FindingKey { rule, subject: subject.clone() };
    rules.into_iter().map(|rule| (key(rule), condition.clone())).collect()
}

fn rules_of_invoice(walk: &Walk, charter: &Charter, one: &InvoiceSoFar) -> Vec<Reason> {
    let mut rules = Vec::new();
    let invoice = one.receipt.stated();
    let parties = [&invoice.keys.supplier, &invoice.keys.buyer];
    if parties.into_iter().flatten().any(|party| !party.is_valid()) {
        rules.push(Reason::InvalidOrganisationNumber);
    }
    if walk.is_rejected(invoice) {
        return rules;
    }
    let is_on_order = walk.order.is_some() && !walk.is_stray(invoice);
    if invoice.kind == InvoiceKind::InterestOrFee {
        // It never counts, but it still names an order that is not there.
        if !is_on_order && invoice.order.is_some() {
            rules.push(Reason::UnknownOrder);
        }
        return rules;
    }
    // What lowers another invoice is told with that one.
    if one.after_closing && invoice.corrected.is_none() {
        rules.push(Reason::InvoiceOnClosedOrder);
    }
    if walk.names_unknown_invoice(invoice) {
        rules.push(Reason::UnknownInvoice);
    } else if is_on_order || invoice.corrected.is_some() {
        // A negative invoice lowers the one that it names, and is told with that one.
    } else if invoice.order.is_some() {
        rules.push(Reason::UnknownOrder);
    } else if charter.terms().order_policy == OrderPolicy::Required {
        rules.push(Reason::OffOrderInvoice);
    }
    rules
}

fn of_credit_note(walk: &Walk, credit: &Filed<CreditNoteReceived>) -> Found {
    let mut rules = Vec::new();
    if walk.invoice(&credit.stated().invoice).is_none() {
        rules.push(Reason::UnknownInvoice);
    }
    if !credit.stated().supplier.is_valid() {
        rules.push(Reason::InvalidOrganisationNumber);
    }
    let subject = Subject::CreditNote(credit.stated().credit_note.clone());
    let (amount, since) = (walk.amount(credit.stated().net), credit.date());
    of_reference(rules, &subject, amount, since, walk)
}

fn of_payment(walk: &Walk, payment: &Filed<InvoicePaid>) -> Found {
    let stated = payment.stated();
    let is_loose = walk.invoice(&stated.invoice).is_none() && !walk.came_back(&stated.payment);
    let rules = if is_loose { vec![Reason::UnknownInvoice] } else { Vec::new() };
    let subject = Subject::Payment(stated.payment.clone());
    of_reference(rules, &subject, walk.amount(stated.value), payment.date(), walk)
}

fn of_reference(
    rules: Vec<Reason>,
    subject: &Subject,
    amount: Amount,
    since: Date,
    walk: &Walk,
) -> Found {
    let amount = Some(Money { amount, currency: walk.currency });
    let key = |rule| FindingKey { rule, subject: subject.clone() };
    let condition = Condition { amount, days: None, since };
    rules.into_iter().map(|rule| (key(rule), condition.clone())).collect()
}
