//! `invoices`: what counts, what is paid, what is outstanding and what is held back.

use std::io::Write;

use contract_ledger::wire::v1::{InvoiceRow, ListInvoicesRequest, ListInvoicesResponse, Money};

use super::pages::{Listing, PageAsk, list};
use super::{by_agreement, headline, note_of};
use crate::arguments::{InvoicesArguments, YesNo};
use crate::client::{Client, ServerAddress, with_deadline};
use crate::money_text::money_text;
use crate::outcome::{CommandError, EXIT_DONE};
use crate::table::{Column, Look, Sheet, Tone};
use crate::time_text::recorded_text;
use crate::usage::amount_tone;
use crate::words::{invoice_kind_text, invoice_state_text, organisation_text};

/// Asks for every page and shows.
pub(crate) async fn run(
    server: &ServerAddress,
    look: Look,
    arguments: InvoicesArguments,
    output: &mut impl Write,
) -> Result<u8, CommandError> {
    let mut client = Client::connect(server).await?;
    let listing = list(&arguments.page, output, |_: &InvoiceRow| true, &mut async |page| {
        let asked = client.projection.list_invoices(with_deadline(request(&arguments, page)));
        asked.await.map(tonic::Response::<ListInvoicesResponse>::into_inner)
    })
    .await?;
    if let Some(listing) = listing {
        output.write_all(invoices_text(look, &listing).as_bytes())?;
    }
    Ok(EXIT_DONE)
}

fn request(arguments: &InvoicesArguments, page: PageAsk) -> ListInvoicesRequest {
    let is_yes = |choice: YesNo| match choice {
        YesNo::Yes => true,
        YesNo::No => false,
    };
    ListInvoicesRequest {
        agreement_id: arguments.agreement.clone().unwrap_or_default(),
        as_of: arguments.times.as_of.clone().unwrap_or_default(),
        as_known: arguments.times.as_known.clone(),
        states: arguments.states.iter().copied().map(i32::from).collect(),
        order_id: arguments.order.clone().unwrap_or_default(),
        supplier: arguments.supplier.clone(),
        has_outstanding: arguments.outstanding.map(is_yes),
        has_retention: arguments.retained.map(is_yes),
        page_size: page.page_size,
        page_token: page.page_token,
        min_position: arguments.times.min_position,
    }
}

fn invoices_text(look: Look, listing: &Listing<InvoiceRow>) -> String {
    let mut text = headline(listing.rows.len(), "invoice", "invoices", &listing.times);
    text.push_str(&by_agreement(
        &listing.rows,
        |invoice| &invoice.agreement_id,
        |invoices| invoices_table(look, invoices),
    ));
    text.push_str(listing.cut_text());
    text
}

fn invoices_table(look: Look, invoices: &[InvoiceRow]) -> String {
    let mut sheet = Sheet::new(
        look,
        &[
            ("invoice", Column::Fixed),
            ("effective", Column::Fixed),
            ("due", Column::Fixed),
            ("state", Column::Fixed),
            ("order", Column::Fixed),
            ("net", Column::Number),
            ("counts", Column::Number),
            ("payable", Column::Number),
            ("outstanding", Column::Number),
            ("held back", Column::Number),
        ],
    );
    for invoice in invoices {
        let (state, state_tone) = invoice_state_text(invoice.state);
        sheet.toned_row([
            (invoice.invoice_id.clone(), Tone::Plain),
            (invoice.effective_date.clone(), Tone::Plain),
            (invoice.due_date.clone(), Tone::Plain),
            (state.to_owned(), state_tone),
            (invoice.order_id.clone(), Tone::Plain),
            amount_cell(invoice.net.as_ref()),
            amount_cell(invoice.counted.as_ref()),
            amount_cell(invoice.payable.as_ref()),
            amount_cell(invoice.outstanding.as_ref()),
            amount_cell(invoice.retained.as_ref()),
        ]);
        sheet.note(&document_text(invoice), Tone::Plain);
        sheet.note(&money_note(invoice), Tone::Plain);
        sheet.note(&who_text(invoice), Tone::Plain);
        let recorded = recorded_text(invoice.recorded_time.as_ref());
        let position = invoice.position.to_string();
        sheet.note(&note_of([("position ", &position), ("recorded ", &recorded)]), Tone::Quiet);
    }
    sheet.text()
}

