//! One watch of notices: as a subscription, by one loop, with findings and deadlines for records.

use std::collections::VecDeque;

use prost::Message as _;
use tokio::sync::watch;
use tokio::time::Instant;
use tonic::Status;

use super::giving_way::GivingWay;
use super::live::{Ended, LOOK_RECORDS_MAX, LiveSender, VISITS_PER_HEARTBEAT};
use super::proofs::log_head;
use super::query::{agreement_filter, blocking};
use super::stream::Filling;
use super::{ServiceLimits, status};
use crate::domain::date::Date;
use crate::domain::id::Position;
use crate::domain::reason::{Reason, Severity};
use crate::ledger::error::LedgerError;
use crate::ledger::notices::{
    Cause, Deadlines, Notice, NoticeKind, NoticeQuery, NoticeResume, Notices, Step,
};
use crate::ledger::{Head, Ledger};
use crate::wire::listing;
use crate::wire::parse::{Violations, malformed, parse_optional_date};
use crate::wire::record::timestamp;
use crate::wire::{answer, v1};

/// How early deadlines are told when the reader does not say.
const DEADLINE_DAYS_DEFAULT: u32 = 90;
/// The earliest that deadlines are told.
const DEADLINE_DAYS_MAX: u32 = 3650;

/// A watch that has not begun to send.
#[derive(Debug)]
pub(super) struct Watch {
    ledger: Ledger,
    limits: ServiceLimits,
    head: watch::Receiver<Head>,
    source: Source,
}

/// Where messages come from.
#[derive(Debug)]
struct Source {
    notices: Notices,
    /// What is to be told next; the rest of one step.
    queue: VecDeque<v1::Notice>,
    /// Where to go on after the last step that is told whole.
    resume: NoticeResume,
    /// Kept until what was found before it is sent.
    failure: Option<LedgerError>,
}

/// What one visit to the disk has brought.
struct Visit {
    notices: Vec<v1::Notice>,
    resume: NoticeResume,
    left: Left,
}

/// Whether something is left to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    Some,
    Nothing,
}

impl Watch {
    /// Begins at the asked resume point, or with what happens from now on.
    pub(super) fn new(
        ledger: &Ledger,
        limits: &ServiceLimits,
        request: v1::WatchNoticesRequest,
    ) -> Result<Self, Status> {
        let head = ledger.head();
        let record_count = head.borrow().record_count;
        let (query, resume) = parse(request)?;
        let resume = resume.unwrap_or(NoticeResume { position: record_count, told: None });
        if resume.position > record_count {
            let field = "resume.position";
            return Err(status::position_beyond_head(field, resume.position, record_count));
        }
        let notices = Notices::new(ledger, query, resume, limits.notice_agreements_max);
        let source = Source { notices, queue: VecDeque::new(), resume, failure: None };
        Ok(Self { ledger: ledger.clone(), limits: limits.clone(), head, source })
    }

    /// Sends until the reader has gone or the server stops.
    pub(super) async fn follow(
        self,
        mut sender: LiveSender<v1::WatchNoticesResponse>,
    ) -> Result<(), Ended> {
        let Self { ledger, limits, mut head, mut source } = self;
        let mut way = GivingWay::new(&ledger, &limits);
        let mut told_caught_up = false;
        let mut has_caught_up = false;
        loop {
            let published = head.borrow_and_update().record_count;
            let today = ledger.today();
            let visit_limits = limits.clone();
            let (given_back, visit, worked) = blocking(move || {
                let began = Instant::now();
                let visit = source.visit(published, today, &visit_limits)?;
                Ok((source, visit, began.elapsed()))
            })
            .await?;
            source = given_back;
            let Visit { notices, resume, left } = visit;
            let records_behind = head.borrow().record_count.saturating_sub(resume.position);
            let is_far_behind = records_behind > limits.subscription_lag_records_max;
            let more = left == Left::Some || records_behind > 0;
            let caught_up = !more;
            let is_news = !notices.is_empty() || (caught_up && !told_caught_up);
            if is_news || sender.owes_heartbeat() {
                let told_of = Some(log_head(&ledger, last_told(resume, &notices)).await?);
                let resume = Some(resume_point(resume));
                let message =
                    v1::WatchNoticesResponse { notices, resume, caught_up, head: told_of };
                sender.send(message).await?;
                told_caught_up = caught_up;
            }
            if caught_up {
                has_caught_up = true;
                sender.wait(&mut head).await?;
            } else if left == Left::Some && !has_caught_up && is_far_behind {
                way.rest_from(worked).await;
            }
        }
    }
}

/// The last position that the notices up to a message rest on. That is beyond the resume point where some
/// notices of a record are told and some are not.
fn last_told(resume: NoticeResume, notices: &[v1::Notice]) -> Option<Position> {
    let of_notices = notices.iter().filter_map(|notice| notice.position).max();
    of_notices.max(resume.position.checked_sub(1)).map(Position::new)
}

