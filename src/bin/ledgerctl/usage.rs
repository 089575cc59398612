//! `usage`: every sum of every ceiling, the forecast, the open findings.

use std::io::Write;

use contract_ledger::wire::json::to_json;
use contract_ledger::wire::v1::{
    CeilingUsage, Forecast, GetCeilingUsageRequest, GetCeilingUsageResponse, Money, ScopeUsage,
};

use crate::arguments::UsageArguments;
use crate::client::{Client, ServerAddress, with_deadline};
use crate::findings::findings_text;
use crate::money_text::{amount_text, percent_text};
use crate::outcome::{CommandError, EXIT_DONE};
use crate::table::{Column, Look, Sheet, Tone, printable};
use crate::time_text::recorded_text;
use crate::words::{ceiling_kind_text, scope_text};

/// Scopes side by side in one table; more go into further tables.
const SCOPES_PER_TABLE: usize = 4;
/// From this share on the used share is shown as a warning: the first warning step of the ledger.
const WARNING_PPM: i64 = 700_000;
/// A ceiling that is wholly used.
const WHOLE_PPM: i64 = 1_000_000;

/// Asks and shows.
pub(crate) async fn run(
    server: &ServerAddress,
    look: Look,
    arguments: UsageArguments,
    output: &mut impl Write,
) -> Result<u8, CommandError> {
    let mut client = Client::connect(server).await?;
    let request = GetCeilingUsageRequest {
        agreement_id: arguments.agreement,
        as_of: arguments.times.as_of.unwrap_or_default(),
        as_known: arguments.times.as_known,
        min_position: arguments.times.min_position,
    };
    let response = client.projection.get_ceiling_usage(with_deadline(request)).await?.into_inner();
    if arguments.json {
        writeln!(output, "{}", to_json(&response))?;
    } else {
        output.write_all(usage_text(look, &response).as_bytes())?;
    }
    Ok(EXIT_DONE)
}

/// The whole answer for a person.
pub(crate) fn usage_text(look: Look, response: &GetCeilingUsageResponse) -> String {
    let usage = response.usage.clone().unwrap_or_default();
    let mut text = headline(&usage);
    for scopes in usage.scopes.chunks(SCOPES_PER_TABLE) {
        text.push('\n');
        text.push_str(&scopes_text(look, scopes));
    }
    text.push('\n');
    text.push_str(&forecast_text(usage.forecast.as_ref()));
    text.push('\n');
    text.push_str(&findings_text(look, &response.findings));
    text
}

fn headline(usage: &CeilingUsage) -> String {
    let known = match &usage.as_known {
        Some(time) => format!(", as known {}", recorded_text(Some(time))),
        None => String::new(),
    };
    printable(&format!(
        "Agreement {} as of {}{known} (version {}, position {})\n",
        usage.agreement_id, usage.as_of, usage.agreement_version, usage.position
    ))
}

/// How to find one sum among those of a scope.
type Sum = fn(&ScopeUsage) -> Option<&Money>;

/// One column a scope, one row a sum.
pub(crate) fn scopes_text(look: Look, scopes: &[ScopeUsage]) -> String {
    let currency = scopes
        .first()
        .and_then(|scope| scope.exposure.as_ref())
        .map(|money| money.currency.clone())
        .unwrap_or_default();
    let names: Vec<String> = scopes.iter().map(|scope| scope_text(scope.scope.as_ref())).collect();
    let mut heads = vec![(currency.as_str(), Column::Fixed)];
    heads.extend(names.iter().map(|name| (name.as_str(), Column::Number)));
    let mut sheet = Sheet::new(look, &heads);
    let sums: [(&str, Sum); 8] = [
        ("ceiling", |scope| scope.ceiling.as_ref()),
        ("reserved", |scope| scope.reserved.as_ref()),
        ("committed", |scope| scope.committed.as_ref()),
        ("invoiced", |scope| scope.invoiced.as_ref()),
        ("prepaid", |scope| scope.prepaid.as_ref()),
        ("paid, with VAT", |scope| scope.paid.as_ref()),
        ("exposure", |scope| scope.exposure.as_ref()),
        ("remaining", |scope| scope.remaining.as_ref()),
    ];
    sheet.row(row("kind", scopes, |scope| ceiling_kind_text(scope.kind).to_owned()));
    for (name, sum) in sums {
        sheet.toned_row(std::iter::once((name.to_owned(), Tone::Plain)).chain(scopes.iter().map(
            |scope| {
                let money = sum(scope);
                (amount_text(money), amount_tone(money))
            },
        )));
    }
    sheet.toned_row(std::iter::once(("used".to_owned(), Tone::Plain)).chain(scopes.iter().map(
        |scope| {
            scope.usage_ppm.map_or_else(
                || ("no ceiling to divide by".to_owned(), Tone::Quiet),
                |ppm| (percent_text(ppm), share_tone(ppm)),
            )
        },
    )));
    sheet.text()
}

