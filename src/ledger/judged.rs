//! Agreements judged as of a day, for findings that the passing of days opens or clears.
//!
//! A published agreement is judged as if all its events held already, which is right for every day
//! from which on nothing changes any more. Where something lies ahead (a reservation that expires, an
//! amendment that begins), its findings as of today differ, and telling when each became known means
//! folding it anew as of today. That is done once a day for each such agreement, and then carried
//! along event by event, so that an append costs the same however long the agreement is.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::answer::{FindingChanges, tracked_changes};
use super::hot::{HotAndRecent, Room};
use super::past::PastAgreements;
use crate::domain::agreement::Agreement;
use crate::domain::date::Date;
use crate::domain::finding::Finding;
use crate::domain::id::AgreementId;
use crate::domain::usage::runs_out_early;

/// Events by which a kept state is carried on while somebody waits.
const CARRIED_MAX: u64 = 64;

/// Agreements judged as of a day: those that change over and over, and the most recently used ones.
#[derive(Debug)]
pub(crate) struct JudgedAgreements {
    judged: Mutex<HotAndRecent<AgreementId, Arc<Agreement>>>,
}

impl JudgedAgreements {
    /// Room for agreements, which weigh their events.
    pub(super) fn new(room: Room) -> Self {
        Self { judged: Mutex::new(HotAndRecent::new(room)) }
    }

    /// The findings that came and went between two states of an agreement, as of a day. The earlier
    /// state is a prefix of the later one.
    pub(crate) fn changes(
        &self,
        before: &Agreement,
        after: &Agreement,
        as_of: Date,
    ) -> FindingChanges {
        let reaches_beyond = after.settled_from().is_some_and(|settled| settled > as_of);
        if !reaches_beyond && runs_out_early(before, as_of) == runs_out_early(after, as_of) {
            return tracked_changes(before, after);
        }
        let judged_before = self.carried_along(before, as_of);
        let judged_after = judged_before.carried_to(after);
        tracked_changes(&judged_before, &judged_after)
    }

    /// Findings that are open as of a day, if next to nothing has to be folded for that.
    pub(crate) fn at_hand(
        &self,
        agreement: &Arc<Agreement>,
        as_of: Date,
        past: &PastAgreements,
    ) -> Option<Vec<Finding>> {
        if is_judged(agreement, as_of) {
            return Some(open(agreement));
        }
        let version = agreement.version().get();
        let is_near =
            |kept: &Arc<Agreement>| version.saturating_sub(kept.version().get()) <= CARRIED_MAX;
        let earlier = self.earlier(agreement, as_of).filter(is_near);
        let carried = earlier.map(|earlier| open(&earlier.carried_to(agreement)));
        carried.or_else(|| {
            past.at_hand(agreement, agreement.version(), as_of).map(|judged| open(&judged))
        })
    }

    /// Findings that are open as of a day; what is folded for that is kept, among the past states or in
    /// the place of what it was carried on from.
    pub(crate) fn open_findings(
        &self,
        agreement: &Arc<Agreement>,
        as_of: Date,
        past: &PastAgreements,
    ) -> Vec<Finding> {
        if let Some(at_hand) = self.at_hand(agreement, as_of, past) {
            return at_hand;
        }
        if self.earlier(agreement, as_of).is_some() {
            return open(&self.carried_along(agreement, as_of));
        }
        open(&past.at(agreement, agreement.version(), as_of))
    }

    /// How many events have to be folded for the findings as of a day that are not at hand.
    pub(crate) fn unfolded_events(&self, agreement: &Agreement, as_of: Date) -> u64 {
        let kept = self.earlier(agreement, as_of).map_or(0, |earlier| earlier.version().get());
        agreement.version().get().saturating_sub(kept)
    }

    /// The agreement judged as of a day; what is kept of it is carried along, or made.
    pub(crate) fn carried_along(&self, agreement: &Agreement, as_of: Date) -> Arc<Agreement> {
        let judged = match self.earlier(agreement, as_of) {
            Some(earlier) if earlier.version() == agreement.version() => return earlier,
            Some(earlier) => Arc::new(earlier.carried_to(agreement)),
            None => Arc::new(agreement.at_version(agreement.version(), as_of)),
        };
        let (id, events) = (agreement.id().clone(), judged.version().get());
        let mut kept = self.judged.lock().expect("no holder panics");
        let gone = kept.put(id, Arc::clone(&judged), events, Instant::now());
        drop(kept);
        drop(gone);
        judged
    }

    /// What is kept of an agreement as of a day, when it is a prefix of it.
    fn earlier(&self, agreement: &Agreement, as_of: Date) -> Option<Arc<Agreement>> {
        let kept = self.judged.lock().expect("no holder panics").get(agreement.id()).cloned()?;
        let fits = kept.tracker().horizon() == as_of && kept.is_prefix_of(agreement);
        fits.then_some(kept)
    }
}

/// Whether an agreement's own findings are those of a day.
fn is_judged(agreement: &Agreement, as_of: Date) -> bool {
    let reaches_beyond = agreement.settled_from().is_some_and(|settled| settled > as_of);
    let judged_at_day = agreement.tracker().horizon() == as_of;
    judged_at_day || (!reaches_beyond && !runs_out_early(agreement, as_of))
}

