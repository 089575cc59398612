//! What lists show of a call-off.

use std::sync::Arc;

use super::CallOff;
use super::walk::{Account, InvoiceSoFar, OrderSoFar, OrderStatus, Walk, note_once};
use crate::domain::charter::Charter;
use crate::domain::date::Date;
use crate::domain::id::{OrderId, Position};
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
        let invoices = walk.invoices();
        let invoices = invoices.iter().filter(|(_, one)| walk.counts(one.receipt.stated())).count();
        let invoices = u32::try_from(invoices).unwrap_or(u32::MAX);
        let Some(so_far) = &walk.order else {
            return (walk.invoice_count() > 0).then(|| OrderView {
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
            placement: Some(Arc::clone(so_far.placement.recorded())),
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
        let invoices = walk.invoices().into_iter();
        invoices.map(|(account, one)| invoice_view(&walk, account, one)).collect()
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
                        department: one.receipt.stated().department.clone(),
                        cpv: one.receipt.stated().cpv.clone(),
                        date: one.receipt.date(),
                        sums,
                        orders: 0,
                        invoices: u64::from(!walk.is_rejected(one.receipt.stated())),
                    },
                    None => order_part(&walk, keys, sums),
                }
            })
            .collect();
        for payment in walk.payments_on_unknown() {
            let paid = walk.amount(payment.stated().value);
            parts.push(PartView {
                keys: ScopeKeys::default(),
                department: None,
                cpv: None,
                date: payment.date(),
                sums: Sums { paid, ..Sums::default() },
                orders: 0,
                invoices: 0,
            });
        }
        parts
    }

    /// Held-back money that is due for release, as of a day.
    pub fn retention_deadlines(&self, charter: &Charter, as_of: Date) -> Vec<DeadlineView> {
        let walk = self.walk_until(charter, as_of);
        let held = walk.retentions.iter().filter_map(|(id, held)| {
            let withheld = held.withheld.as_ref()?;
            let date = withheld.release_due?;
            let stated = withheld.value.money;
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

    fn walk_until(&self, charter: &Charter, as_of: Date) -> Walk {
        self.walk_before(charter, (as_of, Position::new(u64::MAX)))
    }
}

fn order_part(walk: &Walk, keys: &ScopeKeys, sums: Sums) -> PartView {
    let order = walk.order.as_ref();
    let placed = order.filter(|order| order.status != OrderStatus::NotPlaced);
    let invoices = walk.invoices();
    let on_order = invoices.iter().filter(|(_, one)| {
        let stated = one.receipt.stated();
        !walk.is_rejected(stated) && !walk.is_adrift(stated)
    });
    PartView {
        keys: keys.clone(),
        department: order.and_then(|order| order.placement.stated().department.clone()),
        cpv: order.and_then(|order| order.placement.stated().cpv.clone()),
        date: order.map_or(Date::END_OF_TIME, |order| order.placement.date()),
        sums,
        orders: u64::from(placed.is_some()),
        invoices: u64::try_from(on_order.count()).unwrap_or(u64::MAX),
    }
}

fn ordered(order: &OrderSoFar) -> Amount {
    match order.status {
        OrderStatus::Open | OrderStatus::Closed => order.ordered,
        OrderStatus::Cancelled | OrderStatus::Rejected | OrderStatus::NotPlaced => Amount::ZERO,
    }
}

fn total(walk: &Walk) -> Sums {
    walk.parts().into_iter().fold(Sums::default(), |sums, (_, _, one)| sums.plus(one))
}

fn invoice_view(walk: &Walk, account: &Account, one: &InvoiceSoFar) -> InvoiceView {
    let invoice = one.receipt.stated();
    let owed = walk.owed(account, one);
    let money = |amount| Money { amount, currency: owed.currency };
    let keys = match &walk.order {
        Some(order) if !walk.is_adrift(invoice) => ScopeKeys {
            supplier: invoice.keys.supplier.clone(),
            ..order.placement.stated().keys.clone()
        },
        Some(_) | None => invoice.keys.clone(),
    };
    let counts = walk.is_consumption(invoice) && !walk.is_rejected(invoice);
    let status = if walk.is_rejected(invoice) {
        InvoiceStatus::Rejected
    } else if one.disputed {
        InvoiceStatus::Disputed
    } else if one.approval.is_some() {
        InvoiceStatus::Approved
    } else {
        InvoiceStatus::Received
    };
    let mut paid_by = Vec::new();
    for payment in &account.payments {
        if !walk.came_back(&payment.stated().payment) {
            note_once(&mut paid_by, payment.stated().paid_by.as_deref());
        }
    }
    let approved_by = one.approval.as_ref().and_then(|one| one.stated().approved_by.clone());
    InvoiceView {
        receipt: Arc::clone(one.receipt.recorded()),
        keys,
        status,
        counted: if counts { account.net_less_credits() } else { Amount::ZERO },
        prepaid_left: walk.prepaid.left_of(&invoice.invoice),
        credited: money(walk.credited(account, &owed)),
        payable: money(owed.payable),
        paid: money(owed.paid),
        retained: money(walk.retained(account, &owed)),
        currencies: owed.currencies,
        approved_by,
        paid_by,
    }
}