fn row<'a>(
    name: &str,
    scopes: &'a [ScopeUsage],
    cell: impl Fn(&ScopeUsage) -> String + 'a,
) -> impl Iterator<Item = String> + 'a {
    std::iter::once(name.to_owned()).chain(scopes.iter().map(cell))
}

/// Colour of an amount: below zero something is broken.
pub(crate) fn amount_tone(money: Option<&Money>) -> Tone {
    match money {
        Some(money) if money.amount.starts_with('-') => Tone::Bad,
        Some(_) | None => Tone::Plain,
    }
}

/// Colour of a used share. A whole ceiling used to the last krone is a warning, not a breach.
pub(crate) fn share_tone(ppm: i64) -> Tone {
    if ppm > WHOLE_PPM {
        Tone::Bad
    } else if ppm >= WARNING_PPM {
        Tone::Warning
    } else {
        Tone::Good
    }
}

/// When the ceiling runs out, in words.
pub(crate) fn forecast_text(forecast: Option<&Forecast>) -> String {
    let Some(forecast) = forecast else {
        return "No forecast: nothing is used, or fewer than 30 days have passed.\n".to_owned();
    };
    let run_out = if forecast.run_out_date.is_empty() {
        "beyond the year 9999"
    } else {
        &forecast.run_out_date
    };
    let end = if forecast.runs_out_early {
        format!(": before the term ends on {}", forecast.end_date)
    } else {
        format!("; end of the term in force: {}", forecast.end_date)
    };
    printable(&format!(
        "Forecast: at the pace of the first {} days, what is left lasts {} days, to {run_out}{end}.\n",
        forecast.elapsed_days, forecast.days_left
    ))
}

#[cfg(test)]
mod tests {
    use contract_ledger::wire::v1::{CeilingKind, Scope, scope};

    use super::*;

    fn nok(amount: &str) -> Money {
        Money { amount: amount.to_owned(), currency: "NOK".to_owned() }
    }

    fn over_the_ceiling() -> GetCeilingUsageResponse {
        GetCeilingUsageResponse {
            head: None,
            usage: Some(CeilingUsage {
                agreement_id: "asker-2020".to_owned(),
                as_of: "2024-08-15".to_owned(),
                scopes: vec![ScopeUsage {
                    scope: Some(Scope { scope: Some(scope::Scope::Agreement(true)) }),
                    kind: i32::from(CeilingKind::Maximum),
                    ceiling: Some(nok("12000000.00")),
                    reserved: Some(nok("0.00")),
                    committed: Some(nok("11550000.00")),
                    invoiced: Some(nok("2500000.00")),
                    prepaid: Some(nok("0.00")),
                    paid: Some(nok("562500.00")),
                    exposure: Some(nok("12050000.00")),
                    remaining: Some(nok("-50000.00")),
                    usage_ppm: Some(1_004_166),
                }],
                agreement_version: 12,
                position: 14,
                ..Default::default()
            }),
            findings: vec![],
        }
    }

    #[test]
    fn usage_reads_from_ceiling_to_share() {
        assert_eq!(
            usage_text(Look::default(), &over_the_ceiling()),
            "\
Agreement asker-2020 as of 2024-08-15 (version 12, position 14)

 NOK                 agreement
───────────────────────────────
 kind                  maximum
 ceiling         12 000 000,00
 reserved                 0,00
 committed       11 550 000,00
 invoiced         2 500 000,00
 prepaid                  0,00
 paid, with VAT     562 500,00
 exposure        12 050 000,00
 remaining          -50 000,00
 used                 100,42 %

No forecast: nothing is used, or fewer than 30 days have passed.

No open findings.
"
        );
    }

    #[test]
    fn many_scopes_are_shown_in_several_tables() {
        let mut response = over_the_ceiling();
        let usage = response.usage.as_mut().unwrap();
        let scope = usage.scopes[0].clone();
        usage.scopes = vec![scope; SCOPES_PER_TABLE + 1];
        let text = usage_text(Look::default(), &response);
        assert_eq!(text.matches("remaining").count(), 2);
        assert_eq!(text.matches("100,42 %").count(), SCOPES_PER_TABLE + 1);
    }

    #[test]
    fn forecast_says_whether_the_money_lasts() {
        let mut forecast = Forecast {
            elapsed_days: 792,
            days_left: 229,
            run_out_date: "2023-09-18".to_owned(),
            end_date: "2023-11-30".to_owned(),
            runs_out_early: true,
        };
        assert!(
            forecast_text(Some(&forecast))
                .ends_with("lasts 229 days, to 2023-09-18: before the term ends on 2023-11-30.\n")
        );
        forecast.run_out_date = String::new();
        forecast.runs_out_early = false;
        assert!(
            forecast_text(Some(&forecast)).contains("to beyond the year 9999; end of the term")
        );
    }
}