fn amount_cell(money: Option<&Money>) -> (String, Tone) {
    (money_text(money), amount_tone(money))
}

fn document_text(invoice: &InvoiceRow) -> String {
    note_of([
        ("", invoice_kind_text(invoice.kind)),
        ("number ", &invoice.number),
        ("issued ", &invoice.issue_date),
        ("from ", &organisation_text(invoice.supplier.as_ref())),
        ("to ", &organisation_text(invoice.buyer.as_ref())),
        ("department ", &invoice.department),
    ])
}

/// Amounts that most invoices do not have are told only where there is something.
fn money_note(invoice: &InvoiceRow) -> String {
    let mixed = if invoice.mixed_currencies {
        "several currencies: payable, paid, outstanding, held back and credited are in the agreement's"
    } else {
        ""
    };
    note_of([
        ("VAT ", &something(invoice.vat.as_ref())),
        ("credited ", &something(invoice.credited.as_ref())),
        ("paid ", &something(invoice.paid.as_ref())),
        ("prepayment left ", &something(invoice.prepaid_left.as_ref())),
        ("", mixed),
    ])
}

fn something(money: Option<&Money>) -> String {
    let is_nothing =
        |money: &&Money| !money.amount.bytes().any(|byte| (b'1'..=b'9').contains(&byte));
    match money {
        Some(money) if is_nothing(&money) => String::new(),
        Some(_) | None => money_text(money),
    }
}

fn who_text(invoice: &InvoiceRow) -> String {
    note_of([("approved by ", &invoice.approved_by), ("paid by ", &invoice.paid_by.join(", "))])
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use contract_ledger::wire::v1::{InvoiceKind, InvoiceState, ListingTimes};

    use super::*;
    use crate::arguments::{Arguments, Command};

    fn nok(amount: &str) -> Money {
        Money { amount: amount.to_owned(), currency: "NOK".to_owned() }
    }

    fn request_of(line: &str) -> ListInvoicesRequest {
        let Command::Invoices(arguments) = Arguments::parse_from(line.split(' ')).command else {
            panic!("invoices was asked for");
        };
        request(&arguments, PageAsk { page_size: 0, page_token: String::new() })
    }

    #[test]
    fn invoice_shows_what_is_left_to_pay_and_who_let_it_through() {
        let invoice = InvoiceRow {
            agreement_id: "A".to_owned(),
            invoice_id: "INV-1".to_owned(),
            number: "1001".to_owned(),
            kind: i32::from(InvoiceKind::Prepayment),
            state: i32::from(InvoiceState::Disputed),
            net: Some(nok("450000.00")),
            credited: Some(nok("0.00")),
            outstanding: Some(nok("-562500.00")),
            paid: Some(nok("562500.00")),
            approved_by: "p-2".to_owned(),
            paid_by: vec!["p-3".to_owned()],
            mixed_currencies: true,
            ..Default::default()
        };
        let listing = Listing { rows: vec![invoice], times: ListingTimes::default(), cut: false };
        let text = invoices_text(Look::default(), &listing);
        for part in [
            "disputed",
            "450 000,00 NOK",
            "-562 500,00 NOK",
            "         prepayment; number 1001\n",
            "         paid 562 500,00 NOK; several currencies",
            "         approved by p-2; paid by p-3\n",
        ] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
        assert!(!text.contains("credited 0"), "{text}");
    }

    #[test]
    fn outstanding_is_asked_for_with_or_without_an_answer() {
        assert_eq!(request_of("ledgerctl invoices").has_outstanding, None);
        assert_eq!(request_of("ledgerctl invoices --outstanding A").has_outstanding, Some(true));
        let request = request_of("ledgerctl invoices A --outstanding=no --retained --order O5");
        assert_eq!(request.has_outstanding, Some(false));
        assert_eq!(request.has_retention, Some(true));
        assert_eq!((request.agreement_id.as_str(), request.order_id.as_str()), ("A", "O5"));
    }

    #[test]
    fn states_reach_the_request() {
        let request = request_of("ledgerctl invoices --state received --state disputed");
        let states = [i32::from(InvoiceState::Received), i32::from(InvoiceState::Disputed)];
        assert_eq!(request.states, states);
    }
}
