//! `append`: requests from a file or standard input, answers as JSON lines.

use std::io::{self, BufRead, Write};
use std::time::Duration;

use contract_ledger::wire::v1::{AppendEventsStreamRequest, AppendEventsStreamResponse};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use crate::append_lines::{
    ANSWER_WAIT_MS_MAX, AppendStopped, Appender, IN_FLIGHT_MAX, Input, Line, Tally, append_lines,
};
use crate::arguments::AppendArguments;
use crate::client::{Client, ServerAddress};
use crate::input::{open, progress_bar};
use crate::lines::{Lines, parse};
use crate::outcome::{CommandError, EXIT_DONE, EXIT_FAILED};

/// Appends a file and says whether every line was accepted.
pub(crate) async fn run(
    server: &ServerAddress,
    arguments: &AppendArguments,
    output: &mut impl Write,
) -> Result<u8, CommandError> {
    let (input, bytes_total) = open(&arguments.file)?;
    let client = Client::connect(server).await?;
    let (sender, mut inputs) = mpsc::channel(IN_FLIGHT_MAX);
    // A thread of its own and not one of the runtime's: it may wait for standard input for ever, and
    // the end of this program must not wait for it.
    std::thread::spawn(move || read(Lines::new(input), &sender));
    let bar = progress_bar(bytes_total);
    let end = append_lines(
        &mut inputs,
        &mut Streams { client },
        Duration::from_millis(ANSWER_WAIT_MS_MAX),
        &mut async |pause| tokio::time::sleep(pause).await,
        &mut |answer| {
            bar.set_position(answer.bytes_read);
            bar.set_message(format!("line {}", answer.line));
            bar.suspend(|| writeln!(output, "{}", answer.json()))
        },
    )
    .await;
    bar.finish_and_clear();
    let tally = end.map_err(stopped)?;
    summarise(tally);
    Ok(if tally.failed == 0 { EXIT_DONE } else { EXIT_FAILED })
}

/// The real streams.
struct Streams {
    client: Client,
}

impl Appender for Streams {
    type Answers = Streaming<AppendEventsStreamResponse>;

    async fn open(
        &mut self,
        requests: mpsc::Receiver<AppendEventsStreamRequest>,
    ) -> Result<Self::Answers, Status> {
        let requests = ReceiverStream::new(requests);
        Ok(self.client.ledger.append_events_stream(requests).await?.into_inner())
    }
}

/// Reads until the end, or until nobody wants more.
pub(crate) fn read(mut lines: Lines<impl BufRead>, sender: &mpsc::Sender<Input>) {
    while let Some(input) = next_input(&mut lines) {
        let is_last = match &input {
            Input::Line(_) => false,
            Input::Unreadable(_) => true,
        };
        if sender.blocking_send(input).is_err() || is_last {
            return;
        }
    }
}

/// The next line that is not blank.
pub(crate) fn next_input(lines: &mut Lines<impl BufRead>) -> Option<Input> {
    loop {
        let text = match lines.next() {
            Ok(text) => text?,
            Err(error) => return Some(Input::Unreadable(error)),
        };
        if let Some(request) = text.and_then(|text| parse(&text)).transpose() {
            let (number, bytes_read) = (lines.line(), lines.bytes_read());
            return Some(Input::Line(Line { number, bytes_read, request }));
        }
    }
}

fn stopped(end: AppendStopped) -> CommandError {
    match end {
        AppendStopped::Input(source) => CommandError::local("reading the input", source),
        // Not `Output`: with lines left unsent, a reader that has gone is no success.
        AppendStopped::Output(source) => {
            let doing =
                "writing an answer; lines after it may be recorded, append the same file again";
            CommandError::local(doing, source)
        }
        AppendStopped::Unanswered { .. } | AppendStopped::OutOfOrder { .. } => {
            CommandError::Stopped(format!(
                "{end}\n  Its outcome is open: append the same file again, known request ids get their first answer."
            ))
        }
    }
}

fn summarise(tally: Tally) {
    // When standard error is closed there is nobody to tell.
    let _ = writeln!(io::stderr().lock(), "{} accepted, {} failed", tally.accepted, tally.failed);
}
