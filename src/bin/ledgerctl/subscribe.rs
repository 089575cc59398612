//! `subscribe`: the log as it grows, in order and without a gap.

use std::io::Write;

use contract_ledger::wire::json::to_json;
use contract_ledger::wire::v1::subscribe_events_response::Message;
use contract_ledger::wire::v1::{
    GetHeadRequest, Record, SubscribeEventsRequest, SubscribeEventsResponse,
};
use tonic::{Status, Streaming};

use crate::arguments::SubscribeArguments;
use crate::client::{Client, ServerAddress, with_deadline};
use crate::following::{Follower, Going, follow_until_interrupted, tell};
use crate::outcome::{CommandError, EXIT_DONE};
use crate::record_text::RecordText;
use crate::table::{Look, Tone};
use crate::words::admission_mode_text;

/// Follows until caught up, when so asked, or until interrupted.
pub(crate) async fn run(
    server: &ServerAddress,
    look: Look,
    arguments: SubscribeArguments,
    output: &mut impl Write,
) -> Result<u8, CommandError> {
    let mut client = Client::connect(server).await?;
    // Counted from a position from the start, so that a stream that breaks before its first message
    // leaves no gap.
    let from = match arguments.from {
        Some(position) => position,
        None => {
            client
                .ledger
                .get_head(with_deadline(GetHeadRequest {}))
                .await?
                .into_inner()
                .record_count
        }
    };
    let mut subscriber = Subscriber {
        request: request(&arguments, from),
        client,
        telling: Telling::of(&arguments, look),
        output,
    };
    if !arguments.json {
        writeln!(subscriber.output, "{}", look.line(&head_line(), Tone::Quiet))?;
        subscriber.output.flush()?;
    }
    let ended = follow_until_interrupted(&mut subscriber).await;
    if let Some(position) = subscriber.request.from_position {
        tell(&format!("go on with --from {position}"));
    }
    ended.map(|()| EXIT_DONE)
}

fn request(arguments: &SubscribeArguments, from: u64) -> SubscribeEventsRequest {
    SubscribeEventsRequest {
        from_position: Some(from),
        agreement_id: arguments.agreement.clone().unwrap_or_default(),
        types: arguments.types.iter().copied().map(i32::from).collect(),
        exclude_refusals: arguments.no_refusals,
    }
}

/// How records are told, and until when.
#[derive(Debug, Clone, Copy)]
struct Telling {
    look: Look,
    json: bool,
    until_caught_up: bool,
}

impl Telling {
    fn of(arguments: &SubscribeArguments, look: Look) -> Self {
        Self { look, json: arguments.json, until_caught_up: arguments.until_caught_up }
    }

    /// Writes what a message carries; the state of the stream is told beside the output.
    fn write(
        self,
        response: &SubscribeEventsResponse,
        output: &mut impl Write,
        tell: &mut impl FnMut(&str),
    ) -> Result<Going, CommandError> {
        match &response.message {
            Some(Message::Records(records)) => {
                for record in &records.records {
                    if self.json {
                        writeln!(output, "{}", to_json(record))?;
                    } else {
                        output.write_all(record_lines(self.look, record).as_bytes())?;
                    }
                }
                output.flush()?;
                Ok(Going::On)
            }
            Some(Message::CaughtUp(_)) => {
                tell(&format!("caught up: {} records", response.record_count));
                Ok(if self.until_caught_up { Going::Done } else { Going::On })
            }
            Some(Message::FellBehind(behind)) => {
                tell(&format!("fell behind by {} records", behind.records_behind));
                Ok(Going::On)
            }
            Some(Message::Checkpoint(_)) | None => Ok(Going::On),
        }
    }
}

struct Subscriber<'a, W> {
    client: Client,
    /// The next request: its position is the last resume position.
    request: SubscribeEventsRequest,
    telling: Telling,
    output: &'a mut W,
}

impl<W: Write> Follower for Subscriber<'_, W> {
    type Message = SubscribeEventsResponse;
    type Messages = Streaming<SubscribeEventsResponse>;

    async fn open(&mut self) -> Result<Self::Messages, Status> {
        let opened = self.client.ledger.subscribe_events(self.request.clone()).await?;
        Ok(opened.into_inner())
    }

    fn take(&mut self, message: SubscribeEventsResponse) -> Result<Going, CommandError> {
        let going = self.telling.write(&message, self.output, &mut tell)?;
        self.request.from_position = Some(message.resume_position);
        Ok(going)
    }
}

