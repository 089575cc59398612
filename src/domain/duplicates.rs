//! The same invoice or credit note again.
//!
//! A document is the same as another when supplier, kind, number, issue date and sign agree, or when
//! both are the same file. In fold order, every one but the first is a duplicate, until it is rejected
//! or reversed.

use std::collections::BTreeSet;

use imbl::{OrdMap, OrdSet};

use super::date::Date;
use super::event::{CreditNoteReceived, InvoiceKind, InvoiceReceived};
use super::id::{CreditNoteId, InvoiceId, Position};
use super::money::Money;
use super::organisation::OrganisationId;

/// What makes a document the same again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Identity {
    /// What stands on it: supplier, kind, number, issue date, sign.
    Stated(OrganisationId, Kind, String, Date, Sign),
    /// SHA-256 of the file.
    File(Family, String),
}

/// Invoices and credit notes are never the same document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// An invoice of any kind.
    Invoice,
    /// A credit note.
    CreditNote,
}

/// The type of a document. A prepayment and its final invoice may carry the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Commercial invoice.
    Commercial,
    /// Prepayment invoice.
    Prepayment,
    /// Interest note or fee.
    InterestOrFee,
    /// Credit note.
    CreditNote,
}

/// Whether a net amount is below zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sign {
    /// It is.
    Negative,
    /// It is not.
    NotNegative,
}

/// The id of a document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum DocumentId {
    /// An invoice.
    Invoice(InvoiceId),
    /// A credit note.
    CreditNote(CreditNoteId),
}

/// A document, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Which.
    pub id: DocumentId,
    /// The invoice with which it is rejected: itself, or the one that it credits.
    pub invoice: InvoiceId,
    /// The invoice that a negative one lowers, and with which it is rejected too.
    pub corrected: Option<InvoiceId>,
    /// Its net in the agreement's currency.
    pub net: Money,
    /// What makes it the same again.
    pub identities: Vec<Identity>,
}

/// Place of a document in the fold.
pub type Place = (Date, Position);

/// The documents of an agreement by what makes them the same.
#[derive(Debug, Clone, Default)]
pub struct Documents {
    by_place: OrdMap<Place, Document>,
    by_identity: OrdMap<Identity, OrdMap<Place, ()>>,
    /// The documents that are rejected with each invoice by name: itself, and its credit notes.
    by_invoice: OrdSet<(InvoiceId, Place)>,
    /// The invoice that each negative one lowers.
    corrected: OrdMap<InvoiceId, InvoiceId>,
    /// The same from the other side: the lowered one first.
    lowered_by: OrdSet<(InvoiceId, InvoiceId)>,
}

impl Document {
    /// An invoice.
    pub fn of_invoice(invoice: &InvoiceReceived, net: Money) -> Self {
        let kind = match invoice.kind {
            InvoiceKind::Commercial => Kind::Commercial,
            InvoiceKind::Prepayment => Kind::Prepayment,
            InvoiceKind::InterestOrFee => Kind::InterestOrFee,
        };
        let stated = invoice.keys.supplier.clone().map(|supplier| {
            let sign = sign(invoice.net.money);
            Identity::Stated(supplier, kind, invoice.number.clone(), invoice.issued, sign)
        });
        let file = invoice.document.clone().map(|hash| Identity::File(Family::Invoice, hash));
        Self {
            id: DocumentId::Invoice(invoice.invoice.clone()),
            invoice: invoice.invoice.clone(),
            corrected: invoice.corrected.clone(),
            net,
            identities: stated.into_iter().chain(file).collect(),
        }
    }

    /// A credit note.
    pub fn of_credit_note(credit: &CreditNoteReceived, net: Money) -> Self {
        let (supplier, number) = (credit.supplier.clone(), credit.number.clone());
        let sign = sign(credit.net.money);
        let stated = Identity::Stated(supplier, Kind::CreditNote, number, credit.issued, sign);
        let file = credit.document.clone().map(|hash| Identity::File(Family::CreditNote, hash));
        Self {
            id: DocumentId::CreditNote(credit.credit_note.clone()),
            invoice: credit.invoice.clone(),
            corrected: None,
            net,
            identities: std::iter::once(stated).chain(file).collect(),
        }
    }
}

