//! Puts a rebuilt store in the place of the old one, so that a crash at any step leaves one of
//! them whole.
//!
//! It must not know what a store holds. The steps: build under [`UNFINISHED`], make it durable,
//! rename it to [`FINISHED`], set the old one aside, rename the new one to its name. Whoever finds
//! [`FINISHED`] at the next start does the last two. Nothing that was served from is ever deleted.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use tracing::warn;

use crate::crash_point::crash_point;
use crate::file_lock::{LockedFile, NotLocked};

use super::directory::{STORE_DIRECTORY, sync, sync_tree};
use super::error::LogError;

/// A store that is being built. It holds nothing that is not in a copy, and begins anew.
const UNFINISHED: &str = "sled.rebuilding";
/// A store that is built and durable, and waits for its name.
const FINISHED: &str = "sled.rebuilt";
/// What a replaced store is called, with the first free number.
const SET_ASIDE: &str = "sled.set-aside-";

/// How often, and how long apart, it is asked whether sled has closed a store that was dropped.
const CLOSED_TRIES_MAX: u32 = 500;
const CLOSED_WAIT_MS: u64 = 4;

/// Where a store is to be built. What an interrupted building left there is gone.
pub(super) fn begin(directory: &Path) -> Result<PathBuf, LogError> {
    let path = directory.join(UNFINISHED);
    match fs::remove_dir_all(&path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(LogError::io("remove the unfinished", &path)(error)),
    }
    Ok(path)
}

/// Makes the built store durable, and says that it is finished.
pub(super) fn finish_building(directory: &Path) -> Result<(), LogError> {
    let unfinished = directory.join(UNFINISHED);
    wait_until_closed(&unfinished);
    sync_tree(&unfinished)?;
    crash_point!("swap.built");
    let finished = directory.join(FINISHED);
    fs::rename(&unfinished, &finished).map_err(LogError::io("rename to", &finished))?;
    crash_point!("swap.finished");
    sync(directory)
}

/// Puts a finished store in the place of the old one, if there is one waiting.
pub(super) fn put_in_place(directory: &Path) -> Result<(), LogError> {
    let finished = directory.join(FINISHED);
    if !finished.is_dir() {
        return Ok(());
    }
    let store = directory.join(STORE_DIRECTORY);
    if store.exists() {
        wait_until_closed(&store);
        let aside = free_name(directory);
        fs::rename(&store, &aside).map_err(LogError::io("set aside to", &aside))?;
        crash_point!("swap.set-aside");
        warn!(aside = %aside.display(), "the old store is set aside");
    }
    fs::rename(&finished, &store).map_err(LogError::io("rename to", &store))?;
    crash_point!("swap.placed");
    sync(directory)
}

fn free_name(directory: &Path) -> PathBuf {
    let names = (1_u32..).map(|number| directory.join(format!("{SET_ASIDE}{number}")));
    let mut free = names.filter(|path| !path.exists());
    free.next().unwrap_or_else(|| directory.join(SET_ASIDE))
}

/// Waits for the thread of sled's that closes a store after it was dropped: it holds the lock of
/// the data file until then. One that never closes, after a panic in sled, is not waited for
/// longer; nobody writes to it any more.
fn wait_until_closed(store: &Path) {
    for _ in 0..CLOSED_TRIES_MAX {
        match File::open(store.join("db")).map(LockedFile::try_lock) {
            Ok(Err(NotLocked { cause: TryLockError::WouldBlock, .. })) => {
                thread::sleep(Duration::from_millis(CLOSED_WAIT_MS));
            }
            Ok(Ok(_) | Err(_)) | Err(_) => return,
        }
    }
    warn!(store = %store.display(), "sled has not closed this store");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn make(directory: &Path, name: &str) {
        fs::create_dir(directory.join(name)).unwrap();
        fs::write(directory.join(name).join("db"), name).unwrap();
    }

    fn db(directory: &Path, name: &str) -> String {
        fs::read_to_string(directory.join(name).join("db")).unwrap()
    }

    #[test]
    fn the_old_store_is_set_aside_under_a_free_name() {
        let scratch = tempfile::tempdir().unwrap();
        make(scratch.path(), "sled");
        make(scratch.path(), "sled.set-aside-1");
        make(scratch.path(), "sled.rebuilding");
        finish_building(scratch.path()).unwrap();
        assert_eq!(db(scratch.path(), "sled"), "sled");
        put_in_place(scratch.path()).unwrap();
        assert_eq!(db(scratch.path(), "sled"), "sled.rebuilding");
        assert_eq!(db(scratch.path(), "sled.set-aside-2"), "sled");
        put_in_place(scratch.path()).unwrap();
        assert_eq!(db(scratch.path(), "sled"), "sled.rebuilding");
    }

    #[test]
    fn a_swap_that_was_cut_short_between_its_renames_is_finished() {
        let scratch = tempfile::tempdir().unwrap();
        make(scratch.path(), "sled.rebuilt");
        put_in_place(scratch.path()).unwrap();
        assert_eq!(db(scratch.path(), "sled"), "sled.rebuilt");
    }

    #[test]
    fn an_unfinished_store_is_not_put_in_place_and_begun_anew() {
        let scratch = tempfile::tempdir().unwrap();
        make(scratch.path(), "sled");
        make(scratch.path(), "sled.rebuilding");
        put_in_place(scratch.path()).unwrap();
        assert_eq!(db(scratch.path(), "sled"), "sled");
        assert!(!begin(scratch.path()).unwrap().exists());
        begin(scratch.path()).unwrap();
    }
}
