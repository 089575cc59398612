//! The first answer again, word for word, from the log.
//!
//! Nothing of an answer is stored: it follows from the agreement before and after the request, and
//! both are prefixes of the agreement's events.

use std::sync::Arc;

use super::Shared;
use super::command::{AppendFailure, AppendOutcome, AppendRefusal, Appended, Origin, Telling};
use super::decide::accepted_answer;
use super::error::LedgerError;
use super::source::appended_before;
use crate::domain::agreement::Agreement;
use crate::domain::date::Date;
use crate::domain::id::{EventId, Position, Version};
use crate::wire::difference::first_difference;
use crate::wire::parse::{AppendCommand, Purpose, Recording};
use crate::wire::{record, v1};

impl Shared {
    /// Answers a request whose id is known, from its first record on.
    pub(super) fn repeat(
        &self,
        command: &AppendCommand,
        first: Position,
    ) -> Result<Result<AppendOutcome, AppendFailure>, LedgerError> {
        let stored = self.record(first.get())?;
        if stored.request_id != command.request_id.to_string() {
            return Err(LedgerError::IndexMismatch { position: first.get() });
        }
        match &stored.entry {
            Some(v1::record::Entry::Refusal(refused)) => {
                let original = request_of(&stored, refused.events.clone());
                if let Some(field) = first_difference(&original, &as_request(command)) {
                    return Ok(Err(AppendFailure::RequestConflict { field, position: first }));
                }
                if let Some(conflict) = time_conflict(command, &stored)? {
                    return Ok(Err(conflict));
                }
                let refusal = AppendRefusal {
                    agreement_id: command.agreement_id.clone(),
                    refused: refused.clone(),
                    position: Some(first),
                    telling: Telling::Again,
                };
                Ok(Ok(AppendOutcome::Refused(Box::new(refusal))))
            }
            Some(v1::record::Entry::Event(_)) => self.repeat_accepted(command, &stored),
            None => Err(LedgerError::IndexMismatch { position: first.get() }),
        }
    }

    fn repeat_accepted(
        &self,
        command: &AppendCommand,
        first: &v1::Record,
    ) -> Result<Result<AppendOutcome, AppendFailure>, LedgerError> {
        let position = Position::new(first.position);
        let records = self.records_of_request(first)?;
        let mut events = Vec::with_capacity(command.events.len());
        let mut original = Vec::with_capacity(command.events.len());
        for (index, submitted) in command.events.iter().enumerate() {
            let own = records.iter().find_map(|(record, accepted)| {
                (usize::try_from(accepted.request_index) == Ok(index)).then_some((record, accepted))
            });
            if let Some((record, accepted)) = own {
                events.push(appended(record, accepted)?);
                original.extend(accepted.event.clone());
                continue;
            }
            // It took no record then, so it was a duplicate then; it must be the same one now.
            let earlier = match &submitted.source {
                Some(source) => self.index.source(source)?,
                None => None,
            };
            let stored = earlier.map(|position| self.record(position.get())).transpose()?;
            let before = stored
                .and_then(|stored| appended_before(&stored, &command.agreement_id, submitted));
            if let Some(before) = before {
                events.push(before);
                original.push(submitted.stated.clone());
            }
        }
        let mut original = request_of(first, original);
        let count = usize::try_from(first.request_event_count).unwrap_or(usize::MAX);
        if count != command.events.len() {
            original.events.clear();
        }
        if let Some(field) = first_difference(&original, &as_request(command)) {
            return Ok(Err(AppendFailure::RequestConflict { field, position }));
        }
        if let Some(conflict) = time_conflict(command, first)? {
            return Ok(Err(conflict));
        }
        let last = records.iter().map(|(record, _)| record.position).max();
        let (before, after) = self.around(command, &records)?;
        let recorded = record::recorded_time(first)
            .map_err(|source| LedgerError::Record { position: first.position, source })?;
        let last = Position::new(last.unwrap_or(first.position));
        let mut answer = accepted_answer(self, command, &before, &after, events, recorded, last);
        answer.telling = Telling::Again;
        Ok(Ok(AppendOutcome::Accepted(Box::new(answer))))
    }

