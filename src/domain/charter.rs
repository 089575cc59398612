//! What is agreed, day by day: term, options and ceilings.
//!
//! Term and ceilings of the base agreement hold on every day, also before the signature's date, so
//! that an order is judged by the term and not by when the paper was signed. Exercised options hold
//! from their own date.

use std::sync::Arc;

use super::date::Date;
use super::event::{AgreementSigned, CeilingTerms, OptionGives, OptionTerms, Payload, Recorded};
use super::finding::{Condition, FindingKey, Subject};
use super::id::{OptionId, Position};
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
}

impl Stage {
    /// The ceiling of a scope.
    pub fn ceiling(&self, scope: &Scope) -> Option<&CeilingTerms> {
        self.ceilings.iter().find(|ceiling| ceiling.scope == *scope)
    }

    /// The first option that is not exercised.
    pub fn next_option<'a>(&self, options: &'a [OptionTerms]) -> Option<&'a OptionTerms> {
        options.iter().find(|option| !self.has_exercised(&option.option))
    }

    /// Last day on which an option can be exercised at this stage.
    pub fn last_exercise_date(&self, option: &OptionTerms) -> Date {
        option.notice_deadline.unwrap_or(self.end)
    }

    fn has_exercised(&self, option: &OptionId) -> bool {
        self.exercised.iter().any(|(exercised, _)| exercised == option)
    }
}

/// Something wrong with the exercise of an option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionFault {
    /// The event that exercised it.
    pub position: Position,
    /// Late or not available.
    pub reason: Reason,
    /// Which option.
    pub option: OptionId,
    /// Its date.
    pub date: Date,
}

/// All that is agreed.
#[derive(Debug, Clone)]
pub struct Charter {
    signed: Arc<Recorded>,
    /// Invariant: not empty, rising by date; the first is the base.
    stages: Vec<Stage>,
    faults: Vec<OptionFault>,
}

impl Charter {
    /// Folds the live events of the agreement itself, in fold order. None without a signature.
    pub fn fold(events: &[Arc<Recorded>]) -> Option<Self> {
        let (recorded, terms) = events.iter().find_map(|event| signature(event))?;
        let mut ceilings = terms.ceilings.clone();
        ceilings.sort_by(|left, right| left.scope.cmp(&right.scope));
        let mut stage = Stage {
            from: recorded.event.effective,
            end: terms.end,
            ceilings,
            exercised: Vec::new(),
        };
        let mut stages = vec![stage.clone()];
        let mut faults = Vec::new();
        for event in events {
            let Payload::OptionExercised(exercised) = &event.event.payload else {
                continue;
            };
            let date = event.event.effective;
            for reason in option_faults(&stage, &terms.options, &exercised.option, date) {
                let option = exercised.option.clone();
                faults.push(OptionFault { position: event.position, reason, option, date });
            }
            exercise(&mut stage, &terms.options, &exercised.option, date);
            stage.from = date.max(recorded.event.effective);
            stages.push(stage.clone());
        }
        Some(Self { signed: Arc::clone(recorded), stages, faults })
    }

    /// The signature.
    pub fn signed(&self) -> &Arc<Recorded> {
        &self.signed
    }

    /// The terms as signed.
    pub fn terms(&self) -> &AgreementSigned {
        signature(&self.signed).expect("a charter is made from a signature").1
    }

    /// What is agreed on a day.
    pub fn stage_at(&self, date: Date) -> &Stage {
        let reached = self.stages.iter().rev().find(|stage| stage.from <= date);
        reached.or(self.stages.first()).expect("a charter has its base stage")
    }

    /// The days from a day on, on which something agreed changes.
    pub fn dates_from(&self, date: Date) -> impl Iterator<Item = Date> {
        self.stages.iter().map(|stage| stage.from).filter(move |from| *from >= date)
    }

    /// What is wrong with the exercise of options by an event.
    pub fn faults_of(&self, position: Position) -> impl Iterator<Item = &OptionFault> {
        self.faults.iter().filter(move |fault| fault.position == position)
    }

    /// The faults up to a day, as conditions of findings.
    pub fn conditions(&self, as_of: Date) -> Vec<(FindingKey, Condition)> {
        let reached = self.faults.iter().filter(|fault| fault.date <= as_of);
        reached
            .map(|fault| {
                let subject = Subject::Option(fault.option.clone());
                let key = FindingKey { rule: fault.reason, subject };
                (key, Condition { amount: None, days: None, since: fault.date })
            })
            .collect()
    }
}

fn signature(event: &Arc<Recorded>) -> Option<(&Arc<Recorded>, &AgreementSigned)> {
    match &event.event.payload {
        Payload::AgreementSigned(terms) => Some((event, terms)),
        Payload::OptionExercised(_)
        | Payload::OrderPlaced(_)
        | Payload::OrderChanged(_)
        | Payload::OrderCancelled(_)
        | Payload::OrderClosed(_)
        | Payload::InvoiceReceived(_)
        | Payload::CreditNoteReceived(_)
        | Payload::InvoicePaid(_)
        | Payload::EventReversed(_) => None,
        _ => None,
    }
}

fn option_faults(
    stage: &Stage,
    options: &[OptionTerms],
    option: &OptionId,
    date: Date,
) -> Vec<Reason> {
    let mut faults = Vec::new();
    if stage.next_option(options).is_none_or(|next| next.option != *option) {
        faults.push(Reason::OptionNotAvailable);
    }
    let terms = options.iter().find(|terms| terms.option == *option);
    if terms.is_some_and(|terms| date > stage.last_exercise_date(terms)) {
        faults.push(Reason::OptionLate);
    }
    faults
}

/// A late or untimely exercise still takes effect, once; an unknown option has no effect.
fn exercise(stage: &mut Stage, options: &[OptionTerms], option: &OptionId, date: Date) {
    let Some(terms) = options.iter().find(|terms| terms.option == *option) else {
        return;
    };
    if stage.has_exercised(option) {
        return;
    }
    stage.exercised.push((option.clone(), date));
    match &terms.gives {
        OptionGives::Time { new_end } => stage.end = stage.end.max(*new_end),
        OptionGives::Volume { scope, amount } => {
            for ceiling in stage.ceilings.iter_mut().filter(|ceiling| ceiling.scope == *scope) {
                ceiling.amount = ceiling.amount.plus(*amount);
            }
        }
    }
}
