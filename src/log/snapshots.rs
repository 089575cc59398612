//! Takes away the snapshot files that a crash has left half written.
//!
//! It must not judge the store: a snapshot is a shortcut, and the one before it is still there.
//!
//! sled 0.34.7 writes `snap.LSN.generating`, syncs it and gives it its name; but when it looks for its
//! newest snapshot it passes over another ending than that (`get_snapshot_files` in its `config.rs`).
//! So half a file is taken for the newest snapshot, and a store that lacks nothing does not open.
//! Seen with `tests/crash/run --phase powercut`, where the other copy was lost too.

use std::fs;
use std::io;
use std::path::Path;

use tracing::warn;

use super::error::LogError;

/// What the name of a snapshot ends with while it is written.
const HALF_WRITTEN: &str = ".generating";
/// The length of the content and its CRC-32, in little-endian order, at the end.
const TRAILER_BYTES: usize = 12;

/// Removes them from a store's directory that nobody has open. One that is whole is left: it may be the
/// only one, when a power cut took back its name and not the removal of the one before.
pub(super) fn remove_half_written(store: &Path) -> Result<(), LogError> {
    let entries = match fs::read_dir(store) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(LogError::io("list", store)(error)),
    };
    for entry in entries {
        let path = entry.map_err(LogError::io("list", store))?.path();
        if !path.to_string_lossy().ends_with(HALF_WRITTEN) {
            continue;
        }
        let bytes = fs::read(&path).map_err(LogError::io("read", &path))?;
        if !is_whole(&bytes) {
            fs::remove_file(&path).map_err(LogError::io("remove", &path))?;
            warn!(path = %path.display(), "a snapshot that a crash had left half written is removed");
        }
    }
    Ok(())
}

fn is_whole(snapshot: &[u8]) -> bool {
    let Some(content_bytes) = snapshot.len().checked_sub(TRAILER_BYTES) else { return false };
    let (content, trailer) = snapshot.split_at(content_bytes);
    let length = u64::try_from(content_bytes).unwrap_or(u64::MAX).to_le_bytes();
    let checksum = crc32fast::hash(content).to_le_bytes();
    content_bytes > 0 && trailer == [&length[..], &checksum[..]].concat()
}
