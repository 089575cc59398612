//! Every reason for which the ledger refuses, and every rule whose breach is a finding.
//!
//! The names are published: they are stored, sent and searched for, and are never changed.

use std::fmt;

/// How grave a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Low,
    /// Worth acting on.
    Medium,
    /// A rule of the framework is broken.
    High,
}

/// What kind of answer a refusal is. The edge maps it to a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RefusalClass {
    /// The request itself is wrong, whatever the ledger holds.
    Malformed,
    /// Something named does not exist.
    NotFound,
    /// Something exists already.
    AlreadyExists,
    /// The agreement has moved on since the client read it.
    VersionConflict,
    /// A rule forbids it.
    Rule,
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $class:ident, $severity:ident;)*) => {
        /// A published reason. The order of the variants is the order of precedence in answers.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason {
            $($(#[$doc])* $variant,)*
        }

        impl Reason {
            /// All of them, in order of precedence.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The published name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What kind of refusal it is.
            pub const fn class(self) -> RefusalClass {
                match self { $(Self::$variant => RefusalClass::$class,)* }
            }

            /// How grave it is as a finding.
            pub const fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)* }
            }
        }
    };
}

reasons! {
    /// An amount or rate is not well formed, or is zero or negative where that has no meaning.
    MalformedAmount = "MALFORMED_AMOUNT", Malformed, High;
    /// Not a currency of ISO 4217.
    UnknownCurrency = "UNKNOWN_CURRENCY", Malformed, High;
    /// An organisation number fails its check.
    InvalidOrganisationNumber = "INVALID_ORGANISATION_NUMBER", Malformed, Medium;
    /// The agreement has another version than the client expects.
    VersionConflict = "VERSION_CONFLICT", VersionConflict, High;
    /// No such agreement.
    UnknownAgreement = "UNKNOWN_AGREEMENT", NotFound, High;
    /// The agreement is signed already.
    AgreementExists = "AGREEMENT_EXISTS", AlreadyExists, High;
    /// The same id names something else already.
    DuplicateConflict = "DUPLICATE_CONFLICT", AlreadyExists, High;
    /// No such event in the agreement.
    UnknownEvent = "UNKNOWN_EVENT", NotFound, High;
    /// The event is reversed already.
    AlreadyReversed = "ALREADY_REVERSED", Rule, High;
    /// A reversal cannot be reversed.
    ReversalOfReversal = "REVERSAL_OF_REVERSAL", Rule, High;
    /// No such order in the agreement.
    UnknownOrder = "UNKNOWN_ORDER", NotFound, Medium;
    /// No such invoice in the agreement.
    UnknownInvoice = "UNKNOWN_INVOICE", NotFound, Medium;
    /// No such reservation in the agreement.
    UnknownReservation = "UNKNOWN_RESERVATION", NotFound, High;
    /// No such finding in the agreement.
    UnknownFinding = "UNKNOWN_FINDING", NotFound, High;
    /// A foreign amount without a rate.
    CurrencyMismatch = "CURRENCY_MISMATCH", Rule, High;
    /// More than a day ahead of the ledger's date.
    EffectiveInFuture = "EFFECTIVE_IN_FUTURE", Rule, High;
    /// The buyer is not on the agreement's list.
    BuyerNotParty = "BUYER_NOT_PARTY", Rule, High;
    /// The supplier is not on the agreement's list.
    SupplierNotParty = "SUPPLIER_NOT_PARTY", Rule, High;
    /// The lot is not on the agreement's list.
    UnknownLot = "UNKNOWN_LOT", Rule, Medium;
    /// One person both ordered and approved.
    SeparationOfDuties = "SEPARATION_OF_DUTIES", Rule, High;
    /// A framework with reopened competition, and no competition named.
    CompetitionMissing = "COMPETITION_MISSING", Rule, High;
    /// What must say why, does not.
    ReasonMissing = "REASON_MISSING", Rule, Medium;
    /// The term has not begun.
    AgreementNotStarted = "AGREEMENT_NOT_STARTED", Rule, High;
    /// The term is over.
    AgreementExpired = "AGREEMENT_EXPIRED", Rule, High;
    /// Call-offs are suspended.
    AgreementSuspended = "AGREEMENT_SUSPENDED", Rule, High;
    /// The agreement is terminated.
    AgreementTerminated = "AGREEMENT_TERMINATED", Rule, High;
    /// The agreement is closed.
    AgreementClosed = "AGREEMENT_CLOSED", Rule, High;
    /// The order is not open.
    OrderNotOpen = "ORDER_NOT_OPEN", Rule, Medium;
    /// The option is unknown, used already, or not the next.
    OptionNotAvailable = "OPTION_NOT_AVAILABLE", Rule, High;
    /// The option's notice deadline has passed.
    OptionLate = "OPTION_LATE", Rule, High;
    /// A ceiling would be, or is, lowered under its exposure.
    CeilingBelowExposure = "CEILING_BELOW_EXPOSURE", Rule, High;
    /// A maximum would be, or is, passed.
    CeilingExceeded = "CEILING_EXCEEDED", Rule, High;
    /// An estimate is passed.
    EstimateExceeded = "ESTIMATE_EXCEEDED", Rule, Medium;
    /// A warning step of a ceiling is reached.
    ThresholdReached = "THRESHOLD_REACHED", Rule, Low;
    /// An intent passed a maximum under an override.
    OverrideUsed = "OVERRIDE_USED", Rule, Medium;
    /// More is invoiced than was ordered.
    OverInvoiced = "OVER_INVOICED", Rule, Medium;
    /// An invoice came after the order was closed or cancelled.
    InvoiceOnClosedOrder = "INVOICE_ON_CLOSED_ORDER", Rule, Medium;
    /// An invoice without an order.
    OffOrderInvoice = "OFF_ORDER_INVOICE", Rule, Low;
    /// The same invoice again.
    DuplicateInvoice = "DUPLICATE_INVOICE", Rule, Medium;
    /// The same credit note again.
    DuplicateCredit = "DUPLICATE_CREDIT", Rule, Medium;
    /// More is paid than is due.
    Overpaid = "OVERPAID", Rule, Medium;
    /// De minimis changes reach their share of the original value, or the EEA threshold.
    AmendmentDeMinimis = "AMENDMENT_DE_MINIMIS", Rule, High;
    /// One amendment is over its share of the original value.
    AmendmentOverHalf = "AMENDMENT_OVER_HALF", Rule, High;
    /// Base term and options are over four years, without a justification.
    TermOverFourYears = "TERM_OVER_FOUR_YEARS", Rule, Medium;
    /// Recorded long after it was effective.
    LateRegistration = "LATE_REGISTRATION", Rule, Low;
    /// Orders that look like one purchase stay under a threshold one by one.
    SplitSuspected = "SPLIT_SUSPECTED", Rule, Medium;
    /// At the pace so far the ceiling is used up before the term ends.
    ForecastRunsOutEarly = "FORECAST_RUNS_OUT_EARLY", Rule, Low;
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_names_never_change() {
        let names: Vec<_> = Reason::ALL.iter().map(|reason| reason.name()).collect();
        let golden: Vec<_> = include_str!("../../tests/golden/reasons.txt").lines().collect();
        assert_eq!(names, golden, "a published reason may be added, never renamed or removed");
    }
}
