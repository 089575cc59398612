//! The three indexes, held against the log: every entry names a record that is what it says, and as
//! many entries are there as the log has records, requests and sources.
//!
//! It must not mend. It goes entry by entry and keeps nothing, so an index of any size is checked.

use std::sync::Arc;

use bytes::Bytes;

use super::super::verify::{Damage, DamageKind, Part, RecordCounts};
use super::tables::TablesScan;
use super::{
    Entry, Index, LedgerError, LogReader, RequestId, SourceEvent, StreamEntry, Tables, Version,
    id_of_stream, source_key, source_of, stream_entry,
};
use crate::domain::id::{AgreementId, Position};
use crate::ledger::error::WithCauses;
use crate::log::DerivedScan;
use crate::wire::{record, v1};

/// A check under way.
#[derive(Debug)]
pub(crate) struct IndexCheck {
    reader: LogReader,
    stages: std::vec::IntoIter<Stage>,
    stage: Option<Stage>,
    /// Records below it are looked at.
    head: u64,
    /// Entries that were looked at, in the tree at hand.
    entries: u64,
    /// Of the agreement at hand.
    stream: Option<(AgreementId, StreamEntry)>,
    agreements: u64,
    /// What the log holds; none when it is damaged, and so not counted.
    counts: Option<RecordCounts>,
}

#[derive(Debug)]
struct Stage {
    tree: Tree,
    scan: Scan,
    /// The tree has taken in every record below the head.
    is_complete: bool,
}

#[derive(Debug)]
enum Scan {
    Streams(DerivedScan),
    Keys { scan: TablesScan, tables: Arc<Tables> },
}

/// What a scan gives next.
#[derive(Debug)]
enum Item {
    Run { key: Vec<u8>, value: Bytes },
    Key { entry: Entry, found: Option<u64> },
}

