//! The content of one file: as it reads now, as it is durable, and what lies between.
//!
//! It must not know names, handles or limits.

use std::collections::BTreeSet;

use super::{BLOCK, SECTOR};

/// A change that is not durable yet.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Length(usize),
}

#[derive(Debug, Clone, Default)]
pub(crate) struct File {
    now: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<Change>,
    /// The blocks of the content as it reads now that take room.
    allocated: BTreeSet<usize>,
}

impl File {
    pub(crate) fn length(&self) -> usize {
        self.now.len()
    }

    pub(crate) fn blocks(&self) -> usize {
        self.allocated.len()
    }

    pub(crate) fn read(&self, offset: usize, length: usize) -> &[u8] {
        let start = offset.min(self.now.len());
        let end = start.saturating_add(length).min(self.now.len());
        self.now.get(start..end).unwrap_or_default()
    }

    /// How many of these bytes can be written when so many blocks are free.
    pub(crate) fn fitting(&self, offset: usize, length: usize, free: usize) -> usize {
        let end = offset.saturating_add(length);
        let missing = blocks(offset, end).filter(|block| !self.allocated.contains(block)).nth(free);
        missing
            .map_or(length, |block| block.saturating_mul(BLOCK).saturating_sub(offset).min(length))
    }

    pub(crate) fn write(&mut self, offset: usize, bytes: &[u8]) {
        let change = Change::Write { offset, bytes: bytes.to_vec() };
        self.allocated.extend(blocks(offset, offset.saturating_add(bytes.len())));
        change.apply(&mut self.now);
        self.pending.push(change);
    }

    pub(crate) fn set_length(&mut self, length: usize) {
        let change = Change::Length(length);
        self.allocated.retain(|block| block.saturating_mul(BLOCK) < length);
        change.apply(&mut self.now);
        self.pending.push(change);
    }

    pub(crate) fn sync(&mut self) {
        for change in self.pending.drain(..) {
            change.apply(&mut self.durable);
        }
    }

    /// What a failed sync leaves behind: the changes can be read, and will never be durable.
    pub(crate) fn sync_failed(&mut self) {
        self.pending.clear();
    }

    /// Gives the room back when nobody can reach the file any more. It can still come back with a
    /// cut, when its removal is not durable.
    pub(crate) fn release(&mut self) {
        self.now.clear();
        self.allocated.clear();
    }

    pub(crate) fn take_pending(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.pending)
    }

    /// What a cut lets through becomes durable.
    pub(crate) fn survive(&mut self, change: &Change) {
        change.apply(&mut self.durable);
    }

    /// After a cut the file reads as what is durable of it.
    pub(crate) fn restart(&mut self) {
        self.pending.clear();
        self.now.clone_from(&self.durable);
        self.allocated = blocks(0, self.now.len()).collect();
    }
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Change::Length(length) => content.resize(*length, 0),
            Change::Write { offset, bytes } => {
                let end = offset.saturating_add(bytes.len());
                if content.len() < end {
                    content.resize(end, 0);
                }
                if let Some(target) = content.get_mut(*offset..end) {
                    target.copy_from_slice(bytes);
                }
            }
        }
    }

    /// The change in the pieces that a disk writes at once. A length is one piece.
    pub(crate) fn sectors(&self) -> Vec<Change> {
        match self {
            Change::Length(length) => vec![Change::Length(*length)],
            Change::Write { offset, bytes } => {
                let mut pieces = Vec::new();
                let (mut at, mut rest) = (*offset, bytes.as_slice());
                while !rest.is_empty() {
                    let room = SECTOR.saturating_sub(at % SECTOR).min(rest.len());
                    let (piece, after) = rest.split_at(room);
                    pieces.push(Change::Write { offset: at, bytes: piece.to_vec() });
                    at = at.saturating_add(room);
                    rest = after;
                }
                pieces
            }
        }
    }
}

fn blocks(start: usize, end: usize) -> std::ops::Range<usize> {
    if start == end { 0..0 } else { start / BLOCK..end.div_ceil(BLOCK) }
}
