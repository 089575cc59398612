//! Appends records, and acknowledges them only when they are durable.
//!
//! It must not know what a record means. The order of one append is the log's whole promise:
//! one batch or one entry into sled, sled's flush, `fdatasync`, the same blocks into the archive and its
//! `fdatasync`, and only then the new head.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use tracing::{error, warn};

use crate::block::{BlockHash, Codec, Link};
use crate::crash_point::crash_point;

use super::blocks::guarded;
use super::durable::Durable;
use super::entries::block_entries;
use super::error::LogError;
use super::options::{APPEND_BYTES_MAX, APPEND_RECORDS_MAX, LogOptions};
use super::pack::{PackedBlock, pack};
use super::stopped::CleanStop;
use super::store::Store;

/// The one writer of a log.
///
/// Invariant: `last_block` is the hash of the block that ends at the durable head. `writing`
/// is true only within an append, or after a panic in one.
#[derive(Debug)]
pub struct LogWriter {
    store: Arc<Store>,
    durable: Box<dyn Durable>,
    block_bytes_max: usize,
    codec: Codec,
    record_bytes_max: usize,
    last_block: BlockHash,
    writing: bool,
    closed: bool,
}

impl LogWriter {
    pub(super) fn new(
        store: Arc<Store>,
        durable: Box<dyn Durable>,
        options: &LogOptions,
        last_block: BlockHash,
    ) -> Self {
        Self {
            store,
            durable,
            block_bytes_max: options.block_bytes_max,
            codec: options.codec,
            record_bytes_max: options.record_bytes_max,
            last_block,
            writing: false,
            closed: false,
        }
    }

    /// The position that the next record gets.
    pub fn next_position(&self) -> u64 {
        self.store.head()
    }

    /// Whether an earlier failure has stopped the log, so that every append is refused.
    pub fn is_stopped(&self) -> bool {
        self.writing || self.store.is_stopped()
    }

    /// Appends records at the next positions, all or none, and returns those positions when the
    /// records are durable and visible to readers. No records: an empty range, and no write.
    ///
    /// A refused record or batch leaves the log as it was; so does a full disk
    /// ([`LogError::DiskFull`]), after which the next append may be tried. [`LogError::OutcomeUnknown`] means
    /// that the records may be in the log after the next start, whole, or not at all; from then
    /// on every append is [`LogError::Stopped`].
    pub fn append(&mut self, records: &[Bytes]) -> Result<Range<u64>, LogError> {
        self.append_groups(&records.chunks(1).collect::<Vec<_>>(), 0)
    }

    /// The same for records of which some belong together: the records of a group share a block. So
    /// they are all there or none of them, also after a recovery from one copy to which the append
    /// was written in part.
    ///
    /// `owed_bytes` are still to be written for what is recorded already; it is refused unless there is
    /// room for them too.
    pub fn append_groups(
        &mut self,
        groups: &[&[Bytes]],
        owed_bytes: u64,
    ) -> Result<Range<u64>, LogError> {
        if self.is_stopped() {
            return Err(LogError::Stopped);
        }
        let records = &groups.concat();
        let bytes = self.check_limits(records)?;
        let start = self.next_position();
        if records.is_empty() {
            return Ok(start..start);
        }
        self.store.reserve().check(bytes.saturating_add(owed_bytes))?;
        let (last_block, codec) = (self.last_block, self.codec);
        let (blocks, last_block) = pack(groups, start, last_block, self.block_bytes_max, codec)
            .map_err(|source| LogError::Encode { position: start, source })?;
        let end =
            u64::try_from(records.len()).map_or(u64::MAX, |count| start.saturating_add(count));

        self.writing = true;
        let after = Link { next_position: end, last_block };
        let written = self.write_durably(&blocks, after).and_then(|()| {
            // A delayed sync, or one of another writer, may have failed meanwhile.
            if self.store.is_stopped() { Err(LogError::Stopped) } else { Ok(()) }
        });
        self.writing = false;
        if let Err(source) = written {
            self.store.stop(&source);
            return Err(LogError::OutcomeUnknown { source: Box::new(source) });
        }
        self.last_block = last_block;
        crash_point!("log.durable");
        self.store.publish(after);
        Ok(start..end)
    }

