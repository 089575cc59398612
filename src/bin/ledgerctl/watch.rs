//! `watch`: findings as they open and clear, and deadlines as they come near.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use contract_ledger::wire::json::{from_json, to_json};
use contract_ledger::wire::v1::{
    Finding, GetHeadRequest, Notice, NoticeResume, WatchNoticesRequest, WatchNoticesResponse,
    notice,
};
use tonic::{Status, Streaming};

use crate::arguments::WatchArguments;
use crate::client::{Client, ServerAddress, with_deadline};
use crate::findings::finding_line;
use crate::following::{Follower, Going, follow_until_interrupted};
use crate::lists::deadlines::what_text;
use crate::outcome::{CommandError, EXIT_DONE};
use crate::table::{Look, Tone};
use crate::time_text::recorded_text;
use crate::words::severity_text;

/// Watches until everything is told, when so asked, or until interrupted.
pub(crate) async fn run(
    server: &ServerAddress,
    look: Look,
    arguments: WatchArguments,
    output: &mut impl Write,
) -> Result<u8, CommandError> {
    let kept = arguments.resume_file.as_deref().map(read_resume).transpose()?.flatten();
    let mut client = Client::connect(server).await?;
    // From now on, as a position from the start, so that a stream that breaks before its first
    // message leaves no gap.
    let resume = if let Some(resume) = kept {
        resume
    } else {
        let head = client.ledger.get_head(with_deadline(GetHeadRequest {})).await?.into_inner();
        NoticeResume { position: head.record_count, deadlines_told_date: String::new() }
    };
    let mut watcher = Watcher {
        client,
        request: request(&arguments, resume),
        telling: Telling { look, json: arguments.json, until_caught_up: arguments.until_caught_up },
        resume_file: arguments.resume_file,
        output,
    };
    follow_until_interrupted(&mut watcher).await?;
    Ok(EXIT_DONE)
}

fn request(arguments: &WatchArguments, resume: NoticeResume) -> WatchNoticesRequest {
    WatchNoticesRequest {
        resume: Some(resume),
        agreement_id: arguments.agreement.clone().unwrap_or_default(),
        severities: arguments.severities.iter().copied().map(i32::from).collect(),
        rules: arguments.rules.clone(),
        deadline_days: arguments.deadline_days,
        exclude_deadlines: arguments.no_deadlines,
    }
}

/// Where an earlier run ended; none when there was none.
fn read_resume(file: &Path) -> Result<Option<NoticeResume>, CommandError> {
    match std::fs::read_to_string(file) {
        Ok(text) => from_json(&text).map(Some).map_err(|_| {
            CommandError::Usage(format!("{} holds no resume point of watch", file.display()))
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(CommandError::local(format!("reading {}", file.display()), error)),
    }
}

/// Replaces the file whole, so that a run that is cut off leaves the old point or the new one.
fn write_resume(file: &Path, resume: &NoticeResume) -> Result<(), CommandError> {
    let local = |source| CommandError::local(format!("writing {}", file.display()), source);
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut written =
        tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new("."))).map_err(local)?;
    writeln!(written, "{}", to_json(resume)).map_err(local)?;
    written.as_file().sync_all().map_err(local)?;
    written.persist(file).map_err(|error| local(error.error))?;
    Ok(())
}

/// How notices are told, and until when.
#[derive(Debug, Clone, Copy)]
struct Telling {
    look: Look,
    json: bool,
    until_caught_up: bool,
}

impl Telling {
    fn write(
        self,
        response: &WatchNoticesResponse,
        output: &mut impl Write,
    ) -> Result<Going, CommandError> {
        for notice in &response.notices {
            if self.json {
                writeln!(output, "{}", to_json(notice))?;
            } else {
                output.write_all(notice_lines(self.look, notice).as_bytes())?;
            }
        }
        output.flush()?;
        Ok(if response.caught_up && self.until_caught_up { Going::Done } else { Going::On })
    }
}

struct Watcher<'a, W> {
    client: Client,
    /// The next request: it carries the last resume point.
    request: WatchNoticesRequest,
    telling: Telling,
    resume_file: Option<PathBuf>,
    output: &'a mut W,
}

impl<W: Write> Follower for Watcher<'_, W> {
    type Message = WatchNoticesResponse;
    type Messages = Streaming<WatchNoticesResponse>;

    async fn open(&mut self) -> Result<Self::Messages, Status> {
        Ok(self.client.projection.watch_notices(self.request.clone()).await?.into_inner())
    }

    /// The resume point is kept only after the notices before it are written: a run that is cut off
    /// between the two tells them again, and never leaves one out.
    fn take(&mut self, message: WatchNoticesResponse) -> Result<Going, CommandError> {
        let going = self.telling.write(&message, self.output)?;
        let Some(resume) = message.resume else {
            return Ok(going);
        };
        let moved = self.request.resume.as_ref() != Some(&resume);
        if moved && let Some(file) = &self.resume_file {
            write_resume(file, &resume)?;
        }
        self.request.resume = Some(resume);
        Ok(going)
    }
}

/// What to act on, and under it where it comes from.
fn notice_lines(look: Look, notice: &Notice) -> String {
    let (text, tone) = match &notice.notice {
        Some(notice::Notice::FindingOpened(finding)) => {
            (finding_text("+", &notice.agreement_id, finding), severity_text(finding.severity).1)
        }
        Some(notice::Notice::FindingCleared(finding)) => {
            (finding_text("-", &notice.agreement_id, finding), Tone::Good)
        }
        Some(notice::Notice::Deadline(deadline)) => {
            let text = format!(
                "! {}  {} on {}, {} days left",
                notice.agreement_id,
                what_text(deadline),
                deadline.date,
                deadline.days_left
            );
            (text, Tone::Warning)
        }
        None => (notice.agreement_id.clone(), Tone::Plain),
    };
    let mut lines = look.line(&text, tone) + "\n";
    if let Some(position) = notice.position {
        let recorded = recorded_text(notice.recorded_time.as_ref());
        let note = format!("position {position}, recorded {recorded}");
        lines.push_str(&look.note(&note, Tone::Quiet));
        lines.push('\n');
    }
    lines
}

fn finding_text(sign: &str, agreement: &str, finding: &Finding) -> String {
    let (severity, _) = severity_text(finding.severity);
    let line = finding_line(finding);
    format!("{sign} {agreement}  {severity} {line}, breach from {}", finding.first_breach_date)
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;
