//! What lists show of a call-off.

use std::sync::Arc;

use super::walk::{InvoiceSoFar, OrderSoFar, OrderStatus, Walk, note_once};
use super::{CallOff, prepaid};
use crate::domain::charter::Charter;
use crate::domain::date::Date;
use crate::domain::id::OrderId;
use crate::domain::levels::Sums;
use crate::domain::money::{Amount, Money};
use crate::domain::scope::ScopeKeys;
use crate::domain::view::{
    DeadlineSubject, DeadlineView, InvoiceStatus, InvoiceView, OrderView, PartView,
};

impl CallOff {
    /// The order, as of a day. None when nothing names it by then.
    pub fn order_view(&self, order: &OrderId, charter: &Charter, as_of: Date) -> Option<OrderView> {
        let walk = self.walk_until(charter, as_of);
        let invoices = walk.invoices.iter().filter(|one| walk.counts(one.invoice)).count();
        let invoices = u32::try_from(invoices).unwrap_or(u32::MAX);
        let Some(so_far) = &walk.order else {
            return (!walk.invoices.is_empty()).then(|| OrderView {
                order: order.clone(),
                status: OrderStatus::NotPlaced,
                placement: None,
                ordered_stated: None,
                ordered: Amount::ZERO,
                sums: total(&walk),
                confirmed: false,
                deliveries: 0,
                received_by: Vec::new(),
                invoices,
            });
        };
        Some(OrderView {
            order: order.clone(),
            status: so_far.status,
            placement: Some(Arc::clone(so_far.placement)),
            ordered_stated: Some(so_far.ordered_stated),
            ordered: ordered(so_far),
            sums: walk.order_sums(so_far),
            confirmed: so_far.confirmed,
            deliveries: so_far.deliveries,
            received_by: so_far.received_by.clone(),
            invoices,
        })
    }

    /// Its invoices, as of a day.
    pub fn invoice_views(&self, charter: &Charter, as_of: Date) -> Vec<InvoiceView> {
        let walk = self.walk_until(charter, as_of);
        let left = prepaid::left(&walk);
        walk.invoices
            .iter()
            .map(|one| {
                let of_this =
                    left.iter().find(|(other, _)| other.invoice.invoice == one.invoice.invoice);
                let prepaid_left = of_this.map(|(_, left)| *left).unwrap_or_default();
                invoice_view(&walk, one, prepaid_left)
            })
            .collect()
    }

    /// The parts of its sums, as of a day.
    pub fn part_views(&self, charter: &Charter, as_of: Date) -> Vec<PartView> {
        let walk = self.walk_until(charter, as_of);
        let mut parts: Vec<PartView> = walk
            .parts()
            .into_iter()
            .map(|(invoice, keys, sums)| {
                let so_far = invoice.and_then(|invoice| walk.invoice(&invoice.invoice));
                match so_far {
                    Some(one) => PartView {
                        keys: keys.clone(),
                        department: one.invoice.department.clone(),
                        cpv: one.invoice.cpv.clone(),
                        date: one.receipt.event.effective,
                        sums,
                        orders: 0,
                        invoices: u64::from(counts_at_all(&walk, one)),
                    },
                    None => order_part(&walk, keys, sums),
                }
            })
            .collect();
        for payment in walk.payments.unattached() {
            if !walk.payments.came_back(&payment.paid.payment) {
                parts.push(PartView {
                    keys: ScopeKeys::default(),
                    department: None,
                    cpv: None,
                    date: payment.date(),
                    sums: Sums { paid: payment.amount, ..Sums::default() },
                    orders: 0,
                    invoices: 0,
                });
            }
        }
        parts
    }

    /// Held-back money that is due for release, as of a day.
    pub fn retention_deadlines(&self, charter: &Charter, as_of: Date) -> Vec<DeadlineView> {
        let walk = self.walk_until(charter, as_of);
        let held = walk.payments.retentions.iter().filter_map(|(id, held)| {
            let date = held.withheld.release_due?;
            let stated = held.withheld.value.money;
            let released = held
                .released
                .iter()
                .map(|value| value.in_currency(stated.currency).unwrap_or_default());
            let left = released.fold(stated.amount, Amount::minus);
            let subject = DeadlineSubject::RetentionRelease((*id).clone());
            let amount = Some(Money { amount: left, currency: stated.currency });
            left.is_positive().then_some(DeadlineView { date, subject, amount })
        });
        held.collect()
    }

    fn walk_until(&self, charter: &Charter, as_of: Date) -> Walk<'_> {
        let mut walk = Walk::new(charter.terms().currency);
        self.each_day(&mut walk, as_of, |_, _| {});
        walk
    }
}

fn counts_at_all(walk: &Walk<'_>, one: &InvoiceSoFar<'_>) -> bool {
    !walk.is_rejected(one.invoice)
}

fn order_part(walk: &Walk<'_>, keys: &ScopeKeys, sums: Sums) -> PartView {
    let order = walk.order.as_ref();
    let placed = order.filter(|order| order.status != OrderStatus::NotPlaced);
    let on_order =
        walk.invoices.iter().filter(|one| counts_at_all(walk, one) && !walk.is_adrift(one.invoice));
    PartView {
        keys: keys.clone(),
        department: order.and_then(|order| order.placed.department.clone()),
        cpv: order.and_then(|order| order.placed.cpv.clone()),
        date: order.map_or(Date::END_OF_TIME, |order| order.placement.event.effective),
        sums,
        orders: u64::from(placed.is_some()),
        invoices: u64::try_from(on_order.count()).unwrap_or(u64::MAX),
    }
}

fn ordered(order: &OrderSoFar<'_>) -> Amount {
    match order.status {
        OrderStatus::Open | OrderStatus::Closed => order.ordered,
        OrderStatus::Cancelled | OrderStatus::Rejected | OrderStatus::NotPlaced => Amount::ZERO,
    }
}

fn total(walk: &Walk<'_>) -> Sums {
    walk.parts().into_iter().fold(Sums::default(), |sums, (_, _, one)| sums.plus(one))
}

fn invoice_view(walk: &Walk<'_>, one: &InvoiceSoFar<'_>, prepaid_left: Amount) -> InvoiceView {
    let invoice = one.invoice;
    let owed = walk.owed(one);
    let money = |amount| Money { amount, currency: owed.currency };
    let keys = match &walk.order {
        Some(order) if !walk.is_adrift(invoice) => {
            ScopeKeys { supplier: invoice.keys.supplier.clone(), ..order.placed.keys.clone() }
        }
        Some(_) | None => invoice.keys.clone(),
    };
    let counts = walk.is_consumption(invoice) && !walk.is_rejected(invoice);
    let status = if walk.is_rejected(invoice) {
        InvoiceStatus::Rejected
    } else if one.disputed {
        InvoiceStatus::Disputed
    } else if one.approved {
        InvoiceStatus::Approved
    } else {
        InvoiceStatus::Received
    };
    let mut paid_by = Vec::new();
    for payment in walk.payments.standing_on(&invoice.invoice) {
        note_once(&mut paid_by, payment.paid.paid_by.as_deref());
    }
    InvoiceView {
        receipt: Arc::clone(one.receipt),
        keys,
        status,
        counted: if counts { walk.net_less_credits(one) } else { Amount::ZERO },
        prepaid_left,
        credited: money(owed.credited),
        payable: money(owed.payable),
        paid: money(owed.paid),
        retained: money(owed.retained),
        currencies: owed.currencies,
        approved_by: one.approved_by.map(str::to_owned),
        paid_by,
    }
}
