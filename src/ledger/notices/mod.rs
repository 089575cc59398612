//! Notices: findings that open and clear, record by record, and deadlines that come near, day by day.
//!
//! What is told follows from the log, from a position and a day on, and from the clock only once the
//! log is told to its end. State is the agreements at the position; a step takes in the next record,
//! or the next day, and tells what the step has changed. The day moves on before the first record of
//! a later day is taken in, so that the same resume point gives the same notices again.

mod calendar;

use std::num::NonZeroUsize;
use std::sync::Arc;

use lru::LruCache;

use self::calendar::{Calendar, Near};
use super::Ledger;
use super::answer::as_of_append;
use super::error::LedgerError;
use super::hot::Room;
use super::judged::JudgedAgreements;
use super::read::{Direction, Looked, ReadQuery, Records, Refusals};
use crate::domain::agreement::Agreement;
use crate::domain::date::{Date, RecordedTime};
use crate::domain::event::Recorded;
use crate::domain::finding::Finding;
use crate::domain::id::{AgreementId, Position};
use crate::domain::reason::{Reason, Severity};
use crate::domain::view::{DeadlineSubject, DeadlineView};
use crate::wire::{record, v1};

/// Agreements that one step of a day looks at.
const AGREEMENTS_PER_STEP_MAX: usize = 32;

/// What to tell.
#[derive(Debug, Clone)]
pub struct NoticeQuery {
    /// Only this agreement.
    pub agreement_id: Option<AgreementId>,
    /// Only findings of these severities. Empty: all.
    pub severities: Vec<Severity>,
    /// Only findings of these rules. Empty: all.
    pub rules: Vec<Reason>,
    /// Whether deadlines are told, and how early.
    pub deadlines: Deadlines,
}

/// Whether deadlines are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deadlines {
    /// They are not.
    LeftOut,
    /// They are, once they are so many days ahead or fewer.
    DaysAhead(u32),
}

/// Where to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoticeResume {
    /// The next position to look at.
    pub position: u64,
    /// The last day of which the deadlines are told.
    pub told: Option<Date>,
}

/// One thing worth acting on.
#[derive(Debug, Clone)]
pub struct Notice {
    /// Agreement.
    pub agreement_id: AgreementId,
    /// What it is.
    pub what: NoticeKind,
}

/// What a notice is about.
#[derive(Debug, Clone)]
pub enum NoticeKind {
    /// A finding opened.
    Opened(Finding, Cause),
    /// A finding cleared.
    Cleared(Finding, Cause),
    /// A deadline comes near.
    Near {
        /// The deadline.
        view: DeadlineView,
        /// The day on which it comes near.
        told: Date,
        /// Title of the agreement.
        title: String,
    },
}

/// The event that caused a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cause {
    /// Where.
    pub position: Position,
    /// When.
    pub recorded: RecordedTime,
}

/// What a step has brought.
#[derive(Debug)]
pub enum Step {
    /// Notices; the resume point has moved past them.
    Told(Vec<Notice>),
    /// Nothing to tell so far.
    Working,
    /// Nothing is left to look at.
    Idle,
}

/// Where the deadlines stand.
#[derive(Debug)]
enum Phase {
    /// The agreements are entered in the calendar, in the order of their ids.
    Opening {
        /// The newest one that is entered.
        after: Option<AgreementId>,
        /// The day that the deadlines go on from. None before the first step.
        day: Option<Date>,
    },
    /// The calendar is whole.
    Following,
    /// The day moves on.
    Moving {
        /// Up to and with this day.
        until: Date,
    },
}

/// An agreement at the resume position.
#[derive(Debug, Clone)]
struct Held {
    agreement: Agreement,
    /// Its deadlines as of a day. None when nobody has asked.
    deadlines: Option<(Date, Arc<[DeadlineView]>)>,
}

impl Held {
    fn new(agreement: Agreement) -> Self {
        Self { agreement, deadlines: None }
    }

    /// Deadlines as of a day, computed once for each day that is asked for in a row.
    fn deadlines(&mut self, day: Date) -> Arc<[DeadlineView]> {
        match &self.deadlines {
            Some((of, deadlines)) if *of == day => Arc::clone(deadlines),
            Some(_) | None => {
                let deadlines: Arc<[_]> = self.agreement.deadlines(day).into();
                self.deadlines = Some((day, Arc::clone(&deadlines)));
                deadlines
            }
        }
    }
}

