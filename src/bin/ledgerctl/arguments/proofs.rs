//! Arguments of the commands that prove: `keygen` and `tree`.

use std::path::PathBuf;

use clap::Args;

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
