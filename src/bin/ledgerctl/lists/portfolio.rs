//! `portfolio`: all agreements, share used beside share of the term elapsed.

use std::io::Write;

use contract_ledger::wire::v1::{
    AgreementSummary, Forecast, ListAgreementsRequest, ListAgreementsResponse, ScopeUsage,
};

use super::headline;
use super::pages::{Listing, PageAsk, list};
use crate::arguments::PortfolioArguments;
use crate::client::{Client, ServerAddress, with_deadline};
use crate::money_text::{money_text, percent_text};
use crate::outcome::{CommandError, EXIT_DONE};
use crate::table::{Column, Look, Sheet, Tone, printable};
use crate::usage::{amount_tone, share_tone};
use crate::words::state_text;

/// Asks for every page and shows.
pub(crate) async fn run(
    server: &ServerAddress,
    look: Look,
    arguments: PortfolioArguments,
    output: &mut impl Write,
) -> Result<u8, CommandError> {
    let mut client = Client::connect(server).await?;
    let listing = list(&arguments.page, output, |_: &AgreementSummary| true, &mut async |page| {
        let asked = client.projection.list_agreements(with_deadline(request(&arguments, page)));
        asked.await.map(tonic::Response::<ListAgreementsResponse>::into_inner)
    })
    .await?;
    if let Some(listing) = listing {
        output.write_all(portfolio_text(look, &listing).as_bytes())?;
    }
    Ok(EXIT_DONE)
}

fn request(arguments: &PortfolioArguments, page: PageAsk) -> ListAgreementsRequest {
    ListAgreementsRequest {
        as_of: arguments.times.as_of.clone().unwrap_or_default(),
        as_known: arguments.times.as_known.clone(),
        buyer: arguments.buyer.clone(),
        supplier: arguments.supplier.clone(),
        states: arguments.states.iter().copied().map(i32::from).collect(),
        usage_ppm_min: arguments.used_min,
        end_date_from: arguments.ends_from.clone().unwrap_or_default(),
        end_date_to: arguments.ends_to.clone().unwrap_or_default(),
        order_by: i32::from(arguments.order),
        page_size: page.page_size,
        page_token: page.page_token,
        min_position: arguments.times.min_position,
    }
}

fn portfolio_text(look: Look, listing: &Listing<AgreementSummary>) -> String {
    let mut text = headline(listing.rows.len(), "agreement", "agreements", &listing.times);
    if listing.rows.is_empty() {
        return text;
    }
    let mut sheet = Sheet::new(
        look,
        &[
            ("agreement", Column::Fixed),
            ("state", Column::Fixed),
            ("end", Column::Fixed),
            ("used", Column::Number),
            ("elapsed", Column::Number),
            ("remaining", Column::Number),
            ("early run-out", Column::Fixed),
            ("high", Column::Number),
            ("medium", Column::Number),
            ("low", Column::Number),
            ("title", Column::Text),
        ],
    );
    for row in &listing.rows {
        add_row(&mut sheet, row);
    }
    text.push('\n');
    text.push_str(&sheet.text());
    text.push_str(&summary_text(&listing.rows));
    text.push_str(listing.cut_text());
    text
}

fn add_row(sheet: &mut Sheet, row: &AgreementSummary) {
    let (state, state_tone) = state_text(row.state);
    let usage = row.usage.clone().unwrap_or_default();
    let end = row.term_in_force.as_ref().map(|term| term.end_date.clone());
    let used = usage
        .usage_ppm
        .map_or_else(|| (String::new(), Tone::Plain), |ppm| (percent_text(ppm), share_tone(ppm)));
    sheet.toned_row([
        (row.agreement_id.clone(), Tone::Plain),
        (state.to_owned(), state_tone),
        (end.unwrap_or_default(), Tone::Plain),
        used,
        (percent_text(row.elapsed_ppm), Tone::Plain),
        (money_text(usage.remaining.as_ref()), amount_tone(usage.remaining.as_ref())),
        (early_run_out(row.forecast.as_ref()), Tone::Warning),
        findings_cell(row.findings_high, Tone::Bad),
        findings_cell(row.findings_medium, Tone::Warning),
        findings_cell(row.findings_low, Tone::Plain),
        (row.title.clone(), Tone::Quiet),
    ]);
}

/// The day on which the ceiling runs out, when that is before the term ends.
fn early_run_out(forecast: Option<&Forecast>) -> String {
    forecast
        .filter(|forecast| forecast.runs_out_early)
        .map(|forecast| forecast.run_out_date.clone())
        .unwrap_or_default()
}

fn findings_cell(count: u32, tone: Tone) -> (String, Tone) {
    (count.to_string(), if count > 0 { tone } else { Tone::Quiet })
}

