//! `append`: requests from a file or standard input, answers as JSON lines.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::append_lines::{AppendStopped, Tally, append_lines};
use crate::arguments::AppendArguments;
use crate::client::{Client, ServerAddress, with_deadline};
use crate::failure::Failure;
use crate::outcome::{CommandError, EXIT_DONE, EXIT_FAILED};

/// How often the progress bar moves while a request waits.
const TICK_MS: u64 = 200;

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

fn open(file: &Path) -> Result<(Box<dyn BufRead>, Option<u64>), CommandError> {
    if file.as_os_str() == "-" {
        return Ok((Box::new(BufReader::new(io::stdin())), None));
    }
    let doing = || format!("opening {}", file.display());
    let opened = File::open(file).map_err(|source| CommandError::local(doing(), source))?;
    let metadata = opened.metadata().map_err(|source| CommandError::local(doing(), source))?;
    if metadata.is_dir() {
        return Err(CommandError::Usage(format!("{} is a folder", file.display())));
    }
    let bytes_total = metadata.is_file().then_some(metadata.len());
    Ok((Box::new(BufReader::new(opened)), bytes_total))
}

/// A bar over the bytes of a file, a spinner where the end is not known. indicatif draws on
/// standard error, and only when that is a terminal.
fn progress_bar(bytes_total: Option<u64>) -> ProgressBar {
    let (bar, template) = match bytes_total {
        Some(bytes_total) => (
            ProgressBar::new(bytes_total),
            "{bar:32} {percent:>3} %  {msg}  {elapsed}, {eta} to go",
        ),
        None => (ProgressBar::new_spinner(), "{spinner} {msg}  {elapsed}"),
    };
    bar.enable_steady_tick(Duration::from_millis(TICK_MS));
    bar.with_style(ProgressStyle::with_template(template).expect("the template is well formed"))
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
