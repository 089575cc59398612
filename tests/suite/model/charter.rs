//! What is agreed on a day: term, parties, lots, ceilings, policy, and what has stopped it.

use std::collections::BTreeMap;

use contract_ledger::domain::date::Date;
use contract_ledger::domain::event::{
    AgreementAmended, CeilingKind, Indexation, OptionGives, OptionTerms, Payload, Recorded,
};
use contract_ledger::domain::id::{LotId, OptionId};
use contract_ledger::domain::money::{Amount, Money};
use contract_ledger::domain::organisation::OrganisationId;
use contract_ledger::domain::policy::Policy;
use contract_ledger::domain::scope::Scope;

use super::history::Fold;

/// What is agreed, after some of the events of a fold.
#[derive(Debug, Clone)]
pub(super) struct Charter {
    pub(super) end: Date,
    pub(super) buyers: Vec<OrganisationId>,
    pub(super) suppliers: Vec<OrganisationId>,
    pub(super) lots: Vec<LotId>,
    pub(super) ceilings: BTreeMap<Scope, (CeilingKind, Amount)>,
    pub(super) exercised: Vec<OptionId>,
    pub(super) declined: Vec<OptionId>,
    pub(super) suspended: bool,
    pub(super) terminated: Option<Date>,
    pub(super) closed: Option<Date>,
    pub(super) policy: Policy,
}

/// The charter after every event of the fold.
pub(super) fn charter(fold: &Fold<'_>) -> Charter {
    charter_before(fold, fold.events.len())
}

/// The charter at the end of a day, as far as the fold reaches.
pub(super) fn charter_on(fold: &Fold<'_>, day: Date) -> Charter {
    let place = fold.events.iter().filter(|event| event.event.effective <= day).count();
    charter_before(fold, place)
}

/// The charter before the event at a place of the fold.
pub(super) fn charter_before(fold: &Fold<'_>, place: usize) -> Charter {
    let terms = fold.terms;
    let mut charter = Charter {
        end: terms.end,
        buyers: terms.buyers.clone(),
        suppliers: terms.suppliers.clone(),
        lots: terms.lots.clone(),
        ceilings: BTreeMap::new(),
        exercised: Vec::new(),
        declined: Vec::new(),
        suspended: false,
        terminated: None,
        closed: None,
        policy: Policy::built_in(terms.nature, terms.currency),
    };
    for ceiling in &terms.ceilings {
        charter.ceilings.insert(ceiling.scope.clone(), (ceiling.kind, ceiling.amount));
    }
    for event in fold.events.iter().take(place) {
        charter.take(fold, event);
    }
    charter
}

impl Charter {
    fn take(&mut self, fold: &Fold<'_>, event: &Recorded) {
        let day = event.event.effective;
        match &event.event.payload {
            Payload::OptionExercised(used) => {
                if self.exercised.contains(&used.option) {
                    return;
                }
                let Some(option) = option_terms(fold, &used.option) else { return };
                self.exercised.push(used.option.clone());
                match &option.gives {
                    OptionGives::Time { new_end } => self.end = self.end.max(*new_end),
                    OptionGives::Volume { scope, amount } => self.raise(scope, *amount),
                }
            }
            Payload::OptionDeclined(declined) => self.declined.push(declined.option.clone()),
            Payload::AgreementAmended(amended) => self.amend(amended),
            Payload::PriceIndexed(indexed) if fold.terms.indexation == Indexation::CeilingsToo => {
                for (_, amount) in self.ceilings.values_mut() {
                    let money = Money { amount: *amount, currency: fold.currency() };
                    *amount = money.converted(indexed.factor, fold.currency()).unwrap();
                }
            }
            Payload::AgreementSuspended(_) => self.suspended = true,
            Payload::AgreementResumed => self.suspended = false,
            Payload::AgreementTerminated(_) => {
                self.terminated = self.terminated.or(Some(day));
            }
            Payload::AgreementClosed => self.closed = self.closed.or(Some(day)),
            Payload::ThresholdPolicySet(change) => self.policy = self.policy.clone().with(change),
            _ => {}
        }
    }

    fn amend(&mut self, amended: &AgreementAmended) {
        for change in &amended.ceiling_changes {
            self.raise(&change.scope, change.change.amount);
        }
        self.end = amended.new_end.unwrap_or(self.end);
        self.suppliers.extend(amended.added_suppliers.iter().cloned());
        self.suppliers.retain(|supplier| !amended.removed_suppliers.contains(supplier));
        self.buyers.extend(amended.added_buyers.iter().cloned());
        self.buyers.retain(|buyer| !amended.removed_buyers.contains(buyer));
        self.lots.extend(amended.added_lots.iter().cloned());
    }

    fn raise(&mut self, scope: &Scope, by: Amount) {
        let none = (CeilingKind::Maximum, Amount::ZERO);
        let ceiling = self.ceilings.entry(scope.clone()).or_insert(none);
        ceiling.1 = ceiling.1.plus(by);
    }

    /// Whether every option before this one is exercised or declined, and this one is neither.
    pub(super) fn is_next(&self, fold: &Fold<'_>, option: &OptionId) -> bool {
        let settled = |id: &OptionId| self.exercised.contains(id) || self.declined.contains(id);
        fold.terms.options.iter().find(|terms| !settled(&terms.option)).map(|terms| &terms.option)
            == Some(option)
    }
}

pub(super) fn option_terms<'a>(fold: &Fold<'a>, option: &OptionId) -> Option<&'a OptionTerms> {
    fold.terms.options.iter().find(|terms| terms.option == *option)
}

/// Last day of a span of four years from a day on: over it a term needs a justification.
pub(super) fn last_day_of_four_years(start: Date) -> Date {
    let text = start.to_string();
    let year: i32 = text[..4].parse().unwrap();
    let same_day = Date::parse(&format!("{}{}", year + 4, &text[4..])).unwrap();
    same_day.plus_days(-1).unwrap()
}