/// How many of the rows need a look.
fn summary_text(rows: &[AgreementSummary]) -> String {
    let count = |needs: fn(&&AgreementSummary) -> bool| rows.iter().filter(needs).count();
    let over = count(|row| row.usage.as_ref().is_some_and(is_over));
    let parts = count(|row| row.exceeded_scope_count > 0);
    let early = count(|row| row.forecast.as_ref().is_some_and(|forecast| forecast.runs_out_early));
    let high = count(|row| row.findings_high > 0);
    printable(&format!(
        "\n{} shown: {over} over their ceiling, {parts} over a ceiling of a lot, supplier or buyer, {early} run out early, {high} with a high finding\n",
        rows.len()
    ))
}

fn is_over(usage: &ScopeUsage) -> bool {
    usage.remaining.as_ref().is_some_and(|remaining| remaining.amount.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use contract_ledger::wire::v1::{
        AgreementState, ListingTimes, Money, OrganisationId, PortfolioOrder, Term,
    };

    use super::*;
    use crate::arguments::{Arguments, Command};

    fn summary(id: &str, remaining: &str, usage_ppm: i64, early: bool) -> AgreementSummary {
        AgreementSummary {
            agreement_id: id.to_owned(),
            title: "Communication services".to_owned(),
            state: i32::from(AgreementState::Active),
            term_in_force: Some(Term {
                start_date: "2020-12-01".to_owned(),
                end_date: "2023-11-30".to_owned(),
            }),
            usage: Some(ScopeUsage {
                remaining: Some(Money { amount: remaining.to_owned(), currency: "NOK".to_owned() }),
                usage_ppm: Some(usage_ppm),
                ..Default::default()
            }),
            elapsed_ppm: 723_972,
            forecast: Some(Forecast {
                run_out_date: "2023-09-18".to_owned(),
                runs_out_early: early,
                ..Default::default()
            }),
            findings_high: u32::from(early),
            ..Default::default()
        }
    }

    #[test]
    fn portfolio_shows_shares_early_run_out_and_what_needs_a_look() {
        let listing = Listing {
            rows: vec![
                summary("A", "2700000.00", 775_000, true),
                summary("B", "-50000.00", 1_004_166, false),
            ],
            times: ListingTimes { as_of: "2023-02-01".to_owned(), ..Default::default() },
            cut: false,
        };
        let text = portfolio_text(Look::default(), &listing);
        let row = |id: &str| text.lines().find(|line| line.starts_with(id)).unwrap().to_owned();
        for part in ["active", "2023-11-30", "77,50 %", "72,40 %", "2 700 000,00 NOK", "2023-09-18"]
        {
            assert!(row(" A").contains(part), "{part} in\n{text}");
        }
        assert!(row(" B").contains("100,42 %"), "{text}");
        assert!(!row(" B").contains("2023-09-18"), "{text}");
        assert!(
            text.ends_with(
                "\n2 shown: 1 over their ceiling, 0 over a ceiling of a lot, supplier or buyer, 1 run out early, 1 with a high finding\n"
            ),
            "{text}"
        );
    }

    #[test]
    fn empty_portfolio_is_one_line() {
        let listing = Listing { rows: vec![], times: ListingTimes::default(), cut: false };
        assert_eq!(portfolio_text(Look::default(), &listing), "No agreements (the log is empty)\n");
    }

    #[test]
    fn filters_reach_the_request() {
        let line = "ledgerctl portfolio --buyer 920125298 --supplier 0007:5 --state active \
                    --state expired --used-min 85 --ends-from 2026-01-01 --ends-to 2026-06-30 \
                    --order usage --as-of 2026-01-05 --min-position 7 --limit 3";
        let Command::Portfolio(arguments) = Arguments::parse_from(line.split_whitespace()).command
        else {
            panic!("portfolio was asked for");
        };
        let page = PageAsk { page_size: 3, page_token: "t".to_owned() };
        assert_eq!(
            request(&arguments, page),
            ListAgreementsRequest {
                as_of: "2026-01-05".to_owned(),
                as_known: None,
                buyer: Some(OrganisationId {
                    number: "920125298".to_owned(),
                    scheme: String::new()
                }),
                supplier: Some(OrganisationId {
                    number: "5".to_owned(),
                    scheme: "0007".to_owned()
                }),
                states: vec![i32::from(AgreementState::Active), i32::from(AgreementState::Expired)],
                usage_ppm_min: Some(850_000),
                end_date_from: "2026-01-01".to_owned(),
                end_date_to: "2026-06-30".to_owned(),
                order_by: i32::from(PortfolioOrder::Usage),
                page_size: 3,
                page_token: "t".to_owned(),
                min_position: Some(7),
            }
        );
    }
}
