//! Putting an event where it counts, and taking a reversed one out again.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::handling::handled;
use super::settle::Touched;
use super::{Agreement, fold_key};
use crate::domain::call_off::{CallOff, CallOffKey, Entry, Standing};
use crate::domain::duplicates::Document;
use crate::domain::event::{Group, InvoiceReceived, Payload, Recorded};
use crate::domain::id::{InvoiceId, ReservationId};

/// Call-offs as they will be.
type Changed = BTreeMap<CallOffKey, CallOff>;

impl Agreement {
    /// Puts an event where it counts.
    pub(super) fn route(&mut self, recorded: &Arc<Recorded>, touched: &mut Touched) {
        let payload = &recorded.event.payload;
        if let Payload::EventReversed(reversed) = payload {
            self.reversals.insert(reversed.target, recorded.event_id);
            if let Some(target) = self.event(reversed.target).cloned() {
                self.take_out(&target, recorded, touched);
            }
            return;
        }
        self.names.note(recorded);
        self.document_counts.join(payload);
        if makes_charter(payload) {
            let events = Arc::make_mut(&mut self.charter_events);
            let place = events.partition_point(|other| fold_key(other) < fold_key(recorded));
            events.insert(place, Arc::clone(recorded));
            self.settle_charter(touched);
            return;
        }
        if let Some((finding, _)) = handled(payload) {
            let of = self.handlings.entry(finding.clone()).or_default();
            of.insert(recorded.position, Arc::clone(recorded));
            return;
        }
        if let Some(reservation) = reservation_of(payload) {
            self.change_reservation(reservation, touched, |one| one.insert(recorded));
        }
        if let Some(home) = self.home_of(recorded) {
            let changed = self.put_in(recorded, home);
            self.settle_call_offs(changed, touched);
        }
        self.note_document(recorded, touched);
        if let Payload::InvoiceRejected(rejected) = payload {
            let of = self.rejections.entry(rejected.invoice.clone()).or_default();
            of.insert(fold_key(recorded));
            self.judge_documents_of(&rejected.invoice, touched);
        }
    }

    /// Puts a document into its call-off; an invoice brings along what was waiting for it.
    fn put_in(&mut self, recorded: &Arc<Recorded>, home: CallOffKey) -> Changed {
        let mut changed = Changed::new();
        let mut call_off = self.call_off(&home);
        let hangs_on = self.hangs_on(recorded);
        call_off.insert(Entry {
            recorded: Arc::clone(recorded),
            standing: Standing::Live,
            hangs_on,
        });
        if let Payload::InvoiceReceived(invoice) = &recorded.event.payload {
            self.names.invoice_homes.insert(invoice.invoice.clone(), home.clone());
            let waiting = CallOffKey::Pending(invoice.invoice.clone());
            if waiting != home {
                for entry in self.call_off(&waiting).entries() {
                    self.move_home(entry, &home);
                    call_off.insert(entry.clone());
                }
                changed.insert(waiting, CallOff::default());
            }
        }
        changed.insert(home, call_off);
        changed
    }

    /// Takes a reversed event out of wherever it counts.
    fn take_out(&mut self, target: &Arc<Recorded>, reversal: &Recorded, touched: &mut Touched) {
        let payload = &target.event.payload;
        touched.clear_event(target.event_id);
        self.override_uses.remove(&target.event_id);
        let home = self.home_of(target);
        self.names.free(target);
        self.document_counts.leave(payload);
        if makes_charter(payload) {
            let events = Arc::make_mut(&mut self.charter_events);
            events.retain(|event| event.position != target.position);
            self.settle_charter(touched);
            return;
        }
        if let Some((finding, _)) = handled(payload) {
            if let Some(of) = self.handlings.get_mut(finding) {
                of.remove(&target.position);
            }
            return;
        }
        if let Some(reservation) = reservation_of(payload) {
            self.change_reservation(reservation, touched, |one| one.remove(target.position));
        }
        self.forget_document(target, touched);
        if let Payload::InvoiceRejected(rejected) = payload {
            if let Some(of) = self.rejections.get_mut(&rejected.invoice) {
                of.remove(&fold_key(target));
            }
            self.judge_documents_of(&rejected.invoice, touched);
        }
        let Some(home) = home else {
            return;
        };
        let mut changed = Changed::new();
        let mut call_off = self.call_off(&home);
        call_off.reverse(target, reversal.position);
        if let Payload::InvoiceReceived(invoice) = payload {
            self.names.invoice_homes.remove(&invoice.invoice);
            let waiting = CallOffKey::Pending(invoice.invoice.clone());
            if waiting != home {
                let mut pending = self.call_off(&waiting);
                for entry in call_off.detach(&invoice.invoice) {
                    self.move_home(&entry, &waiting);
                    pending.insert(entry);
                }
                changed.insert(waiting, pending);
            }
        }
        changed.insert(home, call_off);
        self.settle_call_offs(changed, touched);
    }