fn sign(net: Money) -> Sign {
    if net.amount.is_negative() { Sign::Negative } else { Sign::NotNegative }
}

impl Documents {
    /// Takes a document in.
    pub fn insert(&mut self, place: Place, document: Document) {
        if let Some(corrected) = &document.corrected {
            self.corrected.insert(document.invoice.clone(), corrected.clone());
            self.lowered_by.insert((corrected.clone(), document.invoice.clone()));
        }
        self.by_invoice.insert((document.invoice.clone(), place));
        for identity in &document.identities {
            self.by_identity.entry(identity.clone()).or_default().insert(place, ());
        }
        self.by_place.insert(place, document);
    }

    /// Takes a document out. Returns it.
    pub fn remove(&mut self, place: Place) -> Option<Document> {
        let document = self.by_place.remove(&place)?;
        if let Some(corrected) = &document.corrected {
            self.corrected.remove(&document.invoice);
            self.lowered_by.remove(&(corrected.clone(), document.invoice.clone()));
        }
        self.by_invoice.remove(&(document.invoice.clone(), place));
        for identity in &document.identities {
            if let Some(same) = self.by_identity.get_mut(identity) {
                same.remove(&place);
                if same.is_empty() {
                    self.by_identity.remove(identity);
                }
            }
        }
        Some(document)
    }

    /// Places of all documents that are the same as one, itself included when it is here.
    pub fn same_as(&self, document: &Document) -> Vec<Place> {
        let same = document.identities.iter().filter_map(|identity| self.by_identity.get(identity));
        let mut places: Vec<Place> = same.flat_map(|same| same.keys().copied()).collect();
        places.sort_unstable();
        places.dedup();
        places
    }

    /// The document at a place.
    pub fn at(&self, place: Place) -> Option<&Document> {
        self.by_place.get(&place)
    }

    /// The documents that are rejected with an invoice: its own, and those of all that lower it.
    pub fn rejected_with(&self, invoice: &InvoiceId) -> Vec<&Document> {
        let mut invoices = vec![invoice.clone()];
        let mut seen: BTreeSet<InvoiceId> = BTreeSet::from([invoice.clone()]);
        let mut documents = Vec::new();
        while let Some(one) = invoices.pop() {
            let first = (one.clone(), (Date::BEGINNING_OF_TIME, Position::new(0)));
            let of_one = self.by_invoice.range(first..).take_while(|(of, _)| *of == one);
            documents.extend(of_one.filter_map(|(_, place)| self.by_place.get(place)));
            // There is no least id to begin with, so both ways from the middle.
            let lowering = self.lowered_by.range((one.clone(), one.clone())..);
            let before = self.lowered_by.range(..(one.clone(), one.clone())).rev();
            let lowering = lowering.take_while(|(of, _)| *of == one);
            let before = before.take_while(|(of, _)| *of == one);
            let both = lowering.chain(before).map(|(_, lowering)| lowering.clone());
            invoices.extend(both.filter(|lowering| seen.insert(lowering.clone())));
        }
        documents
    }

    /// The invoices with which a document is rejected: its own, the one that this one lowers, and so
    /// on. Names may go in a ring, so no further than there are links.
    pub fn line_of<'a>(&'a self, document: &'a Document) -> impl Iterator<Item = &'a InvoiceId> {
        let next = |one: &&'a InvoiceId| self.corrected.get(*one);
        std::iter::successors(Some(&document.invoice), next).take(self.corrected.len() + 1)
    }

    /// Whether the document at a place is there for a second time, among those that count.
    pub fn is_again(&self, place: Place, counts: impl Fn(&Document) -> bool) -> bool {
        let Some(document) = self.at(place).filter(|document| counts(document)) else {
            return false;
        };
        let earlier = document
            .identities
            .iter()
            .filter_map(|identity| self.by_identity.get(identity))
            .flat_map(|same| same.range(..place).map(|(place, ())| *place));
        earlier.filter_map(|place| self.at(place)).any(counts)
    }
}