/// The notices of one reader.
#[derive(Debug)]
pub struct Notices {
    ledger: Ledger,
    query: NoticeQuery,
    resume: NoticeResume,
    /// Agreements at the resume position.
    held: LruCache<AgreementId, Held>,
    /// Of its own: a stream looks at days of the past, which must not drive out today's.
    judged: JudgedAgreements,
    range: Option<Records>,
    /// The next record, looked at and not yet taken in.
    next: Option<v1::Record>,
    phase: Phase,
    calendar: Calendar,
    /// Deadlines of the day that moves on, until it is whole.
    gathered: Vec<Notice>,
}

impl Notices {
    /// Begins at a resume point that the log has reached, and holds at most so many agreements.
    pub fn new(
        ledger: &Ledger,
        query: NoticeQuery,
        resume: NoticeResume,
        agreements_max: usize,
    ) -> Self {
        let capacity = NonZeroUsize::new(agreements_max).unwrap_or(NonZeroUsize::MIN);
        let phase = match query.deadlines {
            Deadlines::LeftOut => Phase::Following,
            Deadlines::DaysAhead(_) => Phase::Opening { after: None, day: None },
        };
        Self {
            ledger: ledger.clone(),
            query,
            resume,
            held: LruCache::new(capacity),
            judged: JudgedAgreements::new(Room::of_recent(agreements_max, u64::MAX)),
            range: None,
            next: None,
            phase,
            calendar: Calendar::default(),
            gathered: Vec::new(),
        }
    }

    /// Where to go on after what is told so far.
    pub fn resume(&self) -> NoticeResume {
        self.resume
    }

    /// Takes the next step towards a head and a day. May read from disk.
    pub fn step(&mut self, head: u64, today: Date) -> Result<Step, LedgerError> {
        match (&self.phase, self.query.deadlines) {
            (Phase::Opening { after, day }, Deadlines::DaysAhead(days)) => {
                let (after, day) = (after.clone(), *day);
                let day = day.map_or_else(|| self.first_day(head, today), Ok)?;
                self.open(after.as_ref(), day, i64::from(days))
            }
            (Phase::Moving { until }, Deadlines::DaysAhead(days)) => {
                let until = *until;
                self.move_day(until, i64::from(days))
            }
            (Phase::Opening { .. } | Phase::Moving { .. }, Deadlines::LeftOut)
            | (Phase::Following, _) => self.follow(head, today),
        }
    }

    fn follow(&mut self, head: u64, today: Date) -> Result<Step, LedgerError> {
        let Some(record) = self.look_ahead(head)? else {
            return Ok(if self.must_move_to(today) { Step::Working } else { Step::Idle });
        };
        let day = recorded_time(&record)?.oslo_date();
        if self.must_move_to(day) {
            self.next = Some(record);
            return Ok(Step::Working);
        }
        let position = record.position;
        let event =
            record::recorded(&record).map_err(|source| LedgerError::Record { position, source })?;
        let notices = match event {
            Some(event) => self.take_in(&record.agreement_id, &Arc::new(event))?,
            None => Vec::new(),
        };
        self.resume.position = position + 1;
        Ok(if notices.is_empty() { Step::Working } else { Step::Told(notices) })
    }

    /// Whether a day has yet to be told before what follows. If so, it is what comes next.
    fn must_move_to(&mut self, day: Date) -> bool {
        let wanted = self.query.deadlines != Deadlines::LeftOut;
        let moves = wanted && self.resume.told.is_some_and(|told| told < day);
        if moves {
            self.phase = Phase::Moving { until: day };
        }
        moves
    }

