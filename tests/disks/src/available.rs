//! Which disks this machine can make, found out by making one of each.

use std::io::{self, Write as _};
use std::sync::LazyLock;

use crate::{ImageDisk, Kind, LossyDisk};

/// For each disk nothing, or why it cannot be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Available {
    pub lossy: Result<(), String>,
    pub ext4: Result<(), String>,
    pub xfs: Result<(), String>,
}

impl Available {
    pub fn image(&self, kind: Kind) -> &Result<(), String> {
        match kind {
            Kind::Ext4 => &self.ext4,
            Kind::Xfs => &self.xfs,
        }
    }
}

/// Says which disks can be had here. Found out once; mounts need root and what containers seldom have.
pub fn available() -> &'static Available {
    static FOUND: LazyLock<Available> = LazyLock::new(|| Available {
        lossy: told(lossy()),
        ext4: told(image(Kind::Ext4)),
        xfs: told(image(Kind::Xfs)),
    });
    &FOUND
}

/// True, and a loud line, when the disk that a test needs cannot be had: the test returns then.
pub fn skipped(test: &str, disk: &Result<(), String>) -> bool {
    match disk {
        Ok(()) => false,
        Err(reason) => {
            // Not by a macro: what these print is shown of failed tests only. If nobody can be told,
            // there is nobody to tell that.
            let _ =
                writeln!(io::stderr(), "SKIPPED: {test} did not run, nothing was shown: {reason}");
            true
        }
    }
}

fn lossy() -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    LossyDisk::mount(folder.path(), 0).map(drop)
}

fn image(kind: Kind) -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    ImageDisk::new(folder.path(), kind, kind.bytes_min()).map(drop)
}

fn told(result: io::Result<()>) -> Result<(), String> {
    result.map_err(|error| error.to_string())
}
