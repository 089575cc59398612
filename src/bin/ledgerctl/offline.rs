//! `verify` and `recover`: the two copies of a log that no ledger has open.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use bytes::Bytes;
use contract_ledger::ledger::error::{LedgerError, WithCauses};
use contract_ledger::ledger::kept_keys::{self, KEYS_FILE};
use contract_ledger::ledger::signed_end::{give_up, signed_end};
use contract_ledger::ledger::signing::NEWEST_CHECKPOINT_FILE;
use contract_ledger::ledger::verify::{Damage, DamageKind, Part, RecordOrder, offline};
use contract_ledger::log::{
    ArchiveOptions, CopiesFound, CopyFound, Log, LogError, LogOptions, LogReader, Mended,
    OpenedLog, Recovering, Recovery, Refusal, StopFound,
};
use contract_ledger::merkle::VerifierKey;
use contract_ledger::wire::{record, v1};

use crate::arguments::{FolderArguments, RecoverArguments, VerifyArguments};
use crate::outcome::{CommandError, EXIT_DONE, EXIT_FAILED};
use crate::trust::key;

/// Faults of records that are told one by one; the rest is counted.
const FAULTS_TOLD_MAX: usize = 10;

/// Reads every byte of both copies and says what is wrong. Changes nothing.
pub(crate) fn verify(
    directory: &Path,
    arguments: &VerifyArguments,
    output: &mut impl Write,
) -> Result<u8, CommandError> {
    let mut records = Records::default();
    let mut derived = None;
    let options = options(directory, arguments.archive.as_deref());
    let keys = arguments.vkeys.iter().map(|text| key(text)).collect::<Result<Vec<_>, _>>()?;
    let newest = newest_checkpoint(directory)?;
    let kept = kept_keys::kept(directory).map_err(|error| stopped(&error))?;
    let altered = newest.as_deref().zip(kept.as_ref().ok().and_then(Option::as_deref)).and_then(
        |(newest, kept)| if keys.is_empty() { kept_keys::check(newest, kept).err() } else { None },
    );
    let is_altered = altered.is_some();
    let beside = [
        kept.as_ref().err().map(|fault| format!("signed:   damaged, {KEYS_FILE}: {fault}")),
        altered.map(|fault| format!("signed:   damaged, {NEWEST_CHECKPOINT_FILE}: {fault}")),
        offline::check_page_key(directory)
            .map_err(|error| stopped(&error))?
            .map(|fault| format!("tokens:   damaged: {fault}")),
    ];
    let beside: Vec<String> = beside.into_iter().flatten().collect();
    let found = Log::verify_offline(
        &options,
        |position, bytes| records.add(position, &bytes),
        |reader| derived = Some(check_derived(reader, newest.as_deref(), &keys)),
    )
    .map_err(|error| not_carried_out(&error))?;
    let derived = derived.transpose().map_err(|error| stopped(&error))?.unwrap_or_default();
    writeln!(output, "store:    {}", copy_text(&found.store))?;
    writeln!(output, "archive:  {}", copy_text(&found.archive))?;
    records.tell(output)?;
    for damage in derived.iter().take(FAULTS_TOLD_MAX) {
        let place = damage.position.map(|at| format!(" at position {}", at.get()));
        let part = match damage.part {
            Part::Tree => format!("tree:     damaged, {}", damage.subject),
            Part::Checkpoint => format!("signed:   damaged, {}", damage.subject),
            Part::Store | Part::Archive | Part::Index | Part::Portfolio => {
                "indexes:  damaged".to_owned()
            }
        };
        writeln!(output, "{part}{}: {}", place.unwrap_or_default(), damage.text)?;
    }
    tell_stop(&found, output)?;
    beside.iter().try_for_each(|fault| writeln!(output, "{fault}"))?;
    if newest.is_some() && keys.is_empty() {
        let how = match &kept {
            Ok(Some(_)) => "the signatures were verified by the keys in the folder alone",
            Ok(None) | Err(_) => "the signatures were not verified",
        };
        writeln!(output, "signed:   {how}: name the key with --vkey")?;
    }
    let cut_off = found.cut_off();
    if let Some(error) = &cut_off {
        let what =
            if matches!(error, LogError::BlocksGone { .. }) { "gone:   " } else { "cut off:" };
        writeln!(output, "{what}  {}", WithCauses(error))?;
    }
    if found.are_alike()
        && records.faults == 0
        && derived.is_empty()
        && !found.stop.is_fault()
        && cut_off.is_none()
        && beside.is_empty()
    {
        writeln!(output, "verified: both copies are whole and alike")?;
        return Ok(EXIT_DONE);
    }
    let is_cut_off =
        cut_off.is_some() || derived.iter().any(|damage| damage.kind == DamageKind::Missing);
    let of_checkpoint = |damage: &Damage| damage.part == Part::Checkpoint;
    let command = options.recover_command();
    let advice = if let Some(error @ LogError::BlocksGone { .. }) = &cut_off {
        refused_text(&error.refusal(&options))
    } else if is_cut_off {
        format!(
            "records were cut off: put back a copy that has them; only if they are to be given up, run  \
             {command} --give-up-records"
        )
    } else if !found.are_alike() {
        format!("not alike: run  {command}")
    } else if !derived.iter().all(of_checkpoint) {
        format!("{} faults of indexes: run  {command} --rebuild-indexes", derived.len())
    } else if let StopFound::Damaged { file } = &found.stop {
        format!(
            "{file} only says how the ledger was stopped: the next stop in order writes it anew"
        )
    } else if found.stop.is_fault() {
        format!("the store has lost what it held: run  {command} --rebuild-indexes")
    } else if !derived.is_empty() || is_altered {
        "the newest checkpoint is not of this log, or was altered: put back a copy of it".to_owned()
    } else {
        return Ok(EXIT_FAILED);
    };
    writeln!(output, "{advice}")?;
    Ok(EXIT_FAILED)
}

