//! Which ids are in use in an agreement, and what they name. Reversed events free theirs.

use imbl::OrdMap;

use crate::domain::call_off::CallOffKey;
use crate::domain::event::{InvoiceKind, Payload, Recorded};
use crate::domain::id::{
    AmendmentId, CreditNoteId, DeliveryId, InvoiceId, OverrideId, PaymentId, Position, RetentionId,
};
use crate::domain::money::Currency;

/// The ids in use, but for orders and reservations.
#[derive(Debug, Clone, Default)]
pub(in crate::domain) struct Names {
    /// Where each known invoice belongs.
    pub(super) invoice_homes: OrdMap<InvoiceId, CallOffKey>,
    /// The currency of each known prepayment.
    prepayments: OrdMap<InvoiceId, Currency>,
    credit_notes: OrdMap<CreditNoteId, Position>,
    deliveries: OrdMap<DeliveryId, Position>,
    amendments: OrdMap<AmendmentId, Position>,
    overrides: OrdMap<OverrideId, Position>,
    /// The invoice that each payment names.
    payments: OrdMap<PaymentId, InvoiceId>,
    /// Payments that came back.
    came_back: OrdMap<PaymentId, Position>,
    /// The invoice that each retention names.
    retentions: OrdMap<RetentionId, InvoiceId>,
    /// The invoice of each pay-back and release, by the position of the event: the payment or
    /// retention that it names may be reversed, and its id taken again, before it is.
    returns: OrdMap<Position, InvoiceId>,
}

impl Names {
    /// Whether an invoice is known.
    pub(in crate::domain) fn knows_invoice(&self, invoice: &InvoiceId) -> bool {
        self.invoice_homes.contains_key(invoice)
    }

    /// Where an invoice belongs.
    pub(in crate::domain) fn home_of(&self, invoice: &InvoiceId) -> Option<&CallOffKey> {
        self.invoice_homes.get(invoice)
    }

    /// The currency of a known prepayment.
    pub(in crate::domain) fn prepayment_currency(&self, invoice: &InvoiceId) -> Option<Currency> {
        self.prepayments.get(invoice).copied()
    }

    /// Whether a credit note is known.
    pub(in crate::domain) fn knows_credit_note(&self, credit_note: &CreditNoteId) -> bool {
        self.credit_notes.contains_key(credit_note)
    }

    /// Whether a delivery is known.
    pub(in crate::domain) fn knows_delivery(&self, delivery: &DeliveryId) -> bool {
        self.deliveries.contains_key(delivery)
    }

    /// Whether an amendment is known.
    pub(in crate::domain) fn knows_amendment(&self, amendment: &AmendmentId) -> bool {
        self.amendments.contains_key(amendment)
    }

    /// Whether an override is known.
    pub(in crate::domain) fn knows_override(&self, one: &OverrideId) -> bool {
        self.overrides.contains_key(one)
    }

    /// The invoice that a known payment names.
    pub(in crate::domain) fn payment(&self, payment: &PaymentId) -> Option<&InvoiceId> {
        self.payments.get(payment)
    }

    /// Whether a payment came back already.
    pub(in crate::domain) fn came_back(&self, payment: &PaymentId) -> bool {
        self.came_back.contains_key(payment)
    }

    /// The invoice that a known retention names.
    pub(in crate::domain) fn retention(&self, retention: &RetentionId) -> Option<&InvoiceId> {
        self.retentions.get(retention)
    }

    /// The invoice of the pay-back or release at a position.
    pub(super) fn returned_on(&self, position: Position) -> Option<&InvoiceId> {
        self.returns.get(&position)
    }

    /// Notes the id that an event gives.
    pub(super) fn note(&mut self, recorded: &Recorded) {
        let position = recorded.position;
        if let Payload::InvoiceReceived(invoice) = &recorded.event.payload {
            if invoice.kind == InvoiceKind::Prepayment {
                let currency = invoice.net.money.currency;
                self.prepayments.insert(invoice.invoice.clone(), currency);
            }
        } else if let Payload::CreditNoteReceived(credit) = &recorded.event.payload {
            self.credit_notes.insert(credit.credit_note.clone(), position);
        } else if let Payload::DeliveryReceived(delivery) = &recorded.event.payload {
            self.deliveries.insert(delivery.delivery.clone(), position);
        } else if let Payload::AgreementAmended(amended) = &recorded.event.payload {
            self.amendments.insert(amended.amendment.clone(), position);
        } else if let Payload::OverrideGranted(granted) = &recorded.event.payload {
            self.overrides.insert(granted.override_id.clone(), position);
        } else if let Payload::InvoicePaid(paid) = &recorded.event.payload {
            self.payments.insert(paid.payment.clone(), paid.invoice.clone());
        } else if let Payload::PaymentReversed(reversed) = &recorded.event.payload {
            self.came_back.insert(reversed.payment.clone(), position);
            let invoice = self.payments.get(&reversed.payment).cloned();
            self.returns.extend(invoice.map(|invoice| (position, invoice)));
        } else if let Payload::RetentionWithheld(withheld) = &recorded.event.payload {
            self.retentions.insert(withheld.retention.clone(), withheld.invoice.clone());
        } else if let Payload::RetentionReleased(released) = &recorded.event.payload {
            let invoice = self.retentions.get(&released.retention).cloned();
            self.returns.extend(invoice.map(|invoice| (position, invoice)));
        }
    }

    /// Frees the id that a reversed event gave.
    pub(super) fn free(&mut self, reversed: &Recorded) {
        let payload = &reversed.event.payload;
        self.returns.remove(&reversed.position);
        if let Payload::InvoiceReceived(invoice) = payload {
            self.prepayments.remove(&invoice.invoice);
        } else if let Payload::CreditNoteReceived(credit) = payload {
            self.credit_notes.remove(&credit.credit_note);
        } else if let Payload::DeliveryReceived(delivery) = payload {
            self.deliveries.remove(&delivery.delivery);
        } else if let Payload::AgreementAmended(amended) = payload {
            self.amendments.remove(&amended.amendment);
        } else if let Payload::OverrideGranted(granted) = payload {
            self.overrides.remove(&granted.override_id);
        } else if let Payload::InvoicePaid(paid) = payload {
            self.payments.remove(&paid.payment);
        } else if let Payload::PaymentReversed(reversed) = payload {
            self.came_back.remove(&reversed.payment);
        } else if let Payload::RetentionWithheld(withheld) = payload {
            self.retentions.remove(&withheld.retention);
        }
    }
}
