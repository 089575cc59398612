//! Whether an event of the agreement was left out. Versions without a gap prove it up to the newest event
//! of the file; what could stand behind that is seen from the leaves, which name their agreement.

use std::ops::Range;

use super::census::Census;
use super::file::{Dossier, LeafRow};
use super::reading::{Faults, ReadRecord, hash_of};
use super::verdict::Outcome;
use crate::domain::id::AgreementId;
use crate::merkle::{Checkpoint, RangeProof, TreeHash, take_entry};
use crate::wire::leaf::LeafFields;

/// Where an event of the agreement could stand, known and left out, without a gap in the versions: behind
/// the newest event that was known, up to the last position that was. Empty when an event that came later
/// follows with the next version. Takes the positions of the events in their order.
pub fn open_positions(events: impl IntoIterator<Item = u64>, known_to: u64) -> Range<u64> {
    let end = known_to.saturating_add(1);
    let mut first = 0;
    for position in events {
        if position > known_to {
            return end..end;
        }
        first = position.saturating_add(1);
    }
    first..end
}

/// What was read before.
pub(super) struct Seen<'s> {
    pub(super) dossier: &'s Dossier,
    pub(super) agreement_id: &'s AgreementId,
    pub(super) records: &'s [ReadRecord],
    /// Last version, up to which none is missing.
    pub(super) version: u64,
    /// Last position that was known.
    pub(super) known_to: u64,
    pub(super) checkpoint: &'s Checkpoint,
}

impl Seen<'_> {
    /// Looks at the leaves of the file, and at all leaves of the log where there are.
    pub(super) fn judge(&self, census: Option<&Census>) -> (Outcome, String) {
        let open = open_positions(self.event_positions(), self.known_to);
        let row = self.dossier.completeness.as_ref().map(|row| self.row(row, &open)).transpose();
        let all = census.map(|census| self.counted(census)).transpose();
        match (row, all) {
            (Err(fault), _) | (Ok(_), Err(fault)) => (Outcome::Fails, fault),
            (Ok(_), Ok(Some(text))) | (Ok(Some(text)), Ok(None)) => (Outcome::Holds, text),
            (Ok(None), Ok(None)) if open.is_empty() => (Outcome::Holds, self.followed()),
            (Ok(None), Ok(None)) => {
                let (version, known_to) = (self.version, self.known_to);
                let text = format!(
                    "that nothing comes after version {version} up to position {known_to} is proved by \
                     the leaves from position {} on, which the file has not",
                    open.start
                );
                (Outcome::NotProved, text)
            }
        }
    }

    fn event_positions(&self) -> impl Iterator<Item = u64> {
        let events = self.records.iter().filter(|read| read.event.is_some());
        events.map(ReadRecord::position)
    }

    /// Why nothing can stand behind the newest event, when no leaf is needed to show it.
    fn followed(&self) -> String {
        let why = match self.event_positions().find(|position| *position > self.known_to) {
            Some(later) => format!("because the next version came later, at position {later}"),
            None => "because the newest is the last record of the log that was known".to_owned(),
        };
        format!(
            "every event that was known is here, {why}; of refusals only all leaves of the log prove it"
        )
    }

    /// Reads the leaves of the file, which must reach over everything that is open.
    fn row(&self, row: &LeafRow, open: &Range<u64>) -> Result<String, String> {
        let first = row.first;
        let mut count: u64 = 0;
        let mut rest = row.leaves.0.as_slice();
        let mut own = Faults::default();
        let mut strange = Faults::default();
        while let Some(leaf) = take_entry(&mut rest) {
            let position = first.saturating_add(count);
            count += 1;
            match LeafFields::read(leaf) {
                Some(fields) if fields.position == position => {
                    if fields.agreement_id == *self.agreement_id && !self.has(position) {
                        own.add(format!("the record at position {position} is left out"));
                    }
                }
                Some(fields) => strange.add(format!(
                    "the leaf of position {} stands where that of {position} belongs",
                    fields.position
                )),
                None => {
                    strange.add(format!("the leaf of position {position} is not laid out as one"));
                }
            }
        }
        if !rest.is_empty() {
            return Err(format!("the leaves from position {first} on are cut short"));
        }
        let end = first.saturating_add(count);
        self.prove(row, first..end).map_err(|text| {
            let more = if strange.is_empty() { String::new() } else { strange.text() + "; " };
            format!(
                "the leaves from position {first} on are not those that were signed: {more}{text}"
            )
        })?;
        if !strange.is_empty() {
            return Err(strange.text());
        }
        if first > open.start || end < open.end {
            let (from, to) = (open.start, open.end.saturating_sub(1));
            return Err(format!(
                "an event may be left out: the {count} leaves from position {first} on do not reach over \
                 positions {from} to {to}"
            ));
        }
        if !own.is_empty() {
            return Err(own.text());
        }
        let last = end.saturating_sub(1);
        let refusals = if first == 0 {
            "refusals included".to_owned()
        } else {
            format!("of refusals before position {first} only all leaves of the log prove it")
        };
        Ok(format!(
            "every event that was known is here: the leaves of positions {first} to {last} are all there, \
             and name no other of the agreement; {refusals}"
        ))
    }

    fn prove(&self, row: &LeafRow, range: Range<u64>) -> Result<(), String> {
        let hashes = row.beside.0.iter().map(hash_of).collect::<Result<Vec<_>, _>>()?;
        let proof = RangeProof { range, size: self.checkpoint.size(), hashes };
        let mut rest = row.leaves.0.as_slice();
        let leaves = std::iter::from_fn(|| take_entry(&mut rest).map(TreeHash::of_leaf));
        proof.verify(leaves, self.checkpoint.root()).map_err(|fault| fault.to_string())
    }

    fn has(&self, position: u64) -> bool {
        self.records.binary_search_by_key(&position, ReadRecord::position).is_ok()
    }

    /// Compares the records with all leaves of the log.
    fn counted(&self, census: &Census) -> Result<String, String> {
        let (size, root) = (self.checkpoint.size(), self.checkpoint.root());
        if (census.size(), census.root()) != (size, root) {
            let (size_seen, root_seen) = (census.size(), census.root());
            return Err(format!(
                "the {size_seen} leaves give the root {root_seen}, and the checkpoint says {size} and \
                 {root}"
            ));
        }
        if let Some(index) = census.strange() {
            return Err(format!("leaf {index} of the log is not laid out as one"));
        }
        let mut faults = Faults::default();
        for position in census.positions().iter().filter(|position| !self.has(**position)) {
            faults.add(format!("the record at position {position} is left out"));
        }
        if faults.is_empty() {
            Ok(format!("of {size} leaves those of the agreement are here, refusals included"))
        } else {
            Err(faults.text())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_open_lies_behind_the_newest_event_that_was_known() {
        for (events, known_to, open) in [
            (&[2, 5][..], 9, 6..10),
            (&[2, 9], 9, 10..10),
            (&[2, 12], 9, 10..10),
            (&[], 3, 0..4),
            (&[u64::MAX], u64::MAX, u64::MAX..u64::MAX),
        ] {
            assert_eq!(open_positions(events.iter().copied(), known_to), open, "{events:?}");
        }
    }
}
