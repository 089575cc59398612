//! Why no checkpoint is signed, and what to do about it.

use std::path::PathBuf;

use crate::merkle::TreeHash;

/// Why no checkpoint is signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CannotSign {
    /// No key is configured.
    #[error(
        "the ledger has no key to sign with: make one with ledgerctl keygen, name it in [checkpoint] \
         key_file, and restart"
    )]
    NoKey,
    /// The log has records, and nothing tells what was signed of it.
    #[error(
        "the log has {size} records and no checkpoint of it is kept: put the newest one that you, an \
         auditor or a witness has into {} and restart; it has to be the very newest that was signed, best \
         ask a witness: anything older leads to a second history, which every auditor can prove; only if \
         nothing was ever signed with this key, say so once with ledgerd --first-checkpoint", file.display()
    )]
    Missing {
        /// Records of the log.
        size: u64,
        /// Where the newest checkpoint belongs.
        file: PathBuf,
    },
    /// The folder says that a copy was kept for the key, and there is none.
    #[error(
        "what the key has signed was kept in {file}, and that is gone; the data folder alone may be an \
         old copy of itself: put {file} back and restart; only where it is lost for good and \
         newest.checkpoint in the data folder is the very newest that was signed, say so once with \
         ledgerd --newest-in-data-dir; anything older leads to a second history, which every auditor can \
         prove, so ask a witness or an auditor first", file = file.display()
    )]
    KeyCopyGone {
        /// The copy that is gone.
        file: PathBuf,
    },
    /// The log is shorter than one that was signed.
    #[error(
        "a checkpoint of {signed} records is signed and the log has {size}: newer events were cut \
         off, or an older backup was restored; put back the copy that has them ({} has the checkpoint)",
        file.display()
    )]
    Shorter {
        /// Records of the checkpoint.
        signed: u64,
        /// Records of the log.
        size: u64,
        /// The file with the checkpoint.
        file: PathBuf,
    },
    /// The log does not begin with what was signed.
    #[error(
        "a checkpoint of {signed} records is signed with the root {signed_root}, and the first \
         {signed} records of the log have the root {root}: the log was changed or is another one; \
         put back the copy that was signed ({} has the checkpoint)", file.display()
    )]
    OtherHistory {
        /// Records of the checkpoint.
        signed: u64,
        /// Its root.
        signed_root: TreeHash,
        /// Root that the same number of records has now.
        root: TreeHash,
        /// The file with the checkpoint.
        file: PathBuf,
    },
    /// A kept checkpoint is of another log.
    #[error(
        "the newest checkpoint is of the log {signed}, and this ledger is configured as {origin}; \
         restore the origin, or give the new log a key and a place of its own; only when a new log begins \
         here and nothing signs for {signed} any more move {file} away, and keep it: it may be the only \
         trace of what was signed for that log", file = file.display()
    )]
    OtherOrigin {
        /// Origin of the checkpoint.
        signed: String,
        /// Origin as configured.
        origin: String,
        /// The file with the checkpoint.
        file: PathBuf,
    },
    /// A file with the newest checkpoint holds none that a known key has signed.
    #[error(
        "{} does not hold a checkpoint that a configured key has signed ({fault}); put back the newest \
         one that its other copy, an auditor or a witness has, or name the key that signed it in \
         [checkpoint] earlier_keys, and restart", file.display()
    )]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        fault: String,
    },
    /// A witness has cosigned what this log does not continue.
    #[error(
        "the witness {witness} speaks against this log ({reason}): {text}; put back the copy that it \
         has seen and restart, or, when the witness is wrong, leave it out of the configuration"
    )]
    Contradicted {
        /// Name of its key.
        witness: String,
        /// The published reason.
        reason: &'static str,
        /// The same in words.
        text: String,
    },
    /// The newest checkpoint cannot be kept where it belongs to the key.
    #[error(
        "a checkpoint cannot be kept in {} ({fault}), and what is not kept there is not signed: make \
         the place writable, or set [checkpoint] newest_file to a file outside data_dir that can be \
         written, and restart", file.display()
    )]
    NotKept {
        /// The file.
        file: PathBuf,
        /// Why it cannot be written.
        fault: String,
    },
    /// The first round of questions to the witnesses after the start is under way.
    #[error(
        "nothing new is signed before every witness was asked once after the start; ask again in a \
         moment"
    )]
    WitnessesNotAsked,
}

impl CannotSign {
    /// Whether the log is, or may be, another one than was signed: then nothing may be shown that
    /// others would take for the log. A ledger that merely has no key, or no room, shows what it has.
    pub fn is_doubt(&self) -> bool {
        match self {
            Self::NoKey | Self::NotKept { .. } => false,
            Self::Missing { .. }
            | Self::KeyCopyGone { .. }
            | Self::Shorter { .. }
            | Self::OtherHistory { .. }
            | Self::OtherOrigin { .. }
            | Self::Unreadable { .. }
            | Self::Contradicted { .. }
            | Self::WitnessesNotAsked => true,
        }
    }
}

/// Why the first checkpoint of a log is not signed on its owner's word.
#[derive(Debug, thiserror::Error)]
pub enum NotFirst {
    /// The log began empty, and that was signed at once.
    #[error("the log is signed since it was empty, and needs no such command")]
    NotNeeded,
    /// One is kept.
    #[error(
        "a checkpoint of {size} records is signed and kept in {}: the first one was signed before, and \
         the ledger goes on from what is kept", file.display()
    )]
    SignedBefore {
        /// Its records.
        size: u64,
        /// Where it is kept.
        file: PathBuf,
    },
    /// A witness may have seen what was signed before.
    #[error(
        "the witness {witness} was asked whether it has seen this log, and does not say no ({reason}): \
         {text}; put what it has cosigned into newest.checkpoint in the data folder, or, when it is away \
         or wrong, leave it out of the configuration for this once"
    )]
    Witnessed {
        /// Name of its key.
        witness: String,
        /// The published reason.
        reason: &'static str,
        /// The same in words.
        text: String,
    },
    /// It could not be signed anyway.
    #[error(transparent)]
    CannotSign(#[from] CannotSign),
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] super::LedgerError),
}

/// Why the newest checkpoint in the data folder is not taken for the newest there is, on its owner's word.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    /// No copy is missed.
    #[error("the copy of the key is not missed: the ledger needs no such command")]
    NothingGone,
    /// Nothing could be signed all the same.
    #[error(transparent)]
    CannotSign(#[from] CannotSign),
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] super::LedgerError),
}
