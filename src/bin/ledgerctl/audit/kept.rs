//! What stays between two visits: the checkpoint as it was signed, and beside it the day of the visit.
//!
//! The day cannot stand in the checkpoint, whose bytes are the ledger's. Its file names the tree that it
//! belongs to, so a day never goes with another visit's checkpoint.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use contract_ledger::domain::date::Date;
use contract_ledger::merkle::Checkpoint;

use crate::outcome::CommandError;
use crate::trust::{Believed, Trust};

/// The last visit.
pub(super) struct Kept {
    /// Its checkpoint.
    pub(super) believed: Believed,
    /// The day that findings were judged at. None: it was not kept.
    pub(super) day: Option<Date>,
}

/// Reads the last visit. None: this is the first.
pub(super) fn read(path: &Path, first: bool, trust: &Trust) -> Result<Option<Kept>, CommandError> {
    match fs::read_to_string(path) {
        Ok(_) if first => {
            let text = format!("{} is there already: leave out --first", path.display());
            Err(CommandError::Usage(text))
        }
        Ok(text) => {
            let believed = trust.believe(&path.display().to_string(), &text)?;
            let day = match fs::read(day_file(path)) {
                Ok(line) => day_of(&String::from_utf8_lossy(&line), &believed.checkpoint),
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                Err(source) => {
                    let doing = format!("reading {}", day_file(path).display());
                    return Err(CommandError::local(doing, source));
                }
            };
            Ok(Some(Kept { believed, day }))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound && first => Ok(None),
        Err(source) => {
            let doing = format!("reading {} (--first begins a new one)", path.display());
            Err(CommandError::local(doing, source))
        }
    }
}

/// Replaces what was kept, durably, each file as a whole. The day goes first: a visit that ends between
/// the two is not over, and the day of another checkpoint is no day.
pub(super) fn keep(path: &Path, now: &Believed, day: Date) -> io::Result<()> {
    put(&day_file(path), &day_line(&now.checkpoint, day))?;
    put(path, &now.text)
}

fn day_file(path: &Path) -> PathBuf {
    path.with_added_extension("day")
}

fn day_line(checkpoint: &Checkpoint, day: Date) -> String {
    format!("{} {} {day}\n", checkpoint.size(), checkpoint.root())
}

/// The day, when the line is of this checkpoint.
fn day_of(line: &str, checkpoint: &Checkpoint) -> Option<Date> {
    let day = Date::parse(line.trim_end().rsplit(' ').next()?).ok()?;
    (line == day_line(checkpoint, day)).then_some(day)
}

fn put(path: &Path, text: &str) -> io::Result<()> {
    let unfinished = path.with_added_extension("unfinished");
    let mut file = File::create(&unfinished)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use contract_ledger::merkle::TreeHash;

    use super::*;

    #[test]
    fn a_day_goes_with_its_own_checkpoint_only() {
        let checkpoint = |size, leaf| {
            Checkpoint::new("ledger.example.no/asker", size, TreeHash::of_leaf(leaf)).unwrap()
        };
        let day = Date::parse("2024-06-04").unwrap();
        let line = day_line(&checkpoint(7, b"a"), day);
        assert_eq!(day_of(&line, &checkpoint(7, b"a")), Some(day));
        for other in [checkpoint(8, b"a"), checkpoint(7, b"b")] {
            assert_eq!(day_of(&line, &other), None);
        }
        for line in ["", "\n", "2024-06-04\n", line.trim_end()] {
            assert_eq!(day_of(line, &checkpoint(7, b"a")), None, "{line:?}");
        }
    }
}
