//! How far the log is known to have come, from what lies beside the copies.
//!
//! It must not know what else those files say. A log that ends earlier has lost records that were there,
//! and would give their positions to others: it is refused, before anything is replaced.

use std::path::{Path, PathBuf};

use tracing::warn;

use super::error::LogError;
use super::stopped::{self, MarkFound, STOPPED_BEFORE_FILE, STOPPED_FILE};

/// What is known, and which file says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownEnd {
    /// The log had all positions before this one.
    pub next_position: u64,
    /// The file that says so.
    pub file: PathBuf,
}

/// Files that a ledger makes after its log, or that a log leaves: a folder that has one of them and no
/// block in either copy has lost both.
const FILES_OF_A_USED_FOLDER: [&str; 4] =
    ["archive-incomplete", "newest.checkpoint", "page-token.key", "witnesses"];

/// What a log may be that is recovered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recovering {
    /// It has all records that it is known to have had, from what it left and from `known`.
    WithAllRecords {
        /// What others know.
        known: Option<KnownEnd>,
    },
    /// It may end earlier: whoever owns it gives up what it has lost at its end, and what was known of
    /// that is forgotten.
    GivingUpTheEnd,
}

impl KnownEnd {
    /// What the marks of clean stops in a folder say.
    pub(super) fn of_marks(directory: &Path) -> Result<Option<Self>, LogError> {
        let mut known = None;
        for name in [STOPPED_BEFORE_FILE, STOPPED_FILE] {
            let file = directory.join(name);
            match stopped::read(directory, name)? {
                MarkFound::Whole(stop) => {
                    known =
                        Self::later(known, Some(Self { next_position: stop.next_position, file }));
                }
                MarkFound::Missing => {}
                MarkFound::Damaged => {
                    warn!(file = %file.display(), "the mark of a clean stop is damaged; it is not heeded");
                }
            }
        }
        Ok(known)
    }

    /// The one that says more.
    pub(super) fn later(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        match (one, other) {
            (Some(one), Some(other)) if one.next_position >= other.next_position => Some(one),
            (one, other) => other.or(one),
        }
    }
}

/// Refuses an end that is before what is known.
pub(super) fn check(head: u64, known: Option<&KnownEnd>) -> Result<(), LogError> {
    match known {
        Some(KnownEnd { next_position, file }) if head < *next_position => {
            Err(LogError::EndsEarly { head, reached: *next_position, file: file.clone() })
        }
        Some(_) | None => Ok(()),
    }
}

/// Refuses a folder without a block in either copy that was used before.
pub(super) fn check_unused(directory: &Path, known: Option<&KnownEnd>) -> Result<(), LogError> {
    let refused = |file| Err(LogError::BlocksGone { directory: directory.to_owned(), file });
    if let Some(KnownEnd { file, .. }) = known.filter(|known| known.next_position > 0) {
        return refused(file.clone());
    }
    let mut files = FILES_OF_A_USED_FOLDER.iter().map(|name| directory.join(name));
    files.find(|file| file.exists()).map_or(Ok(()), refused)
}
