//! The same invoice or credit note again.
//!
//! A document is the same as another when supplier, kind, number, issue date and sign agree, or when
//! both are the same file. In fold order, every one but the first is a duplicate, until it is rejected
//! or reversed.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::sync::Arc;

use imbl::{OrdMap, OrdSet};

use super::date::Date;
use super::event::{CreditNoteReceived, InvoiceKind, InvoiceReceived, Payload, Recorded, Value};
use super::id::{CreditNoteId, InvoiceId, Position};
use super::organisation::OrganisationId;

/// What makes a document the same again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Identity<'d> {
    /// What stands on it: supplier, kind, number, issue date, sign.
    Stated(&'d OrganisationId, Kind, &'d str, Date, Sign),
    /// SHA-256 of the file.
    File(Family, &'d str),
}

/// Invoices and credit notes are never the same document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Family {
    Invoice,
    CreditNote,
}

/// The type of a document. A prepayment and its final invoice may carry the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Commercial,
    Prepayment,
    InterestOrFee,
    CreditNote,
}

/// Whether a net amount is below zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Sign {
    Negative,
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

/// An invoice or a credit note that came.
#[derive(Debug, Clone)]
pub struct Document(Arc<Recorded>);

/// What a document states.
#[derive(Debug, Clone, Copy)]
enum Stated<'d> {
    Invoice(&'d InvoiceReceived),
    CreditNote(&'d CreditNoteReceived),
}

/// Place of a document in the fold.
pub type Place = (Date, Position);

/// The documents of an agreement by what makes them the same.
#[derive(Debug, Clone, Default)]
pub struct Documents {
    /// By a hash of each identity, which few share that are not the same; they are told apart by the
    /// documents themselves.
    by_identity: OrdMap<(u64, Place), Document>,
    /// The documents that are rejected with each invoice by name: itself, and its credit notes.
    by_invoice: OrdMap<(InvoiceId, Place), Document>,
    /// The invoice that each negative one lowers.
    corrected: OrdMap<InvoiceId, InvoiceId>,
    /// The same from the other side: the lowered one first.
    lowered_by: OrdSet<(InvoiceId, InvoiceId)>,
}

fn stated(payload: &Payload) -> Option<Stated<'_>> {
    if let Payload::InvoiceReceived(invoice) = payload {
        Some(Stated::Invoice(invoice))
    } else if let Payload::CreditNoteReceived(credit) = payload {
        Some(Stated::CreditNote(credit))
    } else {
        None
    }
}

impl Document {
    /// None when the event is of another kind.
    pub fn of(recorded: &Arc<Recorded>) -> Option<Self> {
        stated(&recorded.event.payload).map(|_| Self(Arc::clone(recorded)))
    }

    fn stated(&self) -> Stated<'_> {
        stated(&self.0.event.payload).expect("checked when it was made")
    }

    /// Its place in the fold.
    pub fn place(&self) -> Place {
        (self.0.event.effective, self.0.position)
    }

    /// Which.
    pub fn id(&self) -> DocumentId {
        match self.stated() {
            Stated::Invoice(invoice) => DocumentId::Invoice(invoice.invoice.clone()),
            Stated::CreditNote(credit) => DocumentId::CreditNote(credit.credit_note.clone()),
        }
    }

    /// Its net, as stated.
    pub fn net(&self) -> Value {
        match self.stated() {
            Stated::Invoice(invoice) => invoice.net,
            Stated::CreditNote(credit) => credit.net,
        }
    }

    /// The invoice with which it is rejected: itself, or the one that it credits.
    fn invoice(&self) -> &InvoiceId {
        match self.stated() {
            Stated::Invoice(invoice) => &invoice.invoice,
            Stated::CreditNote(credit) => &credit.invoice,
        }
    }

    /// The invoice that a negative one lowers, and with which it is rejected too.
    fn corrected(&self) -> Option<&InvoiceId> {
        match self.stated() {
            Stated::Invoice(invoice) => invoice.corrected.as_ref(),
            Stated::CreditNote(_) => None,
        }
    }

    /// What makes it the same again.
    fn identities(&self) -> impl Iterator<Item = Identity<'_>> {
        let sign =
            if self.net().money.amount.is_negative() { Sign::Negative } else { Sign::NotNegative };
        let (stated, file) = match self.stated() {
            Stated::Invoice(invoice) => {
                let kind = match invoice.kind {
                    InvoiceKind::Commercial => Kind::Commercial,
                    InvoiceKind::Prepayment => Kind::Prepayment,
                    InvoiceKind::InterestOrFee => Kind::InterestOrFee,
                };
                let stated = invoice.keys.supplier.as_ref().map(|supplier| {
                    Identity::Stated(supplier, kind, &invoice.number, invoice.issued, sign)
                });
                let file = invoice.document.as_deref();
                (stated, file.map(|hash| Identity::File(Family::Invoice, hash)))
            }
            Stated::CreditNote(credit) => {
                let (supplier, number) = (&credit.supplier, &credit.number);
                let stated =
                    Identity::Stated(supplier, Kind::CreditNote, number, credit.issued, sign);
                let file = credit.document.as_deref();
                (Some(stated), file.map(|hash| Identity::File(Family::CreditNote, hash)))
            }
        };
        stated.into_iter().chain(file)
    }

    fn has(&self, identity: Identity<'_>) -> bool {
        self.identities().any(|own| own == identity)
    }
}

