//! The lossy disk as a test uses it: mount, drive, cut.
//!
//! It must not know what the model decides; it mounts it and passes on what the test wants.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use fuser::{BackgroundSession, Config, MountOption};
use rustix::mount::{UnmountFlags, unmount};
use rustix::process::{getegid, geteuid};

use crate::edge::Edge;
use crate::model::{CutReport, Disk, Fault, Keep, Owner};

/// A mounted file system that forgets at a cut what was not synced. It is gone when it is dropped.
#[derive(Debug)]
pub struct LossyDisk {
    edge: Edge,
    path: PathBuf,
    /// Taken when the disk is dropped.
    session: Option<BackgroundSession>,
}

impl LossyDisk {
    /// Mounts an empty disk on an empty folder. The seed decides how short a short write is.
    pub fn mount(path: &Path, seed: u64) -> io::Result<LossyDisk> {
        let owner = Owner { mode: 0o755, user: geteuid().as_raw(), group: getegid().as_raw() };
        let edge = Edge(Arc::new(Mutex::new(Disk::new(seed, owner))));
        let mut config = Config::default();
        config.mount_options = vec![
            MountOption::FSName("lossy".to_owned()),
            MountOption::DefaultPermissions,
            MountOption::NoDev,
            MountOption::NoSuid,
        ];
        let session = fuser::spawn_mount(edge.clone(), path, &config)?;
        Ok(LossyDisk { edge, path: path.to_owned(), session: Some(session) })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many operations that change something, and syncs, have arrived since the mount, with
    /// those that failed.
    pub fn operations(&self) -> u64 {
        self.disk().operations()
    }

    /// Cuts the power when the operation of this number arrives, counted from 1 since the mount: from
    /// it on nothing takes effect, and everybody hears EIO, readers too. `None` keeps it on.
    pub fn power_off_at(&self, operation: Option<u64>) {
        self.disk().power_off_at(operation);
    }

    /// True once the operation has arrived at which the power went.
    pub fn is_off(&self) -> bool {
        self.disk().is_off()
    }

    /// Forgets what was not synced, but for what `keep` and the seed let through, and switches the
    /// power on. Whoever uses the disk must be dead by then; files that are still open are of no use.
    /// Limit and faults stay.
    pub fn cut(&self, seed: u64, keep: Keep) -> CutReport {
        self.disk().cut(seed, keep)
    }

    /// Lets files use so many bytes, in blocks of 4 KiB. Beyond it a write hears ENOSPC, or writes
    /// what fits; what is written already can be written again.
    pub fn limit_bytes(&self, limit: Option<u64>) {
        self.disk().limit_bytes(limit);
    }

    /// Lets some operations fail.
    pub fn fail(&self, fault: Fault) {
        self.disk().fail(fault);
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.edge.disk()
    }
}

impl Drop for LossyDisk {
    /// Lazily, so that a process that still has a file open does not keep the mount; its session
    /// ends with the last of them.
    fn drop(&mut self) {
        if unmount(&self.path, UnmountFlags::DETACH).is_ok() {
            // The mount is gone; dropping the session ends its thread when the kernel lets go.
            drop(self.session.take());
        }
    }
}
