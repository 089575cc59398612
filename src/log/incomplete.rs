//! A note in the log's directory that the archive is being completed, and up to which position: until
//! it is, the archive says nothing of where the log ends.
//!
//! It must not complete anything. Without this note a store whose last block is damaged, beside an
//! archive to which just that block had not been written yet, would look like the end of an append
//! that was cut short, and a log that was acknowledged would end one block earlier.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use super::directory::sync;
use super::error::LogError;

const NOTE: &str = "archive-incomplete";

/// Leaves the note, durably. `next_position` is where both copies end once the archive is complete.
pub(super) fn leave(directory: &Path, next_position: u64) -> Result<(), LogError> {
    let path = directory.join(NOTE);
    let unfinished = path.with_extension("unfinished");
    File::create(&unfinished)
        .and_then(|mut file| writeln!(file, "{next_position}").and_then(|()| file.sync_all()))
        .map_err(LogError::io("write", &unfinished))?;
    fs::rename(&unfinished, &path).map_err(LogError::io("rename to", &path))?;
    sync(directory)
}

/// The position that the log has reached, as the note says; 0 without a note.
pub(super) fn reached(directory: &Path) -> Result<u64, LogError> {
    let path = directory.join(NOTE);
    match fs::read_to_string(&path) {
        Ok(text) => text.trim().parse().map_err(|_| {
            let what = io::Error::new(io::ErrorKind::InvalidData, "it holds no position");
            LogError::io("read", &path)(what)
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(LogError::io("read", &path)(error)),
    }
}

/// Takes it away, once the archive is complete and durable.
pub(super) fn remove(directory: &Path) -> Result<(), LogError> {
    let path = directory.join(NOTE);
    match fs::remove_file(&path) {
        Ok(()) => sync(directory),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(LogError::io("remove", &path)(error)),
    }
}
