//! Appends blocks to the archive, durable when it returns.
//!
//! It must not know where else the blocks are kept, and never takes a block that is not the next.

#[cfg(test)]
use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;

use super::current::{Current, header_bytes};
use super::delay::DelayedSync;
use super::error::ArchiveError;
use super::files;
use super::inspect::Inspected;
use crate::block::Link;
use crate::crash_point::crash_point;

/// Where an archive lies, and how large its files get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveOptions {
    /// The directory of the segments; it may be on another disk.
    pub directory: PathBuf,
    /// The size in bytes from which on a new segment is begun: 4 KiB to 1 GiB, by default 64 MiB.
    /// Only an append that is longer by itself makes a longer one.
    pub segment_bytes_max: u64,
    /// How much later than its writing an append is synced at most, in milliseconds: 0 to 60 000, by
    /// default 0, before the append returns.
    pub sync_delay_ms_max: u64,
    /// Zeros that are laid out behind the last block at a time, in bytes: 0 to 16 MiB, by default 0, the
    /// file grows as it is written. A sync is cheaper that does not have to make the file longer; but who
    /// copies a segment while it is written may find zeros and then blocks, which is no archive.
    pub zeros_ahead_bytes: u64,
}

impl ArchiveOptions {
    /// The default of [`ArchiveOptions::segment_bytes_max`].
    pub const SEGMENT_BYTES_MAX_DEFAULT: u64 = 64 * 1024 * 1024;
    /// The least of it.
    pub const SEGMENT_BYTES_LEAST: u64 = 4096;
    /// The most of it: a segment is read as a whole.
    pub const SEGMENT_BYTES_MOST: u64 = 1024 * 1024 * 1024;

    /// The most of [`ArchiveOptions::sync_delay_ms_max`].
    pub const SYNC_DELAY_MS_MOST: u64 = 60_000;

    /// The most of [`ArchiveOptions::zeros_ahead_bytes`].
    pub const ZEROS_AHEAD_BYTES_MOST: u64 = 16 * 1024 * 1024;

    /// The defaults, in `directory`.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            segment_bytes_max: Self::SEGMENT_BYTES_MAX_DEFAULT,
            sync_delay_ms_max: 0,
            zeros_ahead_bytes: 0,
        }
    }
}

/// The one writer of an archive.
///
/// Invariant: `end` is after the last block of `current`. All before it is durable, or noted in
/// `delayed`; after a failure nothing more is written.
#[derive(Debug)]
pub struct ArchiveWriter {
    directory: PathBuf,
    segment_bytes_max: u64,
    zeros_ahead_bytes: u64,
    zeros_allowed: bool,
    end: Link,
    current: Option<Current>,
    delayed: Option<DelayedSync>,
    failed: bool,
}

impl ArchiveWriter {
    /// Goes on after what was found. The directory must exist; a torn end is cut off, and kept
    /// beside.
    pub fn go_on(
        options: &ArchiveOptions,
        found: Option<&Inspected>,
    ) -> Result<Self, ArchiveError> {
        let ArchiveOptions {
            directory,
            segment_bytes_max,
            sync_delay_ms_max: _,
            zeros_ahead_bytes,
        } = options;
        if let Some(torn) = found.and_then(|found| found.torn.as_ref()) {
            files::cut(directory, &torn.path, torn.whole_bytes)?;
        }
        if let Some(zeros) = found.and_then(|found| found.zeros.as_ref()) {
            let whole_bytes = u64::try_from(zeros.whole_bytes).unwrap_or(u64::MAX);
            files::shorten(&files::open_to_write(&zeros.path)?, &zeros.path, whole_bytes)?;
        }
        let last = files::list(directory)?.pop();
        let current = last.map(|last| Current::open(&last.path)).transpose()?;
        files::sync_directory(directory)?;
        Ok(Self {
            directory: directory.clone(),
            segment_bytes_max: *segment_bytes_max,
            zeros_ahead_bytes: *zeros_ahead_bytes,
            zeros_allowed: false,
            end: found.map_or(Link::START, |found| found.end),
            current,
            delayed: None,
            failed: false,
        })
    }

    /// Sets every segment aside, in a directory within the archive, and begins anew.
    pub fn set_aside(options: &ArchiveOptions) -> Result<Self, ArchiveError> {
        files::set_aside(&options.directory)?;
        Self::go_on(options, None)
    }

    /// After the last block that was appended.
    pub fn end(&self) -> Link {
        self.end
    }

    /// Zeros that are laid out at a time, in bytes.
    pub fn zeros_ahead_bytes(&self) -> u64 {
        self.zeros_ahead_bytes
    }

    /// Whether the disk has ample room for zeros from here on. Until this is said it has not.
    pub fn allow_zeros(&mut self, zeros_allowed: bool) {
        self.zeros_allowed = zeros_allowed;
    }

    /// From here on an append returns before it is synced, and is synced within the delay.
    /// `on_failure` is called once, on another thread, when such a sync fails.
    pub fn delay_syncs(
        &mut self,
        delay: Duration,
        on_failure: impl FnOnce(ArchiveError) + Send + 'static,
    ) -> Result<(), ArchiveError> {
        self.delayed = Some(DelayedSync::start(delay, on_failure)?);
        Ok(())
    }

    /// Makes durable now what was appended, and leaves no zeros behind it.
    pub fn settle(&mut self) -> Result<(), ArchiveError> {
        let Some(current) = &mut self.current else { return Ok(()) };
        if let Some(delayed) = &self.delayed {
            delayed.take_over(&current.path)?;
            current.sync()?;
        }
        current.shorten()
    }

    /// Appends blocks that follow the last one and end at `after`, and returns when they are
    /// durable, or, with a delay, written. After a failure every append is refused: what a failed sync has lost, the next one
    /// does not report.
    pub fn append(&mut self, blocks: &[Bytes], after: Link) -> Result<(), ArchiveError> {
        if self.failed || after.next_position <= self.end.next_position {
            return Err(ArchiveError::NotNext { position: self.end.next_position });
        }
        self.failed = true;
        self.write(blocks)?;
        self.failed = false;
        self.end = after;
        Ok(())
    }

    fn write(&mut self, blocks: &[Bytes]) -> Result<(), ArchiveError> {
        let batch = blocks.concat();
        let batch_bytes = u64::try_from(batch.len()).unwrap_or(u64::MAX);
        let has_room = |current: &Current| {
            current.bytes() <= header_bytes()
                || current.bytes().saturating_add(batch_bytes) <= self.segment_bytes_max
        };
        if !self.current.as_ref().is_some_and(has_room) {
            // A finished segment is durable before the next one is begun.
            self.settle()?;
            self.current = Some(Current::create(&self.directory, self.end)?);
        }
        let Some(current) = &mut self.current else { return Ok(()) };
        let fitting = self.segment_bytes_max.saturating_sub(current.bytes());
        let zeros_bytes = if self.zeros_allowed { self.zeros_ahead_bytes.min(fitting) } else { 0 };
        current.append(&batch, batch_bytes, zeros_bytes)?;
        match &self.delayed {
            None => current.sync()?,
            Some(delayed) => delayed.note(&current.file, &current.path)?,
        }
        crash_point!("archive.synced");
        Ok(())
    }

    /// Puts a file in the place of the current segment, for tests of what its failures do.
    #[cfg(test)]
    pub(crate) fn replace_file(&mut self, file: File) {
        if let Some(current) = &mut self.current {
            current.file = file;
        }
    }
}