/// What the last stop has left, and whether it is so; of a ledger that was killed, how far each derived
/// tree has come.
fn tell_stop(found: &CopiesFound, output: &mut impl Write) -> Result<(), CommandError> {
    match &found.stop {
        StopFound::Clean { faults } if faults.is_empty() => {
            writeln!(output, "stopped:  clean, and the store is as it was left")?;
        }
        StopFound::Clean { faults } => {
            for fault in faults {
                writeln!(output, "stopped:  clean, but {fault}")?;
            }
        }
        StopFound::NotCompared => {
            writeln!(output, "stopped:  clean; there is no whole store to hold against that")?;
        }
        StopFound::Damaged { file } => {
            writeln!(output, "stopped:  damaged, {file} is not as it was written")?;
        }
        StopFound::NoMark => {
            writeln!(
                output,
                "stopped:  not in order, so the next start has what is derived catch up:"
            )?;
            let end = match &found.store {
                CopyFound::Whole { end, .. } => end.next_position,
                CopyFound::Missing | CopyFound::Damaged(_) => return Ok(()),
            };
            for (name, reached) in &found.trees {
                writeln!(output, "  {name} reaches position {reached} of {end}")?;
            }
        }
    }
    Ok(())
}

/// Rebuilds whichever copy is damaged from the other. What is replaced is set aside.
pub(crate) fn recover(
    arguments: &RecoverArguments,
    output: &mut impl Write,
) -> Result<u8, CommandError> {
    let RecoverArguments {
        folder: FolderArguments { directory, archive },
        rebuild_indexes,
        give_up_records,
        rewrite_format,
    } = arguments;
    let options = options(directory, archive.as_deref());
    let recovering = if *give_up_records {
        Recovering::GivingUpTheEnd
    } else {
        Recovering::WithAllRecords {
            known: signed_end(directory).map_err(|error| stopped(&error))?,
        }
    };
    let format = if *rewrite_format { Log::rewrite_format(&options) } else { Ok(()) };
    let opened = match format.and_then(|()| Log::recover_as(&options, &recovering)) {
        Ok(opened) => opened,
        Err(
            error @ (LogError::Corrupt { .. }
            | LogError::LostInBothCopies { .. }
            | LogError::CopiesDiffer { .. }
            | LogError::EndsEarly { .. }
            | LogError::BlocksGone { .. }
            | LogError::FormatUnknown { .. }),
        ) => {
            writeln!(output, "refused: {}; no block was changed", WithCauses(&error))?;
            writeln!(output, "{}", refused_text(&error.refusal(&options)))?;
            return Ok(EXIT_FAILED);
        }
        Err(error) => return Err(not_carried_out(&error)),
    };
    let OpenedLog { writer, reader, report } = opened;
    let Recovery { store, archive } = &report.recovery;
    for (copy, mended) in [("store", store), ("archive", archive)] {
        if let Some(mended) = mended {
            writeln!(output, "{copy}: {}", mended_text(mended))?;
        }
    }
    let records = records_of(&reader).map_err(|error| not_carried_out(&error))?;
    if *rebuild_indexes || *give_up_records {
        reader.delete_derived().map_err(|error| not_carried_out(&error))?;
        writeln!(output, "indexes: forgotten; the next start makes them anew")?;
    }
    if *give_up_records {
        let end = report.next_position;
        give_up(directory, end).map_err(|error| stopped(&error))?;
        writeln!(output, "given up: whatever was recorded at position {end} and later")?;
    }
    writer.close().map_err(|error| not_carried_out(&error))?;
    records.tell(output)?;
    let outcome = if report.recovery.is_clean() { "clean" } else { "recovered" };
    writeln!(output, "{outcome}: both copies hold {} records", report.next_position)?;
    Ok(if records.faults == 0 { EXIT_DONE } else { EXIT_FAILED })
}