impl Scan {
    fn next(&mut self) -> Option<Result<Item, LedgerError>> {
        match self {
            Self::Streams(scan) => {
                let next = scan.next()?;
                Some(next.map(|(key, value)| Item::Run { key, value }).map_err(LedgerError::from))
            }
            Self::Keys { scan, tables } => {
                let found = |entry: Entry| {
                    let found = tables.find(entry.key_bytes())?;
                    Ok(Item::Key { entry, found })
                };
                Some(scan.next()?.and_then(found))
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tree {
    Streams,
    Requests,
    Sources,
}

impl IndexCheck {
    pub(crate) fn new(
        index: &Index,
        reader: &LogReader,
        head: u64,
        counts: Option<RecordCounts>,
    ) -> Self {
        let keys = |tree, tables: &Arc<Tables>| Stage {
            tree,
            is_complete: tables.reached() >= head,
            scan: Scan::Keys { scan: tables.scan(), tables: Arc::clone(tables) },
        };
        let stages = vec![
            Stage {
                tree: Tree::Streams,
                is_complete: index.streams.reached() >= head,
                scan: Scan::Streams(index.streams.scan_prefix(&[])),
            },
            keys(Tree::Requests, &index.requests),
            keys(Tree::Sources, &index.sources),
        ];
        let mut stages = stages.into_iter();
        let stage = stages.next();
        let reader = reader.clone();
        Self { reader, stages, stage, head, entries: 0, stream: None, agreements: 0, counts }
    }

    /// Agreements that were seen so far.
    pub(crate) fn agreements(&self) -> u64 {
        self.agreements
    }

    /// Looks at the next key, and tells how many entries it had, at least one. None at the end of the
    /// last tree.
    pub(crate) fn step(&mut self, damages: &mut Vec<Damage>) -> Result<Option<u64>, LedgerError> {
        let Some(stage) = &mut self.stage else { return Ok(None) };
        let tree = stage.tree;
        let before = self.entries;
        match stage.scan.next() {
            Some(Ok(Item::Run { key, value })) => self.look_at_run(&key, &value, damages)?,
            Some(Ok(Item::Key { entry, found })) => {
                self.look_at_key(tree, entry, found, damages)?;
            }
            // It says nothing of what is stored.
            Some(Err(error)) if error.is_stop() => return Err(error),
            // What lies behind it in this tree cannot be reached.
            Some(Err(error)) => {
                let error = WithCauses(&error);
                let text = format!("the index {} cannot be read: {error}", tree.name());
                damages.push(damage(tree, DamageKind::Unreadable, None, text));
                self.next_stage();
            }
            None => {
                if stage.is_complete {
                    self.compare_count(tree, damages);
                }
                self.next_stage();
            }
        }
        Ok(Some(self.entries.saturating_sub(before).max(1)))
    }

    fn next_stage(&mut self) {
        self.stage = self.stages.next();
        self.entries = 0;
    }

    fn look_at_run(
        &mut self,
        key: &[u8],
        value: &[u8],
        damages: &mut Vec<Damage>,
    ) -> Result<(), LedgerError> {
        let differs = |text| damage(Tree::Streams, DamageKind::IndexDiffers, None, text);
        let Ok(id) = id_of_stream(key) else {
            damages.push(differs("the index streams has a key that is none".to_owned()));
            return Ok(());
        };
        if value.is_empty() || !value.len().is_multiple_of(16) {
            let text = format!("the index streams has a run of {id} that is cut short");
            damages.push(differs(text));
        }
        for entry in value.chunks_exact(16).map(stream_entry) {
            self.look_at_stream(&id, entry, damages)?;
        }
        Ok(())
    }

    fn look_at_stream(
        &mut self,
        id: &AgreementId,
        entry: StreamEntry,
        damages: &mut Vec<Damage>,
    ) -> Result<(), LedgerError> {
        let position = entry.position.get();
        if position >= self.head {
            return Ok(());
        }
        let before = self.stream.take().filter(|(before, _)| before == id);
        self.agreements += u64::from(before.is_none());
        let last = before.as_ref().map_or(Version::NONE, |(_, last)| last.version);
        let is_later = before.is_none_or(|(_, last)| last.position < entry.position);
        let is_refusal = entry.version == Version::NONE;
        let follows = is_refusal || entry.version.get() == last.get().saturating_add(1);
        let newest = if is_refusal { last } else { entry.version };
        self.stream = Some((id.clone(), StreamEntry { position: entry.position, version: newest }));
        self.entries += 1;
        if !follows {
            let (version, expected) = (entry.version.get(), last.get().saturating_add(1));
            let text = format!("version {version} of {id} stands where {expected} comes next");
            damages.push(damage(Tree::Streams, DamageKind::VersionGap, Some(position), text));
        }
        let stored = self.record(position)?;
        let says_so = stored.is_none_or(|stored| {
            stored.agreement_id == id.as_str() && version_of(&stored) == entry.version
        });
        if !says_so || !is_later {
            let text = format!("the index streams has another record of {id} here than the log");
            damages.push(damage(Tree::Streams, DamageKind::IndexDiffers, Some(position), text));
        }
        Ok(())
    }

    /// Looks at an entry, and at what a look-up of its key finds.
    fn look_at_key(
        &mut self,
        tree: Tree,
        entry: Entry,
        found: Option<u64>,
        damages: &mut Vec<Damage>,
    ) -> Result<(), LedgerError> {
        let (position, key) = (entry.position, entry.key_bytes());
        if position >= self.head && position < u64::MAX {
            return Ok(());
        }
        self.entries += 1;
        let says_so = match tree {
            Tree::Requests => self.is_first_of_request(position, &key)?,
            Tree::Streams | Tree::Sources => match self.record(position)? {
                Some(stored) => source_in(&stored).is_some_and(|source| source_key(&source) == key),
                None => position < self.head,
            },
        };
        let text = if !says_so {
            format!("the index {} names a record that is another", tree.name())
        } else if found != Some(position) {
            format!("the index {} does not find a key that it holds", tree.name())
        } else {
            return Ok(());
        };
        damages.push(damage(tree, DamageKind::IndexDiffers, Some(position), text));
        Ok(())
    }

    fn is_first_of_request(&self, position: u64, key: &[u8]) -> Result<bool, LedgerError> {
        let Some(stored) = self.record(position)? else { return Ok(position < self.head) };
        let is_of = |stored: &v1::Record| {
            RequestId::parse(&stored.request_id).is_ok_and(|id| id.as_bytes().as_slice() == key)
        };
        let before = match position.checked_sub(1) {
            Some(before) => self.record(before)?,
            None => None,
        };
        Ok(is_of(&stored) && !before.as_ref().is_some_and(is_of))
    }

    /// The record at a position. None when it is damaged, which is told where the log is checked, or
    /// not there.
    fn record(&self, position: u64) -> Result<Option<v1::Record>, LedgerError> {
        match self.reader.record(position) {
            Ok(bytes) => Ok(bytes.and_then(|bytes| record::decode(&bytes).ok())),
            Err(error) if error.is_damage() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn compare_count(&self, tree: Tree, damages: &mut Vec<Damage>) {
        let Some(counts) = self.counts else { return };
        let expected = match tree {
            Tree::Streams => counts.records,
            Tree::Requests => counts.requests,
            Tree::Sources => counts.sources,
        };
        if self.entries != expected {
            let (name, entries) = (tree.name(), self.entries);
            let text = format!("the index {name} has {entries} entries, and the log {expected}");
            damages.push(damage(tree, DamageKind::IndexDiffers, None, text));
        }
    }
}

impl Tree {
    fn name(self) -> &'static str {
        match self {
            Self::Streams => "streams",
            Self::Requests => "requests",
            Self::Sources => "sources",
        }
    }
}

/// The source that a record's event names.
pub(crate) fn source_in(stored: &v1::Record) -> Option<SourceEvent> {
    match &stored.entry {
        Some(v1::record::Entry::Event(event)) => source_of(event),
        Some(v1::record::Entry::Refusal(_)) | None => None,
    }
}

fn version_of(stored: &v1::Record) -> Version {
    match &stored.entry {
        Some(v1::record::Entry::Event(event)) => Version::new(event.agreement_version),
        Some(v1::record::Entry::Refusal(_)) | None => Version::NONE,
    }
}

fn damage(tree: Tree, kind: DamageKind, position: Option<u64>, text: String) -> Damage {
    let position = position.map(Position::new);
    Damage { part: Part::Index, kind, position, subject: tree.name().to_owned(), text }
}
