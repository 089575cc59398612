//! What hangs on invoices, as far as a listing needs it beside the view.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::agreement::Agreement;
use crate::domain::date::Date;
use crate::domain::event::Payload;
use crate::domain::id::InvoiceId;
use crate::domain::money::Currency;

/// The currencies of an agreement's invoices and of all that hangs on each, as of a day.
#[derive(Debug, Clone, Default)]
pub struct DocumentCurrencies(BTreeMap<InvoiceId, BTreeSet<Currency>>);

impl DocumentCurrencies {
    /// Looks through the live documents of an agreement up to a day.
    pub fn of(agreement: &Agreement, as_of: Date) -> Self {
        let mut currencies: BTreeMap<InvoiceId, BTreeSet<Currency>> = BTreeMap::new();
        for event in agreement.events().filter(|event| event.event.effective <= as_of) {
            let Some((invoice, currency)) = named_invoice(&event.event.payload) else { continue };
            if agreement.reversal_of(event.event_id).is_none() {
                currencies.entry(invoice.clone()).or_default().insert(currency);
            }
        }
        Self(currencies)
    }

    /// Whether something on an invoice is in another currency than the invoice.
    pub fn are_mixed(&self, invoice: &InvoiceId, own: Currency) -> bool {
        let on_it = self.0.get(invoice);
        on_it.is_some_and(|currencies| currencies.iter().any(|currency| *currency != own))
    }
}

fn named_invoice(payload: &Payload) -> Option<(&InvoiceId, Currency)> {
    if let Payload::CreditNoteReceived(credit) = payload {
        Some((&credit.invoice, credit.net.money.currency))
    } else if let Payload::InvoicePaid(payment) = payload {
        Some((&payment.invoice, payment.value.money.currency))
    } else if let Payload::RetentionWithheld(withheld) = payload {
        Some((&withheld.invoice, withheld.value.money.currency))
    } else if let Payload::InvoiceReceived(negative) = payload {
        negative.corrected.as_ref().map(|corrected| (corrected, negative.net.money.currency))
    } else {
        None
    }
}