/// What to do, and the command where there is one.
fn refused_text(Refusal { advice, command, .. }: &Refusal) -> String {
    match command {
        Some(command) => format!("{advice}:  {command}"),
        None => (*advice).to_owned(),
    }
}

fn options(directory: &Path, archive: Option<&Path>) -> LogOptions {
    let options = LogOptions::new(directory);
    match archive {
        Some(directory) => LogOptions { archive: Some(ArchiveOptions::new(directory)), ..options },
        None => options,
    }
}

fn not_carried_out(error: &LogError) -> CommandError {
    CommandError::Stopped(WithCauses(error).to_string())
}

fn stopped(error: &LedgerError) -> CommandError {
    CommandError::Stopped(WithCauses(error).to_string())
}

/// What the ledger signed last; none when it never has.
fn newest_checkpoint(directory: &Path) -> Result<Option<String>, CommandError> {
    let path = directory.join(NEWEST_CHECKPOINT_FILE);
    match fs::read(&path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(CommandError::local(format!("reading {}", path.display()), error)),
    }
}

/// What is derived from a store whose blocks are whole, beside its records.
fn check_derived(
    reader: &LogReader,
    newest: Option<&str>,
    keys: &[VerifierKey],
) -> Result<Vec<Damage>, LedgerError> {
    let mut order = RecordOrder::default();
    for read in reader.forward(0, u64::MAX) {
        let (position, bytes) = read?;
        order.check(position, &bytes);
    }
    let mut damages = offline::check_indexes(reader, Some(order.counts()))?;
    damages.extend(offline::check_tree(reader, newest, keys)?);
    Ok(damages)
}

fn records_of(reader: &LogReader) -> Result<Records, LogError> {
    let mut records = Records::default();
    for read in reader.forward(0, u64::MAX) {
        let (position, bytes) = read?;
        records.add(position, &bytes);
    }
    Ok(records)
}

