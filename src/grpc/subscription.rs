//! One subscription to the log: what there is, and then what comes, by one loop and without a seam.
//!
//! The loop reads from its position to the published head, sends, and waits for the head to move.
//! Whether it is catching up or live makes no difference to what it reads; it is only told.

use bytes::Bytes;
use prost_types::Timestamp;
use tokio::sync::watch;
use tokio::time::Instant;
use tonic::Status;

use super::giving_way::GivingWay;
use super::live::{Ended, LOOK_RECORDS_MAX, LiveSender, VISITS_PER_HEARTBEAT};
use super::query::blocking;
use super::stream::Filling;
use super::{ServiceLimits, status};
use crate::domain::id::Position;
use crate::ledger::error::LedgerError;
use crate::ledger::read::{Looked, ReadQuery, Records, StoredRecord};
use crate::ledger::{Head, Ledger};
use crate::wire::stored::{StoredRecords, SubscribeEventsAnswer, SubscriptionMessage as Message};
use crate::wire::v1;

/// What has been told of where the reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// Nothing, or that it fell behind.
    Behind,
    /// That it is at the head.
    CaughtUp,
}

/// A subscription that has not begun to send.
#[derive(Debug)]
pub(super) struct Subscription {
    ledger: Ledger,
    limits: ServiceLimits,
    head: watch::Receiver<Head>,
    query: ReadQuery,
    /// The next position to look at.
    next: u64,
    /// Recorded time of the newest record looked at.
    newest: Option<Timestamp>,
    /// Whether it was ever told to be at the head.
    has_caught_up: bool,
}

/// Records from a position to the head as it was when the reading began.
struct Range {
    ledger: Ledger,
    records: Records,
    /// Looked at, and kept for the next visit because the message was full or the look failed.
    held: Option<Result<Looked, LedgerError>>,
}

/// What one visit to the disk has brought.
struct Visit {
    records: Vec<Bytes>,
    /// The next position to look at.
    next: u64,
    newest: Option<Timestamp>,
    left: Left,
}

/// Whether a range has more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    Some,
    Nothing,
}

impl Subscription {
    /// Begins at the asked position, or at the head.
    pub(super) fn new(
        ledger: &Ledger,
        limits: &ServiceLimits,
        query: ReadQuery,
    ) -> Result<Self, Status> {
        let head = ledger.head();
        let record_count = head.borrow().record_count;
        let next = query.from.map_or(record_count, Position::get);
        if next > record_count {
            return Err(status::position_beyond_head("from_position", next, record_count));
        }
        let (ledger, limits) = (ledger.clone(), limits.clone());
        Ok(Self { ledger, limits, head, query, next, newest: None, has_caught_up: false })
    }

    /// Sends until the reader has gone or the server stops.
    pub(super) async fn follow(
        mut self,
        mut sender: LiveSender<SubscribeEventsAnswer>,
    ) -> Result<(), Ended> {
        let mut told = Told::Behind;
        loop {
            let published = self.head.borrow_and_update().record_count;
            let records_behind = published.saturating_sub(self.next);
            if told == Told::CaughtUp && records_behind > self.limits.subscription_lag_records_max {
                let behind = v1::SubscriptionFellBehind { records_behind };
                sender.send(self.response(Message::FellBehind(behind))).await?;
                told = Told::Behind;
            }
            if records_behind > 0 {
                self.send_range(&mut sender).await?;
            }
            if self.next < self.head.borrow().record_count {
                continue;
            }
            if told == Told::Behind {
                let caught_up = Message::CaughtUp(v1::SubscriptionCaughtUp {});
                sender.send(self.response(caught_up)).await?;
                told = Told::CaughtUp;
                self.has_caught_up = true;
            }
            self.send_due_heartbeat(&mut sender).await?;
            sender.wait(&mut self.head).await?;
        }
    }

