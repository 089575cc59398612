//! The mark of a clean stop: what the log and its derived trees had reached, and how long the store's
//! files were, in a file beside the store.
//!
//! It must not look into the store. sled takes what it cannot read at the end of its file for what was
//! never written; this says from outside how much there was. The mark is written when sled has closed its
//! files, and loses its name, durably, before a start touches them: so whoever finds it finds the folder
//! as it was left. Under its other name it goes on saying what the log has once reached.
//!
//! An earlier version opens the folder and leaves the mark its name. But every version writes its process
//! into the lock file at a start; so the stop writes there which mark it left, and a mark that the lock
//! file does not name is one of an earlier state.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use crate::block::{BlockHash, Link};
use crate::crash_point::crash_point;

use super::directory::{FILE_MODE, STORE_DIRECTORY, sync};
use super::error::LogError;

/// The mark, while the folder is as the stop has left it.
pub(super) const STOPPED_FILE: &str = "clean-stop";
/// The mark of the last clean stop, once the folder was opened again.
pub(super) const STOPPED_BEFORE_FILE: &str = "last-clean-stop";
/// What the lock file says before the checksum of the mark that holds.
const LOCK_START: &str = "stopped ";
const TITLE: &str = "contract-ledger clean stop 1";

/// What was true when the log was closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CleanStop {
    /// The position that the next record gets.
    pub next_position: u64,
    /// The hash of the last block.
    pub last_block: BlockHash,
    /// How far each derived tree had come, by name.
    pub trees: Vec<(String, u64)>,
    /// The bytes of each of the store's files, by name.
    pub files: Vec<(String, u64)>,
}

impl CleanStop {
    pub(super) fn new(end: Link, trees: Vec<(String, u64)>) -> Self {
        let Link { next_position, last_block } = end;
        Self { next_position, last_block, trees, files: Vec::new() }
    }

    /// What the lock file says while this mark holds.
    pub(super) fn lock_text(&self) -> String {
        format!("{LOCK_START}{:08x}", crc32fast::hash(self.encode().as_bytes()))
    }

    /// Lines of words, the last one a checksum over those before it.
    pub(super) fn encode(&self) -> String {
        let Self { next_position, last_block, trees, files } = self;
        let mut text = format!("{TITLE}\nnext-position {next_position}\nlast-block {last_block}\n");
        for (kind, entries) in [("tree", trees), ("file", files)] {
            for (name, number) in entries {
                // Writing to a text cannot fail.
                let _written = writeln!(text, "{kind} {name} {number}");
            }
        }
        let checksum = crc32fast::hash(text.as_bytes());
        text + &format!("checksum {checksum:08x}\n")
    }

    /// `None` of anything but what [`Self::encode`] makes, to the byte.
    pub(super) fn decode(text: &str) -> Option<Self> {
        let mut read = Self::new(Link::START, Vec::new());
        for line in text.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            match *words.as_slice() {
                ["next-position", number] => read.next_position = number.parse().ok()?,
                ["last-block", digits] => read.last_block = hash_of(digits)?,
                ["tree", name, number] => read.trees.push((name.to_owned(), number.parse().ok()?)),
                ["file", name, number] => read.files.push((name.to_owned(), number.parse().ok()?)),
                // The title and the checksum are compared below.
                _ => {}
            }
        }
        (read.encode() == text).then_some(read)
    }

    /// What is not as this mark says, of a folder that nobody has opened since.
    pub(super) fn faults(
        &self,
        store: Link,
        trees: &[(String, u64)],
        files: &[(String, u64)],
    ) -> Vec<String> {
        let mut faults = Vec::new();
        let Link { next_position, last_block } = store;
        if (next_position, last_block) != (self.next_position, self.last_block) {
            faults.push(format!(
                "the store ends at position {next_position} with block {last_block}, and was stopped at \
                 {} with block {}",
                self.next_position, self.last_block
            ));
        }
        for (name, was) in &self.trees {
            let is = number_of(trees, name).unwrap_or(0);
            if is != *was {
                faults.push(format!(
                    "the derived tree {name} ends before position {is}, and was stopped before {was}"
                ));
            }
        }
        for (name, was) in &self.files {
            match number_of(files, name) {
                Some(is) if is == *was => {}
                Some(is) => faults.push(format!(
                    "the store's file {name} has {is} bytes, and was left with {was}"
                )),
                None => faults.push(format!("the store's file {name} is missing")),
            }
        }
        faults
    }
}

fn number_of(entries: &[(String, u64)], wanted: &str) -> Option<u64> {
    entries.iter().find(|(name, _)| name == wanted).map(|(_, number)| *number)
}