fn copy_text(found: &CopyFound) -> String {
    match found {
        CopyFound::Missing => "missing".to_owned(),
        CopyFound::Whole { end, torn_bytes: None } => {
            format!("whole, {} records, last block {}", end.next_position, end.last_block)
        }
        CopyFound::Whole { end, torn_bytes: Some(torn_bytes) } => format!(
            "whole, {} records, and {torn_bytes} bytes of an append that was cut short",
            end.next_position
        ),
        CopyFound::Damaged(error) => format!("damaged: {}", WithCauses(error)),
    }
}

fn mended_text(mended: &Mended) -> String {
    let Mended { from_position, next_position, bytes, torn_bytes } = mended;
    let torn = if *torn_bytes > 0 {
        format!("; {torn_bytes} bytes of an append that was cut short are set aside")
    } else {
        String::new()
    };
    format!("{bytes} bytes of blocks put back, positions {from_position} to {next_position}{torn}")
}

/// What the records themselves must keep: positions, recorded times that never go back, versions
/// without a gap in each agreement.
#[derive(Debug, Default)]
struct Records {
    count: u64,
    order: RecordOrder,
    versions: BTreeMap<String, u64>,
    faults: usize,
    told: Vec<String>,
}

impl Records {
    fn add(&mut self, position: u64, bytes: &Bytes) {
        self.count += 1;
        for damage in self.order.check(position, bytes) {
            self.fault(format!("position {position}: {}", damage.text));
        }
        if let Ok(record) = record::decode(bytes) {
            self.check_version(position, &record);
        }
    }

    fn check_version(&mut self, position: u64, record: &v1::Record) {
        if let Some(v1::record::Entry::Event(event)) = &record.entry {
            let last = self.versions.entry(record.agreement_id.clone()).or_default();
            let expected = last.saturating_add(1);
            *last = event.agreement_version;
            if event.agreement_version != expected {
                let (id, version) = (&record.agreement_id, event.agreement_version);
                self.fault(format!(
                    "position {position}: version {version} of {id:?}, where {expected} comes next"
                ));
            }
        }
    }

    fn fault(&mut self, text: String) {
        self.faults += 1;
        if self.told.len() < FAULTS_TOLD_MAX {
            self.told.push(text);
        }
    }

    fn tell(&self, output: &mut impl Write) -> Result<(), CommandError> {
        let (count, agreements) = (self.count, self.versions.len());
        writeln!(
            output,
            "records:  {count} read, {agreements} agreements, {} faults",
            self.faults
        )?;
        for text in &self.told {
            writeln!(output, "  {text}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(position: u64, agreement: &str, version: u64, seconds: i64) -> v1::Record {
        v1::Record {
            position,
            agreement_id: agreement.to_owned(),
            recorded_time: Some(prost_types::Timestamp { seconds, nanos: 0 }),
            entry: Some(v1::record::Entry::Event(v1::RecordedEvent {
                agreement_version: version,
                ..Default::default()
            })),
            ..Default::default()
        }
    }

    fn faults(records: &[v1::Record]) -> Vec<String> {
        let mut checked = Records::default();
        for (position, record) in (0..).zip(records) {
            checked.add(position, &record::encode(record));
        }
        checked.told
    }

    #[test]
    fn records_in_order_have_no_fault() {
        let records = [event(0, "a", 1, 5), event(1, "b", 1, 5), event(2, "a", 2, 6)];
        assert_eq!(faults(&records), [""; 0]);
    }

    #[test]
    fn every_kind_of_disorder_is_told_with_its_position() {
        let gap = [event(0, "a", 1, 5), event(1, "a", 3, 5)];
        assert_eq!(faults(&gap), ["position 1: version 3 of \"a\", where 2 comes next"]);
        let back = [event(0, "a", 1, 5), event(1, "a", 2, 4)];
        assert_eq!(faults(&back), ["position 1: recorded before the record before it"]);
        assert_eq!(faults(&[event(7, "a", 1, 5)]), ["position 0: the record states position 7"]);
        let mut checked = Records::default();
        (0..12).for_each(|position| checked.add(position, &Bytes::from_static(b"\xff")));
        assert_eq!((checked.faults, checked.told.len()), (12, FAULTS_TOLD_MAX));
    }
}