fn open(judged: &Agreement) -> Vec<Finding> {
    judged.tracker().open().cloned().collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::domain::date::RecordedTime;
    use crate::domain::event::Recorded;
    use crate::domain::id::{EventId, Position, Version};
    use crate::wire::parse::parse_recorded_event;
    use crate::wire::v1;
    use crate::wire::v1::event::Payload;

    pub(in crate::ledger) fn day(text: &str) -> Date {
        Date::parse(text).unwrap()
    }

    fn recorded(number: u64, date: &str, payload: Payload) -> Arc<Recorded> {
        let stated = v1::Event {
            effective_date: date.to_owned(),
            admission_mode: v1::AdmissionMode::Fact.into(),
            payload: Some(payload),
            ..Default::default()
        };
        Arc::new(Recorded {
            position: Position::new(number),
            version: Version::new(number + 1),
            event_id: EventId::from_uuid(uuid::Uuid::from_u128(u128::from(number) + 1)),
            recorded: RecordedTime::from_microseconds(1_700_000_000_000_000).unwrap(),
            event: parse_recorded_event(&stated).unwrap(),
        })
    }

    fn nok(amount: &str) -> v1::Money {
        v1::Money { amount: amount.to_owned(), currency: "NOK".to_owned() }
    }

    fn organisation() -> v1::OrganisationId {
        v1::OrganisationId { number: "920125298".to_owned(), scheme: String::new() }
    }

    /// Signed with a maximum of 100, and a reservation of 80 far into the future.
    pub(in crate::ledger) fn reserved() -> Agreement {
        let party = || v1::Organisation { id: Some(organisation()), name: String::new() };
        let whole = v1::Scope { scope: Some(v1::scope::Scope::Agreement(true)) };
        let signed = v1::AgreementSigned {
            reference: "1".to_owned(),
            title: "A framework".to_owned(),
            framework_kind: v1::FrameworkKind::Mixed.into(),
            nature: v1::ContractNature::Services.into(),
            owner: Some(party()),
            buyers: vec![party()],
            suppliers: vec![party()],
            ceilings: vec![v1::Ceiling {
                scope: Some(whole),
                kind: v1::CeilingKind::Maximum.into(),
                amount: Some(nok("100")),
            }],
            currency: "NOK".to_owned(),
            term: Some(v1::Term {
                start_date: "2023-11-01".to_owned(),
                end_date: "2026-12-31".to_owned(),
            }),
            ..Default::default()
        };
        let reserved = v1::HeadroomReserved {
            reservation_id: "R1".to_owned(),
            amount: Some(nok("80")),
            expiry_date: "2025-12-31".to_owned(),
            buyer: Some(organisation()),
            ..Default::default()
        };
        let id = AgreementId::parse("a").unwrap();
        let mut agreement = Agreement::new(id, Arc::default(), Date::END_OF_TIME);
        agreement.apply(&recorded(0, "2023-11-01", Payload::AgreementSigned(signed)));
        agreement.apply(&recorded(1, "2023-11-02", Payload::HeadroomReserved(reserved)));
        agreement
    }

    pub(in crate::ledger) fn order(number: u64, amount: &str) -> Arc<Recorded> {
        let placed = v1::OrderPlaced {
            order_id: format!("O{number}"),
            buyer: Some(organisation()),
            supplier: Some(organisation()),
            amount: Some(nok(amount)),
            ..Default::default()
        };
        recorded(number, "2023-11-03", Payload::OrderPlaced(placed))
    }

    #[test]
    fn what_is_carried_along_is_what_a_fold_anew_would_say() {
        let judged = JudgedAgreements::new(Room::of_recent(1, 100));
        let past = PastAgreements::new(100);
        let as_of = day("2023-11-10");
        let mut before = reserved();
        for number in 2..6 {
            let mut after = before.clone();
            after.apply(&order(number, "7"));
            let changes = judged.changes(&before, &after, as_of);
            let at = |agreement: &Agreement| agreement.at_version(agreement.version(), as_of);
            let anew = tracked_changes(&at(&before), &at(&after));
            assert_eq!((&changes.opened, &changes.cleared), (&anew.opened, &anew.cleared));
            let open: Vec<Finding> = at(&after).tracker().open().cloned().collect();
            assert_eq!(judged.open_findings(&Arc::new(after.clone()), as_of, &past), open);
            before = after;
        }
        assert!(judged.earlier(&before, as_of).is_some(), "it is kept");
        assert!(judged.earlier(&before, day("2023-11-11")).is_none(), "for its own day only");
    }

    #[test]
    fn another_branch_of_the_same_agreement_is_never_taken_for_it() {
        let judged = JudgedAgreements::new(Room::of_recent(1, 100));
        let past = PastAgreements::new(100);
        let as_of = day("2023-11-10");
        let base = reserved();
        let branch = |event: &Arc<Recorded>| {
            let mut branch = base.clone();
            branch.apply(event);
            branch
        };
        let (kept, other) = (branch(&order(2, "30")), branch(&order(9, "1")));
        judged.carried_along(&kept, as_of);
        past.at(&Arc::new(kept.clone()), kept.version(), as_of);
        let anew = other.at_version(other.version(), as_of);
        let open: Vec<Finding> = anew.tracker().open().cloned().collect();
        assert_eq!(judged.open_findings(&Arc::new(other), as_of, &past), open);
    }
}
