//! What is agreed, day by day: term, options, ceilings, parties, state, policy and overrides.
//!
//! Term, ceilings and parties of the base agreement hold on every day, also before the signature's
//! date, so that an order is judged by the term and not by when the paper was signed. What changes
//! them holds from its own date. `fold` builds the charter, `conditions` says which rules do not hold
//! for it.

mod conditions;
mod fold;

use std::collections::BTreeSet;
use std::sync::Arc;

use super::date::Date;
use super::event::{AgreementSigned, CeilingTerms, LegalBasis, OptionGives, OptionTerms, Recorded};
use super::id::{AmendmentId, LotId, OptionId, OverrideId, Position};
use super::money::Amount;
use super::organisation::OrganisationId;
use super::policy::Policy;
use super::reason::Reason;
use super::scope::Scope;

/// What is agreed from a date until the next stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// First day.
    pub from: Date,
    /// Last day of the term in force.
    pub end: Date,
    /// Ceilings, the agreement's first, then in the order of their scopes.
    pub ceilings: Vec<CeilingTerms>,
    /// Options exercised so far, with their dates.
    pub exercised: Vec<(OptionId, Date)>,
    /// Options that will not be used, with their dates.
    pub declined: Vec<(OptionId, Date)>,
    /// Who may buy. Lists are shared by the stages that do not change them.
    pub buyers: Arc<Vec<OrganisationId>>,
    /// Who may deliver.
    pub suppliers: Arc<Vec<OrganisationId>>,
    /// Lots.
    pub lots: Arc<Vec<LotId>>,
}

impl Stage {
    /// The ceiling of a scope.
    pub fn ceiling(&self, scope: &Scope) -> Option<&CeilingTerms> {
        self.ceilings.iter().find(|ceiling| ceiling.scope == *scope)
    }

    /// The first option that is neither exercised nor declined.
    pub fn next_option<'a>(&self, options: &'a [OptionTerms]) -> Option<&'a OptionTerms> {
        options.iter().find(|option| {
            !self.has_exercised(&option.option) && !self.has_declined(&option.option)
        })
    }

    /// Last day on which an option can be exercised at this stage.
    pub fn last_exercise_date(&self, option: &OptionTerms) -> Date {
        option.notice_deadline.unwrap_or(self.end)
    }

    fn has_exercised(&self, option: &OptionId) -> bool {
        self.exercised.iter().any(|(exercised, _)| exercised == option)
    }

    fn has_declined(&self, option: &OptionId) -> bool {
        self.declined.iter().any(|(declined, _)| declined == option)
    }
}

/// Something wrong with what was done about an option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionFault {
    /// The event.
    pub position: Position,
    /// Late or not available.
    pub reason: Reason,
    /// Which option.
    pub option: OptionId,
    /// Its date.
    pub date: Date,
}

/// An amendment, with what it amounts to.
#[derive(Debug, Clone)]
pub struct Amendment {
    /// The event.
    pub recorded: Arc<Recorded>,
    /// Identity.
    pub amendment: AmendmentId,
    /// Legal basis.
    pub basis: LegalBasis,
    /// Change of the agreement's own ceiling.
    pub change: Amount,
    /// Signed sum of the changes on this basis up to and with this one, in fold order.
    pub cumulated: Amount,
    /// The agreement's own ceiling with it.
    pub ceiling_after: Amount,
}

/// An event that lowers a ceiling.
#[derive(Debug, Clone)]
pub struct Lowering {
    /// The event.
    pub recorded: Arc<Recorded>,
    /// Its date.
    pub date: Date,
    /// The ceilings that it lowers.
    pub scopes: Vec<Scope>,
}

/// An override, valid or not.
#[derive(Debug, Clone)]
pub struct Override {
    /// The event.
    pub position: Position,
    /// Identity.
    pub override_id: OverrideId,
    /// First day.
    pub from: Date,
    /// Last day.
    pub end: Date,
    /// How far above a ceiling, in the agreement's currency.
    pub limit: Amount,
    /// Why it has no effect: no two different persons, no reason.
    pub faults: Vec<Reason>,
}

/// Whether call-offs are suspended from a day on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Suspension {
    Begins,
    Ends,
}

/// All that is agreed.
#[derive(Debug, Clone)]
pub struct Charter {
    signed: Arc<Recorded>,
    /// Invariant: not empty, rising by date; the first is the base.
    stages: Vec<Stage>,
    /// Every scope that has a ceiling at some stage, in order.
    scopes: BTreeSet<Scope>,
    option_faults: Vec<OptionFault>,
    amendments: Vec<Amendment>,
    lowerings: Vec<Lowering>,
    overrides: Vec<Override>,
    suspensions: Vec<(Date, Suspension)>,
    terminated: Option<Date>,
    closed: Option<Date>,
    /// Invariant: not empty, rising by date; the first holds on every earlier day too.
    policies: Vec<(Date, Arc<Policy>)>,
}

