//! What a ceiling, a sum or a refusal is about.

use std::fmt;

use super::id::LotId;
use super::organisation::OrganisationId;

/// The whole agreement, or one part of it. The order of the variants is the order of answers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// The whole agreement.
    Agreement,
    /// One lot.
    Lot(LotId),
    /// Everything bought from one supplier.
    Supplier(OrganisationId),
    /// Everything bought by one buyer.
    Buyer(OrganisationId),
}

impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Agreement => formatter.write_str("agreement"),
            Self::Lot(lot) => write!(formatter, "lot:{lot}"),
            Self::Supplier(supplier) => write!(formatter, "supplier:{supplier}"),
            Self::Buyer(buyer) => write!(formatter, "buyer:{buyer}"),
        }
    }
}

/// The keys that a document carries, and so the scopes that it counts in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScopeKeys {
    /// Lot, when stated.
    pub lot: Option<LotId>,
    /// Supplier, when stated.
    pub supplier: Option<OrganisationId>,
    /// Buyer, when stated.
    pub buyer: Option<OrganisationId>,
}

impl ScopeKeys {
    /// Every scope that a document with these keys counts in, the agreement first.
    pub fn scopes(&self) -> impl Iterator<Item = Scope> {
        let lot = self.lot.clone().map(Scope::Lot);
        let supplier = self.supplier.clone().map(Scope::Supplier);
        let buyer = self.buyer.clone().map(Scope::Buyer);
        std::iter::once(Scope::Agreement).chain(lot).chain(supplier).chain(buyer)
    }
}
