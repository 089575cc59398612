//! `refusals`: requests that the ledger refused, with every reason.

use std::io::Write;

use contract_ledger::wire::event_type::event_type;
use contract_ledger::wire::v1::{Event, ListRefusalsRequest, ListRefusalsResponse, RefusalRow};

use super::headline;
use super::pages::{Listing, PageAsk, list};
use crate::arguments::RefusalsArguments;
use crate::client::{Client, ServerAddress, with_deadline};
use crate::event_text::payload_text;
use crate::failure_text::refusal_text;
use crate::outcome::{CommandError, EXIT_DONE};
use crate::table::{Column, Look, Sheet, Tone};
use crate::time_text::recorded_text;
use crate::words::event_type_text;

/// Asks for every page and shows.
pub(crate) async fn run(
    server: &ServerAddress,
    look: Look,
    arguments: RefusalsArguments,
    output: &mut impl Write,
) -> Result<u8, CommandError> {
    let mut client = Client::connect(server).await?;
    let listing = list(&arguments.page, output, |_: &RefusalRow| true, &mut async |page| {
        let asked = client.projection.list_refusals(with_deadline(request(&arguments, page)));
        asked.await.map(tonic::Response::<ListRefusalsResponse>::into_inner)
    })
    .await?;
    if let Some(listing) = listing {
        output.write_all(refusals_text(look, &listing).as_bytes())?;
    }
    Ok(EXIT_DONE)
}

fn request(arguments: &RefusalsArguments, page: PageAsk) -> ListRefusalsRequest {
    ListRefusalsRequest {
        agreement_id: arguments.agreement.clone().unwrap_or_default(),
        as_known: arguments.known.as_known.clone(),
        reasons: arguments.reasons.clone(),
        recorded_from: arguments.since,
        page_size: page.page_size,
        page_token: page.page_token,
        min_position: arguments.known.min_position,
    }
}

fn refusals_text(look: Look, listing: &Listing<RefusalRow>) -> String {
    let mut text = headline(listing.rows.len(), "refusal", "refusals", &listing.times);
    if listing.rows.is_empty() {
        return text;
    }
    let mut sheet = Sheet::new(
        look,
        &[
            ("pos.", Column::Number),
            ("recorded", Column::Fixed),
            ("agreement", Column::Fixed),
            ("effective", Column::Fixed),
            ("asked for", Column::Fixed),
        ],
    );
    for row in &listing.rows {
        let refused = row.refused.clone().unwrap_or_default();
        let effective_date = refused.events.first().map(|event| event.effective_date.clone());
        let asked: Vec<String> = refused.events.iter().map(asked_text).collect();
        sheet.toned_row([
            (row.position.to_string(), Tone::Quiet),
            (recorded_text(row.recorded_time.as_ref()), Tone::Plain),
            (row.agreement_id.clone(), Tone::Plain),
            (effective_date.unwrap_or_default(), Tone::Plain),
            (asked.join("; "), Tone::Plain),
        ]);
        for refusal in &refused.refusals {
            sheet.note(&refusal_text(refusal), Tone::Bad);
        }
        sheet.note(&format!("request {}", row.request_id), Tone::Quiet);
    }
    text.push('\n');
    text.push_str(&sheet.text());
    text.push_str(listing.cut_text());
    text
}

/// Kind of event and what it was about.
fn asked_text(event: &Event) -> String {
    let kind = event_type_text(i32::from(event_type(event)));
    format!("{kind} {}", payload_text(event.payload.as_ref())).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use contract_ledger::wire::v1::event::Payload;
    use contract_ledger::wire::v1::{ListingTimes, Money, OrderPlaced, Refusal, RefusedRequest};

    use super::*;
    use crate::arguments::{Arguments, Command};

    #[test]
    fn refusal_shows_what_was_asked_for_and_every_reason_with_its_figures() {
        let nok =
            |amount: &str| Some(Money { amount: amount.to_owned(), currency: "NOK".to_owned() });
        let order =
            OrderPlaced { order_id: "O8".to_owned(), amount: nok("1000.00"), ..Default::default() };
        let reason = |reason: &str, excess: Option<Money>| Refusal {
            reason: reason.to_owned(),
            excess,
            ..Default::default()
        };
        let row = RefusalRow {
            position: 19,
            agreement_id: "A".to_owned(),
            request_id: "r-1".to_owned(),
            refused: Some(RefusedRequest {
                events: vec![Event {
                    effective_date: "2024-12-01".to_owned(),
                    payload: Some(Payload::OrderPlaced(order)),
                    ..Default::default()
                }],
                refusals: vec![
                    reason("AGREEMENT_EXPIRED", None),
                    reason("CEILING_EXCEEDED", nok("1000.00")),
                ],
                ..Default::default()
            }),
            ..Default::default()
        };
        let times = ListingTimes { position: Some(19), ..Default::default() };
        let listing = Listing { rows: vec![row], times, cut: false };
        let text = refusals_text(Look::default(), &listing);
        for part in [
            "1 refusal (to position 19)\n",
            "2024-12-01",
            "order placed O8 1 000,00 NOK",
            "         AGREEMENT_EXPIRED\n",
            "         CEILING_EXCEEDED: excess 1 000,00 NOK\n",
            "         request r-1\n",
        ] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
    }

    #[test]
    fn filters_reach_the_request() {
        let line = "ledgerctl refusals A --reason ceiling-exceeded --since 2025-01-01";
        let Command::Refusals(arguments) = Arguments::parse_from(line.split(' ')).command else {
            panic!("refusals was asked for");
        };
        let request = request(&arguments, PageAsk { page_size: 0, page_token: String::new() });
        assert_eq!(request.agreement_id, "A");
        assert_eq!(request.reasons, ["CEILING_EXCEEDED"]);
        assert_eq!(request.recorded_from.unwrap().seconds, 1_735_686_000);
    }
}
