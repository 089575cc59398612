//! What is agreed, and how it changes.

use super::Reasoning;
use crate::domain::date::Date;
use crate::domain::id::{AmendmentId, LotId, OptionId};
use crate::domain::money::{Amount, Currency, Money, Rate};
use crate::domain::organisation::OrganisationId;
use crate::domain::scope::Scope;

/// How call-offs are awarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameworkKind {
    /// Without reopening of competition.
    WithoutReopenedCompetition,
    /// Every call-off follows a reopened competition.
    WithReopenedCompetition,
    /// Partly with, partly without.
    Mixed,
}

/// Whether a ceiling stops an intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CeilingKind {
    /// It does.
    Maximum,
    /// It does not; passing it is a finding.
    Estimate,
}

/// Whether an invoice without an order is a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderPolicy {
    /// It is.
    Required,
    /// It is not.
    NotRequired,
}

/// A ceiling as signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CeilingTerms {
    /// What it limits.
    pub scope: Scope,
    /// Maximum or estimate.
    pub kind: CeilingKind,
    /// The limit, in the agreement's currency.
    pub amount: Amount,
}

/// An option as signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionTerms {
    /// Identity.
    pub option: OptionId,
    /// Last day of notice; none: the end date then in force.
    pub notice_deadline: Option<Date>,
    /// What it gives.
    pub gives: OptionGives,
}

/// What an option gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OptionGives {
    /// A later end of the term, and no money.
    Time {
        /// The end of the term once exercised.
        new_end: Date,
    },
    /// Money, and no time.
    Volume {
        /// Whose ceiling grows.
        scope: Scope,
        /// By how much.
        amount: Amount,
    },
}

/// What is bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Nature {
    /// Services.
    Services,
    /// Goods.
    Goods,
    /// Works.
    Works,
}

/// Whether ceilings follow an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Indexation {
    /// Prices only.
    PricesOnly,
    /// Prices and ceilings.
    CeilingsToo,
}

/// A framework agreement is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgreementSigned {
    /// How call-offs are awarded.
    pub framework_kind: FrameworkKind,
    /// What is bought.
    pub nature: Nature,
    /// Who may buy.
    pub buyers: Vec<OrganisationId>,
    /// Who may deliver.
    pub suppliers: Vec<OrganisationId>,
    /// Lots.
    pub lots: Vec<LotId>,
    /// Ceilings, exactly one of them for the agreement.
    pub ceilings: Vec<CeilingTerms>,
    /// Currency of the agreement.
    pub currency: Currency,
    /// First day of the term.
    pub start: Date,
    /// Last day of the base term.
    pub end: Date,
    /// Options in the order of their exercise.
    pub options: Vec<OptionTerms>,
    /// Whether purchases need an order.
    pub order_policy: OrderPolicy,
    /// Whether ceilings follow an index.
    pub indexation: Indexation,
    /// Whether a term of more than four years is justified.
    pub term_justification: Reasoning,
}

/// An option, by its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionRef {
    /// Which.
    pub option: OptionId,
}

/// On what ground a change is lawful according to those who decided (eForms codes).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LegalBasis {
    /// Additional needs: add-wss.
    AddWss,
    /// Unforeseeable circumstances: mod-cir.
    ModCir,
    /// De minimis: mod-minv.
    ModMinv,
    /// Not substantial: mod-nons.
    ModNons,
    /// Replacement of the contractor: mod-repl.
    ModRepl,
    /// Clear review clause: mod-rev.
    ModRev,
    /// Other.
    Other,
}

/// A change to one ceiling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CeilingChange {
    /// Which.
    pub scope: Scope,
    /// Added, or taken away when negative.
    pub change: Money,
}

/// The agreement is changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgreementAmended {
    /// Identity.
    pub amendment: AmendmentId,
    /// Legal basis.
    pub basis: LegalBasis,
    /// Whether it says why.
    pub reasoning: Reasoning,
    /// Changes to ceilings, at most one for each scope.
    pub ceiling_changes: Vec<CeilingChange>,
    /// New last day of the term in force.
    pub new_end: Option<Date>,
    /// Suppliers that join.
    pub added_suppliers: Vec<OrganisationId>,
    /// Suppliers that leave.
    pub removed_suppliers: Vec<OrganisationId>,
    /// Buyers that join.
    pub added_buyers: Vec<OrganisationId>,
    /// Buyers that leave.
    pub removed_buyers: Vec<OrganisationId>,
    /// Lots that are added.
    pub added_lots: Vec<LotId>,
}

/// Prices follow an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceIndexed {
    /// Factor on prices.
    pub factor: Rate,
}
