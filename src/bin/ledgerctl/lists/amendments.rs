//! `amendments`: what was changed, on which legal basis, and what that amounts to in all.

use std::io::Write;

use contract_ledger::wire::v1::{
    AmendmentRow, ListAmendmentsRequest, ListAmendmentsResponse, Money,
};

use super::pages::{Listing, PageAsk, list};
use super::{headline, note_of};
use crate::arguments::AmendmentsArguments;
use crate::client::{Client, ServerAddress, with_deadline};
use crate::money_text::{amount_text, money_text, percent_text};
use crate::outcome::{CommandError, EXIT_DONE};
use crate::table::{Column, Look, Sheet, Tone, printable};
use crate::time_text::recorded_text;
use crate::usage::amount_tone;
use crate::words::legal_basis_text;

/// Asks for every page and shows.
pub(crate) async fn run(
    server: &ServerAddress,
    look: Look,
    arguments: AmendmentsArguments,
    output: &mut impl Write,
) -> Result<u8, CommandError> {
    let mut client = Client::connect(server).await?;
    let mut original_value = None;
    let listing = list(&arguments.page, output, |_: &AmendmentRow| true, &mut async |page| {
        let asked = client.projection.list_amendments(with_deadline(request(&arguments, page)));
        let response: ListAmendmentsResponse = asked.await?.into_inner();
        original_value.clone_from(&response.original_value);
        Ok(response)
    })
    .await?;
    if let Some(listing) = listing {
        let text = amendments_text(look, original_value.as_ref(), &listing);
        output.write_all(text.as_bytes())?;
    }
    Ok(EXIT_DONE)
}

fn request(arguments: &AmendmentsArguments, page: PageAsk) -> ListAmendmentsRequest {
    ListAmendmentsRequest {
        agreement_id: arguments.agreement.clone(),
        as_of: arguments.times.as_of.clone().unwrap_or_default(),
        as_known: arguments.times.as_known.clone(),
        page_size: page.page_size,
        page_token: page.page_token,
        min_position: arguments.times.min_position,
    }
}

fn amendments_text(
    look: Look,
    original_value: Option<&Money>,
    listing: &Listing<AmendmentRow>,
) -> String {
    let mut text = headline(listing.rows.len(), "amendment", "amendments", &listing.times);
    text.push_str(&printable(&format!("Original value: {}\n", money_text(original_value))));
    if listing.rows.is_empty() {
        return text;
    }
    let currency = original_value.map(|money| money.currency.as_str()).unwrap_or_default();
    let change = format!("{currency} change");
    let mut sheet = Sheet::new(
        look,
        &[
            ("amendment", Column::Fixed),
            ("effective", Column::Fixed),
            ("basis", Column::Fixed),
            (change.trim_start(), Column::Number),
            ("share", Column::Number),
            ("on this basis", Column::Number),
            ("share", Column::Number),
            ("ceiling after", Column::Number),
        ],
    );
    for amendment in &listing.rows {
        add_row(&mut sheet, amendment);
    }
    text.push('\n');
    text.push_str(&sheet.text());
    text.push_str(listing.cut_text());
    text
}

fn add_row(sheet: &mut Sheet, amendment: &AmendmentRow) {
    let amount = |money: &Option<Money>| (amount_text(money.as_ref()), amount_tone(money.as_ref()));
    let share = |ppm: Option<i64>| (ppm.map(percent_text).unwrap_or_default(), Tone::Plain);
    sheet.toned_row([
        (amendment.amendment_id.clone(), Tone::Plain),
        (amendment.effective_date.clone(), Tone::Plain),
        (legal_basis_text(amendment.legal_basis).to_owned(), Tone::Plain),
        amount(&amendment.change),
        share(amendment.change_ppm),
        amount(&amendment.cumulated_change),
        share(amendment.cumulated_ppm),
        amount(&amendment.ceiling_after),
    ]);
    let reasoning =
        if amendment.reasoning.is_empty() { "no reasoning" } else { &amendment.reasoning };
    sheet.note(reasoning, Tone::Plain);
    let decided = note_of([
        ("new end ", &amendment.new_end_date),
        ("decided by ", &amendment.decision_maker),
        ("decided ", &amendment.decided_date),
    ]);
    sheet.note(&decided, Tone::Plain);
    let position = amendment.position.to_string();
    let recorded = recorded_text(amendment.recorded_time.as_ref());
    sheet.note(&note_of([("position ", &position), ("recorded ", &recorded)]), Tone::Quiet);
}

#[cfg(test)]
mod tests {
    use contract_ledger::wire::v1::{LegalBasis, ListingTimes};

    use super::*;

    fn nok(amount: &str) -> Money {
        Money { amount: amount.to_owned(), currency: "NOK".to_owned() }
    }

    #[test]
    fn amendment_shows_its_share_and_that_of_its_basis() {
        let amendment = AmendmentRow {
            amendment_id: "A2".to_owned(),
            legal_basis: i32::from(LegalBasis::ModMinv),
            effective_date: "2022-05-01".to_owned(),
            change: Some(nok("399999.99")),
            change_ppm: Some(33_333),
            cumulated_change: Some(nok("1199999.99")),
            cumulated_ppm: Some(99_999),
            ceiling_after: Some(nok("13199999.99")),
            decision_maker: "p-9".to_owned(),
            ..Default::default()
        };
        let listing = Listing { rows: vec![amendment], times: ListingTimes::default(), cut: false };
        let text = amendments_text(Look::default(), Some(nok("12000000.00")).as_ref(), &listing);
        for part in [
            "Original value: 12 000 000,00 NOK\n",
            "mod-minv",
            "399 999,99",
            "3,33 %",
            "1 199 999,99",
            "10,00 %",
            "13 199 999,99",
            "         no reasoning\n",
            "         decided by p-9\n",
        ] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
    }
}