    /// The agreement before a request and after it. An import is not told what they differ in, and is
    /// repeated a hundred thousand times over, so nothing is folded for it.
    fn around(
        &self,
        command: &AppendCommand,
        records: &[(v1::Record, v1::RecordedEvent)],
    ) -> Result<(Agreement, Agreement), LedgerError> {
        let versions = records.iter().map(|(_, accepted)| accepted.agreement_version);
        let (earliest, latest) =
            (versions.clone().min().unwrap_or(1), versions.max().unwrap_or_default());
        match command.recording {
            Recording::Now => {
                let agreement = self.agreement(&command.agreement_id)?;
                let before = agreement.at_version(Version::new(earliest - 1), Date::END_OF_TIME);
                let mut after = before.clone();
                let own = agreement.events().filter(|event| event.version.get() >= earliest);
                for event in own.take_while(|event| event.version.get() <= latest) {
                    after.apply(event);
                }
                Ok((before, after))
            }
            Recording::At(_) => {
                let (id, policies) = (command.agreement_id.clone(), &self.rules.policies);
                let empty = Agreement::new(id, Arc::clone(policies), Date::END_OF_TIME);
                Ok((empty.clone(), empty))
            }
        }
    }

    /// The records of a request stand side by side, from its first one on.
    fn records_of_request(
        &self,
        first: &v1::Record,
    ) -> Result<Vec<(v1::Record, v1::RecordedEvent)>, LedgerError> {
        let count = u64::from(first.request_event_count);
        let mut records = Vec::new();
        for item in self.reader.forward(first.position, first.position.saturating_add(count)) {
            let (position, bytes) = item?;
            let record = record::decode(&bytes)
                .map_err(|source| LedgerError::Record { position, source })?;
            if record.request_id != first.request_id {
                break;
            }
            if let Some(v1::record::Entry::Event(accepted)) = record.entry.clone() {
                records.push((record, accepted));
            }
        }
        Ok(records)
    }
}

/// An importer that states another recorded time than before contradicts itself.
fn time_conflict(
    command: &AppendCommand,
    first: &v1::Record,
) -> Result<Option<AppendFailure>, LedgerError> {
    let position = first.position;
    let recorded =
        record::recorded_time(first).map_err(|source| LedgerError::Record { position, source })?;
    Ok(match command.recording {
        Recording::At(stated) if stated != recorded => Some(AppendFailure::RequestConflict {
            field: "recorded_time".to_owned(),
            position: Position::new(position),
        }),
        Recording::At(_) | Recording::Now => None,
    })
}

fn appended(stored: &v1::Record, accepted: &v1::RecordedEvent) -> Result<Appended, LedgerError> {
    let position = stored.position;
    let recorded =
        record::recorded_time(stored).map_err(|source| LedgerError::Record { position, source })?;
    let event_id = EventId::parse(&accepted.event_id).map_err(|source| LedgerError::Record {
        position,
        source: record::RecordFault::Id(source),
    })?;
    Ok(Appended {
        position: Some(Position::new(position)),
        version: Version::new(accepted.agreement_version),
        event_id: Some(event_id),
        recorded,
        origin: Origin::ThisRequest,
    })
}

/// A request as it was, from a record and its events.
fn request_of(stored: &v1::Record, events: Vec<v1::Event>) -> v1::AppendEventsRequest {
    v1::AppendEventsRequest {
        request_id: stored.request_id.clone(),
        agreement_id: stored.agreement_id.clone(),
        expected_version: stored.expected_version,
        validate_only: false,
        events,
        want_receipts: false,
    }
}

/// A request as it is asked now.
fn as_request(command: &AppendCommand) -> v1::AppendEventsRequest {
    v1::AppendEventsRequest {
        request_id: command.request_id.to_string(),
        agreement_id: command.agreement_id.to_string(),
        expected_version: command.expected_version.map(Version::get),
        validate_only: command.purpose == Purpose::ValidateOnly,
        events: command.events.iter().map(|submitted| submitted.stated.clone()).collect(),
        want_receipts: false,
    }
}
