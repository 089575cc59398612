//! Segments as files in a directory: listed, read, made durable, set aside.
//!
//! It must not know what a block holds.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::crash_point::crash_point;

use super::error::ArchiveError;
use super::error::SegmentDamage;
use super::scan::{Place, Refused, SegmentEnd, SegmentRead, end_of_segment, read_segment};
use super::segment;

const DIRECTORY_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;
/// Ending of a segment whose header is not durable yet. It never holds a block.
const UNFINISHED: &str = "unfinished";
/// What is set aside goes to the first free directory of this name and a number.
const SET_ASIDE: &str = "set-aside-";

/// One segment file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SegmentFile {
    pub(super) first_position: u64,
    pub(super) path: PathBuf,
}

/// The segments of an archive, ascending. None when there is no such directory.
pub(super) fn list(directory: &Path) -> Result<Vec<SegmentFile>, ArchiveError> {
    let failed = || ArchiveError::io("list", directory);
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries.collect::<Result<Vec<_>, _>>().map_err(failed())?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed()(error)),
    };
    let mut segments: Vec<SegmentFile> = entries
        .iter()
        .filter_map(|entry| {
            let first_position = segment::position_of(entry.file_name().to_str()?)?;
            Some(SegmentFile { first_position, path: entry.path() })
        })
        .collect();
    segments.sort_by_key(|segment| segment.first_position);
    Ok(segments)
}

impl SegmentFile {
    pub(super) fn bytes(&self) -> Result<Bytes, ArchiveError> {
        fs::read(&self.path).map(Bytes::from).map_err(ArchiveError::io("read", &self.path))
    }

    pub(super) fn read(&self, place: Place) -> Result<SegmentRead, ArchiveError> {
        read_segment(&self.bytes()?, self.first_position, place)
            .map_err(|refused| self.refused(refused))
    }

    /// The same without the blocks, and without a look into them.
    pub(super) fn read_end(&self, place: Place) -> Result<SegmentEnd, ArchiveError> {
        end_of_segment(&self.bytes()?, self.first_position, place)
            .map_err(|refused| self.refused(refused))
    }

    pub(super) fn refused(&self, refused: Refused) -> ArchiveError {
        let Refused { position, offset, reason } = refused;
        let path = self.path.clone();
        match reason {
            SegmentDamage::FormatVersionUnknown { version } => {
                ArchiveError::FormatVersionUnknown { path, version }
            }
            reason @ (SegmentDamage::HeaderTruncated { .. }
            | SegmentDamage::HeaderMagicMismatch
            | SegmentDamage::HeaderChecksumMismatch { .. }
            | SegmentDamage::BeginsElsewhere { .. }
            | SegmentDamage::Block(_)
            | SegmentDamage::Link(_)) => ArchiveError::Damaged { path, position, offset, reason },
        }
    }
}

/// Makes a directory's names durable.
pub(super) fn sync_directory(directory: &Path) -> Result<(), ArchiveError> {
    File::open(directory)
        .and_then(|opened| opened.sync_all())
        .map_err(ArchiveError::io("sync", directory))
}

/// Makes the file of a new segment durable with its header, under another name first: so a segment
/// that has its name has its header, whenever the power goes.
pub(super) fn create(
    directory: &Path,
    first_position: u64,
    header: &[u8],
) -> Result<(File, PathBuf), ArchiveError> {
    let path = directory.join(segment::name(first_position));
    let unfinished = path.with_extension(UNFINISHED);
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(FILE_MODE)
        .open(&unfinished)
        .map_err(ArchiveError::io("create", &unfinished))?;
    crash_point!("archive.segment-created");
    io::Write::write_all(&mut file, header)
        .and_then(|()| file.sync_all())
        .map_err(ArchiveError::io("write", &unfinished))?;
    crash_point!("archive.header-synced");
    fs::rename(&unfinished, &path).map_err(ArchiveError::io("rename to", &path))?;
    crash_point!("archive.segment-renamed");
    sync_directory(directory)?;
    crash_point!("archive.segment-begun");
    Ok((file, path))
}

