//! `append`: requests from a file or standard input, answers as JSON lines.

use std::io::{self, Write};

use crate::append_lines::{AppendStopped, Tally, append_lines};
use crate::arguments::AppendArguments;
use crate::client::{Client, ServerAddress, with_deadline};
use crate::failure::Failure;
use crate::input::{open, progress_bar};
use crate::outcome::{CommandError, EXIT_DONE, EXIT_FAILED};

/// Appends a file and says whether every line was accepted.
pub(crate) async fn run(
    server: &ServerAddress,
    arguments: &AppendArguments,
    output: &mut impl Write,
) -> Result<u8, CommandError> {
    let (mut input, bytes_total) = open(&arguments.file)?;
    let client = Client::connect(server).await?;
    let bar = progress_bar(bytes_total);
    let end = append_lines(
        &mut input,
        &mut async |request| {
            let mut ledger = client.ledger.clone();
            match ledger.append_events(with_deadline(request)).await {
                Ok(response) => Ok(response.into_inner()),
                Err(status) => Err(Box::new(Failure::of_status(&status))),
            }
        },
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

fn stopped(end: AppendStopped) -> CommandError {
    match end {
        AppendStopped::Input(source) => CommandError::local("reading the input", source),
        // Not `Output`: with lines left unsent, a reader that has gone is no success.
        AppendStopped::Output(source) => {
            CommandError::local("writing an answer; no line after it was sent", source)
        }
        AppendStopped::Unanswered { .. } => CommandError::Stopped(format!(
            "{end}\n  Its outcome is open: append the same file again, known request ids get their first answer."
        )),
    }
}

fn summarise(tally: Tally) {
    // When standard error is closed there is nobody to tell.
    let _ = writeln!(io::stderr().lock(), "{} accepted, {} failed", tally.accepted, tally.failed);
}
