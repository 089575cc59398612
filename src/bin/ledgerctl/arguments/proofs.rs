//! Arguments of the commands that prove: `keygen`, `tree`, `checkpoint`, `receipt`, `verify-receipt`,
//! `audit`, `replay`, `export-tiles`.

use std::path::PathBuf;

use clap::Args;

use crate::time_text::parse_date;

/// Arguments of `keygen`.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  ledgerctl keygen auditor.example.no/asker -o auditor.key > auditor.vkey")]
pub(crate) struct KeygenArguments {
    /// Name of the key, best a host and path of yours: no spaces, no plus.
    pub(crate) name: String,
    /// File for the private key. It must not be there yet; only you may read it.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
}

/// Arguments of `tree`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ledgerctl tree
  ledgerctl tree --prove 42
  ledgerctl tree --key auditor.key > seen-2024-06-01.checkpoint
  ledgerctl tree --key auditor.key --prove 42 > position-42.tlog-proof")]
pub(crate) struct TreeArguments {
    /// Also prove that the record at this position is in the tree.
    #[arg(long, value_name = "POSITION")]
    pub(crate) prove: Option<u64>,
    /// Sign what was seen with this key of keygen: as a checkpoint, or with --prove as a receipt.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
}

/// Whose word is taken.
#[derive(Debug, Args)]
pub(crate) struct TrustArguments {
    /// Key of the ledger to verify with, as keygen printed it, or a file that holds it. After a change
    /// of keys, name the old one too: each checkpoint must be signed by one of them.
    #[arg(long = "vkey", value_name = "VKEY", required = true)]
    pub(crate) vkeys: Vec<String>,
    /// Name of the log. By default the name of any of the keys: a log keeps its name when its key
    /// changes. Name it when the old key is not given, and its name was another one.
    #[arg(long)]
    pub(crate) origin: Option<String>,
}

/// Arguments of `checkpoint`.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  ledgerctl checkpoint > seen-2024-06-01.checkpoint
  ledgerctl checkpoint --cosigned 1
  ledgerctl checkpoint --witnesses")]
pub(crate) struct CheckpointArguments {
    /// Show the keys that the ledger says its checkpoints are verified with, one a line.
    #[arg(long)]
    pub(crate) keys: bool,
    /// Show the configured witnesses, what each cosigned last and how long ago, and what keeps it from
    /// it; also while the ledger signs nothing, and then why.
    #[arg(long, conflicts_with = "keys")]
    pub(crate) witnesses: bool,
    /// Show the newest checkpoint that at least so many witnesses cosigned.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub(crate) cosigned: u32,
}

/// Arguments of `export-tiles`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ledgerctl export-tiles /srv/www/ledger --vkey ledger.vkey
  ledgerctl export-tiles /srv/www/ledger --vkey ledger.vkey --cosigned 1

A folder that is there is checked first; the first file that is not what was exported is named.")]
pub(crate) struct ExportTilesArguments {
    /// Folder of the tiles: new, or of an earlier export, which is gone on with.
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,
    #[command(flatten)]
    pub(crate) trust: TrustArguments,
    /// Export up to the newest checkpoint that at least so many witnesses cosigned.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub(crate) cosigned: u32,
    /// Check only what is gone on with, not every file of the earlier export.
    #[arg(long)]
    pub(crate) quick: bool,
}

/// Arguments of `receipt`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ledgerctl receipt asker-2020 7 > order.tlog-proof
  ledgerctl receipt --position 42
  ledgerctl receipt --event-id 0193a7f0-0000-7000-8000-000000000001")]
pub(crate) struct ReceiptArguments {
    /// Agreement id.
    pub(crate) agreement: Option<String>,
    /// Version of the agreement with the event.
    pub(crate) version: Option<u64>,
    /// Position in the log; also that of a refusal.
    #[arg(long)]
    pub(crate) position: Option<u64>,
    /// Id of the event.
    #[arg(long, value_name = "ID")]
    pub(crate) event_id: Option<String>,
}

/// Arguments of `verify-receipt`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ledgerctl verify-receipt order.tlog-proof --vkey ledger.vkey
  ledgerctl verify-receipt order.tlog-proof --vkey ledger.vkey --record order.json")]
pub(crate) struct VerifyReceiptArguments {
    /// The receipt.
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) trust: TrustArguments,
    /// The record that it must be for, as a line of replay or of events --json.
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
}

/// Arguments of `audit`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ledgerctl audit --since asker.checkpoint --vkey ledger.vkey --first
  ledgerctl audit --since asker.checkpoint --vkey ledger.vkey

Findings are derived here from the records, by the dated policy that the ledger tells: those that
opened, those that cleared, and those that did both since. The day of the visit is kept in FILE.day.")]
pub(crate) struct AuditArguments {
    /// File with the checkpoint of the last visit; the new one takes its place when all was right.
    #[arg(long, value_name = "FILE")]
    pub(crate) since: PathBuf,
    #[command(flatten)]
    pub(crate) trust: TrustArguments,
    /// This is the first visit: make the file.
    #[arg(long)]
    pub(crate) first: bool,
    /// Day that findings are judged at. Without it: today in Europe/Oslo. The next visit compares
    /// with it.
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = parse_date)]
    pub(crate) as_of: Option<String>,
}

/// Arguments of `replay`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ledgerctl replay > history.jsonl
  ledgerctl replay --records 5137 | sha256sum")]
pub(crate) struct ReplayArguments {
    /// Only the first so many records, for instance those of a checkpoint. By default all there are.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) records: Option<u64>,
}
