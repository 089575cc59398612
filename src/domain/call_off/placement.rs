//! What is wrong with an order or a reservation as it is placed: parties and state, not ceilings.

use crate::domain::charter::Charter;
use crate::domain::date::Date;
use crate::domain::event::{Competition, FrameworkKind, OrderPlaced};
use crate::domain::reason::Reason;
use crate::domain::refusal::Refusal;
use crate::domain::scope::ScopeKeys;

/// Whether an event replaces a reversed one. Corrections are accepted after the closing too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::domain) enum Standing {
    Original,
    Correction,
}

/// What is wrong with the placement of an order.
pub(in crate::domain) fn placement_faults(
    placed: &OrderPlaced,
    date: Date,
    standing: Standing,
    charter: &Charter,
) -> Vec<Refusal> {
    let mut faults = party_faults(&placed.keys, date, charter);
    let mut add = |reason, text: String| {
        faults.push(Refusal::new(reason, placed.order.to_string(), text).on(date));
    };
    if placed.ordered_by.is_some() && placed.ordered_by == placed.approved_by {
        add(Reason::SeparationOfDuties, "the same person ordered and approved".to_owned());
    }
    let terms = charter.terms();
    let reopened = terms.framework_kind == FrameworkKind::WithReopenedCompetition;
    if reopened && placed.competition == Competition::NotDocumented {
        let text =
            "call-offs under this framework follow a reopened competition, and none is named";
        add(Reason::CompetitionMissing, text.to_owned());
    }
    let end = charter.stage_at(date).end;
    if date < terms.start {
        add(Reason::AgreementNotStarted, format!("the term begins on {}", terms.start));
    } else if date > end {
        add(Reason::AgreementExpired, format!("the term in force ended on {end}"));
    }
    if charter.is_suspended(date) {
        add(Reason::AgreementSuspended, "call-offs are suspended on that day".to_owned());
    }
    if charter.is_terminated(date) {
        add(Reason::AgreementTerminated, "the agreement is terminated before that day".to_owned());
    }
    if charter.is_closed(date) && standing == Standing::Original {
        add(Reason::AgreementClosed, "the agreement is closed before that day".to_owned());
    }
    faults
}

/// Who or what is not on the agreement's lists on a day.
pub(in crate::domain) fn party_faults(
    keys: &ScopeKeys,
    date: Date,
    charter: &Charter,
) -> Vec<Refusal> {
    let stage = charter.stage_at(date);
    let mut faults = Vec::new();
    if let Some(buyer) = keys.buyer.as_ref().filter(|buyer| !stage.buyers.contains(buyer)) {
        let text = "the buyer is not a party to the agreement";
        faults.push(Refusal::new(Reason::BuyerNotParty, buyer.to_string(), text));
    }
    let supplier = keys.supplier.as_ref();
    if let Some(supplier) = supplier.filter(|supplier| !stage.suppliers.contains(supplier)) {
        let text = "the supplier is not a party to the agreement";
        faults.push(Refusal::new(Reason::SupplierNotParty, supplier.to_string(), text));
    }
    if let Some(lot) = keys.lot.as_ref().filter(|lot| !stage.lots.contains(lot)) {
        let text = "the agreement has no such lot";
        faults.push(Refusal::new(Reason::UnknownLot, lot.to_string(), text));
    }
    faults
}
