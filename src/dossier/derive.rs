//! The answer that follows from the events, and which event changed which figure.
//!
//! Events are taken in one by one in the order of recording. After each, every figure is looked at as of
//! the day; where one differs from before, that event is among those that the figure comes from.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::answer::{Answer, ForecastAnswer, ScopeAnswer, of_told};
use crate::domain::agreement::Agreement;
use crate::domain::date::{Date, RecordedTime};
use crate::domain::event::Recorded;
use crate::domain::id::{AgreementId, Position};
use crate::domain::policy::PolicyBook;
use crate::domain::usage::Usage;
use crate::projections::findings::episodes;
use crate::wire::answer;

/// What is asked, and by which policy.
#[derive(Debug, Clone)]
pub(super) struct Question {
    /// The agreement.
    pub(super) agreement_id: AgreementId,
    /// Business date.
    pub(super) as_of: Date,
    /// Recorded time.
    pub(super) as_known: RecordedTime,
    /// Last position of the log that was known then.
    pub(super) position: u64,
    /// The dated policy.
    pub(super) policies: Arc<PolicyBook>,
}

/// Names a figure: what it is of, and which.
pub(super) type FigureName = (String, &'static str);

/// A figure that an event changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Position of the event.
    pub position: u64,
    /// The figure before. Empty: there was none.
    pub before: String,
    /// The figure after.
    pub after: String,
}

/// What follows from the events.
#[derive(Debug, Clone, Default)]
pub struct Derived {
    /// The answer. None: the agreement is not signed as of the day, as far as was known.
    pub answer: Option<Answer>,
    /// The events that changed each figure, in the order of recording.
    pub changes: BTreeMap<FigureName, Vec<Change>>,
}

/// Derives the answer from every event of the agreement that was known, in the order of versions.
pub(super) fn derive<'e>(
    question: &Question,
    known: impl IntoIterator<Item = &'e Arc<Recorded>>,
) -> Derived {
    let Question { agreement_id, as_of, as_known, position, policies } = question;
    let mut agreement = Agreement::new(agreement_id.clone(), Arc::clone(policies), *as_of);
    let mut changes: BTreeMap<FigureName, Vec<Change>> = BTreeMap::new();
    let mut before: BTreeMap<FigureName, String> = BTreeMap::new();
    let told = |agreement: &Agreement| {
        let position = Position::new(*position);
        let usage = Usage::at(agreement, *as_of)?;
        Some(answer::usage(agreement_id, &usage, Some(*as_known), position))
    };
    for event in known {
        agreement.apply(event);
        let usage = told(&agreement).map(|usage| of_told(&usage, &[])).unwrap_or_default();
        let after: BTreeMap<FigureName, String> = sums(&usage).collect();
        for (name, value) in &after {
            let earlier = before.get(name).map(String::as_str).unwrap_or_default();
            if earlier != value && !(earlier.is_empty() && is_nothing(value)) {
                let change = Change {
                    position: event.position.get(),
                    before: earlier.to_owned(),
                    after: value.clone(),
                };
                changes.entry(name.clone()).or_default().push(change);
            }
        }
        before = after;
    }
    let findings: Vec<_> = episodes(agreement.tracker())
        .iter()
        .map(|finding| answer::finding(agreement_id, finding))
        .collect();
    let answer = told(&agreement).map(|usage| of_told(&usage, &findings));
    Derived { answer, changes }
}

/// Every figure of an answer but its findings, by name.
pub(super) fn figures(answer: &Answer) -> Vec<(FigureName, String)> {
    let own = |name, value: u64| (("answer".to_owned(), name), value.to_string());
    [own("agreementVersion", answer.agreement_version), own("position", answer.position)]
        .into_iter()
        .chain(sums(answer))
        .collect()
}

fn sums(answer: &Answer) -> impl Iterator<Item = (FigureName, String)> {
    let scopes = answer.scopes.0.iter().flat_map(of_scope);
    scopes.chain(answer.forecast.iter().flat_map(of_forecast))
}

fn of_scope(scope: &ScopeAnswer) -> impl Iterator<Item = (FigureName, String)> + use<> {
    let ScopeAnswer {
        scope,
        kind,
        currency,
        ceiling,
        reserved,
        committed,
        invoiced,
        prepaid,
        paid,
        exposure,
        remaining,
        usage_ppm,
    } = scope.clone();
    let usage_ppm = usage_ppm.map(|ppm| ppm.to_string()).unwrap_or_default();
    [
        ("kind", kind),
        ("currency", currency),
        ("ceiling", ceiling),
        ("reserved", reserved),
        ("committed", committed),
        ("invoiced", invoiced),
        ("prepaid", prepaid),
        ("paid", paid),
        ("exposure", exposure),
        ("remaining", remaining),
        ("usagePpm", usage_ppm),
    ]
    .into_iter()
    .map(move |(name, value)| ((scope.clone(), name), value))
}

fn of_forecast(forecast: &ForecastAnswer) -> impl Iterator<Item = (FigureName, String)> + use<> {
    let ForecastAnswer { elapsed_days, days_left, run_out_date, end_date, runs_out_early } =
        forecast.clone();
    [
        ("elapsedDays", elapsed_days.to_string()),
        ("daysLeft", days_left.to_string()),
        ("runOutDate", run_out_date),
        ("endDate", end_date),
        ("runsOutEarly", runs_out_early.to_string()),
    ]
    .into_iter()
    .map(|(name, value)| (("forecast".to_owned(), name), value))
}

/// A sum that no event has added to.
fn is_nothing(value: &str) -> bool {
    value.chars().all(|character| matches!(character, '0' | '.'))
}
