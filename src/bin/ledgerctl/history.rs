//! `history`: the audit timeline of one agreement.

use std::io::Write;

use contract_ledger::wire::json::to_json;
use contract_ledger::wire::v1::{GetHistoryRequest, GetHistoryResponse, HistoryEntry};

use crate::arguments::HistoryArguments;
use crate::client::{Client, ServerAddress};
use crate::findings::finding_line;
use crate::money_text::amount_text;
use crate::outcome::{CommandError, EXIT_DONE};
use crate::record_text::RecordText;
use crate::table::{Column, Look, Sheet, Tone, printable};

/// Asks and shows. JSON goes out as it comes in; a table waits for all of it, for its widths.
pub(crate) async fn run(
    server: &ServerAddress,
    look: Look,
    arguments: HistoryArguments,
    output: &mut impl Write,
) -> Result<u8, CommandError> {
    let mut client = Client::connect(server).await?;
    let agreement = arguments.agreement.clone();
    let request = GetHistoryRequest {
        agreement_id: arguments.agreement,
        as_of: arguments.times.as_of.unwrap_or_default(),
        as_known: arguments.times.as_known,
        from_version: arguments.from_version,
        min_position: arguments.times.min_position,
    };
    let mut parts = client.audit.get_history(request).await?.into_inner();
    let mut whole = GetHistoryResponse::default();
    while let Some(part) = parts.message().await? {
        if arguments.json {
            for entry in &part.entries {
                writeln!(output, "{}", to_json(entry))?;
            }
        } else {
            add_part(&mut whole, part);
        }
    }
    if !arguments.json {
        output.write_all(history_text(look, &agreement, &whole).as_bytes())?;
    }
    Ok(EXIT_DONE)
}

/// Joins a part of the answer to those before it.
pub(crate) fn add_part(whole: &mut GetHistoryResponse, part: GetHistoryResponse) {
    whole.entries.extend(part.entries);
    whole.as_of = part.as_of;
    whole.position = part.position;
}

/// The timeline for a person.
pub(crate) fn history_text(look: Look, agreement: &str, history: &GetHistoryResponse) -> String {
    let mut text = printable(&format!(
        "History of {agreement} as of {} (to position {})\n\n",
        history.as_of, history.position
    ));
    let currency = history
        .entries
        .first()
        .and_then(|entry| entry.exposure_after.as_ref())
        .map(|money| money.currency.clone())
        .unwrap_or_default();
    let before = format!("{currency} before");
    let mut sheet = Sheet::new(
        look,
        &[
            ("pos.", Column::Number),
            ("ver.", Column::Number),
            ("effective", Column::Fixed),
            ("event", Column::Fixed),
            (before.trim_start(), Column::Number),
            ("exposure", Column::Number),
            ("remaining", Column::Number),
        ],
    );
    for entry in &history.entries {
        add_entry(&mut sheet, entry);
    }
    text.push_str(&sheet.text());
    text
}

/// One row with the sums; under it what happened, who and when, and the findings that it opened (+)
/// and cleared (-).
fn add_entry(sheet: &mut Sheet, entry: &HistoryEntry) {
    let record = entry.record.clone().unwrap_or_default();
    let described = RecordText::of(&record);
    let reversed = !entry.reversed_by_event_id.is_empty();
    let tone = if described.refused {
        Tone::Bad
    } else if reversed {
        Tone::Quiet
    } else {
        Tone::Plain
    };
    let mut what = described.what.clone();
    if reversed {
        what.push_str(" (reversed)");
    }
    let unchanged = entry.exposure_before == entry.exposure_after;
    let before = if unchanged { Tone::Quiet } else { Tone::Plain };
    let remaining = amount_text(entry.remaining_after.as_ref());
    let remaining_tone = if remaining.starts_with('-') { Tone::Bad } else { Tone::Plain };
    sheet.toned_row([
        (record.position.to_string(), Tone::Quiet),
        (described.version.clone(), Tone::Plain),
        (described.effective_date.clone(), Tone::Plain),
        (what, tone),
        (amount_text(entry.exposure_before.as_ref()), before),
        (amount_text(entry.exposure_after.as_ref()), Tone::Plain),
        (remaining, remaining_tone),
    ]);
    described.add_notes(sheet, &record);
    for finding in &entry.findings_opened {
        sheet.note(&format!("+ {}", finding_line(finding)), Tone::Warning);
    }
    for finding in &entry.findings_cleared {
        sheet.note(&format!("- {}", finding_line(finding)), Tone::Good);
    }
}

#[cfg(test)]
mod tests {
    use contract_ledger::wire::v1::event::Payload;
    use contract_ledger::wire::v1::record::Entry;
    use contract_ledger::wire::v1::{
        Event, EventType, Finding, Money, OrderPlaced, Record, RecordedEvent,
    };

    use super::*;

    fn nok(amount: &str) -> Money {
        Money { amount: amount.to_owned(), currency: "NOK".to_owned() }
    }

    fn entry() -> HistoryEntry {
        HistoryEntry {
            record: Some(Record {
                position: 4,
                entry: Some(Entry::Event(RecordedEvent {
                    agreement_version: 3,
                    r#type: i32::from(EventType::OrderPlaced),
                    event: Some(Event {
                        effective_date: "2024-06-01".to_owned(),
                        payload: Some(Payload::OrderPlaced(OrderPlaced {
                            order_id: "O6".to_owned(),
                            amount: Some(nok("700000.00")),
                            ..Default::default()
                        })),
                        ..Default::default()
                    }),
                    ..Default::default()
                })),
                ..Default::default()
            }),
            exposure_before: Some(nok("11300000.00")),
            exposure_after: Some(nok("12000000.00")),
            remaining_after: Some(nok("0.00")),
            findings_opened: vec![Finding {
                rule: "THRESHOLD_REACHED".to_owned(),
                subject: "agreement@95".to_owned(),
                ..Default::default()
            }],
            ..Default::default()
        }
    }

    #[test]
    fn timeline_shows_exposure_before_and_after_and_findings_under_the_event() {
        let history = GetHistoryResponse {
            entries: vec![entry()],
            as_of: "2026-01-01".to_owned(),
            position: 4,
            head: None,
        };
        let text = history_text(Look::default(), "asker-2020", &history);
        assert!(text.starts_with("History of asker-2020 as of 2026-01-01 (to position 4)\n"));
        let row = text.lines().find(|line| line.contains("2024-06-01")).unwrap();
        for part in ["order placed", "11 300 000,00", "12 000 000,00"] {
            assert!(row.contains(part), "{part} in {row}");
        }
        assert!(text.contains("\n         O6 700 000,00 NOK\n"), "{text}");
        assert!(text.contains("\n         + THRESHOLD_REACHED (agreement@95)\n"), "{text}");
    }

    #[test]
    fn parts_of_an_answer_become_one() {
        let mut whole = GetHistoryResponse::default();
        for position in [4, 9] {
            let part = GetHistoryResponse {
                entries: vec![entry()],
                as_of: "2026-01-01".to_owned(),
                position,
                head: None,
            };
            add_part(&mut whole, part);
        }
        assert_eq!((whole.entries.len(), whole.position), (2, 9));
    }

    #[test]
    fn reversed_event_is_marked() {
        let mut entry = entry();
        entry.reversed_by_event_id = "e".to_owned();
        let history = GetHistoryResponse { entries: vec![entry], ..Default::default() };
        let text = history_text(Look::default(), "asker-2020", &history);
        assert!(text.contains("order placed (reversed)"), "{text}");
    }
}
