//! What a refused start is told to do: the reason as a word, the position, and the exact command.
//!
//! Pure. It must not know who prints it.

use std::path::PathBuf;

use crate::archive::ArchiveError;

use super::error::LogError;
use super::options::{LogOptions, quoted};

/// Why a log was not opened, and what to do about it. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Why, as one word that does not change.
    pub reason: &'static str,
    /// The first position that cannot be vouched for.
    pub position: Option<u64>,
    /// What to do, as a sentence. Before the command where there is one.
    pub advice: &'static str,
    /// The command to run, with the folders in it.
    pub command: Option<String>,
}

impl LogError {
    /// What to do when this is why a log with these options was not opened.
    pub fn refusal(&self, options: &LogOptions) -> Refusal {
        let recover = || Some(options.recover_command());
        let give_up = || Some(format!("{} --give-up-records", options.recover_command()));
        let refusal = |reason, advice, command| Refusal { reason, position: None, advice, command };
        if self.is_disk_full() {
            let path = self.path().unwrap_or(&options.directory);
            let command = Some(format!("df -h {}", quoted(path)));
            return refusal("DISK_FULL", "make room on this disk, then start again", command);
        }
        match self {
            Self::LostInBothCopies { position } => Refusal {
                position: Some(*position),
                ..refusal(
                    "LOST_IN_BOTH_COPIES",
                    "put one copy back from elsewhere, then run",
                    recover(),
                )
            },
            Self::CopiesDiffer { position } => Refusal {
                position: Some(*position),
                ..refusal(
                    "COPIES_DIFFER",
                    "move away the copy that is of another history, then run",
                    recover(),
                )
            },
            Self::Corrupt { position, .. } => Refusal {
                position: Some(*position),
                ..refusal("STORE_DAMAGED", PUT_ARCHIVE_BACK, recover())
            },
            Self::StoreNotKept { position } => Refusal {
                position: Some(*position),
                ..refusal("STORE_DAMAGED", "see to the disk of the store, then run", recover())
            },
            Self::Storage { .. } if self.is_damage() => {
                refusal("STORE_DAMAGED", PUT_ARCHIVE_BACK, recover())
            }
            Self::DerivedDamaged { .. } | Self::RebuildAsked => {
                refusal("INDEX_DAMAGED", PUT_ARCHIVE_BACK, recover())
            }
            Self::CutOff { head, .. } | Self::EndsEarly { head, .. } => Refusal {
                position: Some(*head),
                ..refusal("RECORDS_CUT_OFF", PUT_RECORDS_BACK, give_up())
            },
            Self::BlocksGone { directory, .. } => {
                let aside = PathBuf::from(format!("{}.set-aside", directory.display()));
                let command = format!("mv {} {}", quoted(directory), quoted(&aside));
                refusal("BLOCKS_GONE", PUT_BLOCKS_BACK, Some(command))
            }
            Self::FormatMissing { .. } => refusal("FORMAT_MISSING", WRITE_FORMAT, recover()),
            Self::FormatUnknown { .. } if self.is_format_lost() => {
                refusal("FORMAT_UNKNOWN", WRITE_FORMAT, recover())
            }
            Self::DirectoryInUse { holder_pid, .. } => refusal(
                "DIRECTORY_IN_USE",
                "stop the process that has it open, then start again",
                holder_pid.map(|pid| format!("kill -TERM {pid}")),
            ),
            Self::FormatUnknown { .. } => {
                let command = format!("{} --rewrite-format", options.recover_command());
                refusal("FORMAT_UNKNOWN", START_OR_REWRITE, Some(command))
            }
            Self::Archive(ArchiveError::FormatVersionUnknown { .. }) => {
                refusal("FORMAT_UNKNOWN", "start the version of ledgerd that wrote it", None)
            }
            Self::NoLog { .. } => refusal("NO_LOG", "name the folder of a ledger", None),
            Self::Archive(ArchiveError::Damaged { position, .. }) => Refusal {
                position: Some(*position),
                ..refusal(
                    "ARCHIVE_DAMAGED",
                    "put one copy back from elsewhere, then run",
                    recover(),
                )
            },
            Self::Io { path, .. } | Self::Archive(ArchiveError::Io { path, .. }) => {
                let command = Some(format!("ls -ld {}", quoted(path)));
                refusal("FILE_UNREACHABLE", "see to the cause, then start again", command)
            }
            Self::DirectoryEmpty
            | Self::ArchiveDirectoryEmpty
            | Self::OptionOutOfRange { .. }
            | Self::DiskFull { .. }
            | Self::Storage { .. }
            | Self::Archive(_)
            | Self::RecordTooLong { .. }
            | Self::AppendRecordsTooMany { .. }
            | Self::AppendBytesTooMany { .. }
            | Self::Encode { .. }
            | Self::OutcomeUnknown { .. }
            | Self::Stopped
            | Self::DerivedNameInvalid { .. }
            | Self::DerivedVersionInUse { .. }
            | Self::DerivedKeyTooLong { .. }
            | Self::DerivedValueTooLong { .. }
            | Self::DerivedApplyTooLarge { .. }
            | Self::DerivedBeyondHead { .. }
            | Self::DerivedGoesBackwards { .. } => {
                refusal("NOT_OPENED", "see to the cause, then start again", None)
            }
        }
    }
}

