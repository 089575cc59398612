//! What is left when the power goes.

use super::file::{Change, File};
use super::{Disk, ROOT};
use crate::random::Random;

/// What survives a cut of that which was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    Nothing,
    /// Some changes, of any age: a later one can be there and an earlier one not.
    Subset,
    /// The same, and some writes in part, by sectors of 512 bytes. A file can have got its new
    /// length without the bytes: these are zeros.
    SubsetTorn,
}

/// How many changes that were not synced survived, and how many did not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CutReport {
    /// Writes and changes of length.
    pub writes_kept: u64,
    pub writes_torn: u64,
    pub writes_lost: u64,
    /// Creations, renames and removals.
    pub names_kept: u64,
    pub names_lost: u64,
}

/// Decides for each change. How many survive differs from cut to cut, so that nearly all and nearly
/// none come up too.
struct Choice {
    keep: Keep,
    random: Random,
    chances: u64,
}

impl Disk {
    /// Forgets what is not durable and switches the power on again. Whoever still has a file open
    /// hears EIO.
    pub(crate) fn cut(&mut self, seed: u64, keep: Keep) -> CutReport {
        let mut random = Random::new(seed);
        let chances = random.below(7).saturating_add(1);
        let mut choice = Choice { keep, random, chances };
        let mut report = CutReport::default();
        let (alive, kept, lost) = self.names.cut(ROOT, || choice.survives());
        (report.names_kept, report.names_lost) = (kept, lost);
        for node in self.nodes.values_mut() {
            if let Some(file) = &mut node.file {
                choice.cut_file(file, &mut report);
            }
            node.opens = 0;
        }
        self.nodes.retain(|id, _| alive.contains(id));
        self.power_off_at = None;
        self.power_off = false;
        self.boot = self.boot.wrapping_add(1);
        report
    }
}

impl Choice {
    fn survives(&mut self) -> bool {
        match self.keep {
            Keep::Nothing => false,
            Keep::Subset | Keep::SubsetTorn => self.random.chance(self.chances),
        }
    }

    fn cut_file(&mut self, file: &mut File, report: &mut CutReport) {
        for change in file.take_pending() {
            if self.survives() {
                file.survive(&change);
                report.writes_kept = report.writes_kept.saturating_add(1);
            } else if self.keep == Keep::SubsetTorn
                && self.random.chance(4)
                && self.tear(file, &change)
            {
                report.writes_torn = report.writes_torn.saturating_add(1);
            } else {
                report.writes_lost = report.writes_lost.saturating_add(1);
            }
        }
        file.restart();
    }

    /// Lets some sectors of a write through. False when that was none.
    fn tear(&mut self, file: &mut File, change: &Change) -> bool {
        let pieces = change.sectors();
        if pieces.len() < 2 {
            return false;
        }
        let mut torn = false;
        for piece in &pieces {
            if self.random.chance(4) {
                file.survive(piece);
                torn = true;
            }
        }
        torn
    }
}
