//! The disk under a store: of this machine, or one that can lose its power.
//!
//! It must not know what lies on it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use disks::{ImageDisk, Keep, Kind, LossyDisk};

/// Room for a store of a few cycles and a second one beside it.
const EXT4_BYTES: u64 = 128 << 20;

/// Which disk a phase needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DiskKind {
    /// A folder of this machine.
    Own,
    Lossy,
    Image(Kind),
}

/// A disk; gone when it is dropped.
#[derive(Debug)]
pub(crate) enum Disk {
    Own(PathBuf),
    Lossy(LossyDisk),
    Image(ImageDisk),
}

impl Disk {
    pub(crate) fn new(kind: DiskKind, home: &Path, seed: u64) -> Result<Self> {
        Self::named("disk", kind, home, seed)
    }

    /// One for the archive alone: a mount where the store is on none, and none where the store is on an
    /// image, which takes long to make.
    pub(crate) fn second(beside: DiskKind, home: &Path, seed: u64) -> Result<Self> {
        let kind = match beside {
            DiskKind::Own | DiskKind::Lossy if Self::impossible(DiskKind::Lossy).is_none() => {
                DiskKind::Lossy
            }
            DiskKind::Own | DiskKind::Lossy | DiskKind::Image(_) => DiskKind::Own,
        };
        Self::named("second", kind, home, seed)
    }

    fn named(name: &str, kind: DiskKind, home: &Path, seed: u64) -> Result<Self> {
        let folder = home.join(name);
        fs::create_dir(&folder)?;
        Ok(match kind {
            DiskKind::Own => Self::Own(folder),
            DiskKind::Lossy => Self::Lossy(LossyDisk::mount(&folder, seed).context("mount")?),
            DiskKind::Image(kind) => {
                let bytes = EXT4_BYTES.max(kind.bytes_min());
                Self::Image(ImageDisk::new(&folder, kind, bytes).context("mount an image")?)
            }
        })
    }

    /// Where a store goes, or an archive.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        match self {
            Self::Own(folder) => folder.join(name),
            Self::Lossy(disk) => disk.path().join(name),
            Self::Image(disk) => disk.path().join(name),
        }
    }

    pub(crate) fn lossy(&self) -> Option<&LossyDisk> {
        match self {
            Self::Lossy(disk) => Some(disk),
            Self::Own(_) | Self::Image(_) => None,
        }
    }

    /// The power goes and comes again; says what was left. The server is dead.
    pub(crate) fn cut(&mut self, seed: u64, keep: Keep) -> Result<String> {
        Ok(match self {
            Self::Own(_) => "nothing".to_owned(),
            Self::Lossy(disk) => format!("{keep:?} {:?}", disk.cut(seed, keep)),
            Self::Image(disk) => {
                disk.cut().context("cut the power of an image")?;
                "image".to_owned()
            }
        })
    }

    /// Why this machine has no such disk.
    pub(crate) fn impossible(kind: DiskKind) -> Option<String> {
        let available = disks::available();
        match kind {
            DiskKind::Own => None,
            DiskKind::Lossy => available.lossy.clone().err(),
            DiskKind::Image(kind) => available.image(kind).clone().err(),
        }
    }
}
