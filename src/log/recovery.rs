//! What was mended when a log was opened, as a report.
//!
//! It must not know how.

/// What was mended in one copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mended {
    /// The first position that the copy did not hold, or not whole.
    pub from_position: u64,
    /// The position after the last one that it was given.
    pub next_position: u64,
    /// The bytes of the blocks that it was given from the other copy.
    pub bytes: u64,
    /// The bytes of an append that was cut short, which were cut off.
    pub torn_bytes: u64,
}

/// What was mended in each copy; nothing in a log that was found clean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recovery {
    /// The store: rebuilt, and the old one set aside.
    pub store: Option<Mended>,
    /// The archive: completed, or rebuilt and the old segments set aside.
    pub archive: Option<Mended>,
}

impl Recovery {
    /// Whether nothing had to be mended.
    pub fn is_clean(&self) -> bool {
        let Self { store, archive } = self;
        store.is_none() && archive.is_none()
    }
}
