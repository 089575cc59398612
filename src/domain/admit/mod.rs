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
use super::event::{AdmissionMode, Recorded};
use super::reason::Reason;
use super::refusal::Refusal;

pub use always::FUTURE_DAYS_MAX;

/// Decides on an event that would be recorded as it stands. Accepted: the agreement with it.
pub fn admit(agreement: &Agreement, recorded: Recorded) -> Result<Agreement, Vec<Refusal>> {
    let always = always::refusals(agreement, &recorded);
    if !always.is_empty() {
        return Err(sorted(always));
    }
    let recorded = Arc::new(recorded);
    let mut candidate = agreement.clone();
    candidate.apply(&recorded);
    let bound = candidate.magnitude();
    if bound.exceeds_total_bound() {
        let text = "the amounts of the agreement would add up to more than the ledger can hold";
        return Err(vec![Refusal::new(Reason::MalformedAmount, "", text)]);
    }
    if recorded.event.mode == AdmissionMode::Intent {
        let broken = rules::broken(agreement, &candidate, &recorded);
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
