//! `forecast`: when the ceiling runs out at the pace so far, and before which end.

use std::io::Write;

use contract_ledger::wire::json::to_json;
use contract_ledger::wire::v1::{GetForecastRequest, GetForecastResponse};

use crate::arguments::ForecastArguments;
use crate::client::{Client, ServerAddress, with_deadline};
use crate::outcome::{CommandError, EXIT_DONE};
use crate::table::{Look, printable};
use crate::time_text::times_text;
use crate::usage::{forecast_text, scopes_text};

/// Asks and shows.
pub(crate) async fn run(
    server: &ServerAddress,
    look: Look,
    arguments: ForecastArguments,
    output: &mut impl Write,
) -> Result<u8, CommandError> {
    let mut client = Client::connect(server).await?;
    let request = GetForecastRequest {
        agreement_id: arguments.agreement.clone(),
        as_of: arguments.times.as_of.unwrap_or_default(),
        as_known: arguments.times.as_known,
        min_position: arguments.times.min_position,
    };
    let response = client.projection.get_forecast(with_deadline(request)).await?.into_inner();
    if arguments.json {
        writeln!(output, "{}", to_json(&response))?;
    } else {
        output.write_all(answer_text(look, &arguments.agreement, &response).as_bytes())?;
    }
    Ok(EXIT_DONE)
}

/// The sums that it follows from, and the forecast in words.
fn answer_text(look: Look, agreement: &str, response: &GetForecastResponse) -> String {
    let times = response.times.clone().unwrap_or_default();
    let mut text = printable(&format!("Agreement {agreement}{}\n\n", times_text(&times)));
    text.push_str(&scopes_text(look, response.usage.as_slice()));
    text.push('\n');
    text.push_str(&forecast_text(response.forecast.as_ref()));
    text
}

#[cfg(test)]
mod tests {
    use contract_ledger::wire::v1::{Forecast, ListingTimes, Money, ScopeUsage};

    use super::*;

    #[test]
    fn forecast_stands_under_the_sums_that_it_follows_from() {
        let response = GetForecastResponse {
            forecast: Some(Forecast {
                elapsed_days: 792,
                days_left: 229,
                run_out_date: "2023-09-18".to_owned(),
                end_date: "2023-11-30".to_owned(),
                runs_out_early: true,
            }),
            usage: Some(ScopeUsage {
                exposure: Some(Money {
                    amount: "9300000.00".to_owned(),
                    currency: "NOK".to_owned(),
                }),
                usage_ppm: Some(775_000),
                ..Default::default()
            }),
            times: Some(ListingTimes { as_of: "2023-02-01".to_owned(), ..Default::default() }),
        };
        let text = answer_text(Look::default(), "asker-2020", &response);
        assert!(text.starts_with("Agreement asker-2020 as of 2023-02-01"), "{text}");
        assert!(text.contains("9 300 000,00"), "{text}");
        assert!(
            text.ends_with("lasts 229 days, to 2023-09-18: before the term ends on 2023-11-30.\n"),
            "{text}"
        );
    }
}
