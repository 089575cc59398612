//! The command line: what may be asked, and the help that teaches it. Parses; does nothing.

mod common;
mod dossier;
mod lists;
mod offline;
mod proofs;
mod questions;
mod streams;
mod values;
mod writing;

use std::path::PathBuf;

use clap::builder::FalseyValueParser;
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

use crate::bench::BenchArguments;
use crate::frameworks::FrameworksArguments;
use crate::generate::GenerateArguments;
pub(crate) use common::{KnownArguments, PageArguments, TimeArguments};
pub(crate) use dossier::{DossierArguments, VerifyDossierArguments};
pub(crate) use lists::{
    AmendmentsArguments, DeadlinesArguments, FindingsArguments, InvoicesArguments, OrdersArguments,
    PortfolioArguments, RefusalsArguments, StatusChoice, YesNo,
};
pub(crate) use offline::{
    BackupArguments, FolderArguments, RecoverArguments, RestoreArguments, VerifyArguments,
};
pub(crate) use proofs::{
    AuditArguments, CheckpointArguments, ExportTilesArguments, KeygenArguments, ReceiptArguments,
    ReplayArguments, TreeArguments, TrustArguments, VerifyReceiptArguments,
};
pub(crate) use questions::{BreakdownArguments, ForecastArguments};
pub(crate) use streams::{EventsArguments, SubscribeArguments, WatchArguments};
pub(crate) use writing::{AppendArguments, ImportArguments};

const EXIT_CODES: &str = "\
Exit codes:
  0  done; with append and import: every line was accepted
  1  the ledger answered with an error; with append and import: to at least one line; with demo: a
     figure is wrong; with verify, recover, backup and restore: something is damaged, is another
     history, or is refused; with audit, verify-receipt, dossier, verify-dossier and export-tiles:
     something is not true
  2  not carried out, or not to the end: wrong arguments, no connection, no file, a line of import
     that is no request
  3  with dossier and verify-dossier: nothing is wrong, but that no later event of the agreement was
     left out is not proved, and --waive-completeness was not given";

const FIRST_STEPS: &str = "\
First steps:
  ledgerctl demo                                   one agreement from signature to the last krone
  ledgerctl append events.jsonl                    append a file of requests
  ledgerctl usage asker-2020                       what is left today
  ledgerctl usage asker-2020 --as-of 2023-02-01    what was left on a day
  ledgerctl history asker-2020                     everything that ever happened
  ledgerctl portfolio                              all agreements, and which need a look";