impl Source {
    /// Fills one message, or looks at as much as one visit may.
    fn visit(
        &mut self,
        head: u64,
        today: Date,
        limits: &ServiceLimits,
    ) -> Result<Visit, LedgerError> {
        let until = Instant::now() + limits.heartbeat / VISITS_PER_HEARTBEAT;
        let mut filling = Filling::new(limits);
        let mut notices = Vec::new();
        let mut left = Left::Some;
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        for _ in 0..LOOK_RECORDS_MAX {
            while let Some(notice) = self.queue.pop_front() {
                if filling.must_send_before(notice.encoded_len()) {
                    self.queue.push_front(notice);
                    return Ok(Visit { notices, resume: self.resume, left });
                }
                notices.push(notice);
            }
            self.resume = self.notices.resume();
            if Instant::now() >= until {
                break;
            }
            match self.notices.step(head, today) {
                Ok(Step::Told(told)) => self.queue.extend(told.iter().map(notice)),
                Ok(Step::Working) => {}
                Ok(Step::Idle) => {
                    left = Left::Nothing;
                    break;
                }
                Err(failure) if notices.is_empty() => return Err(failure),
                Err(failure) => {
                    self.failure = Some(failure);
                    break;
                }
            }
        }
        Ok(Visit { notices, resume: self.resume, left })
    }
}

fn parse(request: v1::WatchNoticesRequest) -> Result<(NoticeQuery, Option<NoticeResume>), Status> {
    let v1::WatchNoticesRequest {
        resume,
        agreement_id,
        severities,
        rules,
        deadline_days,
        exclude_deadlines,
    } = request;
    let mut violations = Violations::default();
    let resume = resume.map(|v1::NoticeResume { position, deadlines_told_date }| {
        let field = "resume.deadlines_told_date";
        let told = parse_optional_date(&mut violations, field, &deadlines_told_date);
        NoticeResume { position, told }
    });
    let agreement_id = agreement_filter(&mut violations, &agreement_id);
    let severities = parse_severities(&mut violations, severities);
    let rules = parse_rules(&mut violations, &rules);
    let days = deadline_days.unwrap_or(DEADLINE_DAYS_DEFAULT);
    if days > DEADLINE_DAYS_MAX {
        let text = format!("must be at most {DEADLINE_DAYS_MAX}, not {days}");
        violations.add("deadline_days", malformed::NUMBER_OUT_OF_BOUNDS, text);
    }
    if !violations.is_empty() {
        return Err(status::of_violations(&violations.into_vec()));
    }
    let deadlines = if exclude_deadlines { Deadlines::LeftOut } else { Deadlines::DaysAhead(days) };
    Ok((NoticeQuery { agreement_id, severities, rules, deadlines }, resume))
}

fn parse_severities(violations: &mut Violations, numbers: Vec<i32>) -> Vec<Severity> {
    let mut severities = Vec::with_capacity(numbers.len());
    for (index, number) in numbers.into_iter().enumerate() {
        match v1::Severity::try_from(number) {
            Ok(v1::Severity::Low) => severities.push(Severity::Low),
            Ok(v1::Severity::Medium) => severities.push(Severity::Medium),
            Ok(v1::Severity::High) => severities.push(Severity::High),
            Ok(v1::Severity::Unspecified) | Err(_) => {
                let field = format!("severities[{index}]");
                violations.add(&field, malformed::UNKNOWN_ENUM_VALUE, "must be a severity");
            }
        }
    }
    severities
}

fn parse_rules(violations: &mut Violations, names: &[String]) -> Vec<Reason> {
    let mut rules = Vec::with_capacity(names.len());
    for (index, name) in names.iter().enumerate() {
        if let Some(reason) = Reason::ALL.iter().find(|reason| reason.name() == name) {
            rules.push(*reason);
        } else {
            let field = format!("rules[{index}]");
            violations.add(&field, malformed::UNKNOWN_ENUM_VALUE, "must be a published rule");
        }
    }
    rules
}

fn resume_point(resume: NoticeResume) -> v1::NoticeResume {
    let NoticeResume { position, told } = resume;
    let deadlines_told_date = told.map(|date| date.to_string()).unwrap_or_default();
    v1::NoticeResume { position, deadlines_told_date }
}

fn notice(notice: &Notice) -> v1::Notice {
    use v1::notice::Notice as Kind;
    let Notice { agreement_id, what } = notice;
    let (kind, cause) = match what {
        NoticeKind::Opened(finding, cause) => {
            (Kind::FindingOpened(answer::finding(agreement_id, finding)), Some(cause))
        }
        NoticeKind::Cleared(finding, cause) => {
            (Kind::FindingCleared(answer::finding(agreement_id, finding)), Some(cause))
        }
        NoticeKind::Near { view, told, title } => {
            let deadline = listing::deadline(agreement_id, title.clone(), view, *told);
            (Kind::Deadline(deadline), None)
        }
    };
    v1::Notice {
        agreement_id: agreement_id.to_string(),
        notice: Some(kind),
        position: cause.map(|Cause { position, .. }| position.get()),
        recorded_time: cause.map(|Cause { recorded, .. }| timestamp(*recorded)),
    }
}
