//! `events`: the log itself, forwards or backwards.

use std::io::Write;

use contract_ledger::wire::json::to_json;
use contract_ledger::wire::v1::{ReadDirection, ReadEventsRequest, Record};

use crate::arguments::EventsArguments;
use crate::client::{Client, ServerAddress};
use crate::outcome::{CommandError, EXIT_DONE};
use crate::record_text::RecordText;
use crate::table::{Column, Look, Sheet, Tone};
use crate::words::admission_mode_text;

/// Records in a table when nobody says how many: a table is held in memory for its widths.
const TABLE_RECORDS_USUAL: u64 = 1_000;

/// Asks and shows. JSON goes out as it comes in.
pub(crate) async fn run(
    server: &ServerAddress,
    look: Look,
    arguments: EventsArguments,
    output: &mut impl Write,
) -> Result<u8, CommandError> {
    let mut client = Client::connect(server).await?;
    let json = arguments.json;
    let mut parts = client.ledger.read_events(request(arguments)).await?.into_inner();
    let mut records = Vec::new();
    let mut next_position = None;
    while let Some(part) = parts.message().await? {
        next_position = part.next_position;
        if json {
            for record in &part.records {
                writeln!(output, "{}", to_json(record))?;
            }
        } else {
            records.extend(part.records);
        }
    }
    if !json {
        output.write_all(records_text(look, &records).as_bytes())?;
        if let Some(position) = next_position {
            writeln!(output, "\nThere is more: go on with --from {position}")?;
        }
    }
    Ok(EXIT_DONE)
}

fn request(arguments: EventsArguments) -> ReadEventsRequest {
    let usual = if arguments.json { 0 } else { TABLE_RECORDS_USUAL };
    let direction =
        if arguments.backwards { ReadDirection::Backwards } else { ReadDirection::Forwards };
    ReadEventsRequest {
        direction: i32::from(direction),
        from_position: arguments.from,
        agreement_id: arguments.agreement.unwrap_or_default(),
        types: arguments.types.into_iter().map(i32::from).collect(),
        records_max: arguments.limit.unwrap_or(usual),
        exclude_refusals: arguments.no_refusals,
    }
}

fn records_text(look: Look, records: &[Record]) -> String {
    if records.is_empty() {
        return "No records.\n".to_owned();
    }
    let mut sheet = Sheet::new(
        look,
        &[
            ("pos.", Column::Number),
            ("agreement", Column::Fixed),
            ("ver.", Column::Number),
            ("effective", Column::Fixed),
            ("mode", Column::Fixed),
            ("event", Column::Fixed),
        ],
    );
    for record in records {
        let described = RecordText::of(record);
        let tone = if described.refused { Tone::Bad } else { Tone::Plain };
        let mode = admission_mode_text(described.admission_mode);
        sheet.toned_row([
            (record.position.to_string(), Tone::Quiet),
            (record.agreement_id.clone(), Tone::Plain),
            (described.version.clone(), Tone::Plain),
            (described.effective_date.clone(), Tone::Plain),
            (mode.to_owned(), Tone::Plain),
            (described.what.clone(), tone),
        ]);
        described.add_notes(&mut sheet, record);
    }
    sheet.text()
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use contract_ledger::wire::v1::EventType;

    use super::*;
    use crate::arguments::{Arguments, Command};

    fn request_of(line: &str) -> ReadEventsRequest {
        let arguments = Arguments::parse_from(line.split(' '));
        let Command::Events(events) = arguments.command else {
            panic!("events was asked for");
        };
        request(events)
    }

    #[test]
    fn table_is_bounded_and_json_is_not() {
        assert_eq!(request_of("ledgerctl events").records_max, TABLE_RECORDS_USUAL);
        assert_eq!(request_of("ledgerctl events --json").records_max, 0);
        assert_eq!(request_of("ledgerctl events --json --limit 7").records_max, 7);
        assert_eq!(request_of("ledgerctl events --limit 0").records_max, 0);
    }

    #[test]
    fn filters_reach_the_request() {
        let request = request_of(
            "ledgerctl events --backwards --from 0 --agreement A --type order-closed --no-refusals",
        );
        assert_eq!(
            request,
            ReadEventsRequest {
                direction: i32::from(ReadDirection::Backwards),
                from_position: Some(0),
                agreement_id: "A".to_owned(),
                types: vec![i32::from(EventType::OrderClosed)],
                records_max: TABLE_RECORDS_USUAL,
                exclude_refusals: true,
            }
        );
    }

    #[test]
    fn record_without_content_is_still_a_row() {
        let text = records_text(Look::default(), &[Record::default()]);
        assert_eq!(text.lines().count(), 3);
        assert_eq!(records_text(Look::default(), &[]), "No records.\n");
    }
}