/// Client of the contract ledger: appends events, and asks what is left of every ceiling.
#[derive(Debug, Parser)]
#[command(name = "ledgerctl", version, after_help = FIRST_STEPS, after_long_help = format!("{FIRST_STEPS}\n\n{EXIT_CODES}"))]
pub(crate) struct Arguments {
    /// Address of the ledger.
    #[arg(
        long,
        global = true,
        alias = "endpoint",
        value_name = "URL",
        env = "LEDGERCTL_SERVER",
        default_value = "http://127.0.0.1:7401"
    )]
    pub(crate) server: String,
    /// PEM file with the authority of the server's certificate, for an https:// address.
    #[arg(long, global = true, value_name = "FILE", env = "LEDGERCTL_CA_FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Tables without colour, also on a terminal.
    #[arg(long, global = true, env = "NO_COLOR", value_parser = FalseyValueParser::new())]
    pub(crate) no_color: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Append requests from a file, one a line.
    ///
    /// Each line is an AppendEventsRequest in the protobuf JSON mapping; blank lines are skipped.
    /// Each is answered by one JSON line, {"line":1,"ok":true,"response":{...}} or
    /// {"line":2,"ok":false,"code":"...","reason":"...","refusals":[...]}.
    ///
    /// A refused line does not stop the lines after it. Repeating a file is safe: a request id that
    /// the ledger knows gets its first answer again.
    Append(AppendArguments),
    /// Take in the history of an older register, with the recorded times that it had.
    ///
    /// Each line is an ImportEventsRequest in the protobuf JSON mapping: {"append":{...},
    /// "recordedTime":"..."}; blank lines are skipped. The ledger must run in import mode. Many lines
    /// are on their way at once; the import ends at the first line that is no request or that the
    /// ledger cannot consider, with everything before it taken in.
    ///
    /// Repeating a file is safe and goes on where it ended: a request id that the ledger knows is not
    /// taken in again.
    Import(ImportArguments),
    /// Show all agreements: share used beside share of the term elapsed, early run-outs, open findings.
    Portfolio(PortfolioArguments),
    /// Show how much of every ceiling is used, the forecast and the open findings.
    Usage(UsageArguments),
    /// Show what is agreed: parties, term in force, options, ceilings, state.
    Agreement(AgreementArguments),
    /// Show everything that ever happened on an agreement, with exposure before and after.
    History(HistoryArguments),
    /// Show when the ceiling runs out at the pace so far, and before which end.
    Forecast(ForecastArguments),
    /// Show the sums of an agreement by department, supplier, buyer, lot, CPV code or month.
    Breakdown(BreakdownArguments),
    /// Show findings of one agreement or of all: what breaks a rule or lacks documentation.
    Findings(FindingsArguments),
    /// Show orders of one agreement or of all, with what hangs on them.
    Orders(OrdersArguments),
    /// Show invoices of one agreement or of all, with what is paid, outstanding and held back.
    Invoices(InvoicesArguments),
    /// Show days on which something ends or is due.
    Deadlines(DeadlinesArguments),
    /// Show the amendments of an agreement with the cumulated share for each legal basis.
    Amendments(AmendmentsArguments),
    /// Show refused requests with every reason.
    Refusals(RefusalsArguments),
    /// Read the log, forwards or backwards.
    Events(EventsArguments),
    /// Follow the log live, in order and without a gap, until interrupted.
    Subscribe(SubscribeArguments),
    /// Follow findings as they open and clear, and deadlines as they come near, until interrupted.
    Watch(WatchArguments),
    /// Show how long the log is.
    Head(HeadArguments),
    /// Build the tree over the whole log on this side; show its root, prove a record, sign what was seen.
    ///
    /// Reads every record as it is stored. The ledger's word is taken for nothing: leaves, hashes and
    /// proofs are computed here, and a proof is checked before it is shown. With --key it is you who says what
    /// the log was; what the ledger itself says is shown by checkpoint.
    Tree(TreeArguments),
    /// Show the ledger's own signed checkpoint: its word on what the log is, binding for ever.
    Checkpoint(CheckpointArguments),
    /// Show the receipt of an event: proof, under a signed checkpoint, that it is in the log.
    Receipt(ReceiptArguments),
    /// Check a receipt offline, and say what it proves.
    ///
    /// Needs no ledger. Exit code 0: it holds. 1: it does not, and what is wrong is named.
    VerifyReceipt(VerifyReceiptArguments),
    /// Write an answer about an agreement with all that is needed to check it offline, in one file.
    ///
    /// The file holds every record of the agreement as it is stored, the proof of each under the ledger's
    /// signed checkpoint, the schema, the dated policy, and the answer: every figure and every finding. A
    /// report for people is written beside it as HTML. The format is in docs/dossier.md.
    ///
    /// What was written is verified at once, with the keys that the ledger tells of itself. Exit code 0:
    /// it holds. 1: the ledger answered with an error, or what it gave does not hold; then the files are
    /// written all the same, as evidence. 2: it could not be carried out.
    Dossier(DossierArguments),
    /// Check a dossier offline: signature, proofs, and every figure and finding anew from its events.
    ///
    /// Needs no ledger. Says of each figure and each finding whether it follows, and from which events.
    ///
    /// Exit code 0: it holds. 1: it does not, and what is wrong is named. 2: it could not be looked at.
    VerifyDossier(VerifyDossierArguments),
    /// Prove that nothing was changed or removed since the last visit, and list what is new.
    ///
    /// Compares the checkpoint of the last visit with the one that the ledger signs now, by a proof of
    /// consistency. Reads every record since, makes its leaf on this side, and compares the root with
    /// the signed one. Lists refusals and findings since. Keeps the new checkpoint in the place of the
    /// old one, only when all was right.
    ///
    /// Exit code 0: all was right. 1: something is not true, and is named. 2: it could not be looked at.
    Audit(AuditArguments),
    /// Write the whole history as JSON lines, a record a line, the same bytes every time.
    Replay(ReplayArguments),
    /// Write the tree over the log as static files (C2SP tlog-tiles) that any monitor can read.
    ///
    /// Reads the records since the last export, computes leaves and tiles on this side, and shows them
    /// only under a checkpoint of the ledger with the same root. Any web server can serve the folder.
    ///
    /// Exit code 0: the folder shows the checkpoint. 1: something is not true, and is named; the folder
    /// still shows its earlier checkpoint. 2: it could not be carried out; run it again.
    ExportTiles(ExportTilesArguments),
    /// Make a key that signs checkpoints; prints the text to verify with.
    Keygen(KeygenArguments),
    /// Verify everything that is stored: of a ledger that runs, or with DIR of one that does not.
    ///
    /// Checksums, the chain of hashes, positions, recorded times and the versions of every agreement
    /// are checked; the archive is compared with the store, and the indexes with the log. Changes
    /// nothing.
    ///
    /// Without DIR the ledger at --server is asked to verify itself while it serves, the kept rows of
    /// the portfolio too. With DIR every byte of the folder is read, also what a running ledger would
    /// have in memory; the store is copied to a temporary folder first, because sled cannot open it
    /// without writing.
    ///
    /// Exit code 0: all is whole and alike. 1: something is wrong, and is named. 2: it could not be
    /// looked at, or not to the end.
    Verify(VerifyArguments),
    /// Rebuild whichever copy of a log is lost or damaged from the other.
    ///
    /// Reads every byte of both copies. What is replaced is set aside in the folder, never deleted.
    ///
    /// Exit code 0: both are whole and alike now. 1: refused, with the position that is whole in
    /// neither copy or differs. 2: it could not be carried out.
    Recover(RecoverArguments),
    /// Copy the log of a running ledger to a backup folder, or bring that folder up to date; or to a
    /// single file.
    ///
    /// The first run makes the folder and copies everything up to the head as it is then; appends go on
    /// meanwhile. Later runs check the folder, prove that its last block is one of this ledger's, and go
    /// on behind it. Each block is verified before it is written, synced, and read back. An interrupted
    /// run is continued by the next.
    ///
    /// A file is written as a whole each time, read back, and gets its name last; an interrupted run
    /// leaves none. A name that is taken is refused. The file is a tar of the files of a backup folder.
    ///
    /// Exit code 0: the folder or file holds the log up to the position that is printed. 1: a block or the
    /// folder is damaged, or the folder is of another history; what is damaged is not written. 2: not
    /// carried out to the end; run it again.
    Backup(BackupArguments),
    /// Make a new data folder of a backup folder or file, or of the archive of a ledger, up to any point.
    ///
    /// Every block is verified. Requests are never split: the restore ends with the last whole request
    /// within the point. Printed are the last position and the hash of the last block, and where the
    /// restored log has the very blocks of the backup.
    ///
    /// Exit code 0: the folder is made and verified. 1: the backup is damaged or of another history than
    /// expected. 2: it could not be carried out.
    Restore(RestoreArguments),
    /// Start a ledger of its own, play a real agreement through it and check every figure.
    ///
    /// The ledger is a process of its own on a temporary folder and a free port of this machine. The
    /// framework agreement of Asker kommune and HyperRedink is sent to it through gRPC step by step,
    /// and every figure of the answers is compared with what it must be. Needs no network and leaves
    /// nothing behind.
    Demo(DemoArguments),
    /// Write published notices of framework agreements as requests that sign them.
    Frameworks(FrameworksArguments),
    /// Write a made-up history of those agreements as requests to import.
    ///
    /// Each line is an ImportEventsRequest in the protobuf JSON mapping, in the order of recording.
    /// Only the signatures come from notices; everything else is invented from the seed.
    Generate(GenerateArguments),
    /// Measure a ledger that runs: how much it takes in and gives out, and how long each answer takes.
    ///
    /// Sets up agreements of its own with ceilings that nothing reaches, sends calls for some seconds and
    /// tells rates, percentiles, processor time and memory. What is appended stays for ever, so measure a
    /// ledger that nobody needs.
    ///
    /// Exit code 0: every call was answered, refused or overloaded. 1: some failed. 2: it could not be
    /// carried out.
    Bench(Box<BenchArguments>),
    /// Write a completion script for a shell.
    Completions(CompletionsArguments),
}

