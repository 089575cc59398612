//! Plays the script against a server: sends each event, writes a row of the answer's figures, and
//! keeps every difference from what must be.

use std::io::{self, Write};

use contract_ledger::wire::v1::{
    AppendEventsRequest, AppendEventsResponse, Event, Finding, GetAgreementRequest,
    GetCeilingUsageRequest, GetCeilingUsageResponse, HistoryEntry, ScopeUsage,
};

use super::check;
use super::events::AGREEMENT_ID;
use super::row::{INDENT, TOO_MANY_TO_SHOW, finding_lines, note_row, step_row};
use super::script::{CLEARED_AT_END, ExpectedForecast, Figures, Outcome, SUMS_AT_END, Scene};
use crate::client::{Client, with_deadline};
use crate::failure::Failure;
use crate::failure_text::refusal_text;
use crate::findings::finding_line;
use crate::outcome::CommandError;
use crate::usage::forecast_text;

/// One run through the script.
pub(super) struct Player {
    client: Client,
    /// Requests sent. Each takes one position, refused ones too, so this is also the next position.
    requests: u64,
    /// Requests accepted: the version of the agreement.
    version: u64,
    figures_compared: usize,
    late_registrations: usize,
    mismatches: Vec<String>,
}

/// What the ledger said to one event.
struct Answer {
    usage: ScopeUsage,
    lines: Vec<String>,
    differences: Vec<String>,
}

impl Player {
    /// A run against a server without records.
    pub(super) fn new(client: Client) -> Self {
        Self {
            client,
            requests: 0,
            version: 0,
            figures_compared: 0,
            late_registrations: 0,
            mismatches: Vec::new(),
        }
    }

    /// Plays one scene and writes its row.
    pub(super) async fn play(
        &mut self,
        scene: &Scene,
        output: &mut impl Write,
    ) -> Result<(), CommandError> {
        match scene {
            Scene::Append { title, event, outcome, figures } => {
                let answer = self.append(event, outcome).await?;
                self.write_step(&event.effective_date, title, *figures, answer, output)?;
            }
            Scene::TermEnd { as_of, end_date } => {
                let seen = self.term_end(as_of).await?;
                let difference = check::same("end of the term", end_date, &seen.as_str());
                let text = format!("the term now ends on {seen}");
                self.write_note(as_of, &text, difference.as_slice(), output)?;
            }
            Scene::Forecast(expected) => self.forecast(expected, output).await?,
        }
        Ok(())
    }

    /// Compares what is true at the end.
    pub(super) fn check_end(
        &mut self,
        response: &GetCeilingUsageResponse,
        timeline: &[HistoryEntry],
    ) {
        let (committed, invoiced, paid) = SUMS_AT_END;
        let usage = agreement_usage(response.usage.as_ref().map(|usage| usage.scopes.as_slice()));
        let mut differences = check::remembered(&CLEARED_AT_END, timeline);
        differences.extend(check::amount("committed", committed, usage.committed.as_ref()));
        differences.extend(check::amount("invoiced", invoiced, usage.invoiced.as_ref()));
        differences.extend(check::amount("paid", paid, usage.paid.as_ref()));
        self.figures_compared += 3;
        self.keep("at the end", &differences);
    }

    /// Newest position that this run knows of.
    pub(super) fn last_position(&self) -> Option<u64> {
        self.requests.checked_sub(1)
    }

    /// Everything that was not as it must be.
    pub(super) fn mismatches(self) -> Vec<String> {
        self.mismatches
    }

    /// How much was compared.
    pub(super) fn summary(&self) -> String {
        let late = if self.late_registrations > 0 {
            format!(
                "\n{} LATE_REGISTRATION findings are left out of the steps: the demo records years of business at once.",
                self.late_registrations
            )
        } else {
            String::new()
        };
        format!(
            "{} requests, {} figures compared with the scenario, {} wrong.{late}",
            self.requests,
            self.figures_compared,
            self.mismatches.len()
        )
    }

    async fn append(&mut self, event: &Event, outcome: &Outcome) -> Result<Answer, CommandError> {
        let request = AppendEventsRequest {
            request_id: uuid::Uuid::new_v4().to_string(),
            agreement_id: AGREEMENT_ID.to_owned(),
            events: vec![event.clone()],
            ..Default::default()
        };
        let sent = self.client.ledger.append_events(with_deadline(request));
        let position = self.requests;
        self.requests += 1;
        match sent.await {
            Ok(response) => Ok(self.accepted(position, outcome, &response.into_inner())),
            Err(status) => {
                let failure = Failure::of_status(&status);
                if failure.refusals.is_empty() {
                    return Err(CommandError::Refused(Box::new(failure)));
                }
                self.refused(position, outcome, &failure).await
            }
        }
    }

