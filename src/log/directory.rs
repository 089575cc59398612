//! The log's directory: made, claimed for one process, and marked with its format.
//!
//! It must not know what is stored inside. Every file and directory made here is synced, and so
//! is the directory that names it: a file whose name is not durable is lost with a power cut,
//! however often its content was synced.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::crash_point::crash_point;
use crate::file_lock::{LockedFile, NotLocked};

use tracing::warn;

use super::error::LogError;
use super::stopped::{self, Begun, CleanStop};

/// What the `FORMAT` file says.
pub(super) const FORMAT: &str = "contract-ledger log format 1";
/// What it says before the number.
const FORMAT_START: &str = "contract-ledger log format ";

pub(super) const FORMAT_FILE: &str = "FORMAT";
const FORMAT_SHOWN_CHARS_MAX: usize = 64;
pub(super) const LOCK_FILE: &str = "ledger.lock";
const LOCK_READ_BYTES_MAX: u64 = 32;
pub(super) const STORE_DIRECTORY: &str = "sled";
const DIRECTORY_MODE: u32 = 0o700;
pub(super) const FILE_MODE: u32 = 0o600;

/// A log directory that this process alone has open, for as long as this value lives.
#[derive(Debug)]
pub(super) struct ClaimedDirectory {
    path: PathBuf,
    /// What is to be left when it is let go, by then with nothing open in it.
    stop: Mutex<Option<CleanStop>>,
    /// What is to be put back when it is let go before it was opened.
    before: Mutex<Option<Before>>,
    /// Let go when it is dropped, and by the kernel after a crash.
    lock: LockedFile,
}

/// What a claim has altered.
#[derive(Debug)]
struct Before {
    /// What the lock file said.
    lock_said: String,
    /// What the mark of a clean stop lost its name for.
    begun: Option<Begun>,
}

impl ClaimedDirectory {
    /// Makes the directory when it is missing, locks it, and checks or writes its format.
    pub(super) fn claim(path: &Path) -> Result<Self, LogError> {
        Self::claim_or(path, || Ok(false))
    }

    /// The same, and writes a format that is lost or altered anew where what lies in the directory is
    /// seen to be of this one. A format that plainly is another one stays.
    pub(super) fn claim_or(
        path: &Path,
        is_of_this_format: impl FnOnce() -> Result<bool, LogError>,
    ) -> Result<Self, LogError> {
        Self::claim_where(path, LogError::is_format_lost, is_of_this_format)
    }

    /// The same, of a format that plainly is another one too: whoever asks says that it is altered.
    pub(super) fn claim_rewriting(
        path: &Path,
        is_of_this_format: impl FnOnce() -> Result<bool, LogError>,
    ) -> Result<Self, LogError> {
        let is_of_format = |error: &LogError| {
            error.is_format_lost() || matches!(error, LogError::FormatUnknown { .. })
        };
        Self::claim_where(path, is_of_format, is_of_this_format)
    }

    fn claim_where(
        path: &Path,
        may_be_written: impl FnOnce(&LogError) -> bool,
        is_of_this_format: impl FnOnce() -> Result<bool, LogError>,
    ) -> Result<Self, LogError> {
        create_durably(path)?;
        let (lock, lock_said) = lock(path)?;
        let before = Mutex::new(Some(Before { lock_said, begun: None }));
        let claimed = Self { path: path.to_owned(), stop: Mutex::default(), before, lock };
        match check_format(path) {
            Ok(()) => {}
            Err(error) if may_be_written(&error) && is_of_this_format()? => {
                warn!(cause = ?error, "the format is written anew, by what the blocks are");
                write_format(path, &path.join(FORMAT_FILE))?;
            }
            Err(error) => return Err(error),
        }
        Ok(claimed)
    }

    /// Whether the folder is as a clean stop of a log without records has left it. Takes the mark of a
    /// clean stop its name: from here on the folder may change.
    pub(super) fn begin(&self) -> Result<bool, LogError> {
        let mut before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(before) = before.as_mut() else { return Ok(false) };
        let was_empty = stopped::was_empty(&self.path, &before.lock_said)?;
        before.begun = stopped::begin(&self.path)?;
        Ok(was_empty)
    }

