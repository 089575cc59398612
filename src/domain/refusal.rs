//! One reason for which an event was refused, with the figures of the decision.

use super::date::Date;
use super::money::Money;
use super::reason::Reason;
use super::scope::Scope;

/// One reason for which an event was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The published reason.
    pub reason: Reason,
    /// One sentence for a person.
    pub description: String,
    /// What it concerns: an order, invoice, option, event or organisation; may be empty.
    pub subject: String,
    /// The figures, where a ceiling would be broken.
    pub breach: Option<Breach>,
    /// Day on which the rule would be broken.
    pub date: Option<Date>,
}

/// How a ceiling would be broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// Whose ceiling.
    pub scope: Scope,
    /// Growth of exposure that was asked for.
    pub requested: Money,
    /// What was left before.
    pub remaining: Money,
    /// How far exposure would have passed the ceiling.
    pub excess: Money,
}

impl Refusal {
    /// A refusal without figures.
    pub fn new(reason: Reason, subject: impl Into<String>, description: impl Into<String>) -> Self {
        let (subject, description) = (subject.into(), description.into());
        Self { reason, description, subject, breach: None, date: None }
    }

    /// The same with the day on which the rule would be broken.
    #[must_use]
    pub fn on(mut self, date: Date) -> Self {
        self.date = Some(date);
        self
    }
}
