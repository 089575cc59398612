//! A lock on an open file, with `flock`, that is let go of the moment it is dropped.
//!
//! The kernel holds such a lock for as long as any descriptor of the opened file is open, and a
//! process that is being started has a copy of every descriptor until it runs its own program. So
//! closing the file may leave the lock held for a while by nobody who knows of it; unlocking does not.

use std::fs::{File, TryLockError};
use std::io::{self, Write};
use std::ops::Deref;

/// An open file that this holder alone has locked.
#[derive(Debug)]
pub(crate) struct LockedFile(File);

/// Why a file could not be locked.
#[derive(Debug)]
pub(crate) struct NotLocked {
    /// The file, for whoever reads who holds it.
    pub(crate) file: File,
    pub(crate) cause: TryLockError,
}

impl LockedFile {
    /// Locks an open file once nobody else holds its lock.
    pub(crate) fn lock(file: File) -> io::Result<Self> {
        file.lock()?;
        Ok(Self(file))
    }

    /// Locks an open file, or gives it back at once when somebody else holds its lock.
    pub(crate) fn try_lock(file: File) -> Result<Self, NotLocked> {
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(cause) => Err(NotLocked { file, cause }),
        }
    }
}

impl Drop for LockedFile {
    fn drop(&mut self) {
        if let Err(error) = self.0.unlock() {
            // Closing it lets go as well, once nobody else has a copy of the descriptor.
            tracing::debug!(%error, "a lock is not let go before its file is closed");
        }
    }
}

impl Deref for LockedFile {
    type Target = File;

    fn deref(&self) -> &File {
        &self.0
    }
}

impl Write for LockedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_let_go_while_a_copy_of_the_descriptor_is_open() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("lock");
        let held = LockedFile::try_lock(File::create(&path).unwrap()).unwrap();
        // What a process has that is being started meanwhile.
        let copy = held.try_clone().unwrap();
        let refused = LockedFile::try_lock(File::open(&path).unwrap()).unwrap_err();
        assert!(matches!(refused.cause, TryLockError::WouldBlock), "{refused:?}");
        drop(held);
        LockedFile::try_lock(File::open(&path).unwrap()).unwrap();
        drop(copy);
    }
}