    /// The log is open: nothing is put back from here on.
    pub(super) fn opened(&self) {
        *self.before.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Leaves the mark of a clean stop, or that of the stop before, when nothing was opened.
    fn leave(&mut self) -> Result<(), LogError> {
        let stop = self.stop.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        let before = self.before.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        let lock_says = match (stop, before) {
            (Some(stop), _) => stopped::leave(&self.path, stop)?,
            (None, Some(Before { lock_said, begun })) => {
                let is_as_before = match begun {
                    Some(begun) => stopped::put_back(&self.path, &begun)?,
                    None => true,
                };
                if !is_as_before || lock_said.trim().is_empty() {
                    return Ok(());
                }
                lock_said.trim_end().to_owned()
            }
            (None, None) => return Ok(()),
        };
        write_lock(&self.lock, &lock_says)
            .and_then(|()| self.lock.sync_all())
            .map_err(LogError::io("write lock file", &self.path.join(LOCK_FILE)))
    }

    /// Has the mark of a clean stop left when this is let go, or not, when something is written after
    /// all.
    pub(super) fn stops_with(&self, stop: Option<CleanStop>) {
        *self.stop.lock().unwrap_or_else(PoisonError::into_inner) = stop;
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the key-value store has its files.
    pub(super) fn store(&self) -> PathBuf {
        self.path.join(STORE_DIRECTORY)
    }

    /// Reads every byte of the store, where there is no second copy to hold it against: sled takes
    /// what it cannot read for what is not there, and goes on without it.
    pub(super) fn read_store(&self) -> Result<(), LogError> {
        let path = self.store().join("db");
        let read = File::open(&path).and_then(|mut file| io::copy(&mut file, &mut io::sink()));
        match read {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(LogError::io("read", &path)(error)),
        }
    }

    /// Makes durable whatever the store's files hold now, and their names up to this directory.
    pub(super) fn sync_store(&self) -> Result<(), LogError> {
        sync_tree(&self.store())?;
        sync(&self.path)
    }
}

fn version_in(format: &str) -> Option<u64> {
    format.strip_prefix(FORMAT_START)?.parse().ok()
}

impl LogError {
    /// Whether the format of a directory is missing or altered, and not plainly that of a later version.
    pub(super) fn is_format_lost(&self) -> bool {
        match self {
            Self::FormatMissing { .. } => true,
            Self::FormatUnknown { found, .. } => {
                // None, of a text that is no format, is before any.
                version_in(found) <= version_in(FORMAT)
            }
            _ => false,
        }
    }
}

impl Drop for ClaimedDirectory {
    fn drop(&mut self) {
        if let Err(error) = self.leave() {
            // What is stored is whole all the same; a verification can say less of it.
            warn!(cause = ?error, "the mark of a clean stop could not be left");
        }
    }
}

/// Refuses a directory that holds no log of this format. Nothing is written.
pub(super) fn check_format_of(directory: &Path) -> Result<(), LogError> {
    if directory.join(FORMAT_FILE).exists() || directory.join(STORE_DIRECTORY).exists() {
        return check_format(directory);
    }
    Err(LogError::NoLog { directory: directory.to_owned() })
}

/// Makes a directory and those above it that are missing, each of them durable.
pub(super) fn create_durably(path: &Path) -> Result<(), LogError> {
    let missing: Vec<&Path> = path
        .ancestors()
        .take_while(|ancestor| !ancestor.as_os_str().is_empty() && !ancestor.is_dir())
        .collect();
    for directory in missing.into_iter().rev() {
        match DirBuilder::new().mode(DIRECTORY_MODE).create(directory) {
            Ok(()) => {}
            // Another process was faster; the lock decides between us.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(LogError::io("create directory", directory)(error)),
        }
        let parent = match directory.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            Some(_) | None => Path::new("."),
        };
        sync(parent)?;
    }
    Ok(())
}

/// Takes the lock and leaves this process's id in the file, for the one who finds it taken. Returns what
/// it said before.
fn lock(directory: &Path) -> Result<(LockedFile, String), LogError> {
    let path = directory.join(LOCK_FILE);
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(FILE_MODE)
        .open(&path)
        .map_err(LogError::io("open lock file", &path))?;
    let file = match LockedFile::try_lock(file) {
        Ok(file) => file,
        Err(NotLocked { mut file, cause: TryLockError::WouldBlock }) => {
            return Err(LogError::DirectoryInUse {
                directory: directory.to_owned(),
                holder_pid: holder_pid(&mut file),
            });
        }
        Err(NotLocked { cause: TryLockError::Error(error), .. }) => {
            return Err(LogError::io("lock", &path)(error));
        }
    };
    let said = lock_said(directory)?;
    match write_lock(&file, &std::process::id().to_string()) {
        Ok(()) => Ok((file, said)),
        // The lock is held all the same; only the holder's id is missing.
        Err(error) if error.kind() == io::ErrorKind::StorageFull => Ok((file, said)),
        Err(error) => Err(LogError::io("write lock file", &path)(error)),
    }
}

fn write_lock(file: &LockedFile, text: &str) -> io::Result<()> {
    file.set_len(0)?;
    (&**file).rewind()?;
    writeln!(&**file, "{text}")
}

/// What the lock file says: which mark a clean stop has left, or which process had the folder last.
pub(super) fn lock_said(directory: &Path) -> Result<String, LogError> {
    let path = directory.join(LOCK_FILE);
    let mut bytes = Vec::new();
    let read =
        File::open(&path).and_then(|file| file.take(LOCK_READ_BYTES_MAX).read_to_end(&mut bytes));
    match read {
        Ok(_) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(LogError::io("read lock file", &path)(error)),
    }
}

/// The process that wrote the lock file; `None` when it cannot be read, as while it is written.
pub(super) fn holder_pid(lock: &mut File) -> Option<u32> {
    let mut text = String::new();
    lock.take(LOCK_READ_BYTES_MAX).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn check_format(directory: &Path) -> Result<(), LogError> {
    let path = directory.join(FORMAT_FILE);
    match fs::read(&path) {
        Ok(found) if found.trim_ascii() == FORMAT.as_bytes() => Ok(()),
        Ok(found) => Err(LogError::FormatUnknown {
            directory: directory.to_owned(),
            found: String::from_utf8_lossy(found.trim_ascii())
                .chars()
                .take(FORMAT_SHOWN_CHARS_MAX)
                .collect(),
            known: FORMAT,
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // The format is written before the store is made, so a store without one is not ours.
            if directory.join(STORE_DIRECTORY).exists() {
                return Err(LogError::FormatMissing { directory: directory.to_owned() });
            }
            write_format(directory, &path)
        }
        Err(error) => Err(LogError::io("read", &path)(error)),
    }
}

/// Writes the format under another name first, so that no crash leaves half a file.
fn write_format(directory: &Path, path: &Path) -> Result<(), LogError> {
    let unfinished = path.with_extension("unfinished");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(FILE_MODE)
        .open(&unfinished)
        .map_err(LogError::io("create", &unfinished))?;
    writeln!(file, "{FORMAT}")
        .and_then(|()| file.sync_all())
        .map_err(LogError::io("write", &unfinished))?;
    crash_point!("directory.format-written");
    fs::rename(&unfinished, path).map_err(LogError::io("rename to", path))?;
    sync(directory)
}

/// Makes a file's or a directory's content and metadata durable.
pub(super) fn sync(path: &Path) -> Result<(), LogError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(LogError::io("sync", path))
}

/// Makes everything below a directory durable, the names in it too. Nothing to do when the
/// directory does not exist.
pub(super) fn sync_tree(directory: &Path) -> Result<(), LogError> {
    let list = LogError::io("list", directory);
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries.collect::<Result<Vec<_>, _>>().map_err(list)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(list(error)),
    };
    for entry in entries {
        let path = entry.path();
        if path.is_dir() {
            sync_tree(&path)?;
        } else {
            sync(&path)?;
        }
    }
    sync(directory)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_missing_directory_is_made_with_its_parents_for_the_owner_only() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("a/b/log");
        ClaimedDirectory::claim(&path).unwrap();
        for made in ["a", "a/b", "a/b/log"] {
            let mode = fs::metadata(scratch.path().join(made)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700, "{made}");
        }
        assert_eq!(fs::read_to_string(path.join("FORMAT")).unwrap(), format!("{FORMAT}\n"));
    }

