//! Plays the script against a server: takes in each event as recorded on its own day, writes a row
//! of the figures as they were then, and keeps every difference from what must be.

use std::io::{self, Write};

use contract_ledger::wire::v1::{
    Event, Finding, GetCeilingUsageResponse, GetHistoryResponse, ImportEventsResponse,
    ImportOutcome, ScopeUsage, as_known,
};
use prost_types::Timestamp;

use super::ask::{Asker, refusals_of, version_of};
use super::check;
use super::row::{INDENT, finding_lines, note_row, step_row};
use super::script::{
    CLEARED_AT_END, ExpectedForecast, FINDINGS_AT_END, Figures, Outcome, Question, SUMS_AT_END,
    Scene,
};
use crate::failure_text::refusal_text;
use crate::findings::finding_line;
use crate::outcome::CommandError;
use crate::usage::forecast_text;

/// One run through the script.
pub(super) struct Player {
    asker: Asker,
    /// Requests accepted: the version of the agreement.
    version: u64,
    figures_compared: usize,
    mismatches: Vec<String>,
}

/// What became of one event.
struct Answer {
    lines: Vec<String>,
    differences: Vec<String>,
}

impl Player {
    /// A run against a server without records.
    pub(super) fn new(asker: Asker) -> Self {
        Self { asker, version: 0, figures_compared: 0, mismatches: Vec::new() }
    }

    /// Plays one scene and writes its row.
    pub(super) async fn play(
        &mut self,
        scene: &Scene,
        output: &mut impl Write,
    ) -> Result<(), CommandError> {
        match scene {
            Scene::Append { title, event, outcome, figures } => {
                let recorded_time = self.asker.recorded_time(&event.effective_date)?;
                let answer = self.import(event, recorded_time, outcome).await?;
                let known = as_known::AsKnown::Time(recorded_time);
                let usage =
                    agreement_usage(&self.asker.usage(&event.effective_date, Some(known)).await?);
                writeln!(output, "{}", step_row(&event.effective_date, title, &usage))?;
                for line in &answer.lines {
                    writeln!(output, "{INDENT}{line}")?;
                }
                let mut differences = answer.differences;
                differences.extend(
                    figures.map(|figures| self.figures(figures, &usage)).into_iter().flatten(),
                );
                self.write_differences(
                    &format!("{} {title}", event.effective_date),
                    &differences,
                    output,
                )?;
            }
            Scene::TermEnd { as_of, end_date } => {
                let seen = self.asker.term_end(as_of).await?;
                let difference = check::same("end of the term", end_date, &seen.as_str());
                let text = format!("the term now ends on {seen}");
                self.write_note(as_of, &text, difference.as_slice(), output)?;
            }
            Scene::Forecast(expected) => self.forecast(expected, output).await?,
        }
        Ok(())
    }

    /// Asks at two times and writes a row.
    pub(super) async fn ask(
        &mut self,
        question: &Question,
        output: &mut impl Write,
    ) -> Result<(), CommandError> {
        let known = question.as_known.map(|date| as_known::AsKnown::Date(date.to_owned()));
        let response = self.asker.usage(question.as_of.unwrap_or_default(), known).await?;
        let usage = agreement_usage(&response);
        let as_of = question.as_of.unwrap_or("today");
        let as_known = format!("known {}", question.as_known.unwrap_or("today"));
        writeln!(output, "{}", step_row(as_of, &as_known, &usage))?;
        let differences = self.figures(question.figures, &usage);
        self.write_differences(&format!("as of {as_of}, {as_known}"), &differences, output)?;
        Ok(())
    }

    /// Asks what is true at the end and compares it: sums, findings, timeline.
    pub(super) async fn end(&mut self) -> Result<End, CommandError> {
        let end = End {
            usage: self.asker.usage("", None).await?,
            findings: self.asker.findings().await?,
            history: self.asker.history("", None).await?,
        };
        let (committed, invoiced, paid) = SUMS_AT_END;
        let usage = agreement_usage(&end.usage);
        let mut differences = check::remembered(&CLEARED_AT_END, &end.history.entries);
        differences.extend(check::findings_at_end(&FINDINGS_AT_END, &end.findings));
        differences.extend(check::amount("committed", committed, usage.committed.as_ref()));
        differences.extend(check::amount("invoiced", invoiced, usage.invoiced.as_ref()));
        differences.extend(check::amount("paid", paid, usage.paid.as_ref()));
        self.figures_compared += 3 + FINDINGS_AT_END.len();
        self.keep("at the end", &differences);
        Ok(end)
    }

    /// Everything that was not as it must be.
    pub(super) fn mismatches(self) -> Vec<String> {
        self.mismatches
    }

    /// How much was compared.
    pub(super) fn summary(&self) -> String {
        format!(
            "{} requests, {} figures compared with the scenario, {} wrong.",
            self.asker.requests(),
            self.figures_compared,
            self.mismatches.len()
        )
    }

