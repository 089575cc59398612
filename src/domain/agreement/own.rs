//! What is wrong with an event by itself: recorded late, without a reason, above a maximum.

use super::Agreement;
use super::settle::Touched;
use crate::domain::event::{Group, Payload, Reasoning, Recorded};
use crate::domain::finding::{Condition, FindingKey, Subject};
use crate::domain::money::Money;
use crate::domain::reason::Reason;
use crate::domain::tracker::Source;

/// How an accepted intent used an override.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OverrideUse {
    /// How far it passed a maximum, the largest of all scopes.
    pub(super) excess: Money,
}

impl Agreement {
    /// Judges one live event by itself.
    pub(super) fn judge_event(&self, recorded: &Recorded, touched: &mut Touched) {
        let since = recorded.event.effective;
        let mut conditions = Vec::new();
        if since <= self.tracker.horizon() {
            let mut add = |rule, amount, days| {
                let key = FindingKey { rule, subject: Subject::Event(recorded.event_id) };
                conditions.push((key, Condition { amount, days, since }));
            };
            if let Some(days) = self.days_late(recorded) {
                add(Reason::LateRegistration, None, Some(days));
            }
            if lacks_reason(&recorded.event.payload) {
                add(Reason::ReasonMissing, None, None);
            }
            if let Some(used) = self.override_uses.get(&recorded.event_id) {
                add(Reason::OverrideUsed, Some(used.excess), None);
            }
        }
        touched.judged.push((Source::Event(recorded.event_id), conditions));
    }

    /// Days between the effective date and the date of recording, when they are too many. Control
    /// events and corrections are exempt.
    fn days_late(&self, recorded: &Recorded) -> Option<i64> {
        let event = &recorded.event;
        if event.payload.group() == Group::Control || event.corrects.is_some() {
            return None;
        }
        let days = recorded.recorded.oslo_date().days_since(event.effective);
        let policy = self.charter()?.policy_at(event.effective);
        (days > i64::from(policy.late_registration_days)).then_some(days)
    }
}

/// Whether an event that must say why does not. Amendments and overrides are told with what they are.
pub(in crate::domain) fn lacks_reason(payload: &Payload) -> bool {
    let reasoning = if let Payload::AgreementSuspended(reasoned)
    | Payload::AgreementTerminated(reasoned) = payload
    {
        reasoned.reasoning
    } else if let Payload::InvoiceDisputed(disputed) = payload {
        disputed.reasoning
    } else if let Payload::InvoiceRejected(rejected) = payload {
        rejected.reasoning
    } else if let Payload::FindingWaived(handled) | Payload::FindingResolved(handled) = payload {
        handled.reasoning
    } else {
        Reasoning::Stated
    };
    reasoning == Reasoning::Missing
}