/// Opens a segment to write to it.
pub(super) fn open_to_write(path: &Path) -> Result<File, ArchiveError> {
    OpenOptions::new().write(true).open(path).map_err(ArchiveError::io("open", path))
}

/// Makes a segment as long as its whole blocks are, durably.
pub(super) fn shorten(file: &File, path: &Path, whole_bytes: u64) -> Result<(), ArchiveError> {
    file.set_len(whole_bytes)
        .and_then(|()| file.sync_all())
        .map_err(ArchiveError::io("shorten", path))
}

/// Moves every segment into a new directory beside them, within the archive, so that it works
/// where the archive is a mount of its own. Returns that directory; nothing is moved when there is
/// no segment.
pub(super) fn set_aside(directory: &Path) -> Result<Option<PathBuf>, ArchiveError> {
    let segments = list(directory)?;
    if segments.is_empty() {
        return Ok(None);
    }
    let aside = new_aside(directory)?;
    // From the last on: whenever this is interrupted, what is left is a prefix.
    for segment in segments.iter().rev() {
        let name = segment.path.file_name().unwrap_or_default();
        fs::rename(&segment.path, aside.join(name))
            .map_err(ArchiveError::io("set aside", &segment.path))?;
        crash_point!("archive.one-set-aside");
    }
    sync_directory(&aside)?;
    sync_directory(directory)?;
    crash_point!("archive.all-set-aside");
    Ok(Some(aside))
}

/// Cuts a segment to its whole blocks. What is cut off is kept beside it first. Of one that has not even
/// its header, all of it is set aside.
pub(super) fn cut(directory: &Path, path: &Path, whole_bytes: usize) -> Result<(), ArchiveError> {
    let bytes = fs::read(path).map_err(ArchiveError::io("read", path))?;
    let aside = new_aside(directory)?;
    let kept = aside.join(path.file_name().unwrap_or_default()).with_extension("torn");
    fs::write(&kept, bytes.get(whole_bytes..).unwrap_or_default())
        .and_then(|()| File::open(&kept)?.sync_all())
        .map_err(ArchiveError::io("keep what is cut off in", &kept))?;
    sync_directory(&aside)?;
    sync_directory(directory)?;
    crash_point!("archive.torn-kept");
    if whole_bytes == 0 {
        fs::remove_file(path).map_err(ArchiveError::io("remove", path))?;
        return sync_directory(directory);
    }
    let length = u64::try_from(whole_bytes).unwrap_or(u64::MAX);
    shorten(&open_to_write(path)?, path, length)
}

fn new_aside(directory: &Path) -> Result<PathBuf, ArchiveError> {
    let mut number: u32 = 1;
    loop {
        let aside = directory.join(format!("{SET_ASIDE}{number}"));
        match DirBuilder::new().mode(DIRECTORY_MODE).create(&aside) {
            Ok(()) => return Ok(aside),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < u32::MAX => {
                number += 1;
            }
            Err(error) => return Err(ArchiveError::io("create", &aside)(error)),
        }
    }
}

/// The last bytes of a file, so many or all there are, and whether those are all.
pub(super) fn end_of(path: &Path, bytes_max: u64) -> Result<(Bytes, bool), ArchiveError> {
    let read = || {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        let from = length.saturating_sub(bytes_max);
        io::Seek::seek(&mut file, io::SeekFrom::Start(from))?;
        let mut end = Vec::new();
        io::Read::read_to_end(&mut file, &mut end)?;
        Ok((Bytes::from(end), from == 0))
    };
    read().map_err(ArchiveError::io("read", path))
}

/// The bytes of a segment's header, or as many as there are.
pub(super) fn start_of(path: &Path) -> Result<Vec<u8>, ArchiveError> {
    let mut start = Vec::new();
    let most = u64::try_from(segment::SEGMENT_HEADER_BYTES).unwrap_or(u64::MAX);
    File::open(path)
        .and_then(|file| io::Read::read_to_end(&mut io::Read::take(file, most), &mut start))
        .map_err(ArchiveError::io("read", path))?;
    Ok(start)
}
