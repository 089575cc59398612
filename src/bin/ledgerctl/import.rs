//! `import`: the history of an older register, with the recorded times that it had.

use std::io::{self, BufRead, Write};
use std::path::Path;

use contract_ledger::wire::json::to_json;
use contract_ledger::wire::v1::{ImportEventsRequest, ImportEventsResponse};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use crate::arguments::ImportArguments;
use crate::client::{Client, ServerAddress};
use crate::import_lines::{IN_FLIGHT_MAX, Importer, Input, Line, Stopped, Tally, import_lines};
use crate::input::{open, progress_bar};
use crate::lines::{Lines, parse};
use crate::outcome::{CommandError, EXIT_DONE, EXIT_FAILED, EXIT_NOT_RUN};
use crate::table::printable;

/// Takes a file in and says what became of it.
pub(crate) async fn run(
    server: &ServerAddress,
    arguments: &ImportArguments,
    output: &mut impl Write,
) -> Result<u8, CommandError> {
    let (input, bytes_total) = open(&arguments.file)?;
    if arguments.check {
        return check(&arguments.file, Lines::new(input), output);
    }
    let client = Client::connect(server).await?;
    let (sender, mut inputs) = mpsc::channel(IN_FLIGHT_MAX);
    // A thread of its own and not one of the runtime's: it may wait for standard input for ever, and
    // the end of this program must not wait for it.
    std::thread::spawn(move || read(Lines::new(input), &sender));
    let bar = progress_bar(bytes_total);
    let mut tally = Tally::default();
    let end = import_lines(
        &mut inputs,
        &mut Stream { client },
        &mut async |pause| tokio::time::sleep(pause).await,
        &mut tally,
        &mut |line: &Line, response: &ImportEventsResponse| {
            bar.set_position(line.bytes_read);
            bar.set_message(format!("line {}", line.number));
            if arguments.json {
                let text = answer_json(line, response);
                return bar.suspend(|| writeln!(output, "{text}"));
            }
            Ok(())
        },
    )
    .await;
    bar.finish_and_clear();
    let summary = summary_text(&tally);
    if arguments.json {
        // When standard error is closed there is nobody to tell.
        let _ = io::stderr().lock().write_all(summary.as_bytes());
    } else {
        output.write_all(summary.as_bytes())?;
    }
    end.map_err(|stopped| stopped_error(&arguments.file, stopped))?;
    Ok(if tally.refused == 0 { EXIT_DONE } else { EXIT_FAILED })
}

/// The real stream.
struct Stream {
    client: Client,
}

impl Importer for Stream {
    type Answers = Streaming<ImportEventsResponse>;

    async fn open(
        &mut self,
        requests: mpsc::Receiver<ImportEventsRequest>,
    ) -> Result<Self::Answers, Status> {
        Ok(self.client.admin.import_events(ReceiverStream::new(requests)).await?.into_inner())
    }
}

/// Reads until the end, a line that is no request, or until nobody wants more.
fn read(mut lines: Lines<impl BufRead>, sender: &mpsc::Sender<Input>) {
    while let Some(input) = next_input(&mut lines) {
        let is_last = !matches!(input, Input::Request(_));
        if sender.blocking_send(input).is_err() || is_last {
            return;
        }
    }
}

/// The next line that is not blank.
fn next_input(lines: &mut Lines<impl BufRead>) -> Option<Input> {
    loop {
        let text = match lines.next() {
            Ok(text) => text?,
            Err(error) => return Some(Input::Unreadable(error)),
        };
        let number = lines.line();
        match text.and_then(|text| parse(&text)) {
            Ok(None) => {}
            Ok(Some(request)) => {
                let bytes_read = lines.bytes_read();
                return Some(Input::Request(Line { number, bytes_read, request }));
            }
            Err(message) => return Some(Input::Malformed { line: number, message }),
        }
    }
}

/// Reads every line without sending any, and names those that are no requests.
fn check(
    file: &Path,
    mut lines: Lines<impl BufRead>,
    output: &mut impl Write,
) -> Result<u8, CommandError> {
    let (mut requests, mut malformed) = (0_u64, 0_u64);
    while let Some(input) = next_input(&mut lines) {
        match input {
            Input::Request(_) => requests += 1,
            Input::Malformed { line, message } => {
                malformed += 1;
                let text = format!("{}, line {line}: {message}", file.display());
                writeln!(output, "{}", printable(&text))?;
            }
            Input::Unreadable(source) => {
                return Err(CommandError::local(format!("reading {}", file.display()), source));
            }
        }
    }
    writeln!(output, "{requests} requests, {malformed} lines that are none; nothing was sent")?;
    Ok(if malformed == 0 { EXIT_DONE } else { EXIT_NOT_RUN })
}

