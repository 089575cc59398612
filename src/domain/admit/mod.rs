//! The decision on a new event: accepted, or refused with every reason.
//!
//! Order of checks. First the reasons that refuse always, intents and facts alike; they end the check
//! (`always`, and `references` for what an event names). Then, for an intent, every rule that it would break (`rules`), parties and state before
//! ceilings (`ceilings`); a fact is recorded whatever it breaks, and findings follow from the fold.

mod always;
mod ceilings;
mod references;
mod rules;

use std::sync::Arc;

use super::agreement::Agreement;
use super::event::Recorded;
use super::reason::Reason;
use super::refusal::Refusal;

use rules::Before;

pub use always::FUTURE_DAYS_MAX;

/// Decides on an event that would be recorded as it stands. Accepted: the agreement with it. The
/// agreement is taken, so that the events of a request are taken in one after the other where they
/// stand; whoever may have to go back keeps a copy.
pub fn admit(agreement: Agreement, recorded: Recorded) -> Result<Agreement, Vec<Refusal>> {
    let always = always::refusals(&agreement, &recorded);
    if !always.is_empty() {
        return Err(sorted(always));
    }
    let before = Before::of(&agreement, &recorded);
    let recorded = Arc::new(recorded);
    let mut candidate = agreement;
    candidate.apply(&recorded);
    let bound = candidate.magnitude();
    if bound.exceeds_total_bound() {
        let text = "the amounts of the agreement would add up to more than the ledger can hold";
        return Err(vec![Refusal::new(Reason::MalformedAmount, "", text)]);
    }
    if let Some(before) = before {
        let broken = rules::broken(&before, &candidate, &recorded);
        if !broken.is_empty() {
            return Err(sorted(broken));
        }
    }
    Ok(candidate)
}

fn sorted(mut refusals: Vec<Refusal>) -> Vec<Refusal> {
    refusals.sort_by_key(|refusal| refusal.reason);
    refusals
}