    /// Puts something between this writer and the steps it takes, for tests.
    #[cfg(test)]
    pub(super) fn wrap_durable(
        &mut self,
        wrap: impl FnOnce(Box<dyn Durable>, Arc<Store>) -> Box<dyn Durable>,
    ) {
        let store = Arc::clone(&self.store);
        let nothing = Box::new(super::durable::DurableStore { store, archive: None });
        let durable = std::mem::replace(&mut self.durable, nothing);
        self.durable = wrap(durable, Arc::clone(&self.store));
    }

    /// Makes durable what derived trees have written, and ends writing. The directory is free
    /// again when the readers are dropped too. Dropping the writer does the same, but can only
    /// log a failure.
    pub fn close(mut self) -> Result<(), LogError> {
        self.finish()
    }

    fn write_durably(&mut self, blocks: &[PackedBlock], after: Link) -> Result<(), LogError> {
        let entries = blocks
            .iter()
            .flat_map(|packed| block_entries(packed.first_position, &packed.encoded))
            .collect();
        self.durable.apply(entries)?;
        crash_point!("store.applied");
        self.durable.flush()?;
        crash_point!("store.flushed");
        self.durable.sync()?;
        crash_point!("store.synced");
        // Second, so that the archive, which is copied elsewhere while it is written, is never
        // ahead of the store.
        let encoded: Vec<Bytes> = blocks.iter().map(|packed| packed.encoded.clone()).collect();
        self.durable.archive(&encoded, after)
    }

    /// The bytes of the records, which are within the limits.
    fn check_limits(&self, records: &[Bytes]) -> Result<u64, LogError> {
        if records.len() > APPEND_RECORDS_MAX {
            return Err(LogError::AppendRecordsTooMany {
                records: records.len(),
                records_max: APPEND_RECORDS_MAX,
            });
        }
        let bytes_max = self.record_bytes_max;
        if let Some((index, record)) =
            records.iter().enumerate().find(|(_, record)| record.len() > bytes_max)
        {
            return Err(LogError::RecordTooLong { index, bytes: record.len(), bytes_max });
        }
        let bytes = records.iter().fold(0_usize, |sum, record| sum.saturating_add(record.len()));
        if bytes > APPEND_BYTES_MAX {
            return Err(LogError::AppendBytesTooMany { bytes, bytes_max: APPEND_BYTES_MAX });
        }
        Ok(u64::try_from(bytes).unwrap_or(u64::MAX))
    }

    /// What the mark of a clean stop is to say. What cannot be read is no reason to fail: everything is
    /// durable, and the next start finds out.
    fn note_stop(&self) {
        match guarded(|| self.store.trees_reached()) {
            Ok(trees) => self.store.stops_clean(CleanStop::new(self.store.end(), trees)),
            Err(error) => warn!(cause = ?error, "no mark of a clean stop is left"),
        }
    }

    fn finish(&mut self) -> Result<(), LogError> {
        if self.closed {
            return Ok(());
        }
        self.closed = true;
        if self.is_stopped() {
            return Err(LogError::Stopped);
        }
        crash_point!("close.begun");
        let closed = self
            .durable
            .flush()
            .and_then(|()| self.durable.sync())
            .and_then(|()| self.durable.settle());
        crash_point!("close.synced");
        closed.inspect_err(|error| self.store.stop(error))?;
        self.note_stop();
        Ok(())
    }
}

impl Drop for LogWriter {
    fn drop(&mut self) {
        if self.writing {
            // A panic in the middle of an append: nothing is known of what was written.
            self.store.stop(&LogError::Stopped);
        }
        match self.finish() {
            // A log that is stopped has said so when it stopped.
            Ok(()) | Err(LogError::Stopped) => {}
            Err(failure) => error!(cause = ?failure, "could not close the log cleanly"),
        }
    }
}