/// The same for the same identity in every run of the program.
fn hash_of(identity: Identity<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    identity.hash(&mut hasher);
    hasher.finish()
}

const FIRST: Place = (Date::BEGINNING_OF_TIME, Position::new(0));

impl Documents {
    /// Takes a document in.
    pub fn insert(&mut self, document: &Document) {
        let (place, invoice) = (document.place(), document.invoice());
        if let Some(corrected) = document.corrected() {
            self.corrected.insert(invoice.clone(), corrected.clone());
            self.lowered_by.insert((corrected.clone(), invoice.clone()));
        }
        for identity in document.identities() {
            self.by_identity.insert((hash_of(identity), place), document.clone());
        }
        self.by_invoice.insert((invoice.clone(), place), document.clone());
    }

    /// Takes a document out. Whether it was there.
    pub fn remove(&mut self, document: &Document) -> bool {
        let (place, invoice) = (document.place(), document.invoice());
        if self.by_invoice.remove(&(invoice.clone(), place)).is_none() {
            return false;
        }
        if let Some(corrected) = document.corrected() {
            self.corrected.remove(invoice);
            self.lowered_by.remove(&(corrected.clone(), invoice.clone()));
        }
        for identity in document.identities() {
            self.by_identity.remove(&(hash_of(identity), place));
        }
        true
    }

    /// All documents that are the same as one, itself included when it is here, in fold order.
    pub fn same_as(&self, document: &Document) -> Vec<Document> {
        let same = document.identities().flat_map(|identity| self.before(identity, None));
        let mut same: Vec<Document> = same.cloned().collect();
        if same.len() > 1 {
            same.sort_by_key(Document::place);
            same.dedup_by_key(|one| one.place());
        }
        same
    }

    /// The documents with an identity, before a place or all.
    fn before<'s>(
        &'s self,
        identity: Identity<'s>,
        end: Option<Place>,
    ) -> impl Iterator<Item = &'s Document> {
        let hash = hash_of(identity);
        let from = self.by_identity.range((hash, FIRST)..);
        let until = from.take_while(move |((other, place), _)| {
            *other == hash && end.is_none_or(|end| *place < end)
        });
        until.map(|(_, document)| document).filter(move |document| document.has(identity))
    }

    /// The documents that are rejected with an invoice: its own, and those of all that lower it.
    pub fn rejected_with(&self, invoice: &InvoiceId) -> Vec<&Document> {
        let mut invoices = vec![invoice.clone()];
        let mut seen: BTreeSet<InvoiceId> = BTreeSet::from([invoice.clone()]);
        let mut documents = Vec::new();
        while let Some(one) = invoices.pop() {
            let of_one = self.by_invoice.range((one.clone(), FIRST)..);
            let of_one = of_one.take_while(|((of, _), _)| *of == one);
            documents.extend(of_one.map(|(_, document)| document));
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
        std::iter::successors(Some(document.invoice()), next).take(self.corrected.len() + 1)
    }

    /// Whether a document of these is there for a second time, among those that count.
    pub fn is_again(&self, document: &Document, counts: impl Fn(&Document) -> bool) -> bool {
        let end = Some(document.place());
        let mut earlier = document.identities().flat_map(|identity| self.before(identity, end));
        // Nearly always there is none.
        earlier.any(&counts) && counts(document)
    }
}