impl Charter {
    /// The signature.
    pub fn signed(&self) -> &Arc<Recorded> {
        &self.signed
    }

    /// The terms as signed.
    pub fn terms(&self) -> &AgreementSigned {
        self.signed.event.payload.signature().expect("a charter is made from a signature")
    }

    /// What is agreed on a day.
    pub fn stage_at(&self, date: Date) -> &Stage {
        let after = self.stages.partition_point(|stage| stage.from <= date);
        let reached = after.checked_sub(1).and_then(|place| self.stages.get(place));
        reached.or(self.stages.first()).expect("a charter has its base stage")
    }

    /// The days from a day on, on which something agreed changes.
    pub fn dates_from(&self, date: Date) -> impl Iterator<Item = Date> {
        self.stages.iter().map(|stage| stage.from).filter(move |from| *from >= date)
    }

    /// The days up to a day, on which something agreed changes, latest first.
    pub fn dates_back_from(&self, date: Date) -> impl Iterator<Item = Date> {
        self.stages.iter().rev().map(|stage| stage.from).filter(move |from| *from <= date)
    }

    /// The last day as of a day, if every remaining time option is exercised.
    pub fn last_possible_end(&self, as_of: Date) -> Date {
        let stage = self.stage_at(as_of);
        let remains = |option: &&OptionTerms| {
            !stage.has_exercised(&option.option) && !stage.has_declined(&option.option)
        };
        let remaining = self.terms().options.iter().filter(remains);
        remaining.fold(stage.end, |end, option| match &option.gives {
            OptionGives::Time { new_end } => end.max(*new_end),
            OptionGives::Volume { .. } => end,
        })
    }

    /// Whether a scope has a ceiling at some stage.
    pub fn has_scope(&self, scope: &Scope) -> bool {
        self.scopes.contains(scope)
    }

    /// Every scope that has a ceiling at some stage.
    pub fn scopes(&self) -> impl Iterator<Item = &Scope> {
        self.scopes.iter()
    }

    /// The agreement's own ceiling as signed.
    pub fn original_value(&self) -> Amount {
        let ceilings = &self.terms().ceilings;
        let whole = ceilings.iter().find(|ceiling| ceiling.scope == Scope::Agreement);
        whole.map(|ceiling| ceiling.amount).unwrap_or_default()
    }

    /// Thresholds and tolerances on a day.
    pub fn policy_at(&self, date: Date) -> &Policy {
        let after = self.policies.partition_point(|(from, _)| *from <= date);
        let reached = after.checked_sub(1).and_then(|place| self.policies.get(place));
        let (_, policy) =
            reached.or(self.policies.first()).expect("a charter has its first policy");
        policy
    }

    /// Every policy that holds on some day.
    pub fn policies(&self) -> impl Iterator<Item = &Policy> {
        self.policies.iter().map(|(_, policy)| &**policy)
    }

    /// Whether call-offs are suspended on a day: from a suspension's date, included, to a
    /// resumption's, not included.
    pub fn is_suspended(&self, date: Date) -> bool {
        let last = self.suspensions.iter().rev().find(|(from, _)| *from <= date);
        matches!(last, Some((_, Suspension::Begins)))
    }

    /// Whether a day lies after the termination.
    pub fn is_terminated(&self, date: Date) -> bool {
        self.terminated.is_some_and(|terminated| date > terminated)
    }

    /// Whether a day lies after the closing.
    pub fn is_closed(&self, date: Date) -> bool {
        self.closed.is_some_and(|closed| date > closed)
    }

    /// The amendments, in fold order.
    pub fn amendments(&self) -> &[Amendment] {
        &self.amendments
    }

    /// What lowers a ceiling, in fold order.
    pub fn lowerings(&self) -> &[Lowering] {
        &self.lowerings
    }

    /// The overrides, in fold order.
    pub fn overrides(&self) -> &[Override] {
        &self.overrides
    }

    /// How far above a ceiling an intent of a day may go.
    pub fn override_limit(&self, date: Date) -> Amount {
        let in_force = self
            .overrides
            .iter()
            .filter(|one| one.faults.is_empty() && one.from <= date && date <= one.end);
        in_force.map(|one| one.limit).max().unwrap_or_default()
    }

    /// What is wrong with what an event did about an option.
    pub fn faults_of(&self, position: Position) -> impl Iterator<Item = &OptionFault> {
        self.option_faults.iter().filter(move |fault| fault.position == position)
    }
}
