//! Control: overrides, reversals, what people do about findings.

use super::Reasoning;
use crate::domain::date::Date;
use crate::domain::id::{EventId, FindingId, OverrideId};
use crate::domain::money::Money;
use crate::domain::text::Text;

/// Two persons allow intents above a ceiling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverrideGranted {
    /// Identity.
    pub override_id: OverrideId,
    /// How far above a ceiling.
    pub limit: Money,
    /// Whether it says why.
    pub reasoning: Reasoning,
    /// Last day on which it helps.
    pub end: Date,
    /// Pseudonym of the first person.
    pub granted_by: Option<Text>,
    /// Pseudonym of the second person.
    pub seconded_by: Option<Text>,
}

/// A recording is taken out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventReversed {
    /// Which.
    pub target: EventId,
}

/// A finding, by its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingRef {
    /// Which.
    pub finding: FindingId,
}

/// Somebody accepts a finding, or has dealt with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingHandled {
    /// Which.
    pub finding: FindingId,
    /// Whether it says why, or how.
    pub reasoning: Reasoning,
}