    /// The next record up to a head. None when there is none, and then the position is at the head.
    fn look_ahead(&mut self, head: u64) -> Result<Option<v1::Record>, LedgerError> {
        if let Some(record) = self.next.take() {
            return Ok(Some(record));
        }
        if self.range.is_none() && self.resume.position < head {
            self.range = Some(self.ledger.read(ReadQuery {
                direction: Direction::Forwards,
                from: Some(Position::new(self.resume.position)),
                agreement_id: self.query.agreement_id.clone(),
                types: Vec::new(),
                refusals: Refusals::Included,
            })?);
        }
        let Some(range) = &mut self.range else { return Ok(None) };
        match range.look().transpose()? {
            Some(Looked::AskedFor(record) | Looked::PassedOver(record)) => {
                record.decode().map(Some)
            }
            None => {
                self.resume.position = self.resume.position.max(range.captured());
                self.range = None;
                Ok(None)
            }
        }
    }

    /// Takes in an event, and tells what it has changed.
    fn take_in(&mut self, id: &str, event: &Arc<Recorded>) -> Result<Vec<Notice>, LedgerError> {
        let mismatch = LedgerError::IndexMismatch { position: event.position.get() };
        let Ok(id) = AgreementId::parse(id) else { return Err(mismatch) };
        let mut before = self.take(&id)?;
        if before.agreement.version().next() != event.version {
            return Err(mismatch);
        }
        let mut after = Held::new(before.agreement.clone());
        after.agreement.apply(event);
        let as_of = as_of_append(event.recorded, std::iter::once(event.event.effective));
        let changes = self.judged.changes(&before.agreement, &after.agreement, as_of);
        let cause = Cause { position: event.position, recorded: event.recorded };
        let opened = changes.opened.into_iter().filter(|finding| self.is_asked_for(finding));
        let opened = opened.map(|finding| NoticeKind::Opened(finding, cause));
        let cleared = changes.cleared.into_iter().filter(|finding| self.is_asked_for(finding));
        let cleared = cleared.map(|finding| NoticeKind::Cleared(finding, cause));
        let notice = |what| Notice { agreement_id: id.clone(), what };
        let mut notices: Vec<_> = opened.chain(cleared).map(notice).collect();
        if let (Deadlines::DaysAhead(days), Some(day)) = (self.query.deadlines, self.resume.told) {
            let days = i64::from(days);
            let (old, new) = (before.deadlines(day), after.deadlines(day));
            let newly = Near::new(&new, day, days).newly(&Near::new(&old, day, days));
            notices.extend(self.deadline_notices(&after.agreement, newly, day)?);
            self.calendar.note(&after.agreement, &new, day, days);
        }
        self.held.put(id, after);
        Ok(notices)
    }

    fn is_asked_for(&self, finding: &Finding) -> bool {
        let NoticeQuery { agreement_id: _, severities, rules, deadlines: _ } = &self.query;
        let rule = finding.key.rule;
        (severities.is_empty() || severities.contains(&rule.severity()))
            && (rules.is_empty() || rules.contains(&rule))
    }

    /// An agreement at the resume position, taken out of what is held.
    fn take(&mut self, id: &AgreementId) -> Result<Held, LedgerError> {
        if let Some(held) = self.held.pop(id) {
            return Ok(held);
        }
        let newest = self.ledger.shared().agreement(id)?;
        let is_newer =
            newest.newest_event().is_some_and(|event| event.position.get() >= self.resume.position);
        let agreement = match self.resume.position.checked_sub(1) {
            _ if !is_newer => Agreement::clone(&newest),
            Some(last) => newest.at_position(Position::new(last), Date::END_OF_TIME),
            None => newest.refold([], Date::END_OF_TIME),
        };
        Ok(Held::new(agreement))
    }

    /// Enters some agreements in the calendar. Where no day is told yet, the first day is told whole.
    fn open(
        &mut self,
        after: Option<&AgreementId>,
        day: Date,
        days: i64,
    ) -> Result<Step, LedgerError> {
        let ids = match (&self.query.agreement_id, after) {
            (None, after) => {
                self.ledger.shared().index.agreement_ids(after, AGREEMENTS_PER_STEP_MAX)?
            }
            (Some(id), None) => vec![id.clone()],
            (Some(_), Some(_)) => Vec::new(),
        };
        let Some(last) = ids.last().cloned() else {
            self.phase = Phase::Following;
            let is_first = self.resume.told.is_none();
            self.resume.told = Some(day);
            return Ok(if is_first { self.tell_gathered() } else { Step::Working });
        };
        for id in ids {
            let mut held = self.take(&id)?;
            let deadlines = held.deadlines(day);
            if self.resume.told.is_none() {
                let now = Near::new(&deadlines, day, days).all().cloned().collect();
                let notices = self.deadline_notices(&held.agreement, now, day)?;
                self.gathered.extend(notices);
            }
            self.calendar.note(&held.agreement, &deadlines, day, days);
            self.held.put(id, held);
        }
        self.phase = Phase::Opening { after: Some(last), day: Some(day) };
        Ok(Step::Working)
    }

