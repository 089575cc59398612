//! What lists show of an agreement as of a day.

use super::Agreement;
use crate::domain::call_off::{CallOffKey, Standing};
use crate::domain::date::Date;
use crate::domain::event::{OptionGives, Payload};
use crate::domain::levels::Sums;
use crate::domain::money::Money;
use crate::domain::view::{
    AgreementState, AmendmentView, DeadlineSubject, DeadlineView, InvoiceView, OrderView, PartView,
};

impl Agreement {
    /// Where it is in its life. None when it is not signed as of the day.
    pub fn state(&self, as_of: Date) -> Option<AgreementState> {
        let charter = self.charter_at(as_of)?;
        let (start, end) = (charter.terms().start, charter.stage_at(as_of).end);
        Some(if charter.is_closed(as_of) {
            AgreementState::Closed
        } else if charter.is_terminated(as_of) {
            AgreementState::Terminated
        } else if as_of < start {
            AgreementState::NotStarted
        } else if as_of > end {
            AgreementState::Expired
        } else if charter.is_suspended(as_of) {
            AgreementState::Suspended
        } else {
            AgreementState::Active
        })
    }

    /// Orders as of a day, by placement date, then position; those never placed last, by id.
    pub fn orders(&self, as_of: Date) -> Vec<OrderView> {
        let Some(charter) = self.charter_at(as_of) else { return Vec::new() };
        let views = self.call_offs.iter().filter_map(|(key, call_off)| match key {
            CallOffKey::Order(order) => call_off.order_view(order, charter, as_of),
            CallOffKey::OffOrder(_) | CallOffKey::PrepaidOffOrder(_) | CallOffKey::Pending(_) => {
                None
            }
        });
        let mut views: Vec<OrderView> = views.collect();
        views.sort_by_key(|view| match &view.placement {
            Some(placement) => (placement.event.effective, placement.position.get()),
            None => (Date::END_OF_TIME, u64::MAX),
        });
        views
    }

    /// Invoices as of a day, by effective date, then position.
    pub fn invoices(&self, as_of: Date) -> Vec<InvoiceView> {
        let Some(charter) = self.charter_at(as_of) else { return Vec::new() };
        let mut views: Vec<InvoiceView> = self
            .call_offs
            .values()
            .flat_map(|call_off| call_off.invoice_views(charter, as_of))
            .collect();
        views.sort_by_key(|view| (view.receipt.event.effective, view.receipt.position));
        views
    }

    /// Amendments as of a day, in fold order.
    pub fn amendments(&self, as_of: Date) -> Vec<AmendmentView> {
        let Some(charter) = self.charter_at(as_of) else { return Vec::new() };
        let held = charter.amendments().iter();
        held.take_while(|one| one.recorded.event.effective <= as_of)
            .map(|one| AmendmentView {
                recorded: one.recorded.clone(),
                change: one.change,
                cumulated: one.cumulated,
                ceiling_after: one.ceiling_after,
            })
            .collect()
    }

    /// Deadlines as known as of a day, also those that have passed, by date, then subject.
    pub fn deadlines(&self, as_of: Date) -> Vec<DeadlineView> {
        let Some(charter) = self.charter_at(as_of) else { return Vec::new() };
        let (terms, stage) = (charter.terms(), charter.stage_at(as_of));
        let currency = terms.currency;
        let mut deadlines =
            vec![DeadlineView { date: stage.end, subject: DeadlineSubject::TermEnd, amount: None }];
        if let Some(option) = stage.next_option(&terms.options) {
            let amount = match &option.gives {
                OptionGives::Time { .. } => None,
                OptionGives::Volume { amount, .. } => Some(Money { amount: *amount, currency }),
            };
            let subject = DeadlineSubject::OptionNotice(option.option.clone());
            let date = stage.last_exercise_date(option);
            deadlines.push(DeadlineView { date, subject, amount });
        }
        for (id, reservation) in &self.reservations {
            // What expired is told with what was open on its last day.
            let Some(expiry) = reservation.expiry() else { continue };
            let amount = reservation.open_at(charter, as_of.min(expiry));
            if amount.is_positive() {
                let subject = DeadlineSubject::ReservationExpiry(id.clone());
                let amount = Some(Money { amount, currency });
                deadlines.push(DeadlineView { date: expiry, subject, amount });
            }
        }
        for call_off in self.call_offs.values() {
            deadlines.extend(call_off.retention_deadlines(charter, as_of));
        }
        for one in charter.overrides() {
            if one.faults.is_empty() && one.from <= as_of {
                let subject = DeadlineSubject::OverrideEnd(one.override_id.clone());
                let amount = Some(Money { amount: one.limit, currency });
                deadlines.push(DeadlineView { date: one.end, subject, amount });
            }
        }
        deadlines
            .sort_by(|left, right| (left.date, &left.subject).cmp(&(right.date, &right.subject)));
        deadlines
    }

    /// The parts of the agreement's sums as of a day.
    pub fn parts(&self, as_of: Date) -> Vec<PartView> {
        let Some(charter) = self.charter_at(as_of) else { return Vec::new() };
        let mut parts: Vec<PartView> = self
            .call_offs
            .values()
            .flat_map(|call_off| call_off.part_views(charter, as_of))
            .collect();
        for reservation in self.reservations.values() {
            let Some((event, reserved)) = reservation.reserved() else { continue };
            let open = reservation.open_at(charter, as_of);
            if event.event.effective > as_of || open.is_zero() {
                continue;
            }
            parts.push(PartView {
                keys: reserved.keys.clone(),
                department: reserved.department.clone(),
                cpv: None,
                date: event.event.effective,
                sums: Sums { reserved: open, exposure: open, ..Sums::default() },
                orders: 0,
                invoices: 0,
            });
        }
        parts
    }

    /// Orders and invoices that are there as of a day, in whatever state. On a day before the last
    /// effective date it costs all documents.
    pub fn document_counts(&self, as_of: Date) -> (u64, u64) {
        let mut counts = DocumentCounts::default();
        if self.latest_effective.is_some_and(|latest| latest <= as_of) {
            counts = self.document_counts;
        } else {
            let entries = self.call_offs.values().flat_map(|call_off| call_off.entries());
            for entry in entries.filter(|entry| {
                entry.standing == Standing::Live && entry.recorded.event.effective <= as_of
            }) {
                counts.join(&entry.recorded.event.payload);
            }
        }
        (counts.orders, counts.invoices)
    }
}

/// How many orders and invoices there are.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct DocumentCounts {
    orders: u64,
    invoices: u64,
}

impl DocumentCounts {
    /// A document that comes.
    pub(super) fn join(&mut self, payload: &Payload) {
        if let Some(count) = self.of(payload) {
            *count = count.saturating_add(1);
        }
    }

    /// A document that is reversed.
    pub(super) fn leave(&mut self, payload: &Payload) {
        if let Some(count) = self.of(payload) {
            *count = count.saturating_sub(1);
        }
    }

    fn of(&mut self, payload: &Payload) -> Option<&mut u64> {
        if matches!(payload, Payload::OrderPlaced(_)) {
            Some(&mut self.orders)
        } else if matches!(payload, Payload::InvoiceReceived(_)) {
            Some(&mut self.invoices)
        } else {
            None
        }
    }
}
