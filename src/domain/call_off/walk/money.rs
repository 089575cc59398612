//! Money paid, paid back and held back on the invoices of one call-off.

use std::sync::Arc;

use super::tally::Move;
use super::{Retention, Touch, Walk};
use crate::domain::call_off::filed::Filed;
use crate::domain::charter::Charter;
use crate::domain::event::{
    InvoicePaid, PaymentReversed, Recorded, RetentionReleased, RetentionWithheld,
};
use crate::domain::id::RetentionId;

impl Walk {
    pub(super) fn pay(
        &mut self,
        recorded: &Arc<Recorded>,
        charter: &Charter,
        touched: &mut Vec<Touch>,
    ) {
        let Some(payment) = Filed::<InvoicePaid>::new(recorded) else { return };
        let stated = payment.stated();
        self.payments.insert(stated.payment.clone(), payment.clone());
        self.account_mut(&stated.invoice).payments.push_back(payment.clone());
        if !self.came_back.contains(&stated.payment) {
            self.count_payment(stated, Move::In, charter);
        }
        touched.push(Touch::Invoice(stated.invoice.clone()));
        touched.push(Touch::Payment(payment));
    }

    pub(super) fn pay_back(
        &mut self,
        reversed: &PaymentReversed,
        charter: &Charter,
        touched: &mut Vec<Touch>,
    ) {
        if self.came_back.insert(reversed.payment.clone()).is_some() {
            return;
        }
        let Some(payment) = self.payments.get(&reversed.payment).cloned() else { return };
        self.count_payment(payment.stated(), Move::Out, charter);
        touched.push(Touch::Invoice(payment.stated().invoice.clone()));
        touched.push(Touch::Payment(payment));
    }

    fn count_payment(&mut self, payment: &InvoicePaid, way: Move, charter: &Charter) {
        let id = &payment.invoice;
        let (stated, converted) = (payment.value.money, self.amount(payment.value));
        self.recount(std::slice::from_ref(id), charter, |walk| {
            let account = walk.account_mut(id);
            account.paid.count(stated, converted, way);
            if account.received.is_none() {
                walk.paid_on_unknown = way.apply(walk.paid_on_unknown, converted);
            }
        });
    }

    pub(super) fn withhold(&mut self, withheld: &RetentionWithheld, touched: &mut Vec<Touch>) {
        self.retention_mut(&withheld.retention).withheld = Some(Arc::new(withheld.clone()));
        let account = self.account_mut(&withheld.invoice);
        account.retentions.push_back(withheld.retention.clone());
        touched.push(Touch::Invoice(withheld.invoice.clone()));
    }

    pub(super) fn release(&mut self, released: &RetentionReleased, touched: &mut Vec<Touch>) {
        let retention = self.retention_mut(&released.retention);
        retention.released.push(released.value);
        let withheld = retention.withheld.as_ref();
        touched.extend(withheld.map(|withheld| Touch::Invoice(withheld.invoice.clone())));
    }

    fn retention_mut(&mut self, id: &RetentionId) -> &mut Retention {
        Arc::make_mut(self.retentions.entry(id.clone()).or_default())
    }
}
