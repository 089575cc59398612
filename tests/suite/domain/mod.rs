//! The rules by themselves: given events, when one more, then an answer or a refusal.

mod agreement;
mod finding_table;
mod findings;
mod headroom;
mod prepayments;
mod readings;
mod refusals;
mod sums;

use std::sync::Arc;

use contract_ledger::domain::admit::admit;
use contract_ledger::domain::agreement::Agreement;
use contract_ledger::domain::date::{Date, RecordedTime};
use contract_ledger::domain::event::Recorded;
use contract_ledger::domain::finding::Finding;
use contract_ledger::domain::id::{AgreementId, EventId, Position};
use contract_ledger::domain::refusal::Refusal;
use contract_ledger::domain::usage::Usage;
use contract_ledger::wire::parse::parse_recorded_event;
use contract_ledger::wire::v1;

use super::support::time;

/// The instant at which nothing is recorded any more.
const TODAY: &str = "2026-01-01T12:00:00Z";

/// What has happened to one agreement so far.
#[derive(Clone)]
pub(super) struct Story {
    pub(super) agreement: Agreement,
    now: RecordedTime,
}

/// A story that begins with these events, all of which are accepted.
pub(super) fn given(events: impl IntoIterator<Item = v1::Event>) -> Story {
    let id = AgreementId::parse("A").unwrap();
    let agreement = Agreement::new(id, Arc::default(), Date::END_OF_TIME);
    let mut story = Story { agreement, now: time("1900-01-01T12:00:00Z") };
    for event in events {
        let told = format!("{event:?}");
        story = story.when(event).unwrap_or_else(|refusals| panic!("{told}: {refusals:?}"));
    }
    story
}

impl Story {
    /// The event of a position gets an id that follows from it, so that a test can name it.
    pub(super) fn event_id(position: u64) -> String {
        EventId::from_uuid(uuid::Uuid::from_u128(u128::from(position) + 1)).to_string()
    }

    /// The story with one more event, or why it is refused.
    #[expect(clippy::needless_pass_by_value, reason = "so that a test reads as a story")]
    pub(super) fn when(&self, event: v1::Event) -> Result<Self, Vec<Refusal>> {
        let version = self.agreement.version();
        let position = version.get();
        let effective = parse_recorded_event(&event).unwrap().effective;
        // Recorded on its own day, unless something later was recorded before or it is in the future.
        let own_day = time(&format!("{effective}T10:00:00Z"));
        let now = self.now.max(own_day.min(time(TODAY)));
        let recorded = Recorded {
            position: Position::new(position),
            version: version.next(),
            event_id: EventId::parse(&Self::event_id(position)).unwrap(),
            recorded: now,
            event: parse_recorded_event(&event).unwrap(),
        };
        admit(self.agreement.clone(), recorded).map(|agreement| Self { agreement, now })
    }

    /// The reasons for which one more event is refused.
    pub(super) fn refusal(&self, event: v1::Event) -> Vec<&'static str> {
        match self.when(event) {
            Ok(_) => Vec::new(),
            Err(refusals) => refusals.iter().map(|refusal| refusal.reason.name()).collect(),
        }
    }

    pub(super) fn usage(&self, as_of: &str) -> Usage {
        Usage::at(&self.agreement, Date::parse(as_of).unwrap()).unwrap()
    }

    /// Exposure of the agreement at the end of a day.
    pub(super) fn exposure(&self, as_of: &str) -> String {
        let usage = self.usage(as_of);
        usage.scopes[0].sums.exposure.to_text(usage.currency)
    }

    /// Findings as of a day, in the order of rule and subject.
    pub(super) fn findings(&self, as_of: &str) -> Vec<Finding> {
        let events: Vec<_> = self.agreement.events().map(Arc::clone).collect();
        let judged = self.agreement.refold(&events, Date::parse(as_of).unwrap());
        judged.tracker().open().cloned().collect()
    }

    /// Rule and subject of the findings as of a day, but for warning steps, forecasts and late
    /// registrations.
    pub(super) fn finding_names(&self, as_of: &str) -> Vec<String> {
        let mut names = self.all_finding_names(as_of);
        let by_the_way = ["THRESHOLD_REACHED", "LATE_REGISTRATION", "FORECAST_RUNS_OUT_EARLY"];
        names.retain(|name| !by_the_way.iter().any(|rule| name.starts_with(rule)));
        names
    }

    /// Rule and subject of the findings as of a day.
    pub(super) fn all_finding_names(&self, as_of: &str) -> Vec<String> {
        let name = |finding: &Finding| format!("{} {}", finding.key.rule, finding.key.subject);
        self.findings(as_of).iter().map(name).collect()
    }
}