fn answer_json(line: &Line, response: &ImportEventsResponse) -> String {
    format!(r#"{{"line":{},"response":{}}}"#, line.number, to_json(response))
}

fn summary_text(tally: &Tally) -> String {
    let mut text = format!(
        "{} accepted, {} refused; {} of them were taken in before\n",
        tally.accepted, tally.refused, tally.replayed
    );
    for (line, reasons) in &tally.refusals {
        text.push_str(&printable(&format!("  line {line} refused: {reasons}\n")));
    }
    let told = u64::try_from(tally.refusals.len()).unwrap_or(u64::MAX);
    if tally.refused > told {
        let rest = format!("  and {} more\n", tally.refused - told);
        text.push_str(&rest);
    }
    text
}

/// Names the file and the line, and what stands.
fn stopped_error(file: &Path, stopped: Stopped) -> CommandError {
    let place = |line: u64| format!("{}, line {line}", file.display());
    let stands = "everything before it is taken in; repeat the file to go on";
    match stopped {
        Stopped::Malformed { line, message } => {
            CommandError::Stopped(format!("{}: {message}\n  {stands}", place(line)))
        }
        Stopped::Unreadable(source) => {
            CommandError::local(format!("reading {}; {stands}", file.display()), source)
        }
        Stopped::AtLine { line, failure } => {
            CommandError::RefusedAt { place: format!("{} ({stands})", place(line)), failure }
        }
        Stopped::OutOfOrder { line } => CommandError::Stopped(format!(
            "{}: the answer was to another request; {stands}",
            place(line)
        )),
        // Not `Output`: with lines left, a reader that has gone is no success.
        Stopped::Output(source) => CommandError::local("writing an answer", source),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Failure;

    const REQUEST: &str = r#"{"append":{"requestId":"r1","agreementId":"A","events":[]},"recordedTime":"2022-10-15T08:00:00Z"}"#;

    fn inputs(text: &str) -> Vec<Input> {
        let mut lines = Lines::new(text.as_bytes());
        std::iter::from_fn(|| next_input(&mut lines)).collect()
    }

    #[test]
    fn blank_lines_count_and_are_skipped() {
        let inputs = inputs(&format!("\n{REQUEST}\n\n\n{REQUEST}"));
        let numbers: Vec<u64> = inputs
            .iter()
            .map(|input| match input {
                Input::Request(line) => line.number,
                Input::Malformed { .. } | Input::Unreadable(_) => 0,
            })
            .collect();
        assert_eq!(numbers, [2, 5]);
        let Some(Input::Request(line)) = inputs.first() else { panic!("a request") };
        assert_eq!(line.request.recorded_time.unwrap().seconds, 1_665_820_800);
    }

    #[test]
    fn reading_ends_at_a_line_that_is_no_request() {
        let (sender, mut receiver) = mpsc::channel(9);
        read(Lines::new(format!("{REQUEST}\nnonsense\n{REQUEST}\n").as_bytes()), &sender);
        drop(sender);
        assert!(matches!(receiver.try_recv(), Ok(Input::Request(_))));
        assert!(matches!(receiver.try_recv(), Ok(Input::Malformed { line: 2, .. })));
        assert!(receiver.try_recv().is_err());
    }

    #[test]
    fn check_names_every_line_that_is_no_request() {
        let mut output = Vec::new();
        let text = format!("{REQUEST}\nnonsense\n{{\"surprise\":1}}\n");
        let code = check(Path::new("a.jsonl"), Lines::new(text.as_bytes()), &mut output).unwrap();
        let output = String::from_utf8(output).unwrap();
        assert_eq!(code, EXIT_NOT_RUN);
        assert!(output.starts_with("a.jsonl, line 2: the text is not a valid"), "{output}");
        assert!(output.contains("a.jsonl, line 3: "), "{output}");
        assert!(output.ends_with("1 requests, 2 lines that are none; nothing was sent\n"));
    }

    #[test]
    fn summary_names_the_first_refusals_and_counts_the_rest() {
        let refusals = vec![(12, "CEILING_EXCEEDED".to_owned())];
        let tally = Tally { accepted: 14, refused: 3, replayed: 2, refusals };
        assert_eq!(
            summary_text(&tally),
            concat!(
                "14 accepted, 3 refused; 2 of them were taken in before\n",
                "  line 12 refused: CEILING_EXCEEDED\n",
                "  and 2 more\n",
            )
        );
    }

    #[test]
    fn end_before_the_end_names_file_and_line() {
        let file = Path::new("a.jsonl");
        let malformed = Stopped::Malformed { line: 7, message: "no JSON".to_owned() };
        let text = stopped_error(file, malformed).to_string();
        assert!(text.starts_with("a.jsonl, line 7: no JSON\n"), "{text}");
        let failure = Failure {
            code: "FAILED_PRECONDITION",
            reason: "IMPORT_NOT_ALLOWED".to_owned(),
            ..Failure::default()
        };
        let text = stopped_error(file, Stopped::AtLine { line: 1, failure: Box::new(failure) })
            .to_string();
        assert!(text.starts_with("a.jsonl, line 1 ("), "{text}");
        assert!(text.contains("IMPORT_NOT_ALLOWED (FAILED_PRECONDITION)"), "{text}");
    }
}
