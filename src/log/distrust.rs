//! A note in the log's directory that the store is to be rebuilt at the next start: something in it
//! besides the blocks cannot be read, an index or a page, and only a new store is rid of that.
//!
//! It must not rebuild. The note is a hint and no truth: with or without it no block is lost.

use std::fs;
use std::io;
use std::path::Path;

use super::directory::sync;
use super::error::LogError;

const NOTE: &str = "rebuild-store";

/// Leaves the note, durably.
pub(super) fn leave(directory: &Path) -> Result<(), LogError> {
    let path = directory.join(NOTE);
    fs::write(&path, "").map_err(LogError::io("write", &path))?;
    sync(directory)
}

/// Whether it is there.
pub(super) fn is_left(directory: &Path) -> bool {
    directory.join(NOTE).exists()
}

/// Takes it away, once the store is rebuilt.
pub(super) fn remove(directory: &Path) -> Result<(), LogError> {
    let path = directory.join(NOTE);
    match fs::remove_file(&path) {
        Ok(()) => sync(directory),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(LogError::io("remove", &path)(error)),
    }
}
