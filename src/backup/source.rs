//! A backup as something to read: a folder of segments, or a file that holds one.
//!
//! It must not change it. Every reading verifies checksums, the chain, and where it ends.

use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use tar::Entry;

use super::error::{BackupError, FileDamage};
use super::file::{MANIFEST_FILE, manifest};
use super::folder::{MARK, MARK_FILE, is_marked};
use crate::archive::{
    self, ArchiveOptions, Found, Place, Walk, Walked, decode_header, read_segment, segment_name,
};
use crate::block::{Block, Link};

/// What to read.
#[derive(Debug)]
pub(super) enum Source {
    /// The folder of a backup, or the archive of a ledger.
    Folder(PathBuf),
    /// A backup file.
    File(PathBuf),
}

impl Source {
    pub(super) fn of(path: &Path) -> Self {
        let path = path.to_owned();
        if path.is_file() { Self::File(path) } else { Self::Folder(path) }
    }

    /// About as many bytes as there are to read.
    pub(super) fn stored_bytes(&self) -> Result<u64, BackupError> {
        match self {
            Self::Folder(directory) => Ok(archive::stored_bytes(directory)?),
            Self::File(path) => Ok(path.metadata().map_err(BackupError::io("read", path))?.len()),
        }
    }

    /// Reads and verifies everything. Returns the end, and the bytes of an interrupted run behind it.
    pub(super) fn verify(&self, see: &mut dyn FnMut(&Block)) -> Result<(Link, usize), BackupError> {
        let empty = |path: &Path| BackupError::Empty { directory: path.to_owned() };
        match self {
            // Without a mark it is the archive of a ledger.
            Self::Folder(directory) => match is_marked(directory)
                .and_then(|_marked| Ok(archive::verify(directory, see)?))?
            {
                Found::Missing => Err(empty(directory)),
                Found::Damaged(source) => {
                    Err(BackupError::Damaged { directory: directory.clone(), source })
                }
                Found::Whole(inspected) => {
                    Ok((inspected.end, inspected.torn.map_or(0, |torn| torn.torn_bytes)))
                }
            },
            Self::File(path) => {
                let end = read_file(path, &mut |block| {
                    see(block);
                    Ok(())
                })?;
                if end == Link::START { Err(empty(path)) } else { Ok((end, 0)) }
            }
        }
    }

    /// Hands over the blocks that begin before a position, in order.
    pub(super) fn blocks_before(
        &self,
        position: u64,
        take: &mut dyn FnMut(Block) -> Result<(), BackupError>,
    ) -> Result<(), BackupError> {
        let directory = match self {
            Self::Folder(directory) => directory,
            Self::File(path) => {
                let mut take_before = |block: &Block| {
                    if block.first_position() < position { take(block.clone()) } else { Ok(()) }
                };
                return read_file(path, &mut take_before).map(drop);
            }
        };
        for walked in Walk::up_to(directory, position)? {
            match walked? {
                Walked::Block(block) => take(block)?,
                Walked::Damaged(source) => {
                    return Err(BackupError::Damaged { directory: directory.clone(), source });
                }
                Walked::Missing { position } => {
                    let record_count = position;
                    return Err(BackupError::PositionBeyondBackup { position, record_count });
                }
            }
        }
        Ok(())
    }
}

/// Reads a backup file from its first byte to its last, and hands over each block once it is verified.
/// Returns where it ends, as its manifest says too.
pub(super) fn read_file(
    path: &Path,
    see: &mut dyn FnMut(&Block) -> Result<(), BackupError>,
) -> Result<Link, BackupError> {
    let file = File::open(path).map_err(BackupError::io("open", path))?;
    let mut reading = Reading { path, end: Link::START, stage: Stage::Begins };
    let mut tar = tar::Archive::new(BufReader::new(file));
    let entries = tar.entries().map_err(|error| reading.damaged(FileDamage::Tar(error)))?;
    for entry in entries {
        let entry = entry.map_err(|error| reading.damaged(FileDamage::Tar(error)))?;
        reading.take(entry, see)?;
    }
    match reading.stage {
        Stage::Ended => Ok(reading.end),
        Stage::Begins | Stage::Blocks => Err(reading.damaged(FileDamage::CutShort)),
    }
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The entry that says what the file is.
    Begins,
    /// Segments, or the manifest.
    Blocks,
    /// Nothing.
    Ended,
}

struct Reading<'path> {
    path: &'path Path,
    end: Link,
    stage: Stage,
}

impl Reading<'_> {
    fn take(
        &mut self,
        mut entry: Entry<'_, BufReader<File>>,
        see: &mut dyn FnMut(&Block) -> Result<(), BackupError>,
    ) -> Result<(), BackupError> {
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let content = self.content(&mut entry)?;
        let unexpected =
            |this: &Self| Err(this.damaged(FileDamage::Unexpected { name: name.clone() }));
        match self.stage {
            Stage::Begins if name == MARK_FILE && content == MARK.as_bytes() => {
                self.stage = Stage::Blocks;
                Ok(())
            }
            Stage::Begins => Err(BackupError::NotABackupFile { path: self.path.to_owned() }),
            Stage::Blocks if name == MANIFEST_FILE => {
                self.stage = Stage::Ended;
                if content == manifest(self.end).as_bytes() {
                    return Ok(());
                }
                Err(self.damaged(FileDamage::Manifest))
            }
            Stage::Blocks if name == segment_name(self.end.next_position) => {
                self.take_segment(&content, see)
            }
            Stage::Blocks | Stage::Ended => unexpected(self),
        }
    }

    /// The bytes of an entry, which are as many as its header says.
    fn content(&self, entry: &mut Entry<'_, BufReader<File>>) -> Result<Bytes, BackupError> {
        let size = entry.size();
        if size > ArchiveOptions::SEGMENT_BYTES_MOST {
            return Err(self.damaged(FileDamage::TooLong { bytes: size }));
        }
        let mut content = Vec::new();
        entry.read_to_end(&mut content).map_err(|error| self.damaged(FileDamage::Tar(error)))?;
        if u64::try_from(content.len()) == Ok(size) {
            return Ok(content.into());
        }
        Err(self.damaged(FileDamage::CutShort))
    }

    fn take_segment(
        &mut self,
        content: &Bytes,
        see: &mut dyn FnMut(&Block) -> Result<(), BackupError>,
    ) -> Result<(), BackupError> {
        let before = decode_header(content).map_err(|reason| self.damaged(reason.into()))?;
        if before != self.end {
            return Err(self.damaged(FileDamage::OutOfOrder));
        }
        let read = read_segment(content, before.next_position, Place::Finished);
        let read = read.map_err(|refused| BackupError::FileDamaged {
            path: self.path.to_owned(),
            position: refused.position,
            source: refused.reason.into(),
        })?;
        self.end = read.end;
        read.blocks.iter().try_for_each(see)
    }

    fn damaged(&self, source: FileDamage) -> BackupError {
        let position = self.end.next_position;
        BackupError::FileDamaged { path: self.path.to_owned(), position, source }
    }
}
