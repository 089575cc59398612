//! A recorded event together with what it states, so that a fold can keep both in one pointer.

use std::marker::PhantomData;
use std::sync::Arc;

use crate::domain::date::Date;
use crate::domain::event::{
    CreditNoteReceived, InvoiceApproved, InvoicePaid, InvoiceReceived, OrderPlaced, Payload,
    Recorded,
};
use crate::domain::id::Position;

/// What an event of one kind states.
pub(in crate::domain) trait Stated: Sized {
    /// It, when the event is of the kind.
    fn of(payload: &Payload) -> Option<&Self>;
}

/// A recorded event of one kind.
///
/// Invariant: the event is of the kind.
#[derive(Debug, Clone)]
pub(in crate::domain) struct Filed<T> {
    recorded: Arc<Recorded>,
    kind: PhantomData<T>,
}

impl<T: Stated> Filed<T> {
    /// None when the event is of another kind.
    pub(super) fn new(recorded: &Arc<Recorded>) -> Option<Self> {
        T::of(&recorded.event.payload)?;
        Some(Self { recorded: Arc::clone(recorded), kind: PhantomData })
    }

    /// What it states.
    pub(in crate::domain) fn stated(&self) -> &T {
        T::of(&self.recorded.event.payload).expect("checked when it was made")
    }

    /// The event.
    pub(in crate::domain) fn recorded(&self) -> &Arc<Recorded> {
        &self.recorded
    }

    /// The day on which it holds.
    pub(super) fn date(&self) -> Date {
        self.recorded.event.effective
    }

    /// Its place in the fold.
    pub(super) fn place(&self) -> (Date, Position) {
        (self.recorded.event.effective, self.recorded.position)
    }
}

impl Stated for OrderPlaced {
    fn of(payload: &Payload) -> Option<&Self> {
        if let Payload::OrderPlaced(placed) = payload { Some(placed) } else { None }
    }
}

impl Stated for InvoiceReceived {
    fn of(payload: &Payload) -> Option<&Self> {
        if let Payload::InvoiceReceived(invoice) = payload { Some(invoice) } else { None }
    }
}

impl Stated for InvoiceApproved {
    fn of(payload: &Payload) -> Option<&Self> {
        if let Payload::InvoiceApproved(approved) = payload { Some(approved) } else { None }
    }
}

impl Stated for CreditNoteReceived {
    fn of(payload: &Payload) -> Option<&Self> {
        if let Payload::CreditNoteReceived(credit) = payload { Some(credit) } else { None }
    }
}

impl Stated for InvoicePaid {
    fn of(payload: &Payload) -> Option<&Self> {
        if let Payload::InvoicePaid(paid) = payload { Some(paid) } else { None }
    }
}
