//! What people did about findings.

use super::{Agreement, fold_key};
use crate::domain::date::Date;
use crate::domain::event::{Payload, Recorded};
use crate::domain::finding::Handling;
use crate::domain::id::FindingId;
use crate::domain::tracker::Handled;

impl Agreement {
    /// Carries an event that handles a finding, or takes such an event out, to the finding. A finding
    /// that opened meanwhile has nothing done about it yet.
    pub(super) fn handle(&mut self, recorded: &Recorded) {
        let target = if let Payload::EventReversed(reversed) = &recorded.event.payload {
            self.event(reversed.target).cloned()
        } else {
            None
        };
        let payload =
            target.as_ref().map_or(&recorded.event.payload, |target| &target.event.payload);
        let Some((finding, _)) = handled(payload) else { return };
        let Some(key) = self.tracker.finding(finding).cloned() else { return };
        let horizon = self.tracker.horizon();
        let of_finding = self.handlings.get(finding).into_iter().flat_map(|of| of.values());
        let mut live: Vec<_> = of_finding
            .filter(|one| one.event.effective <= horizon)
            .filter_map(|one| {
                let (_, handling) = handled(&one.event.payload)?;
                Some((fold_key(one), Handled { handling, position: one.position }))
            })
            .collect();
        live.sort_by_key(|(key, _)| *key);
        let done: Vec<Handled> = live.into_iter().map(|(_, done)| done).collect();
        self.tracker.handle(&done, &key);
    }

    /// Whether a finding of this id was ever there: judged whenever its events hold, or as of a day.
    pub fn knows_finding(&self, finding: &FindingId, as_of: Date) -> bool {
        let ever = |agreement: &Self| agreement.tracker.finding(finding).is_some();
        ever(self) || ever(&self.refold(self.events.iter(), as_of))
    }
}

/// The finding that an event handles, and how.
pub(super) fn handled(payload: &Payload) -> Option<(&FindingId, Handling)> {
    if let Payload::FindingAcknowledged(seen) = payload {
        Some((&seen.finding, Handling::Acknowledged))
    } else if let Payload::FindingWaived(waived) = payload {
        Some((&waived.finding, Handling::Waived))
    } else if let Payload::FindingResolved(resolved) = payload {
        Some((&resolved.finding, Handling::Resolved))
    } else {
        None
    }
}