    #[test]
    fn a_claimed_directory_is_refused_with_the_holder_until_it_is_let_go() {
        let scratch = tempfile::tempdir().unwrap();
        let held = ClaimedDirectory::claim(scratch.path()).unwrap();
        match ClaimedDirectory::claim(scratch.path()) {
            Err(LogError::DirectoryInUse { directory, holder_pid }) => {
                assert_eq!(directory, scratch.path());
                assert_eq!(holder_pid, Some(std::process::id()));
            }
            other => panic!("{other:?}"),
        }
        fs::write(scratch.path().join(LOCK_FILE), "what?").unwrap();
        match ClaimedDirectory::claim(scratch.path()) {
            Err(LogError::DirectoryInUse { holder_pid, .. }) => assert_eq!(holder_pid, None),
            other => panic!("{other:?}"),
        }
        drop(held);
        ClaimedDirectory::claim(scratch.path()).unwrap();
    }

    #[test]
    fn an_unknown_format_is_refused_with_what_was_found() {
        let scratch = tempfile::tempdir().unwrap();
        fs::write(scratch.path().join(FORMAT_FILE), "contract-ledger log format 2\n").unwrap();
        let error = ClaimedDirectory::claim(scratch.path()).unwrap_err();
        let directory = scratch.path().display();
        assert_eq!(
            error.to_string(),
            format!(
                "log directory {directory} has format \"contract-ledger log format 2\", \
                 this program knows \"contract-ledger log format 1\""
            )
        );
    }

    #[test]
    fn a_store_without_a_format_is_refused() {
        let scratch = tempfile::tempdir().unwrap();
        fs::create_dir(scratch.path().join(STORE_DIRECTORY)).unwrap();
        match ClaimedDirectory::claim(scratch.path()) {
            Err(LogError::FormatMissing { directory }) => assert_eq!(directory, scratch.path()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_directory_that_is_a_file_is_an_error_with_its_path() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("file");
        fs::write(&path, "").unwrap();
        match ClaimedDirectory::claim(&path) {
            Err(LogError::Io { path: named, .. }) => assert!(named.starts_with(&path)),
            other => panic!("{other:?}"),
        }
    }
}