/// Columns of fixed widths, because rows are written while they come in.
fn columns(cells: [&str; 6]) -> String {
    let [position, agreement, version, effective, mode, event] = cells;
    format!("{position:>9}  {agreement:<24}  {version:>5}  {effective:<10}  {mode:<6}  {event}")
}

fn head_line() -> String {
    columns(["pos.", "agreement", "ver.", "effective", "mode", "event"])
}

/// A row with its notes.
fn record_lines(look: Look, record: &Record) -> String {
    let described = RecordText::of(record);
    let tone = if described.refused { Tone::Bad } else { Tone::Plain };
    let row = columns([
        &record.position.to_string(),
        &record.agreement_id,
        &described.version,
        &described.effective_date,
        admission_mode_text(described.admission_mode),
        &described.what,
    ]);
    let mut lines = look.line(&row, tone) + "\n";
    for (note, tone) in described.notes(record) {
        lines.push_str(&look.note(&note, tone));
        lines.push('\n');
    }
    lines
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use contract_ledger::wire::v1::{
        EventType, SubscribedRecords, SubscriptionCaughtUp, SubscriptionCheckpoint,
        SubscriptionFellBehind,
    };

    use super::*;
    use crate::arguments::{Arguments, Command};

    fn arguments(line: &str) -> SubscribeArguments {
        let Command::Subscribe(arguments) = Arguments::parse_from(line.split(' ')).command else {
            panic!("subscribe was asked for");
        };
        arguments
    }

    /// What is written, what is told, and whether it goes on.
    fn write(line: &str, message: Message) -> (String, Vec<String>, Going) {
        let response = SubscribeEventsResponse {
            message: Some(message),
            resume_position: 8,
            record_count: 12,
        };
        let (mut output, mut told) = (Vec::new(), Vec::new());
        let telling = Telling::of(&arguments(line), Look::default());
        let going =
            telling.write(&response, &mut output, &mut |text| told.push(text.to_owned())).unwrap();
        (String::from_utf8(output).unwrap(), told, going)
    }

    fn records() -> Message {
        let record = |position| Record {
            position,
            agreement_id: "asker-2020".to_owned(),
            ..Default::default()
        };
        Message::Records(SubscribedRecords { records: vec![record(6), record(7)] })
    }

    #[test]
    fn records_are_rows_under_the_head_or_json_lines() {
        let (text, told, going) = write("ledgerctl subscribe", records());
        assert_eq!((text.lines().count(), told.len(), going), (2, 0, Going::On));
        assert!(text.starts_with("         6  asker-2020"), "{text}");
        let (json, _, _) = write("ledgerctl subscribe --json", records());
        assert_eq!(json.lines().count(), 2);
        assert!(json.starts_with(r#"{"position":"6""#), "{json}");
    }

    #[test]
    fn caught_up_ends_only_when_so_asked_and_is_told_beside_the_output() {
        let caught_up = || Message::CaughtUp(SubscriptionCaughtUp {});
        let (output, told, going) = write("ledgerctl subscribe", caught_up());
        assert_eq!((output.as_str(), going), ("", Going::On));
        assert_eq!(told, ["caught up: 12 records"]);
        let (_, _, going) = write("ledgerctl subscribe --until-caught-up", caught_up());
        assert_eq!(going, Going::Done);
    }

    #[test]
    fn slow_reader_is_told_and_a_heartbeat_is_not() {
        let behind = Message::FellBehind(SubscriptionFellBehind { records_behind: 4 });
        assert_eq!(write("ledgerctl subscribe", behind).1, ["fell behind by 4 records"]);
        let heartbeat = Message::Checkpoint(SubscriptionCheckpoint::default());
        assert!(write("ledgerctl subscribe", heartbeat).1.is_empty());
    }

    #[test]
    fn filters_reach_the_request() {
        let arguments = arguments(
            "ledgerctl subscribe --from 0 --agreement A --type order-placed --no-refusals",
        );
        assert_eq!(arguments.from, Some(0));
        assert_eq!(
            request(&arguments, 0),
            SubscribeEventsRequest {
                from_position: Some(0),
                agreement_id: "A".to_owned(),
                types: vec![i32::from(EventType::OrderPlaced)],
                exclude_refusals: true,
            }
        );
    }
}
