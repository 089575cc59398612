//! A sum of documents: as they state it, by currency, and in the agreement's currency.

use crate::domain::money::{Amount, Currency, Money};

/// Whether something joins a sum or leaves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::domain::call_off) enum Move {
    In,
    Out,
}

impl Move {
    /// A sum that an amount joins or leaves.
    pub(in crate::domain::call_off) fn apply(self, sum: Amount, amount: Amount) -> Amount {
        match self {
            Self::In => sum.plus(amount),
            Self::Out => sum.minus(amount),
        }
    }
}

/// What some documents add up to.
#[derive(Debug, Clone, Default)]
pub(in crate::domain::call_off) struct Tally {
    /// One for each currency: nearly always one, which stands here.
    first: Option<Stated>,
    others: Vec<Stated>,
    /// In the agreement's currency.
    converted: Amount,
}

/// What the documents in one currency state.
#[derive(Debug, Clone, Copy)]
struct Stated {
    currency: Currency,
    documents: u64,
    amount: Amount,
}

impl Tally {
    /// A document joins or leaves, as stated and as converted.
    pub(in crate::domain::call_off) fn count(
        &mut self,
        stated: Money,
        converted: Amount,
        way: Move,
    ) {
        self.converted = way.apply(self.converted, converted);
        self.change(stated.currency, 1, stated.amount, way);
    }

    /// Documents that lower the sum join or leave.
    pub(in crate::domain::call_off) fn count_lowering(&mut self, credits: &Self, way: Move) {
        self.converted = way.apply(self.converted, credits.converted.negated());
        for of in credits.stated() {
            self.change(of.currency, of.documents, of.amount.negated(), way);
        }
    }

    fn change(&mut self, currency: Currency, documents: u64, amount: Amount, way: Move) {
        let nothing = Stated { currency, documents: 0, amount: Amount::ZERO };
        let first = self.first.get_or_insert(nothing);
        let of = if first.currency == currency {
            first
        } else {
            let place = self.others.iter().position(|of| of.currency == currency);
            let place = place.unwrap_or_else(|| {
                self.others.push(nothing);
                self.others.len() - 1
            });
            let Some(of) = self.others.get_mut(place) else { return };
            of
        };
        of.amount = way.apply(of.amount, amount);
        of.documents = match way {
            Move::In => of.documents.saturating_add(documents),
            Move::Out => of.documents.saturating_sub(documents),
        };
    }

    fn stated(&self) -> impl Iterator<Item = &Stated> {
        self.first.iter().chain(&self.others)
    }

    /// Whether no document is in it.
    pub(in crate::domain::call_off) fn is_empty(&self) -> bool {
        self.stated().all(|of| of.documents == 0)
    }

    /// The sum as stated, when every document is in this currency.
    pub(in crate::domain::call_off) fn stated_in(&self, currency: Currency) -> Option<Amount> {
        let other = self.stated().any(|of| of.currency != currency && of.documents > 0);
        let own = self.stated().find(|of| of.currency == currency);
        (!other).then(|| own.map(|of| of.amount).unwrap_or_default())
    }

    /// The sum in the agreement's currency.
    pub(in crate::domain::call_off) fn converted(&self) -> Amount {
        self.converted
    }
}
