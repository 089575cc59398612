//! A real file system on an image file: a cut is a copy of the image as it is at that instant.
//!
//! It must not know what is on it. What the block device was given counts as durable, whether the
//! file system asked it to flush or not: a disk with a cache of its own loses more than this one.
//! What the kernel still held in memory is lost, journals are replayed by the kernel at the mount.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::mount::{UnmountFlags, unmount};

/// How often an image is copied until no write came in between.
const COPIES_MAX: u32 = 20;

/// Which file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Ext4,
    Xfs,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Ext4 => "ext4",
            Kind::Xfs => "xfs",
        }
    }

    /// The smallest image that its mkfs takes.
    pub fn bytes_min(self) -> u64 {
        match self {
            Kind::Ext4 => 16 << 20,
            Kind::Xfs => 300 << 20,
        }
    }
}

/// A mounted image; unmounted and removed when it is dropped.
#[derive(Debug)]
pub struct ImageDisk {
    folder: PathBuf,
    kind: Kind,
    /// Number of the image in use; each cut makes the next one.
    number: u64,
}

impl ImageDisk {
    /// Makes an image of so many bytes in the folder, and mounts it there. Root only.
    pub fn new(folder: &Path, kind: Kind, bytes: u64) -> io::Result<ImageDisk> {
        let disk = ImageDisk { folder: folder.to_owned(), kind, number: 0 };
        fs::create_dir_all(disk.path())?;
        File::create(disk.image())?.set_len(bytes)?;
        run(Command::new(format!("mkfs.{}", kind.name())).arg("-q").arg(disk.image()))?;
        disk.mount()?;
        Ok(disk)
    }

    /// Where the file system is mounted; the same before and after a cut.
    pub fn path(&self) -> PathBuf {
        self.folder.join("mount")
    }

    /// Goes on with what the block device was given until now. Whoever uses the disk must be dead,
    /// but the file system is not unmounted before the copy is taken, so nothing is written out for it.
    pub fn cut(&mut self) -> io::Result<()> {
        let (old, new) = (self.image(), self.numbered(self.number.saturating_add(1)));
        copy_instant(&old, &new)?;
        if unmount(self.path(), UnmountFlags::empty()).is_err() {
            unmount(self.path(), UnmountFlags::DETACH)?;
        }
        self.number = self.number.saturating_add(1);
        fs::remove_file(&old)?;
        self.mount()
    }

    fn image(&self) -> PathBuf {
        self.numbered(self.number)
    }

    fn numbered(&self, number: u64) -> PathBuf {
        self.folder.join(format!("disk-{number}.img"))
    }

    fn mount(&self) -> io::Result<()> {
        let options = match self.kind {
            Kind::Ext4 => "loop",
            // A copy has the id of the first one, which may still be going away.
            Kind::Xfs => "loop,nouuid",
        };
        let mut mount = Command::new("mount");
        run(mount.args(["-t", self.kind.name(), "-o", options]).arg(self.image()).arg(self.path()))
    }
}

impl Drop for ImageDisk {
    fn drop(&mut self) {
        // Nothing can be done about a failure here; the folder tells it by what is left in it.
        let _ = unmount(self.path(), UnmountFlags::DETACH);
        let _ = fs::remove_file(self.image());
    }
}

/// Copies a file that the kernel may be writing to. A copy that a second reading finds unchanged is
/// the file as it was between the two readings; any other could hold a later block and not an
/// earlier one, which no power cut leaves behind.
fn copy_instant(from: &Path, to: &Path) -> io::Result<()> {
    for _ in 0..COPIES_MAX {
        run(Command::new("cp").arg("--sparse=always").arg(from).arg(to))?;
        if Command::new("cmp").arg("-s").arg(from).arg(to).status()?.success() {
            return Ok(());
        }
    }
    Err(io::Error::other(format!(
        "{} was written to during each of {COPIES_MAX} copies",
        from.display()
    )))
}

fn run(command: &mut Command) -> io::Result<()> {
    let output = command
        .output()
        .map_err(|error| io::Error::new(error.kind(), format!("{command:?}: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    let told = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("{command:?}: {}: {}", output.status, told.trim())))
}
