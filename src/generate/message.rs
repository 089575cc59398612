//! A step of a purchase as an event of the interface.

use super::call_off::{
    Basis, BillKind, BillStep, CallOff, OrderStep, PaymentStep, Step, What, vat_of,
};
use super::contract::Contract;
use super::moment::days_after;
use super::signature::unregistered;
use crate::domain::date::Date;
use crate::wire::v1;
use crate::wire::v1::event::Payload;

/// Names of departments that are no person's and no organisation's own.
const DEPARTMENTS: [&str; 9] = [
    "health-and-care",
    "schools",
    "child-welfare",
    "property",
    "roads-and-parks",
    "water-and-waste",
    "culture",
    "administration",
    "planning",
];
/// Numbers of a supplier's invoices begin here.
const INVOICE_NUMBER_FIRST: u64 = 100_000;
/// Room for the bills of one purchase in a supplier's numbers.
const INVOICE_NUMBERS_PER_PURCHASE: u64 = 20;

/// The event of a step.
pub(super) fn payload(contract: &Contract, call_off: &CallOff, step: Step) -> Payload {
    let writer = Writer { contract, call_off };
    match step.what {
        What::Order(order) => writer.order_event(order),
        What::Bill(bill) => writer.bill_event(step.effective, bill),
        What::Payment(payment) => writer.payment_event(payment),
    }
}

/// Pseudonym of who sends the event of a step. Empty where a system does.
pub(super) fn person(call_off: &CallOff, what: What) -> String {
    let number = match what {
        What::Order(
            OrderStep::Placed { .. } | OrderStep::Changed { .. } | OrderStep::Cancelled,
        ) => call_off.ordered_by,
        What::Order(OrderStep::Delivered { .. }) => call_off.ordered_by + 2,
        What::Bill(
            BillStep::Approved { .. } | BillStep::Disputed { .. } | BillStep::Rejected { .. },
        ) => call_off.approved_by,
        What::Order(
            OrderStep::Confirmed | OrderStep::Rejected | OrderStep::Closed | OrderStep::Reopened,
        )
        | What::Bill(
            BillStep::Invoiced { .. }
            | BillStep::Corrected { .. }
            | BillStep::Credited { .. }
            | BillStep::Resolved { .. }
            | BillStep::Offset { .. },
        )
        | What::Payment(
            PaymentStep::Paid { .. }
            | PaymentStep::Reversed { .. }
            | PaymentStep::Withheld { .. }
            | PaymentStep::Released { .. },
        ) => return String::new(),
    };
    pseudonym(number)
}

/// An amount of hundredths.
pub(super) fn money(minor: i64, currency: &str) -> v1::Money {
    let sign = if minor < 0 { "-" } else { "" };
    let magnitude = minor.unsigned_abs();
    v1::Money {
        amount: format!("{sign}{}.{:02}", magnitude / 100, magnitude % 100),
        currency: currency.to_owned(),
    }
}

struct Writer<'a> {
    contract: &'a Contract,
    call_off: &'a CallOff,
}