    /// Sends what is asked for from the next position to the head.
    async fn send_range(
        &mut self,
        sender: &mut LiveSender<SubscribeEventsAnswer>,
    ) -> Result<(), Ended> {
        let query = ReadQuery { from: Some(Position::new(self.next)), ..self.query.clone() };
        let ledger = self.ledger.clone();
        let range = move || {
            let records = ledger.read(query)?;
            Ok(Range { ledger, records, held: None })
        };
        let mut range = blocking(range).await?;
        let mut way = GivingWay::new(&self.ledger, &self.limits);
        loop {
            let limits = self.limits.clone();
            let (given_back, visit, worked) = blocking(move || {
                let began = Instant::now();
                let visit = range.visit(&limits)?;
                Ok((range, visit, began.elapsed()))
            })
            .await?;
            range = given_back;
            let Visit { records, next, newest, left } = visit;
            self.next = self.next.max(next);
            self.newest = newest.or(self.newest);
            if !records.is_empty() {
                let message = Message::Records(StoredRecords { records });
                sender.send(self.response(message)).await?;
            }
            if left == Left::Some && self.is_far_behind() {
                way.rest_from(worked).await;
            }
            self.send_due_heartbeat(sender).await?;
            if left == Left::Nothing {
                return Ok(());
            }
        }
    }

    /// Whether it reads what is old, and nobody expects it to follow what is appended.
    fn is_far_behind(&self) -> bool {
        let records_behind = self.head.borrow().record_count.saturating_sub(self.next);
        !self.has_caught_up && records_behind > self.limits.subscription_lag_records_max
    }

    async fn send_due_heartbeat(
        &self,
        sender: &mut LiveSender<SubscribeEventsAnswer>,
    ) -> Result<(), Ended> {
        if !sender.owes_heartbeat() {
            return Ok(());
        }
        let checkpoint = v1::SubscriptionCheckpoint { recorded_time: self.newest };
        sender.send(self.response(Message::Checkpoint(checkpoint))).await
    }

    fn response(&self, message: Message) -> SubscribeEventsAnswer {
        SubscribeEventsAnswer {
            message: Some(message),
            resume_position: self.next,
            record_count: self.head.borrow().record_count,
        }
    }
}

impl Range {
    /// Fills one message, or looks at as much as one visit may.
    fn visit(&mut self, limits: &ServiceLimits) -> Result<Visit, LedgerError> {
        let mut visit = Visit { records: Vec::new(), next: 0, newest: None, left: Left::Some };
        let mut last = None;
        visit.left = self.fill(limits, &mut visit, &mut last)?;
        // Only the last one is asked, so that a reader of everything costs no look at each.
        visit.newest = last.and_then(|last: StoredRecord| last.look().ok()?.recorded_time);
        match visit.left {
            Left::Some => Ok(visit),
            Left::Nothing => self.at_the_end(visit),
        }
    }

    fn fill(
        &mut self,
        limits: &ServiceLimits,
        visit: &mut Visit,
        last: &mut Option<StoredRecord>,
    ) -> Result<Left, LedgerError> {
        let until = Instant::now() + limits.heartbeat / VISITS_PER_HEARTBEAT;
        let mut filling = Filling::new(limits);
        for _ in 0..LOOK_RECORDS_MAX {
            let Some(looked) = self.held.take().or_else(|| self.records.look()) else {
                return Ok(Left::Nothing);
            };
            let looked = match looked {
                // What was read before the damage still goes out.
                Err(error) if !visit.records.is_empty() => {
                    self.held = Some(Err(error));
                    return Ok(Left::Some);
                }
                looked => looked?,
            };
            if let Looked::AskedFor(record) = &looked
                && filling.must_send_before(record.bytes.len())
            {
                self.held = Some(Ok(looked));
                return Ok(Left::Some);
            }
            visit.next = looked.record().position + 1;
            *last = Some(looked.record().clone());
            if let Looked::AskedFor(record) = looked {
                visit.records.push(record.bytes);
            }
            if Instant::now() >= until {
                break;
            }
        }
        Ok(Left::Some)
    }

    /// The range is read. Where only one agreement was looked at, the records of others beside it
    /// count as looked at too.
    fn at_the_end(&self, visit: Visit) -> Result<Visit, LedgerError> {
        let next = self.records.captured();
        let newest = match next.checked_sub(1) {
            Some(last) if next != visit.next => {
                self.ledger.record(Position::new(last))?.recorded_time
            }
            Some(_) | None => visit.newest,
        };
        Ok(Visit { next, newest, left: Left::Nothing, ..visit })
    }
}