    async fn import(
        &mut self,
        event: &Event,
        recorded_time: Timestamp,
        outcome: &Outcome,
    ) -> Result<Answer, CommandError> {
        let position = self.asker.requests();
        let response = self.asker.import(event, recorded_time).await?;
        let mut answer = match response.outcome() {
            ImportOutcome::Refused => self.refused(&response, outcome).await?,
            ImportOutcome::Accepted | ImportOutcome::Unspecified => {
                self.accepted(event, recorded_time, &response, outcome).await?
            }
        };
        let record = self.asker.record_at(response.position).await?;
        answer.differences.extend(check::imported(recorded_time, record.as_ref()));
        answer.differences.extend(check::same("position", &position, &response.position));
        Ok(answer)
    }

    /// An import does not tell findings; the timeline does, as of the event's day.
    async fn accepted(
        &mut self,
        event: &Event,
        recorded_time: Timestamp,
        response: &ImportEventsResponse,
        outcome: &Outcome,
    ) -> Result<Answer, CommandError> {
        self.version += 1;
        let date = &event.effective_date;
        let entry = self.asker.entry_at(response.position, date, recorded_time).await?;
        let mut differences = match outcome {
            Outcome::Accepted { opened, cleared } => {
                let mut differences = check::opened(opened, &entry.findings_opened);
                differences.extend(check::cleared(cleared, &entry.findings_cleared));
                self.figures_compared += opened.len();
                differences
            }
            Outcome::Refused(_) => vec!["accepted, and must be refused".to_owned()],
        };
        let version = version_of(entry.record.as_ref());
        differences.extend(check::same("version", &Some(self.version), &version));
        let lines = finding_lines(&entry.findings_opened, &entry.findings_cleared);
        Ok(Answer { lines, differences })
    }

    /// An import tells only reasons; the record has the figures of the decision.
    async fn refused(
        &mut self,
        response: &ImportEventsResponse,
        outcome: &Outcome,
    ) -> Result<Answer, CommandError> {
        let refusals = refusals_of(self.asker.record_at(response.position).await?.as_ref());
        let mut differences = match outcome {
            Outcome::Refused(expected) => {
                let with_excess = expected.iter().filter(|(_, excess)| excess.is_some());
                self.figures_compared += with_excess.count();
                check::refusals(expected, &refusals)
            }
            Outcome::Accepted { .. } => vec!["refused, and must be accepted".to_owned()],
        };
        let told: Vec<&str> = refusals.iter().map(|refusal| refusal.reason.as_str()).collect();
        let answered: Vec<&str> = response.reasons.iter().map(String::as_str).collect();
        differences.extend(check::same("reasons of the answer", &told, &answered));
        let lines =
            refusals.iter().map(|refusal| format!("refused {}", refusal_text(refusal))).collect();
        Ok(Answer { lines, differences })
    }

    async fn forecast(
        &mut self,
        expected: &ExpectedForecast,
        output: &mut impl Write,
    ) -> Result<(), CommandError> {
        let response = self.asker.usage(expected.as_of, None).await?;
        let usage = response.usage.unwrap_or_default();
        let differences = check::forecast(expected, usage.forecast.as_ref(), &response.findings);
        self.figures_compared += 4;
        let findings: Vec<String> = response
            .findings
            .iter()
            .filter(|finding| finding.rule == check::FORECAST_RULE)
            .map(|finding| format!("\n{INDENT}+ finding {}", finding_line(finding)))
            .collect();
        let text = forecast_text(usage.forecast.as_ref());
        let text = format!("{}{}", text.trim_end(), findings.concat());
        self.write_note(expected.as_of, &text, &differences, output)?;
        Ok(())
    }

    fn figures(&mut self, expected: Figures, seen: &ScopeUsage) -> Vec<String> {
        self.figures_compared += 3;
        check::figures(expected, seen)
    }

    fn write_note(
        &mut self,
        date: &str,
        text: &str,
        differences: &[String],
        output: &mut impl Write,
    ) -> io::Result<()> {
        writeln!(output, "{}", note_row(date, text))?;
        self.write_differences(date, differences, output)
    }

    fn write_differences(
        &mut self,
        place: &str,
        differences: &[String],
        output: &mut impl Write,
    ) -> io::Result<()> {
        for difference in differences {
            writeln!(output, "{INDENT}WRONG: {difference}")?;
        }
        self.keep(place, differences);
        Ok(())
    }

    fn keep(&mut self, place: &str, differences: &[String]) {
        let placed = differences.iter().map(|difference| format!("{place}: {difference}"));
        self.mismatches.extend(placed);
    }
}

/// What is true once everything is recorded.
pub(super) struct End {
    /// Sums today.
    pub(super) usage: GetCeilingUsageResponse,
    /// Findings, open and cleared.
    pub(super) findings: Vec<Finding>,
    /// Everything that happened.
    pub(super) history: GetHistoryResponse,
}

/// The sums of the agreement as a whole, which the interface puts first.
fn agreement_usage(response: &GetCeilingUsageResponse) -> ScopeUsage {
    let scopes = response.usage.as_ref().map(|usage| usage.scopes.as_slice());
    scopes.and_then(|scopes| scopes.first()).cloned().unwrap_or_default()
}