/// Arguments of `usage`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ledgerctl usage asker-2020
  ledgerctl usage asker-2020 --as-of 2025-03-31 --as-known 2025-04-10
  ledgerctl usage asker-2020 --json | jq -r .usage.scopes[0].remaining.amount")]
pub(crate) struct UsageArguments {
    /// Agreement id.
    pub(crate) agreement: String,
    #[command(flatten)]
    pub(crate) times: TimeArguments,
    /// Print the GetCeilingUsageResponse as JSON on one line.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `agreement`.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  ledgerctl agreement asker-2020 --as-of 2022-10-15")]
pub(crate) struct AgreementArguments {
    /// Agreement id.
    pub(crate) agreement: String,
    #[command(flatten)]
    pub(crate) times: TimeArguments,
    /// Print the GetAgreementResponse as JSON on one line.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `history`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ledgerctl history asker-2020
  ledgerctl history asker-2020 --as-known 2025-01-31
  ledgerctl history asker-2020 --json | jq -c .findingsOpened[].rule")]
pub(crate) struct HistoryArguments {
    /// Agreement id.
    pub(crate) agreement: String,
    #[command(flatten)]
    pub(crate) times: TimeArguments,
    /// Begin at this version of the agreement; earlier ones still count in the sums.
    #[arg(long, value_name = "VERSION", default_value_t = 0)]
    pub(crate) from_version: u64,
    /// Print each HistoryEntry as JSON on a line of its own.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `head`.
#[derive(Debug, Args)]
pub(crate) struct HeadArguments {
    /// Print the GetHeadResponse as JSON on one line.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `demo`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ledgerctl demo
  ledgerctl demo --portfolio
  ledgerctl demo --keep /tmp/demo      and then: ledgerd --data-dir /tmp/demo/data")]
pub(crate) struct DemoArguments {
    /// Import the frameworks of real notices with a made-up history, and show the portfolio.
    #[arg(long)]
    pub(crate) portfolio: bool,
    /// Keep the data and the server's log in this folder, which must be empty or absent.
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,
}

/// Arguments of `completions`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  source <(ledgerctl completions bash)
  ledgerctl completions fish > ~/.config/fish/completions/ledgerctl.fish")]
pub(crate) struct CompletionsArguments {
    /// Shell that the script is for.
    pub(crate) shell: Shell,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;
    use contract_ledger::wire::v1::EventType;

    use super::*;

    #[test]
    fn command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn event_types_are_named_on_the_command_line() {
        let arguments = Arguments::parse_from(["ledgerctl", "events", "--type", "order-placed"]);
        let Command::Events(events) = arguments.command else {
            panic!("events was asked for");
        };
        assert_eq!(events.types, [EventType::OrderPlaced]);
    }

    #[test]
    fn unknown_event_type_is_refused() {
        assert!(Arguments::try_parse_from(["ledgerctl", "events", "--type", "order"]).is_err());
    }
}
