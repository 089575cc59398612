//! `demo`: starts a real server, plays the framework agreement of Asker kommune and HyperRedink
//! through gRPC, compares every figure, shows the tables, and stops the server. `portfolio` imports
//! a made-up history of real frameworks instead.

mod events;
mod script;

mod ask;
mod check;
mod row;

mod play;
mod portfolio;
mod server_process;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use tokio::signal::unix::{SignalKind, signal};

use crate::arguments::DemoArguments;
use crate::client::{Client, ServerAddress};
use crate::findings::{Detail, findings_table};
use crate::history::history_text;
use crate::outcome::{CommandError, EXIT_DONE, EXIT_FAILED};
use crate::table::Look;
use crate::usage::usage_text;
use ask::Asker;
use play::Player;
use server_process::ServerProcess;

/// How the server is told to take in a history with its own recorded times.
const IMPORT_FLAG: &str = "--import-mode";

const PREFACE: &str = "\
Buyer: Asker kommune, 920125298. Supplier: HyperRedink under the made-up number 314159268: its own
is not in the sources; the check digit is valid, but real numbers begin with 8 or 9. The sources
give the month of the signature; the year is assumed. Amounts are NOK without VAT. Every step is
imported as recorded at ten in the morning of its own day, and the sums are those of that day, as
known then.
";
const QUESTIONS_PREFACE: &str = "\
The same ledger asked at two times: as of a day, with what was known by the end of another.
";

/// Plays everything; says whether every figure was right.
pub(crate) async fn run(
    look: Look,
    arguments: &DemoArguments,
    output: &mut impl Write,
) -> Result<u8, CommandError> {
    let folder = Folder::prepare(arguments.keep.as_deref())?;
    let preface = if arguments.portfolio { portfolio::PREFACE } else { PREFACE };
    let server = unless_interrupted(ServerProcess::start(folder.path(), &[IMPORT_FLAG])).await?;
    writeln!(
        output,
        "A real ledger runs as process {} at {}, on {}.\n{preface}",
        server.process_id(),
        server.url(),
        folder.path().display()
    )?;
    let played = if arguments.portfolio {
        unless_interrupted(portfolio::play_and_show(look, server.url(), output)).await
    } else {
        unless_interrupted(play_and_show(look, server.url(), output)).await
    };
    // Also after a failure: the server is stopped and the folder removed before anything is said.
    let stopped = server.stop().await;
    let removed = folder.remove();
    let mismatches = played?;
    stopped?;
    removed?;
    conclude(&mismatches, output)
}

/// Gives up the work when somebody asks this program to end, so that what was begun can be ended:
/// a server without its demo would run on unseen.
async fn unless_interrupted<T>(
    work: impl Future<Output = Result<T, CommandError>>,
) -> Result<T, CommandError> {
    let listen =
        |kind| signal(kind).map_err(|source| CommandError::local("listening for signals", source));
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    let mut hang_up = listen(SignalKind::hangup())?;
    let name = tokio::select! {
        result = work => return result,
        _ = interrupt.recv() => "SIGINT",
        _ = terminate.recv() => "SIGTERM",
        _ = hang_up.recv() => "SIGHUP",
    };
    Err(CommandError::Stopped(format!("ended by {name}")))
}

/// Returns what was not as it must be.
async fn play_and_show(
    look: Look,
    url: &str,
    output: &mut impl Write,
) -> Result<Vec<String>, CommandError> {
    let server = ServerAddress { url: url.to_owned(), ca_file: None };
    let mut player = Player::new(Asker::new(Client::connect(&server).await?));
    writeln!(output, "{}", row::head_row())?;
    for scene in script::scenes() {
        player.play(&scene, output).await?;
    }
    writeln!(output, "\n{QUESTIONS_PREFACE}{}", row::question_head_row())?;
    for question in &script::QUESTIONS {
        player.ask(question, output).await?;
    }
    let end = player.end().await?;
    writeln!(output, "\n{}", usage_text(look, &end.usage))?;
    writeln!(output, "Every finding of the story, open and cleared:\n")?;
    writeln!(output, "{}", findings_table(look, Detail::Usual, &end.findings))?;
    writeln!(output, "{}", history_text(look, events::AGREEMENT_ID, &end.history))?;
    writeln!(output, "{}", player.summary())?;
    Ok(player.mismatches())
}

fn conclude(mismatches: &[String], output: &mut impl Write) -> Result<u8, CommandError> {
    if mismatches.is_empty() {
        writeln!(output, "The server was stopped and ended well.")?;
        return Ok(EXIT_DONE);
    }
    writeln!(output, "{} things are wrong:", mismatches.len())?;
    for mismatch in mismatches {
        writeln!(output, "  {mismatch}")?;
    }
    Ok(EXIT_FAILED)
}

/// Where the server keeps its data during the demo.
enum Folder {
    /// Removed at the end, also when the demo fails.
    Temporary(tempfile::TempDir),
    /// Kept, as asked.
    Kept(PathBuf),
}

impl Folder {
    fn prepare(keep: Option<&Path>) -> Result<Self, CommandError> {
        let Some(kept) = keep else {
            return tempfile::Builder::new()
                .prefix("ledgerctl-demo-")
                .tempdir()
                .map(Self::Temporary)
                .map_err(|source| CommandError::local("making a temporary folder", source));
        };
        let doing = || format!("preparing {}", kept.display());
        let entries = fs::create_dir_all(kept)
            .and_then(|()| fs::read_dir(kept))
            .map_err(|source| CommandError::local(doing(), source))?;
        if entries.count() > 0 {
            return Err(CommandError::Usage(format!(
                "{} is not empty; the demo starts with an empty ledger",
                kept.display()
            )));
        }
        Ok(Self::Kept(kept.to_owned()))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Temporary(folder) => folder.path(),
            Self::Kept(path) => path,
        }
    }

    fn remove(self) -> Result<(), CommandError> {
        match self {
            Self::Temporary(folder) => folder
                .close()
                .map_err(|source| CommandError::local("removing the temporary folder", source)),
            Self::Kept(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_folder_must_be_empty_and_stays() {
        let outer = tempfile::tempdir().unwrap();
        let kept = outer.path().join("new");
        let folder = Folder::prepare(Some(&kept)).unwrap();
        fs::write(kept.join("data"), "x").unwrap();
        folder.remove().unwrap();
        assert!(kept.join("data").exists());
        assert!(Folder::prepare(Some(&kept)).is_err());
    }

    #[test]
    fn temporary_folder_goes() {
        let folder = Folder::prepare(None).unwrap();
        let path = folder.path().to_owned();
        assert!(path.exists());
        folder.remove().unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn one_wrong_figure_is_a_failure() {
        let mut output = Vec::new();
        assert_eq!(conclude(&[], &mut output).unwrap(), EXIT_DONE);
        let wrong = ["2024-06-01: remaining".to_owned()];
        assert_eq!(conclude(&wrong, &mut output).unwrap(), EXIT_FAILED);
    }
}