    fn home_of(&self, recorded: &Recorded) -> Option<CallOffKey> {
        match &recorded.event.payload {
            Payload::OrderPlaced(placed) => Some(CallOffKey::Order(placed.order.clone())),
            Payload::OrderChanged(changed) => Some(CallOffKey::Order(changed.order.clone())),
            Payload::OrderConfirmed(order)
            | Payload::OrderRejected(order)
            | Payload::OrderCancelled(order)
            | Payload::OrderClosed(order)
            | Payload::OrderReopened(order) => Some(CallOffKey::Order(order.order.clone())),
            Payload::DeliveryReceived(delivery) => Some(CallOffKey::Order(delivery.order.clone())),
            Payload::InvoiceReceived(invoice) => Some(self.home_of_invoice(invoice)),
            Payload::CreditNoteReceived(_)
            | Payload::InvoiceApproved(_)
            | Payload::InvoiceDisputed(_)
            | Payload::InvoiceRejected(_)
            | Payload::DisputeResolved(_)
            | Payload::PrepaymentOffset(_)
            | Payload::InvoicePaid(_)
            | Payload::PaymentReversed(_)
            | Payload::RetentionWithheld(_)
            | Payload::RetentionReleased(_) => {
                self.hangs_on(recorded).map(|invoice| self.home_of_named(&invoice))
            }
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
            | Payload::DocumentAttached => None,
        }
    }

    /// The invoice without which a document has no place of its own.
    fn hangs_on(&self, recorded: &Recorded) -> Option<InvoiceId> {
        let payload = &recorded.event.payload;
        if let Payload::InvoiceReceived(invoice) = payload {
            return invoice.corrected.clone();
        }
        let named = if let Payload::CreditNoteReceived(credit) = payload {
            &credit.invoice
        } else if let Payload::InvoiceApproved(approved) = payload {
            &approved.invoice
        } else if let Payload::InvoiceDisputed(disputed) = payload {
            &disputed.invoice
        } else if let Payload::InvoiceRejected(rejected) = payload {
            &rejected.invoice
        } else if let Payload::DisputeResolved(resolved) = payload {
            &resolved.invoice
        } else if let Payload::PrepaymentOffset(offset) = payload {
            &offset.prepayment
        } else if let Payload::InvoicePaid(paid) = payload {
            &paid.invoice
        } else if let Payload::RetentionWithheld(withheld) = payload {
            &withheld.invoice
        } else if let Payload::PaymentReversed(_) | Payload::RetentionReleased(_) = payload {
            self.names.returned_on(recorded.position)?
        } else {
            return None;
        };
        Some(named.clone())
    }

    fn home_of_invoice(&self, invoice: &InvoiceReceived) -> CallOffKey {
        if let Some(home) = self.names.home_of(&invoice.invoice) {
            return home.clone();
        }
        match invoice.corrected.as_ref().and_then(|named| self.names.home_of(named)) {
            Some(home) => home.clone(),
            None => CallOffKey::of_invoice(invoice),
        }
    }

    fn home_of_named(&self, invoice: &InvoiceId) -> CallOffKey {
        let home = self.names.home_of(invoice).cloned();
        home.unwrap_or_else(|| CallOffKey::Pending(invoice.clone()))
    }

    fn move_home(&mut self, entry: &Entry, home: &CallOffKey) {
        if let Payload::InvoiceReceived(invoice) = &entry.recorded.event.payload {
            self.names.invoice_homes.insert(invoice.invoice.clone(), home.clone());
        }
    }

    fn note_document(&mut self, recorded: &Arc<Recorded>, touched: &mut Touched) {
        if let Some(document) = self.document(recorded) {
            self.documents.insert(&document);
            self.judge_same_as(&document, touched);
        }
    }

    fn forget_document(&mut self, target: &Arc<Recorded>, touched: &mut Touched) {
        if let Some(document) = Document::of(target)
            && self.documents.remove(&document)
        {
            touched.clear_document(document.id());
            self.judge_same_as(&document, touched);
        }
    }

    /// A document that counts in the agreement's currency.
    fn document(&self, recorded: &Arc<Recorded>) -> Option<Document> {
        let document = Document::of(recorded)?;
        let currency = self.charter.as_ref().map(|charter| charter.terms().currency)?;
        document.net().in_currency(currency).is_some().then_some(document)
    }
}

/// Whether an event says what is agreed: also the policy and the overrides, which hold from a day on.
fn makes_charter(payload: &Payload) -> bool {
    let of_control =
        matches!(payload, Payload::OverrideGranted(_) | Payload::ThresholdPolicySet(_));
    payload.group() == Group::Agreement || of_control
}

/// The reservation that an event sets aside, uses or gives back.
fn reservation_of(payload: &Payload) -> Option<&ReservationId> {
    if let Payload::HeadroomReserved(reserved) = payload {
        Some(&reserved.reservation)
    } else if let Payload::ReservationReleased(released) = payload {
        Some(&released.reservation)
    } else if let Payload::OrderPlaced(placed) = payload {
        placed.reservation.as_ref()
    } else {
        None
    }
}
