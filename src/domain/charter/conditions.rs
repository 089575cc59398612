//! Which rules do not hold for what is agreed.

use super::Charter;
use crate::domain::date::Date;
use crate::domain::event::{LegalBasis, OptionGives, Payload, Reasoning};
use crate::domain::finding::{Condition, FindingKey, Subject};
use crate::domain::money::{Amount, Money};
use crate::domain::reason::Reason;
use crate::domain::scope::Scope;

/// Longest term without a justification, in years.
const TERM_YEARS_MAX: i16 = 4;

type Conditions = Vec<(FindingKey, Condition)>;

impl Charter {
    /// The rules that do not hold as of a day, but for those about ceilings.
    pub fn conditions(&self, as_of: Date) -> Conditions {
        let mut conditions = Conditions::new();
        if self.signed.event.effective <= as_of {
            self.term_condition(&mut conditions);
        }
        for fault in self.option_faults.iter().filter(|fault| fault.date <= as_of) {
            let rule = fault.reason;
            let key = FindingKey { rule, subject: Subject::Option(fault.option.clone()) };
            // Done wrong again it is the same finding, and its first day stays.
            if conditions.iter().all(|(other, _)| *other != key) {
                push(&mut conditions, rule, key.subject, None, fault.date);
            }
        }
        for one in self.overrides.iter().filter(|one| one.from <= as_of) {
            for reason in &one.faults {
                let subject = Subject::Override(one.override_id.clone());
                push(&mut conditions, *reason, subject, None, one.from);
            }
        }
        self.amendment_conditions(&mut conditions, as_of);
        conditions
    }

    fn term_condition(&self, conditions: &mut Conditions) {
        let terms = self.terms();
        let ends = terms.options.iter().filter_map(|option| match option.gives {
            OptionGives::Time { new_end } => Some(new_end),
            OptionGives::Volume { .. } => None,
        });
        let last = ends.fold(terms.end, Date::max);
        let too_long = terms.start.plus_years(TERM_YEARS_MAX).is_some_and(|limit| last >= limit);
        if too_long && terms.term_justification == Reasoning::Missing {
            let subject = Subject::Scope(Scope::Agreement);
            let since = self.signed.event.effective;
            push(conditions, Reason::TermOverFourYears, subject, None, since);
        }
    }

    fn amendment_conditions(&self, conditions: &mut Conditions, as_of: Date) {
        let currency = self.terms().currency;
        let money = |amount| Some(Money { amount, currency });
        let original = self.original_value();
        let mut de_minimis: Option<(Date, Amount)> = None;
        for one in &self.amendments {
            let date = one.recorded.event.effective;
            if date > as_of {
                break;
            }
            let subject = Subject::Amendment(one.amendment.clone());
            if states_no_reason(&one.recorded.event.payload) {
                push(conditions, Reason::ReasonMissing, subject.clone(), None, date);
            }
            let policy = self.policy_at(date);
            match one.basis {
                LegalBasis::AddWss | LegalBasis::ModCir => {
                    if one.change.exceeds_share(policy.amendment_max_ppm, original) {
                        let amount = money(one.change);
                        push(conditions, Reason::AmendmentOverHalf, subject, amount, date);
                    }
                }
                // What leaves the agreement's own ceiling alone changes no value.
                LegalBasis::ModMinv if one.change.is_zero() => {}
                LegalBasis::ModMinv => {
                    let sum = one.cumulated.magnitude();
                    let over_share = sum.reaches_share(policy.de_minimis_ppm, original);
                    let over_threshold = policy.eea_threshold.is_some_and(|limit| sum >= limit);
                    de_minimis = if !sum.is_zero() && (over_share || over_threshold) {
                        Some((de_minimis.map_or(date, |(since, _)| since), sum))
                    } else {
                        None
                    };
                }
                LegalBasis::ModNons
                | LegalBasis::ModRepl
                | LegalBasis::ModRev
                | LegalBasis::Other => {}
            }
        }
        if let Some((since, sum)) = de_minimis {
            let subject = Subject::Scope(Scope::Agreement);
            push(conditions, Reason::AmendmentDeMinimis, subject, money(sum), since);
        }
    }
}

fn states_no_reason(payload: &Payload) -> bool {
    matches!(payload, Payload::AgreementAmended(amended) if amended.reasoning == Reasoning::Missing)
}

fn push(
    conditions: &mut Conditions,
    rule: Reason,
    subject: Subject,
    amount: Option<Money>,
    since: Date,
) {
    conditions.push((FindingKey { rule, subject }, Condition { amount, days: None, since }));
}
