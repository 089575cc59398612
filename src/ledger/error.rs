//! What can go wrong besides a refusal.

use super::signing::Unsignable;
use crate::log::{LogError, LogOptions, Refusal};
use crate::merkle::ReadError;
use crate::wire::record::RecordFault;

/// A failure of the ledger, not of a request.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The log failed.
    #[error("the log failed")]
    Log(#[from] LogError),
    /// A stored record cannot be read.
    #[error("the record at position {position} cannot be read")]
    Record {
        /// Where.
        position: u64,
        /// Why.
        #[source]
        source: RecordFault,
    },
    /// An index names a record that is not in the log. Deleting the derived trees rebuilds it.
    #[error("an index names position {position}, where the log has no such record")]
    IndexMismatch {
        /// Where.
        position: u64,
    },
    /// The kept tree has other hashes than the records give: one of the two was changed.
    #[error(
        "the kept tree does not fit the log: the tile of positions {first} to {last} is not what \
         the records there give; run ledgerctl verify DIR: where it finds both copies whole and \
         they are known to be unaltered, ledgerctl recover --rebuild-indexes DIR makes the tree anew"
    )]
    TreeMismatch {
        /// First position of the tile.
        first: u64,
        /// Last position of the tile.
        last: u64,
    },
    /// The record at a position is not the one that the tree commits to.
    #[error(
        "the record at position {position} is not the one that the tree commits to: it, or the \
         tree, was changed"
    )]
    LeafMismatch {
        /// Where.
        position: u64,
    },
    /// The kept tree cannot be read.
    #[error("the kept tree cannot be read")]
    Tree(#[from] ReadError<LogError>),
    /// The file with the newest checkpoint could not be read or written.
    #[error("the newest checkpoint could not be read or written: {}", path.display())]
    CheckpointFile {
        /// Where it is.
        path: std::path::PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A checkpoint could not be put into words.
    #[error("a checkpoint could not be signed")]
    Unsignable(#[source] Unsignable),
    /// The writer's thread could not be started.
    #[error("the writer's thread could not be started")]
    WriterThread(#[source] std::io::Error),
    /// The key of the page tokens could not be read or made.
    #[error("the key of the page tokens could not be read or made: {}", path.display())]
    PageKey {
        /// Where it is.
        path: std::path::PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl LedgerError {
    /// What to do when this is why a ledger with these options was not opened.
    pub fn refusal(&self, options: &LogOptions) -> Refusal {
        let verify = || Some(options.verify_command());
        match self {
            Self::Log(error) => error.refusal(options),
            Self::TreeMismatch { first, .. } => Refusal {
                reason: "TREE_MISMATCH",
                position: Some(*first),
                advice: "the kept tree or the log was changed; verify the folder, and when the log is \
                         whole and is yours, forget the tree; run",
                command: Some(format!("{} --rebuild-indexes", options.recover_command())),
            },
            Self::Tree(_) => Refusal {
                reason: "TREE_UNREADABLE",
                position: None,
                advice: "the tree is made anew from the log; run",
                command: Some(format!("{} --rebuild-indexes", options.recover_command())),
            },
            Self::Record { position, .. }
            | Self::LeafMismatch { position }
            | Self::IndexMismatch { position } => Refusal {
                reason: "RECORD_UNREADABLE",
                position: Some(*position),
                advice: "see what else is wrong, before anything is changed; run",
                command: verify(),
            },
            Self::WriterThread(_)
            | Self::PageKey { .. }
            | Self::CheckpointFile { .. }
            | Self::Unsignable(_) => Refusal {
                reason: "NOT_OPENED",
                position: None,
                advice: "see to the cause, then start again",
                command: None,
            },
        }
    }

    /// Whether a failed write has stopped the log, so that only a restart can tell.
    pub fn is_stop(&self) -> bool {
        matches!(
            self,
            Self::Log(LogError::Stopped)
                | Self::Tree(ReadError::Failed { source: LogError::Stopped, .. })
        )
    }

    /// What a stopped log fails with.
    #[cfg(test)]
    pub(crate) fn of_stop() -> Self {
        Self::Log(LogError::Stopped)
    }

    /// Whether something could not be read that is derived from the log.
    pub(super) fn is_index_damage(&self) -> bool {
        matches!(self, Self::Log(error) if error.is_index_damage())
    }

    /// The position that is damaged, when that is what is wrong.
    pub fn damaged_position(&self) -> Option<u64> {
        match self {
            Self::Log(
                LogError::Corrupt { position, .. } | LogError::LostInBothCopies { position },
            )
            | Self::Record { position, .. }
            | Self::LeafMismatch { position }
            | Self::TreeMismatch { first: position, .. }
            | Self::IndexMismatch { position } => Some(*position),
            Self::Log(_)
            | Self::Tree(_)
            | Self::CheckpointFile { .. }
            | Self::Unsignable(_)
            | Self::WriterThread(_)
            | Self::PageKey { .. } => None,
        }
    }
}

/// An error with all its causes on one line, for the log.
#[derive(Debug)]
pub struct WithCauses<'a>(pub &'a dyn std::error::Error);

impl std::fmt::Display for WithCauses<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(formatter, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