    fn accepted(
        &mut self,
        position: u64,
        outcome: &Outcome,
        response: &AppendEventsResponse,
    ) -> Answer {
        self.version += 1;
        let late = |finding: &&Finding| finding.rule == TOO_MANY_TO_SHOW;
        self.late_registrations += response.findings_opened.iter().filter(late).count();
        let lines = finding_lines(&response.findings_opened, &response.findings_cleared);
        let mut differences = match outcome {
            Outcome::Accepted { opened, cleared } => {
                let mut differences = check::opened(opened, &response.findings_opened);
                differences.extend(check::cleared(cleared, &response.findings_cleared));
                self.figures_compared += opened.len();
                differences
            }
            Outcome::Refused(_) => vec!["accepted, and must be refused".to_owned()],
        };
        let seen_position = response.events.first().map(|event| event.position);
        differences.extend(check::same("position", &Some(position), &seen_position));
        differences.extend(check::same("version", &self.version, &response.agreement_version));
        Answer {
            usage: agreement_usage(response.usage.as_ref().map(|usage| usage.scopes.as_slice())),
            lines,
            differences,
        }
    }

    /// A refusal says nothing of the sums, so they are asked for.
    async fn refused(
        &mut self,
        position: u64,
        outcome: &Outcome,
        failure: &Failure,
    ) -> Result<Answer, CommandError> {
        let mut differences = match outcome {
            Outcome::Refused(expected) => {
                let with_excess = expected.iter().filter(|(_, excess)| excess.is_some());
                self.figures_compared += with_excess.count();
                check::refusals(expected, &failure.refusals)
            }
            Outcome::Accepted { .. } => vec!["refused, and must be accepted".to_owned()],
        };
        differences.extend(check::same("position", &Some(position), &failure.position));
        let usage = self.usage("").await?;
        let lines = failure
            .refusals
            .iter()
            .map(|refusal| format!("refused {}", refusal_text(refusal)))
            .collect();
        Ok(Answer {
            usage: agreement_usage(usage.usage.as_ref().map(|usage| usage.scopes.as_slice())),
            lines,
            differences,
        })
    }

    async fn usage(&mut self, as_of: &str) -> Result<GetCeilingUsageResponse, CommandError> {
        let request = GetCeilingUsageRequest {
            agreement_id: AGREEMENT_ID.to_owned(),
            as_of: as_of.to_owned(),
            min_position: self.last_position(),
            ..Default::default()
        };
        let answer = self.client.projection.get_ceiling_usage(with_deadline(request));
        Ok(answer.await?.into_inner())
    }

    async fn term_end(&mut self, as_of: &str) -> Result<String, CommandError> {
        let request = GetAgreementRequest {
            agreement_id: AGREEMENT_ID.to_owned(),
            as_of: as_of.to_owned(),
            min_position: self.last_position(),
            ..Default::default()
        };
        let answer = self.client.projection.get_agreement(with_deadline(request));
        let term = answer.await?.into_inner().term_in_force;
        Ok(term.unwrap_or_default().end_date)
    }

    async fn forecast(
        &mut self,
        expected: &ExpectedForecast,
        output: &mut impl Write,
    ) -> Result<(), CommandError> {
        let response = self.usage(expected.as_of).await?;
        let usage = response.usage.unwrap_or_default();
        let differences = check::forecast(expected, usage.forecast.as_ref(), &response.findings);
        self.figures_compared += 4;
        let findings: Vec<String> = response
            .findings
            .iter()
            .filter(|finding| finding.rule == "FORECAST_RUNS_OUT_EARLY")
            .map(|finding| format!("\n{INDENT}+ finding {}", finding_line(finding)))
            .collect();
        let text = forecast_text(usage.forecast.as_ref());
        let text = format!("{}{}", text.trim_end(), findings.concat());
        self.write_note(expected.as_of, &text, &differences, output)?;
        Ok(())
    }

    fn write_step(
        &mut self,
        date: &str,
        title: &str,
        figures: Option<Figures>,
        mut answer: Answer,
        output: &mut impl Write,
    ) -> io::Result<()> {
        if let Some(figures) = figures {
            self.figures_compared += 3;
            answer.differences.extend(check::figures(figures, &answer.usage));
        }
        writeln!(output, "{}", step_row(date, title, &answer.usage))?;
        for line in &answer.lines {
            writeln!(output, "{INDENT}{line}")?;
        }
        self.write_differences(&format!("{date} {title}"), &answer.differences, output)
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

/// The sums of the agreement as a whole, which the interface puts first.
fn agreement_usage(scopes: Option<&[ScopeUsage]>) -> ScopeUsage {
    scopes.and_then(|scopes| scopes.first()).cloned().unwrap_or_default()
}
