//! Every block of an archive up to a position, one after the other, and every damage on the way.
//!
//! It must not mend, and never stops at damage: it goes on at the next whole block. It may run
//! while the archive is written to, because it does not look at what lies at or beyond the position.
//! One segment is held in memory at a time.

use std::path::Path;
use std::vec;

use bytes::Bytes;

use super::error::{ArchiveError, SegmentDamage};
use super::files::{self, SegmentFile};
use super::scan::{Refused, block_at, is_zeros_from, next_whole_block};
use super::segment::{SEGMENT_HEADER_BYTES, decode_header};
use crate::block::{Block, Link};

/// What comes next in an archive.
#[derive(Debug)]
pub enum Walked {
    /// A block with its checksum right. Whether it follows the one before is told before it.
    Block(Block),
    /// Something is not as it was written.
    Damaged(ArchiveError),
    /// No segment holds the position, though it lies below the end.
    Missing {
        /// The position.
        position: u64,
    },
}

/// A walk over an archive. Made by [`Walk::up_to`].
#[derive(Debug)]
pub struct Walk {
    segments: vec::IntoIter<SegmentFile>,
    open: Option<OpenSegment>,
    /// Found, and yielded before the walk goes on.
    waiting: Option<Walked>,
    end: Link,
    /// Whether the hash of the last block is known, which it is not behind damage.
    chain: Chain,
    end_position: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chain {
    Known,
    Broken,
}

#[derive(Debug)]
struct OpenSegment {
    file: SegmentFile,
    bytes: Bytes,
    offset: usize,
}

impl Walk {
    /// The blocks below a position, which the archive is known to hold.
    pub fn up_to(directory: &Path, end_position: u64) -> Result<Self, ArchiveError> {
        Ok(Self {
            segments: files::list(directory)?.into_iter(),
            open: None,
            waiting: None,
            end: Link::START,
            chain: Chain::Known,
            end_position,
        })
    }

    /// The next position to look at.
    pub fn next_position(&self) -> u64 {
        self.end.next_position
    }

    fn advance(&mut self) -> Option<Result<Walked, ArchiveError>> {
        loop {
            if let Some(waiting) = self.waiting.take() {
                return Some(Ok(waiting));
            }
            if self.end.next_position >= self.end_position {
                return None;
            }
            let Some(mut segment) = self.open.take() else {
                match self.open_next() {
                    Ok(Some(())) => continue,
                    Ok(None) => {
                        let position = self.end.next_position;
                        // Told once: the walk is at its end now.
                        self.end.next_position = self.end_position;
                        // What is missing behind damage is told as that damage.
                        if self.chain == Chain::Broken {
                            return None;
                        }
                        return Some(Ok(Walked::Missing { position }));
                    }
                    Err(error) => return Some(Err(error)),
                }
            };
            let is_last = self.segments.len() == 0;
            let at_zeros = || is_last && is_zeros_from(&segment.bytes, segment.offset);
            if segment.offset >= segment.bytes.len() || at_zeros() {
                continue;
            }
            let walked = self.look(&mut segment);
            self.open = Some(segment);
            return Some(Ok(walked));
        }
    }

    /// Opens the next segment; what is wrong with its header waits to be told.
    fn open_next(&mut self) -> Result<Option<()>, ArchiveError> {
        let Some(file) = self.segments.next() else { return Ok(None) };
        let bytes = file.bytes()?;
        let position = file.first_position;
        let in_header = |position, reason| {
            Walked::Damaged(file.refused(Refused { position, offset: 0, reason }))
        };
        match decode_header(&bytes) {
            Err(SegmentDamage::FormatVersionUnknown { version }) => {
                let path = file.path.clone();
                return Err(ArchiveError::FormatVersionUnknown { path, version });
            }
            Err(reason) => {
                self.waiting = Some(in_header(position, reason));
                self.chain = Chain::Broken;
            }
            Ok(stated) => {
                let follows = match self.chain {
                    Chain::Known => stated == self.end,
                    Chain::Broken => stated.next_position == position,
                };
                if !follows || stated.next_position != position {
                    let reason = SegmentDamage::BeginsElsewhere { stated: stated.next_position };
                    self.waiting = Some(in_header(self.end.next_position, reason));
                }
                self.end.last_block = stated.last_block;
                self.chain = Chain::Known;
            }
        }
        self.end.next_position = position;
        self.open = Some(OpenSegment { file, bytes, offset: SEGMENT_HEADER_BYTES });
        Ok(Some(()))
    }

    fn look(&mut self, segment: &mut OpenSegment) -> Walked {
        let OpenSegment { file, bytes, offset } = segment;
        let position = self.end.next_position;
        let at = *offset;
        let damaged =
            |reason| Walked::Damaged(file.refused(Refused { position, offset: at, reason }));
        match block_at(bytes, at) {
            Err(error) => {
                let next = next_whole_block(bytes, at.saturating_add(1));
                *offset = next.unwrap_or(bytes.len());
                if let Some(block) = next.and_then(|next| block_at(bytes, next).ok()) {
                    self.end.next_position = block.first_position().max(position);
                }
                self.chain = Chain::Broken;
                damaged(SegmentDamage::Block(error))
            }
            Ok(block) => {
                *offset = at.saturating_add(block.encoded().len());
                let before = match self.chain {
                    Chain::Known => self.end,
                    Chain::Broken => Link { last_block: block.previous(), ..self.end },
                };
                let fits = before.check(&block);
                self.end = Link::after(&block);
                self.chain = Chain::Known;
                match fits {
                    Ok(()) => Walked::Block(block),
                    Err(error) => {
                        self.waiting = Some(Walked::Block(block));
                        damaged(SegmentDamage::Link(error))
                    }
                }
            }
        }
    }
}

impl Iterator for Walk {
    type Item = Result<Walked, ArchiveError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance()
    }
}
