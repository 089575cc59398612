//! Arguments of the commands that work on a folder: `verify`, `recover`.

use std::path::PathBuf;

use clap::Args;

/// Arguments of `verify` and `recover`.
#[derive(Debug, Args)]
pub(crate) struct FolderArguments {
    /// Folder of the log: data_dir of the ledger, which must not run.
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,
    /// Folder of the archive, when it is not the folder archive in DIR.
    #[arg(long, value_name = "DIR")]
    pub(crate) archive: Option<PathBuf>,
}

/// Arguments of `recover`.
#[derive(Debug, Args)]
pub(crate) struct RecoverArguments {
    #[command(flatten)]
    pub(crate) folder: FolderArguments,
    /// Also forget everything that is derived from the log (indexes, portfolio, tree); the next start
    /// makes it anew. For a start that is refused because of them.
    #[arg(long)]
    pub(crate) rebuild_indexes: bool,
}
