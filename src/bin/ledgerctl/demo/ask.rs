//! What the demo asks of its server, one function a call. Compares nothing.

use contract_ledger::wire::v1::record::Entry;
use contract_ledger::wire::v1::{
    AppendEventsRequest, AsKnown, Event, Finding, GetAgreementRequest, GetCeilingUsageRequest,
    GetCeilingUsageResponse, GetHistoryRequest, GetHistoryResponse, HistoryEntry,
    ImportEventsRequest, ImportEventsResponse, ListFindingsRequest, ReadEventsRequest, Record,
    Refusal, as_known,
};
use prost_types::Timestamp;

use super::events::AGREEMENT_ID;
use crate::client::{Client, with_deadline};
use crate::history::add_part;
use crate::outcome::CommandError;
use crate::time_text::oslo_instant;

/// Hour of the day in Europe/Oslo at which the steps of the story are recorded.
const RECORDING_HOUR: i8 = 10;
/// Between two steps of one day.
const STEP_SECONDS: i64 = 60;

/// The conversation with the server.
pub(super) struct Asker {
    client: Client,
    /// Requests sent. Each takes one position, refused ones too, so this is also the next position.
    requests: u64,
    last_recorded: Option<Timestamp>,
}

impl Asker {
    /// A conversation with a server without records.
    pub(super) fn new(client: Client) -> Self {
        Self { client, requests: 0, last_recorded: None }
    }

    /// How many requests were sent.
    pub(super) fn requests(&self) -> u64 {
        self.requests
    }

    /// When a step of this day is recorded: in the morning, a minute after the one before it on the
    /// same day.
    pub(super) fn recorded_time(&mut self, date: &str) -> Result<Timestamp, CommandError> {
        let morning = oslo_instant(date, RECORDING_HOUR)
            .ok_or_else(|| CommandError::Stopped(format!("{date} is no day of the script")))?;
        let after = self.last_recorded.map_or(i64::MIN, |last| last.seconds + STEP_SECONDS);
        let time = Timestamp { seconds: morning.seconds.max(after), nanos: 0 };
        self.last_recorded = Some(time);
        Ok(time)
    }

    /// Takes one event in, as recorded then.
    pub(super) async fn import(
        &mut self,
        event: &Event,
        recorded_time: Timestamp,
    ) -> Result<ImportEventsResponse, CommandError> {
        let append = AppendEventsRequest {
            request_id: uuid::Uuid::new_v4().to_string(),
            agreement_id: AGREEMENT_ID.to_owned(),
            events: vec![event.clone()],
            ..Default::default()
        };
        let request =
            ImportEventsRequest { append: Some(append), recorded_time: Some(recorded_time) };
        let sent = self.client.admin.import_events(with_deadline(tokio_stream::once(request)));
        let mut answers = sent.await?.into_inner();
        let answer = answers.message().await?.ok_or_else(|| {
            CommandError::Stopped("the server ended an import without an answer".to_owned())
        })?;
        self.requests += 1;
        Ok(answer)
    }

    /// Sums and findings at two times; an empty day is today.
    pub(super) async fn usage(
        &mut self,
        as_of: &str,
        as_known: Option<as_known::AsKnown>,
    ) -> Result<GetCeilingUsageResponse, CommandError> {
        let request = GetCeilingUsageRequest {
            agreement_id: AGREEMENT_ID.to_owned(),
            as_of: as_of.to_owned(),
            as_known: as_known.map(|as_known| AsKnown { as_known: Some(as_known) }),
            min_position: self.last_position(),
        };
        Ok(self.client.projection.get_ceiling_usage(with_deadline(request)).await?.into_inner())
    }

    /// Last day of the term in force on a day.
    pub(super) async fn term_end(&mut self, as_of: &str) -> Result<String, CommandError> {
        let request = GetAgreementRequest {
            agreement_id: AGREEMENT_ID.to_owned(),
            as_of: as_of.to_owned(),
            min_position: self.last_position(),
            ..Default::default()
        };
        let answer = self.client.projection.get_agreement(with_deadline(request)).await?;
        Ok(answer.into_inner().term_in_force.unwrap_or_default().end_date)
    }

    /// The line of the timeline at a position, as it was on its day and known at its time.
    pub(super) async fn entry_at(
        &mut self,
        position: u64,
        as_of: &str,
        recorded_time: Timestamp,
    ) -> Result<HistoryEntry, CommandError> {
        let known = as_known::AsKnown::Time(recorded_time);
        let history = self.history(as_of, Some(AsKnown { as_known: Some(known) })).await?;
        let is_it = |entry: &HistoryEntry| {
            entry.record.as_ref().is_some_and(|record| record.position == position)
        };
        Ok(history.entries.into_iter().find(is_it).unwrap_or_default())
    }

    /// The timeline as of a day; an empty one is the server's usual day.
    pub(super) async fn history(
        &mut self,
        as_of: &str,
        as_known: Option<AsKnown>,
    ) -> Result<GetHistoryResponse, CommandError> {
        let request = GetHistoryRequest {
            agreement_id: AGREEMENT_ID.to_owned(),
            as_of: as_of.to_owned(),
            as_known,
            from_version: 0,
            min_position: self.last_position(),
        };
        let mut parts = self.client.audit.get_history(with_deadline(request)).await?.into_inner();
        let mut whole = GetHistoryResponse::default();
        while let Some(part) = parts.message().await? {
            add_part(&mut whole, part);
        }
        Ok(whole)
    }

    /// The record at a position.
    pub(super) async fn record_at(
        &mut self,
        position: u64,
    ) -> Result<Option<Record>, CommandError> {
        let request = ReadEventsRequest {
            from_position: Some(position),
            records_max: 1,
            ..Default::default()
        };
        let mut parts = self.client.ledger.read_events(with_deadline(request)).await?.into_inner();
        let mut found = None;
        while let Some(part) = parts.message().await? {
            found = found.or_else(|| part.records.into_iter().next());
        }
        Ok(found)
    }

    /// Every finding, open or cleared, as of today.
    pub(super) async fn findings(&mut self) -> Result<Vec<Finding>, CommandError> {
        let mut findings = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = ListFindingsRequest {
                agreement_id: AGREEMENT_ID.to_owned(),
                page_token,
                min_position: self.last_position(),
                ..Default::default()
            };
            let asked = self.client.projection.list_findings(with_deadline(request));
            let page = asked.await?.into_inner();
            findings.extend(page.findings);
            if page.next_page_token.is_empty() {
                return Ok(findings);
            }
            page_token = page.next_page_token;
        }
    }

    /// Newest position that this conversation knows of.
    fn last_position(&self) -> Option<u64> {
        self.requests.checked_sub(1)
    }
}

/// Why a record says that its request was refused; nothing for an accepted event.
pub(super) fn refusals_of(record: Option<&Record>) -> Vec<Refusal> {
    match record.and_then(|record| record.entry.as_ref()) {
        Some(Entry::Refusal(refused)) => refused.refusals.clone(),
        Some(Entry::Event(_)) | None => Vec::new(),
    }
}

/// Version that an accepted event has given its agreement.
pub(super) fn version_of(record: Option<&Record>) -> Option<u64> {
    match record.and_then(|record| record.entry.as_ref()) {
        Some(Entry::Event(recorded)) => Some(recorded.agreement_version),
        Some(Entry::Refusal(_)) | None => None,
    }
}