impl LogError {
    /// The file or directory that it names.
    fn path(&self) -> Option<&PathBuf> {
        if let Self::DiskFull { path, .. }
        | Self::Io { path, .. }
        | Self::Archive(ArchiveError::Io { path, .. }) = self
        {
            return Some(path);
        }
        None
    }
}

const PUT_RECORDS_BACK: &str = "put back a copy that has the newer records; only if they are to be given up, that is said with";
const WRITE_FORMAT: &str = "have it written anew, by what the blocks of the copies are; run";
const START_OR_REWRITE: &str = "start the version of ledgerd that wrote it; only if no later version ever had this folder, so that the file \
     is altered, run";
const PUT_BLOCKS_BACK: &str = "put the store or the archive back in its folder, or restore a backup to a new folder; only to begin \
     anew, move this one away";
const PUT_ARCHIVE_BACK: &str =
    "see to the disk, put the archive back in its folder if it is missing, then run";

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::log::corruption::Corruption;

    fn options() -> LogOptions {
        LogOptions::new("/var/lib/the ledger")
    }

    #[test]
    fn every_refusal_has_its_reason_and_the_exact_command() {
        let directory = || PathBuf::from("/var/lib/the ledger");
        let not_found = || io::Error::from(io::ErrorKind::NotFound);
        let recover = "ledgerctl recover '/var/lib/the ledger'";
        let full = || io::Error::from(io::ErrorKind::StorageFull);
        let cases: [(LogError, &str, Option<u64>, Option<&str>); 19] = [
            (
                LogError::LostInBothCopies { position: 7 },
                "LOST_IN_BOTH_COPIES",
                Some(7),
                Some(recover),
            ),
            (LogError::CopiesDiffer { position: 8 }, "COPIES_DIFFER", Some(8), Some(recover)),
            (LogError::corrupt(9, Corruption::Missing), "STORE_DAMAGED", Some(9), Some(recover)),
            (LogError::StoreNotKept { position: 3 }, "STORE_DAMAGED", Some(3), Some(recover)),
            (LogError::store_panicked("read the store"), "STORE_DAMAGED", None, Some(recover)),
            (LogError::RebuildAsked, "INDEX_DAMAGED", None, Some(recover)),
            (
                LogError::DerivedDamaged { name: "x".to_owned() },
                "INDEX_DAMAGED",
                None,
                Some(recover),
            ),
            (
                LogError::CutOff { name: "x".to_owned(), reached: 9, head: 6 },
                "RECORDS_CUT_OFF",
                Some(6),
                Some("ledgerctl recover '/var/lib/the ledger' --give-up-records"),
            ),
            (
                LogError::EndsEarly { head: 6, reached: 9, file: directory().join("clean-stop") },
                "RECORDS_CUT_OFF",
                Some(6),
                Some("ledgerctl recover '/var/lib/the ledger' --give-up-records"),
            ),
            (
                LogError::BlocksGone { directory: directory(), file: directory().join("x") },
                "BLOCKS_GONE",
                None,
                Some("mv '/var/lib/the ledger' '/var/lib/the ledger.set-aside'"),
            ),
            (
                LogError::FormatMissing { directory: directory() },
                "FORMAT_MISSING",
                None,
                Some(recover),
            ),
            (
                LogError::DirectoryInUse { directory: directory(), holder_pid: Some(12) },
                "DIRECTORY_IN_USE",
                None,
                Some("kill -TERM 12"),
            ),
            (
                LogError::FormatUnknown {
                    directory: directory(),
                    found: "contract-ledger log format 2".into(),
                    known: "1",
                },
                "FORMAT_UNKNOWN",
                None,
                Some("ledgerctl recover '/var/lib/the ledger' --rewrite-format"),
            ),
            (
                LogError::FormatUnknown {
                    directory: directory(),
                    found: String::new(),
                    known: "1",
                },
                "FORMAT_UNKNOWN",
                None,
                Some(recover),
            ),
            (LogError::NoLog { directory: directory() }, "NO_LOG", None, None),
            (
                LogError::DiskFull {
                    path: PathBuf::from("/mnt/second"),
                    free_bytes: 1,
                    needed_bytes: 2,
                    reserve_bytes: 0,
                },
                "DISK_FULL",
                None,
                Some("df -h /mnt/second"),
            ),
            (
                LogError::storage("open the store")(sled::Error::Io(full())),
                "DISK_FULL",
                None,
                Some("df -h '/var/lib/the ledger'"),
            ),
            (LogError::io("write", "/x")(full()), "DISK_FULL", None, Some("df -h /x")),
            (LogError::io("open", "/x")(not_found()), "FILE_UNREACHABLE", None, Some("ls -ld /x")),
        ];
        for (error, reason, position, command) in cases {
            let refusal = error.refusal(&options());
            assert_eq!((refusal.reason, refusal.position), (reason, position), "{error}");
            assert_eq!(refusal.command.as_deref(), command, "{error}");
            assert!(!refusal.advice.ends_with('.') && !refusal.advice.is_empty(), "{error}");
        }
    }

    #[test]
    fn the_command_names_an_archive_that_lies_elsewhere() {
        let archive = crate::archive::ArchiveOptions::new("/mnt/second");
        let options = LogOptions { archive: Some(archive), ..LogOptions::new("/data") };
        let refusal = LogError::LostInBothCopies { position: 1 }.refusal(&options);
        let expected = "ledgerctl recover /data --archive /mnt/second";
        assert_eq!(refusal.command.as_deref(), Some(expected));
    }
}
