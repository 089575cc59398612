//! The indexes of a log that nobody serves, held against its records.
//!
//! It must not catch up with what an index has not seen: the next start does.

use super::super::error::LedgerError;
use super::super::index::{Index, IndexCheck};
use super::{Damage, RecordCounts};
use crate::log::LogReader;

/// Checks every index of an open log, up to where it has come. An index of another version is emptied,
/// as at a start. The portfolio is not checked: its rows follow from a configuration too.
///
/// `counts` is what the log holds; without it entries that are missing are not noticed.
pub fn check_indexes(
    reader: &LogReader,
    counts: Option<RecordCounts>,
) -> Result<Vec<Damage>, LedgerError> {
    let index = Index::open(reader)?;
    let mut check = IndexCheck::new(&index, reader, reader.next_position(), counts);
    let mut damages = Vec::new();
    while check.step(&mut damages)?.is_some() {}
    Ok(damages)
}