    /// The day that the deadlines go on from: the one told last; else that of the next record; at the
    /// head, today. A resume point of all agreements has told the day of the record before it, so an
    /// earlier day is one that somebody made up, and is not gone through.
    fn first_day(&self, head: u64, today: Date) -> Result<Date, LedgerError> {
        let position = self.resume.position;
        let date_of = |position| {
            let record = self.ledger.record(Position::new(position))?;
            recorded_time(&record).map(RecordedTime::oslo_date)
        };
        match (self.resume.told, position.checked_sub(1)) {
            (Some(told), Some(last)) if self.query.agreement_id.is_none() => {
                Ok(told.max(date_of(last)?))
            }
            (Some(told), _) => Ok(told),
            (None, _) if position < head => date_of(position),
            (None, _) => Ok(today),
        }
    }

    /// Looks at some of the agreements that are due by a day; once none is, tells their deadlines.
    fn move_day(&mut self, until: Date, days: i64) -> Result<Step, LedgerError> {
        for _ in 0..AGREEMENTS_PER_STEP_MAX {
            let Some((day, id)) = self.calendar.due(until) else {
                self.phase = Phase::Following;
                self.resume.told = Some(until);
                return Ok(self.tell_gathered());
            };
            let mut held = self.take(&id)?;
            let day_before = day.plus_days(-1).unwrap_or(day);
            let (old, new) = (held.deadlines(day_before), held.deadlines(day));
            let newly = Near::new(&new, day, days).newly(&Near::new(&old, day_before, days));
            let notices = self.deadline_notices(&held.agreement, newly, day)?;
            self.gathered.extend(notices);
            self.calendar.note(&held.agreement, &new, day, days);
            self.held.put(id, held);
        }
        Ok(Step::Working)
    }

    fn tell_gathered(&mut self) -> Step {
        let mut notices = std::mem::take(&mut self.gathered);
        if notices.is_empty() {
            return Step::Working;
        }
        notices.sort_by(|one, other| order_of(one).cmp(&order_of(other)));
        Step::Told(notices)
    }

    fn deadline_notices(
        &self,
        agreement: &Agreement,
        views: Vec<DeadlineView>,
        told: Date,
    ) -> Result<Vec<Notice>, LedgerError> {
        if views.is_empty() {
            return Ok(Vec::new());
        }
        let title = match agreement.charter() {
            Some(charter) => title(self.ledger.record(charter.signed().position)?),
            None => String::new(),
        };
        let agreement_id = agreement.id();
        let notice = |view| Notice {
            agreement_id: agreement_id.clone(),
            what: NoticeKind::Near { view, told, title: title.clone() },
        };
        Ok(views.into_iter().map(notice).collect())
    }
}

fn recorded_time(record: &v1::Record) -> Result<RecordedTime, LedgerError> {
    let position = record.position;
    record::recorded_time(record).map_err(|source| LedgerError::Record { position, source })
}

/// Deadlines by date, agreement, kind and subject.
fn order_of(notice: &Notice) -> Option<(Date, &AgreementId, &DeadlineSubject)> {
    match &notice.what {
        NoticeKind::Near { view, .. } => Some((view.date, &notice.agreement_id, &view.subject)),
        NoticeKind::Opened(..) | NoticeKind::Cleared(..) => None,
    }
}

/// Title of an agreement, from the record of its signature.
fn title(record: v1::Record) -> String {
    let Some(v1::record::Entry::Event(accepted)) = record.entry else { return String::new() };
    match accepted.event.and_then(|event| event.payload) {
        Some(v1::event::Payload::AgreementSigned(signed)) => signed.title,
        Some(_) | None => String::new(),
    }
}
