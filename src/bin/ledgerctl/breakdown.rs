//! `breakdown`: an agreement's sums by department, supplier, buyer, lot, CPV code or month.

use std::io::Write;

use contract_ledger::wire::json::to_json;
use contract_ledger::wire::v1::{
    BreakdownDimension, BreakdownRow, GetBreakdownRequest, GetBreakdownResponse, Money, ScopeUsage,
};

use crate::arguments::BreakdownArguments;
use crate::client::{Client, ServerAddress, with_deadline};
use crate::money_text::{amount_text, percent_text};
use crate::outcome::{CommandError, EXIT_DONE};
use crate::table::{Column, Look, Sheet, Tone, printable};
use crate::time_text::times_text;
use crate::usage::amount_tone;

/// Asks and shows.
pub(crate) async fn run(
    server: &ServerAddress,
    look: Look,
    arguments: BreakdownArguments,
    output: &mut impl Write,
) -> Result<u8, CommandError> {
    let mut client = Client::connect(server).await?;
    let request = GetBreakdownRequest {
        agreement_id: arguments.agreement.clone(),
        dimension: i32::from(arguments.by),
        as_of: arguments.times.as_of.unwrap_or_default(),
        as_known: arguments.times.as_known,
        min_position: arguments.times.min_position,
    };
    let response = client.projection.get_breakdown(with_deadline(request)).await?.into_inner();
    if arguments.json {
        writeln!(output, "{}", to_json(&response))?;
    } else {
        let text = breakdown_text(look, &arguments.agreement, arguments.by, &response);
        output.write_all(text.as_bytes())?;
    }
    Ok(EXIT_DONE)
}

/// One row a key, and the agreement's own sums under them.
fn breakdown_text(
    look: Look,
    agreement: &str,
    dimension: BreakdownDimension,
    response: &GetBreakdownResponse,
) -> String {
    let times = response.times.clone().unwrap_or_default();
    let mut text = printable(&format!("Agreement {agreement}{}\n\n", times_text(&times)));
    let usage = response.usage.clone().unwrap_or_default();
    let currency = usage.exposure.as_ref().map(|money| money.currency.as_str()).unwrap_or_default();
    let exposure = format!("{currency} exposure");
    let mut sheet = Sheet::new(
        look,
        &[
            (dimension_text(dimension), Column::Fixed),
            (exposure.trim_start(), Column::Number),
            ("share", Column::Number),
            ("reserved", Column::Number),
            ("committed", Column::Number),
            ("invoiced", Column::Number),
            ("prepaid", Column::Number),
            ("paid, with VAT", Column::Number),
            ("orders", Column::Number),
            ("invoices", Column::Number),
        ],
    );
    for row in &response.rows {
        add_row(&mut sheet, row);
    }
    add_whole(&mut sheet, &usage);
    text.push_str(&sheet.text());
    text
}

fn add_row(sheet: &mut Sheet, row: &BreakdownRow) {
    let key = match row.key.as_str() {
        "" => ("not stated".to_owned(), Tone::Quiet),
        key => (key.to_owned(), Tone::Plain),
    };
    sheet.toned_row([
        key,
        amount_cell(row.exposure.as_ref()),
        (row.share_ppm.map(percent_text).unwrap_or_default(), Tone::Plain),
        amount_cell(row.reserved.as_ref()),
        amount_cell(row.committed.as_ref()),
        amount_cell(row.invoiced.as_ref()),
        amount_cell(row.prepaid.as_ref()),
        amount_cell(row.paid.as_ref()),
        (row.order_count.to_string(), Tone::Plain),
        (row.invoice_count.to_string(), Tone::Plain),
    ]);
}

fn add_whole(sheet: &mut Sheet, usage: &ScopeUsage) {
    let nothing = || (String::new(), Tone::Plain);
    sheet.toned_row([
        ("the agreement".to_owned(), Tone::Plain),
        amount_cell(usage.exposure.as_ref()),
        nothing(),
        amount_cell(usage.reserved.as_ref()),
        amount_cell(usage.committed.as_ref()),
        amount_cell(usage.invoiced.as_ref()),
        amount_cell(usage.prepaid.as_ref()),
        amount_cell(usage.paid.as_ref()),
        nothing(),
        nothing(),
    ]);
}

fn amount_cell(money: Option<&Money>) -> (String, Tone) {
    (amount_text(money), amount_tone(money))
}

fn dimension_text(dimension: BreakdownDimension) -> &'static str {
    match dimension {
        BreakdownDimension::Department => "department",
        BreakdownDimension::Supplier => "supplier",
        BreakdownDimension::Buyer => "buyer",
        BreakdownDimension::Lot => "lot",
        BreakdownDimension::Cpv => "CPV code",
        BreakdownDimension::Month => "month",
        BreakdownDimension::Unspecified => "?",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nok(amount: &str) -> Money {
        Money { amount: amount.to_owned(), currency: "NOK".to_owned() }
    }

    #[test]
    fn parts_stand_over_the_whole_and_an_unstated_key_has_a_name() {
        let part = |key: &str, exposure: &str, share_ppm: i64| BreakdownRow {
            key: key.to_owned(),
            exposure: Some(nok(exposure)),
            share_ppm: Some(share_ppm),
            order_count: 3,
            ..Default::default()
        };
        let response = GetBreakdownResponse {
            rows: vec![part("", "1000.00", 100_000), part("roads", "9000.00", 900_000)],
            usage: Some(ScopeUsage { exposure: Some(nok("10000.00")), ..Default::default() }),
            times: None,
        };
        let text = breakdown_text(Look::default(), "A", BreakdownDimension::Department, &response);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[2].contains("department") && lines[2].contains("NOK exposure"), "{text}");
        assert!(lines[4].contains("not stated") && lines[4].contains("10,00 %"), "{text}");
        assert!(lines[5].contains("roads") && lines[5].contains("9 000,00"), "{text}");
        assert!(lines[6].contains("the agreement") && lines[6].contains("10 000,00"), "{text}");
    }
}