fn hash_of(digits: &str) -> Option<BlockHash> {
    let mut bytes = [0; 32];
    if digits.len() != 64 || !digits.is_ascii() {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(digits.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(BlockHash::from_bytes(bytes))
}

/// A mark as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum MarkFound {
    /// There is none.
    Missing,
    Whole(CleanStop),
    /// It is not as it was written.
    Damaged,
}

/// The mark under one of its names.
pub(super) fn read(directory: &Path, name: &str) -> Result<MarkFound, LogError> {
    let path = directory.join(name);
    match fs::read(&path) {
        Ok(bytes) => {
            let stop = std::str::from_utf8(&bytes).ok().and_then(CleanStop::decode);
            Ok(stop.map_or(MarkFound::Damaged, MarkFound::Whole))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(MarkFound::Missing),
        Err(error) => Err(LogError::io("read", &path)(error)),
    }
}

/// The mark, if it is of the folder as it is: if the lock file, by what it said before it was written to,
/// names it. Without that somebody has opened the folder since who does not know of marks.
pub(super) fn holding(directory: &Path, lock_said: &str) -> Result<MarkFound, LogError> {
    Ok(match read(directory, STOPPED_FILE)? {
        MarkFound::Whole(stop) if stop.lock_text() != lock_said.trim_end() => MarkFound::Missing,
        found => found,
    })
}

/// Whether the folder is as a clean stop of a log without records has left it.
pub(super) fn was_empty(directory: &Path, lock_said: &str) -> Result<bool, LogError> {
    let found = holding(directory, lock_said)?;
    Ok(matches!(found, MarkFound::Whole(CleanStop { next_position: 0, .. })))
}

/// Writes the mark, durably, once sled has closed its files. Returns what the lock file is to say from
/// here on.
pub(super) fn leave(directory: &Path, mut stop: CleanStop) -> Result<String, LogError> {
    stop.files = store_files(&directory.join(STORE_DIRECTORY))?;
    let path = directory.join(STOPPED_FILE);
    let unfinished = path.with_extension("unfinished");
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(FILE_MODE)
        .open(&unfinished)
        .and_then(|mut file: File| {
            file.write_all(stop.encode().as_bytes()).and_then(|()| file.sync_all())
        })
        .map_err(LogError::io("write", &unfinished))?;
    crash_point!("close.mark-written");
    fs::rename(&unfinished, &path).map_err(LogError::io("rename to", &path))?;
    remove(&directory.join(STOPPED_BEFORE_FILE))?;
    sync(directory)?;
    Ok(stop.lock_text())
}

/// Takes the mark's name from it, durably: from here on the folder may change. Returns what it may be
/// given back for, when there was a mark.
pub(super) fn begin(directory: &Path) -> Result<Option<Begun>, LogError> {
    let path = directory.join(STOPPED_FILE);
    let files = Begun::look(directory)?;
    match fs::rename(&path, directory.join(STOPPED_BEFORE_FILE)) {
        Ok(()) => sync(directory).map(|()| Some(files)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(LogError::io("rename", &path)(error)),
    }
}

/// The store's files when the mark's name was taken: which they were, and how long.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Begun(Vec<(OsString, u64, u64)>);

impl Begun {
    fn look(directory: &Path) -> Result<Self, LogError> {
        let store = directory.join(STORE_DIRECTORY);
        let listed = || -> io::Result<Vec<_>> {
            let entries = fs::read_dir(&store)?.collect::<io::Result<Vec<_>>>()?;
            let files = entries.into_iter().map(|entry| {
                let metadata = entry.metadata()?;
                Ok((entry.file_name(), metadata.ino(), metadata.len()))
            });
            files.collect()
        };
        match listed() {
            Ok(mut files) => {
                files.sort();
                Ok(Self(files))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self(Vec::new())),
            Err(error) => Err(LogError::io("list", &store)(error)),
        }
    }
}

/// Gives the mark its name back, durably, after an opening that was refused and left the store's files
/// as they were. Returns whether it has it.
pub(super) fn put_back(directory: &Path, begun: &Begun) -> Result<bool, LogError> {
    if Begun::look(directory)? != *begun {
        return Ok(false);
    }
    let path = directory.join(STOPPED_FILE);
    fs::rename(directory.join(STOPPED_BEFORE_FILE), &path)
        .map_err(LogError::io("rename to", &path))?;
    sync(directory)?;
    Ok(true)
}

/// Forgets what the log had reached at the last clean stop.
pub(super) fn forget(directory: &Path) -> Result<(), LogError> {
    for name in [STOPPED_FILE, STOPPED_BEFORE_FILE] {
        remove(&directory.join(name))?;
    }
    sync(directory)
}

fn remove(path: &Path) -> Result<(), LogError> {
    match fs::remove_file(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(LogError::io("remove", path)(error)),
    }
}

/// The files right in the store's directory, and how long they are, by name.
pub(super) fn store_files(store: &Path) -> Result<Vec<(String, u64)>, LogError> {
    let failed = || LogError::io("list", store);
    let mut files = Vec::new();
    for entry in fs::read_dir(store).map_err(failed())? {
        let entry = entry.map_err(failed())?;
        let metadata = entry.metadata().map_err(failed())?;
        if metadata.is_file() {
            files.push((entry.file_name().to_string_lossy().into_owned(), metadata.len()));
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stop() -> CleanStop {
        let named = |name: &str, number| (name.to_owned(), number);
        CleanStop {
            next_position: 1148,
            last_block: BlockHash::of(b"a block"),
            trees: vec![named("merkle", 1024), named("streams", 1148)],
            files: vec![named("conf", 63), named("db", 524_288)],
        }
    }

    #[test]
    fn a_mark_reads_back_and_no_altered_byte_passes() {
        let text = stop().encode();
        assert_eq!(CleanStop::decode(&text), Some(stop()));
        for at in 0..text.len() {
            for bit in 0..8 {
                let mut bytes = text.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                let read = std::str::from_utf8(&bytes).ok().and_then(CleanStop::decode);
                assert_eq!(read, None, "bit {bit} of byte {at}");
            }
            assert_eq!(CleanStop::decode(&text[..at]), None, "cut at {at}");
        }
    }

    #[test]
    fn a_mark_holds_only_while_the_lock_file_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let empty = CleanStop { next_position: 0, ..stop() };
        for mark in [stop(), empty.clone()] {
            fs::write(folder.path().join(STOPPED_FILE), mark.encode()).unwrap();
            let holds = |said: &str| {
                let found = holding(folder.path(), said).unwrap();
                assert_eq!(was_empty(folder.path(), said).unwrap(), {
                    mark == empty && found != MarkFound::Missing
                });
                found
            };
            assert_eq!(holds(&(mark.lock_text() + "\n")), MarkFound::Whole(mark.clone()));
            // The process of an earlier version, the mark of another stop, and nothing.
            let other = CleanStop { next_position: 7, ..stop() };
            for said in ["4711\n", &other.lock_text(), ""] {
                assert_eq!(holds(said), MarkFound::Missing, "{said}");
            }
        }
    }

    #[test]
    fn a_mark_gets_its_name_back_only_while_the_store_is_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join(STORE_DIRECTORY);
        fs::create_dir(&store).unwrap();
        fs::write(store.join("db"), "blocks").unwrap();
        fs::write(folder.path().join(STOPPED_FILE), stop().encode()).unwrap();
        let named = |name| folder.path().join(name).exists();
        let begun = begin(folder.path()).unwrap().unwrap();
        assert!(!named(STOPPED_FILE));
        assert!(put_back(folder.path(), &begun).unwrap() && named(STOPPED_FILE));
        // Another store of the same length is another store.
        let begun = begin(folder.path()).unwrap().unwrap();
        fs::write(store.join("new"), "blocks").unwrap();
        fs::rename(store.join("new"), store.join("db")).unwrap();
        assert!(!put_back(folder.path(), &begun).unwrap() && !named(STOPPED_FILE));
        assert_eq!(begin(folder.path()).unwrap(), None);
    }

    #[test]
    fn whatever_is_not_as_it_was_left_is_told() {
        let stop = stop();
        let end = Link { next_position: 1148, last_block: stop.last_block };
        let told = |end, trees: &[(String, u64)], files: &[(String, u64)]| {
            stop.faults(end, trees, files).join("; ")
        };
        assert_eq!(told(end, &stop.trees, &stop.files), "");
        let shorter = Link { next_position: 1140, ..end };
        assert!(told(shorter, &stop.trees, &stop.files).contains("ends at position 1140"));
        let missing = told(end, &stop.trees[1..], &stop.files);
        assert!(missing.contains("tree merkle ends before position 0"), "{missing}");
        let mut behind = stop.trees.clone();
        behind[1].1 = 7;
        let behind = told(end, &behind, &stop.files);
        assert!(behind.contains("streams ends before position 7"), "{behind}");
        let mut longer = stop.files.clone();
        longer[1].1 += 1;
        assert!(told(end, &stop.trees, &longer).contains("db has 524289 bytes"));
        assert!(told(end, &stop.trees, &stop.files[1..]).contains("conf is missing"));
    }
}