impl Writer<'_> {
    fn order_event(&self, step: OrderStep) -> Payload {
        let order_id = self.order_id();
        match step {
            OrderStep::Placed { net } => self.ordered(net),
            OrderStep::Confirmed => Payload::OrderConfirmed(v1::OrderConfirmed {
                order_id,
                supplier_reference: format!("S{}", self.call_off.number),
            }),
            OrderStep::Rejected => {
                let reason = "Not in stock.".to_owned();
                Payload::OrderRejected(v1::OrderRejected { order_id, reason })
            }
            OrderStep::Changed { net } => Payload::OrderChanged(v1::OrderChanged {
                order_id,
                amount: Some(self.money(net)),
                exchange_rate: self.rate(),
                sequence_number: 1,
                reason: String::new(),
            }),
            OrderStep::Cancelled => {
                let reason = "No longer needed.".to_owned();
                Payload::OrderCancelled(v1::OrderCancelled { order_id, reason })
            }
            OrderStep::Delivered { bill, net } => Payload::DeliveryReceived(v1::DeliveryReceived {
                delivery_id: format!("delivery-{}-{bill}", self.call_off.number),
                order_id,
                received_by: pseudonym(self.call_off.ordered_by + 2),
                // Information only, so a rate has no place in it.
                amount: self.call_off.euro_rate.is_none().then(|| self.money(net)),
                description: String::new(),
            }),
            OrderStep::Closed => {
                Payload::OrderClosed(v1::OrderClosed { order_id, reason: String::new() })
            }
            OrderStep::Reopened => {
                let reason = "One delivery was missing.".to_owned();
                Payload::OrderReopened(v1::OrderReopened { order_id, reason })
            }
        }
    }

    fn ordered(&self, net: i64) -> Payload {
        let CallOff { ordered_by, approved_by, .. } = self.call_off;
        Payload::OrderPlaced(v1::OrderPlaced {
            order_id: self.order_id(),
            buyer: self.buyer(),
            supplier: self.supplier(),
            amount: Some(self.money(net)),
            exchange_rate: self.rate(),
            lot_id: self.lot(),
            department: self.department(),
            cpv_code: self.cpv(),
            ordered_by: pseudonym(*ordered_by),
            approved_by: pseudonym(*approved_by),
            competition_reference: self.competition(),
            reservation_id: String::new(),
            description: String::new(),
        })
    }

    fn bill_event(&self, effective: Date, step: BillStep) -> Payload {
        match step {
            BillStep::Invoiced { bill, same_number_as, issued, net, kind } => {
                let (kind, vat, prepaid) = self.kind(net, kind);
                Payload::InvoiceReceived(v1::InvoiceReceived {
                    invoice_id: self.bill_id(bill),
                    number: self.invoice_number(same_number_as).to_string(),
                    kind: i32::from(kind),
                    issue_date: issued.to_string(),
                    due_date: days_after(issued, 30).to_string(),
                    net: Some(self.money(net)),
                    vat,
                    prepaid,
                    ..self.bill()
                })
            }
            BillStep::Corrected { bill, corrects, net } => {
                Payload::InvoiceReceived(v1::InvoiceReceived {
                    invoice_id: self.bill_id(bill),
                    number: self.invoice_number(bill).to_string(),
                    kind: i32::from(v1::InvoiceKind::Commercial),
                    issue_date: effective.to_string(),
                    net: Some(self.money(net)),
                    vat: Some(self.money(vat_of(net))),
                    corrected_invoice_id: self.bill_id(corrects),
                    ..self.bill()
                })
            }
            BillStep::Credited { bill, net } => {
                Payload::CreditNoteReceived(v1::CreditNoteReceived {
                    credit_note_id: format!("credit-{}-{bill}", self.call_off.number),
                    number: format!("K{}", self.invoice_number(bill)),
                    issue_date: effective.to_string(),
                    supplier: self.supplier(),
                    invoice_id: self.bill_id(bill),
                    net: Some(self.money(net)),
                    vat: Some(self.money(vat_of(net))),
                    exchange_rate: self.rate(),
                    document_sha256: String::new(),
                })
            }
            BillStep::Disputed { bill, net } => Payload::InvoiceDisputed(v1::InvoiceDisputed {
                invoice_id: self.bill_id(bill),
                disputed: Some(self.money(net)),
                reason: "Quantity and price are in doubt.".to_owned(),
            }),
            BillStep::Resolved { bill } => Payload::DisputeResolved(v1::DisputeResolved {
                invoice_id: self.bill_id(bill),
                resolution: "Accepted.".to_owned(),
            }),
            BillStep::Rejected { bill } => Payload::InvoiceRejected(v1::InvoiceRejected {
                invoice_id: self.bill_id(bill),
                reason: "Not ours, or received before.".to_owned(),
            }),
            BillStep::Offset { prepayment, bill, net } => {
                Payload::PrepaymentOffset(v1::PrepaymentOffset {
                    prepayment_invoice_id: self.bill_id(prepayment),
                    final_invoice_id: self.bill_id(bill),
                    amount: Some(self.money(net)),
                })
            }
            BillStep::Approved { bill } => self.approved(bill),
        }
    }

    fn approved(&self, bill: u64) -> Payload {
        Payload::InvoiceApproved(v1::InvoiceApproved {
            invoice_id: self.bill_id(bill),
            approved_by: pseudonym(self.call_off.approved_by),
        })
    }

    /// What every invoice of the purchase says.
    fn bill(&self) -> v1::InvoiceReceived {
        let (order_id, lot_id) = match self.call_off.basis {
            Basis::Order => (self.order_id(), String::new()),
            Basis::OffOrder | Basis::Stranger => (String::new(), self.lot()),
        };
        v1::InvoiceReceived {
            supplier: self.supplier(),
            buyer: self.buyer(),
            order_id,
            lot_id,
            exchange_rate: self.rate(),
            department: self.department(),
            cpv_code: self.cpv(),
            ..v1::InvoiceReceived::default()
        }
    }

    fn kind(
        &self,
        net: i64,
        kind: BillKind,
    ) -> (v1::InvoiceKind, Option<v1::Money>, Option<v1::Money>) {
        let vat = Some(self.money(vat_of(net)));
        match kind {
            BillKind::Commercial { prepaid } => {
                let prepaid = (prepaid > 0).then(|| self.money(prepaid));
                (v1::InvoiceKind::Commercial, vat, prepaid)
            }
            BillKind::Prepayment => (v1::InvoiceKind::Prepayment, vat, None),
            BillKind::Interest => (v1::InvoiceKind::InterestOrFee, None, None),
        }
    }

    fn payment_event(&self, step: PaymentStep) -> Payload {
        match step {
            PaymentStep::Paid { bill, payment, gross } => Payload::InvoicePaid(v1::InvoicePaid {
                payment_id: self.payment_id(payment),
                invoice_id: self.bill_id(bill),
                amount: Some(self.money(gross)),
                exchange_rate: self.payment_rate(),
                paid_by: "accounts-payable-1".to_owned(),
            }),
            PaymentStep::Reversed { payment } => {
                let reason = "The account was closed.".to_owned();
                let payment_id = self.payment_id(payment);
                Payload::PaymentReversed(v1::PaymentReversed { payment_id, reason })
            }
            PaymentStep::Withheld { bill, gross, due } => {
                Payload::RetentionWithheld(v1::RetentionWithheld {
                    retention_id: self.retention_id(bill),
                    invoice_id: self.bill_id(bill),
                    amount: Some(self.money(gross)),
                    exchange_rate: self.rate(),
                    release_due_date: due.to_string(),
                })
            }
            PaymentStep::Released { bill, gross } => {
                Payload::RetentionReleased(v1::RetentionReleased {
                    retention_id: self.retention_id(bill),
                    amount: Some(self.money(gross)),
                    exchange_rate: self.rate(),
                })
            }
        }
    }

    fn order_id(&self) -> String {
        format!("order-{}", self.call_off.number)
    }

    fn bill_id(&self, bill: u64) -> String {
        format!("invoice-{}-{bill}", self.call_off.number)
    }

    fn payment_id(&self, payment: u64) -> String {
        format!("payment-{}-{payment}", self.call_off.number)
    }

    fn retention_id(&self, bill: u64) -> String {
        format!("retention-{}-{bill}", self.call_off.number)
    }

    fn invoice_number(&self, bill: u64) -> u64 {
        INVOICE_NUMBER_FIRST + self.call_off.number * INVOICE_NUMBERS_PER_PURCHASE + bill
    }

    fn buyer(&self) -> Option<v1::OrganisationId> {
        let buyers = &self.contract.signed.buyers;
        buyers.get(self.call_off.buyer).or(buyers.first())?.id.clone()
    }

    fn supplier(&self) -> Option<v1::OrganisationId> {
        if self.call_off.basis == Basis::Stranger {
            return Some(unregistered("supplier-outside-the-agreement"));
        }
        self.contract.signed.suppliers.get(self.call_off.delivery.supplier)?.id.clone()
    }

    fn lot(&self) -> String {
        let lot = self.call_off.delivery.lot.and_then(|lot| self.contract.signed.lots.get(lot));
        lot.map(|lot| lot.lot_id.clone()).unwrap_or_default()
    }

    fn department(&self) -> String {
        let place = usize::try_from(self.call_off.department).unwrap_or(0) % DEPARTMENTS.len();
        DEPARTMENTS.get(place).map(ToString::to_string).unwrap_or_default()
    }

    fn cpv(&self) -> String {
        let codes = &self.contract.signed.cpv_codes;
        let place = usize::try_from(self.call_off.cpv).unwrap_or(0) % codes.len().max(1);
        codes.get(place).cloned().unwrap_or_default()
    }

    fn competition(&self) -> String {
        let kind = self.contract.signed.framework_kind;
        if kind == i32::from(v1::FrameworkKind::WithReopenedCompetition) {
            format!("competition-{}", self.call_off.number)
        } else {
            String::new()
        }
    }

    fn money(&self, minor: i64) -> v1::Money {
        let currency = match self.call_off.euro_rate {
            Some(_) => "EUR",
            None => &self.contract.signed.currency,
        };
        money(minor, currency)
    }

    fn rate(&self) -> Option<v1::ExchangeRate> {
        self.call_off.euro_rate.map(rate_of)
    }

    /// The rate on the day of payment, which is another one.
    fn payment_rate(&self) -> Option<v1::ExchangeRate> {
        self.call_off.euro_rate.map(|rate| rate_of(rate + rate % 1_500))
    }
}

fn pseudonym(number: u64) -> String {
    format!("person-{number}")
}

fn rate_of(ten_thousandths: i64) -> v1::ExchangeRate {
    v1::ExchangeRate {
        rate: format!("{}.{:04}", ten_thousandths / 10_000, ten_thousandths % 10_000),
        source: "Norges Bank".to_owned(),
    }
}
