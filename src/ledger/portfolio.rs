//! The portfolio as it is kept: one row an agreement in a derived tree, and what is still to be
//! written to it.
//!
//! The tree `projections-portfolio` has agreement id → row. The writer notes what it has changed
//! before it publishes the head, and the projector writes the rows some time later. So a row is
//! newer than every event below a published head unless its agreement is noted here; whoever reads
//! looks here first, and folds what is noted. What cannot be folded stays noted, and the tree's
//! mark stays where it is, so that a listing tells the damage instead of leaving the agreement out.

use std::collections::BTreeSet;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Shared;
use super::error::{LedgerError, WithCauses};
use crate::crash_point::crash_point;
use crate::domain::agreement::Agreement;
use crate::domain::date::Date;
use crate::domain::id::{AgreementId, Position};
use crate::domain::organisation::OrganisationId;
use crate::domain::policy::PolicyBook;
use crate::log::{DerivedTree, LogReader};
use crate::projections::portfolio::{Row, SeverityCounts, Texts};
use crate::projections::stored;
use crate::wire::stored::agreement_of_event;
use crate::wire::v1;

/// Name of the derived tree.
pub(crate) const PORTFOLIO_TREE: &str = "projections-portfolio";
/// Rows, and bytes of rows, after which a write takes no further row.
const WRITE_ROWS_MAX: usize = 4096;
pub(super) const WRITE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How often an agreement is folded anew that changes meanwhile.
const ROW_TRIES_MAX: usize = 4;
/// How long changes are gathered before they are written.
const GATHER: Duration = Duration::from_millis(200);
/// How long after a stop rows are still written. What is left then is left to the next start: the rows of
/// a portfolio that is made anew may take longer than anybody waits for a stop.
const AFTER_STOP_MAX: Duration = Duration::from_secs(2);
/// How long the projector waits for room on the disk before it asks again.
const ROOM_WAIT: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Portfolio {
    tree: DerivedTree,
    noted: Mutex<Noted>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Noted {
    /// Agreements whose rows are to be written.
    waiting: BTreeSet<AgreementId>,
    /// Those that the projector has in hand.
    in_hand: BTreeSet<AgreementId>,
    /// Those whose rows could not be made.
    stuck: BTreeSet<AgreementId>,
    /// The position up to which changes are noted.
    reached: u64,
    /// The position up to which the projector has done what it could.
    done: u64,
    /// Since when nothing more is noted.
    closed: Option<Instant>,
}

impl Noted {
    fn is_closed(&self) -> bool {
        self.closed.is_some()
    }

    fn is_done(&self) -> bool {
        self.waiting.is_empty() && self.reached <= self.done
    }

    fn sets(&self) -> [&BTreeSet<AgreementId>; 3] {
        [&self.waiting, &self.in_hand, &self.stuck]
    }

    fn all(&self) -> impl Iterator<Item = &AgreementId> {
        self.sets().into_iter().flatten()
    }

    fn contains(&self, id: &AgreementId) -> bool {
        self.sets().iter().any(|noted| noted.contains(id))
    }
}

/// What a row is beside one that is made anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowCheck {
    /// The same to the byte.
    AsMade,
    /// Another, or it is missing, or there should be none.
    Differs,
    /// The agreement has changed, and the projector has not come to it.
    NotWrittenYet,
}

/// Why a rest of the projector is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rested {
    /// It was long enough, or nothing more will be noted.
    Enough,
    /// So many records are noted that their index entries are to be written.
    MuchIsNoted,
}

/// How much of some work was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowsWritten {
    All,
    /// The rest is left to the next start.
    Some,
}

/// What the projector has in hand.
#[derive(Debug)]
pub(crate) struct Work {
    agreements: BTreeSet<AgreementId>,
    reached: u64,
}

impl Portfolio {
    /// Opens the tree, empty when its rows were made by another program or under another policy.
    pub(crate) fn open(reader: &LogReader, policies: &PolicyBook) -> Result<Self, LedgerError> {
        let tree = reader.derived(PORTFOLIO_TREE, stored::version(policies))?;
        let noted =
            Mutex::new(Noted { reached: tree.reached(), done: tree.reached(), ..Noted::default() });
        Ok(Self { tree, noted, changed: Condvar::new() })
    }

    /// Notes what the log has changed up to a position.
    pub(crate) fn note(&self, agreements: impl IntoIterator<Item = AgreementId>, reached: u64) {
        let mut noted = self.lock();
        noted.waiting.extend(agreements);
        noted.reached = reached;
        drop(noted);
        self.changed.notify_all();
    }

    /// Nothing more will be noted.
    pub(crate) fn close(&self) {
        self.close_since(Instant::now());
    }

    fn close_since(&self, since: Instant) {
        self.lock().closed.get_or_insert(since);
        self.changed.notify_all();
    }

    #[cfg(test)]
    pub(super) fn close_long_ago(&self) {
        self.close_since(Instant::now().checked_sub(AFTER_STOP_MAX).unwrap());
    }

    /// Whether nobody waits for rows any longer.
    fn must_end(&self) -> bool {
        self.lock().closed.is_some_and(|since| since.elapsed() >= AFTER_STOP_MAX)
    }

    /// Waits for something to do. None once everything is done and nothing more will be noted.
    pub(crate) fn next_work(&self) -> Option<Work> {
        let noted = self.lock();
        let idle = |noted: &mut Noted| !noted.is_closed() && noted.is_done();
        let noted = self.changed.wait_while(noted, idle).unwrap_or_else(PoisonError::into_inner);
        let gathered = self.changed.wait_timeout_while(noted, GATHER, |noted| !noted.is_closed());
        let mut noted = gathered.unwrap_or_else(PoisonError::into_inner).0;
        if noted.is_done() {
            return None;
        }
        let agreements = std::mem::take(&mut noted.waiting);
        noted.in_hand.clone_from(&agreements);
        Some(Work { agreements, reached: noted.reached })
    }

    /// Takes work back that cannot be done now, and waits a while. False once nothing more will be
    /// noted: what is left is caught up at the next start.
    pub(crate) fn put_back_and_wait(&self, work: Work) -> bool {
        let mut noted = self.lock();
        noted.waiting.extend(work.agreements);
        noted.in_hand.clear();
        let waited = self.changed.wait_timeout_while(noted, ROOM_WAIT, |noted| !noted.is_closed());
        !waited.unwrap_or_else(PoisonError::into_inner).0.is_closed()
    }

    /// Waits until an instant, or until nothing more will be noted, or until so many records are noted
    /// meanwhile.
    pub(crate) fn rest(&self, until: Instant, records_max: u64) -> Rested {
        let noted = self.lock();
        let much = noted.reached.saturating_add(records_max);
        let rests = |noted: &mut Noted| !noted.is_closed() && noted.reached < much;
        let left = until.saturating_duration_since(Instant::now());
        let rested = self.changed.wait_timeout_while(noted, left, rests);
        let noted = rested.unwrap_or_else(PoisonError::into_inner).0;
        if noted.reached >= much && !noted.is_closed() {
            Rested::MuchIsNoted
        } else {
            Rested::Enough
        }
    }

    /// Whether the row of an agreement may be older than the head.
    pub(super) fn is_noted(&self, id: &AgreementId) -> bool {
        self.lock().contains(id)
    }

    fn noted_from(&self, from: Option<&AgreementId>) -> BTreeSet<AgreementId> {
        let noted = self.lock();
        noted.all().filter(|id| from.is_none_or(|from| *id >= from)).cloned().collect()
    }

    /// The stored row of an agreement, unless it may be older than the head. A row that cannot be
    /// read is as good as none: it follows from the log.
    pub(crate) fn row(&self, id: &AgreementId) -> Result<Option<Row>, LedgerError> {
        if self.is_noted(id) {
            return Ok(None);
        }
        let bytes = self.tree.get(id.as_str().as_bytes())?;
        Ok(bytes.and_then(|bytes| stored::decode(&bytes)))
    }

    /// Every agreement that the log knows of, from one on, by id.
    pub(crate) fn agreements_from(
        &self,
        from: Option<&AgreementId>,
    ) -> impl Iterator<Item = Result<AgreementId, LedgerError>> + use<> {
        let mut noted = self.noted_from(from).into_iter().peekable();
        let first = from.map_or(&b""[..], |from| from.as_str().as_bytes());
        let mut kept = self
            .tree
            .scan_from(first)
            .map(|item| -> Result<Option<AgreementId>, LedgerError> {
                let (key, _) = item?;
                let text = std::str::from_utf8(&key).ok();
                Ok(text.and_then(|text| AgreementId::parse(text).ok()))
            })
            .filter_map(Result::transpose)
            .peekable();
        std::iter::from_fn(move || {
            let next_kept = match kept.peek() {
                Some(Err(_)) => return kept.next(),
                Some(Ok(id)) => Some(id),
                None => None,
            };
            match (next_kept, noted.peek()) {
                (Some(kept_id), Some(noted_id)) if kept_id == noted_id => {
                    noted.next();
                    kept.next()
                }
                (Some(kept_id), Some(noted_id)) if noted_id < kept_id => noted.next().map(Ok),
                (None, Some(_)) => noted.next().map(Ok),
                (Some(_), Some(_) | None) => kept.next(),
                (None, None) => None,
            }
        })
    }

    fn lock(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// Notes every agreement with a record that the tree has not seen. The projector writes their
    /// rows while the ledger serves: folding them may take long.
    pub(crate) fn note_for_portfolio(&self) -> Result<(), LedgerError> {
        let (from, head) = (self.portfolio.tree.reached(), self.reader.next_position());
        if from >= head {
            return Ok(());
        }
        tracing::info!(tree = PORTFOLIO_TREE, from, head, "a projection is catching up");
        let mut agreements = BTreeSet::new();
        if from == 0 {
            // The index knows them without a look at the records.
            self.portfolio.note(self.index.all_agreement_ids()?, head);
            return Ok(());
        }
        for item in self.reader.forward(from, head) {
            let (position, bytes) = item?;
            let fault = |source| LedgerError::Record { position, source };
            if let Some(id) = agreement_of_event(bytes).map_err(fault)? {
                agreements.insert(id);
            }
        }
        self.portfolio.note(agreements, head);
        Ok(())
    }

    /// Writes the rows of what has changed, in writes of bounded size. Some time after a stop it writes
    /// no more.
    pub(crate) fn write_rows(&self, work: &Work) -> Result<RowsWritten, LedgerError> {
        let tree = &self.portfolio.tree;
        let (mut puts, mut bytes) = (Vec::new(), 0);
        let mut stuck = Vec::new();
        for (written, id) in work.agreements.iter().enumerate() {
            if self.portfolio.must_end() {
                let left = work.agreements.len().saturating_sub(written);
                tracing::info!(tree = PORTFOLIO_TREE, left, "rows are left to the next start");
                tree.apply(puts, tree.reached())?;
                return Ok(RowsWritten::Some);
            }
            match self.row_to_write(id) {
                Ok(None) => {}
                Ok(Some(value)) => {
                    let key = id.as_str().as_bytes().to_vec();
                    bytes += key.len() + value.len();
                    puts.push((key, value));
                }
                Err(error) => {
                    let error = WithCauses(&error);
                    tracing::error!(agreement = %id, %error, "an agreement has no portfolio row");
                    stuck.push(id.clone());
                }
            }
            if puts.len() >= WRITE_ROWS_MAX || bytes >= WRITE_BYTES_MAX {
                // The mark moves only once every row is there.
                tree.apply(std::mem::take(&mut puts), tree.reached())?;
                bytes = 0;
            }
        }
        let mut noted = self.portfolio.lock();
        noted.stuck.extend(stuck);
        let is_whole = noted.stuck.is_empty();
        drop(noted);
        crash_point!("portfolio.folded");
        tree.apply(puts, if is_whole { work.reached } else { tree.reached() })?;
        crash_point!("portfolio.written");
        let mut noted = self.portfolio.lock();
        noted.in_hand.clear();
        noted.done = noted.done.max(work.reached);
        noted.reached = noted.reached.max(work.reached);
        Ok(RowsWritten::All)
    }

    /// Whether the kept row of an agreement is what its records make, folded anew.
    pub(crate) fn check_row(&self, id: &AgreementId) -> Result<RowCheck, LedgerError> {
        for _ in 0..ROW_TRIES_MAX {
            let published = self.head.borrow().record_count;
            if self.portfolio.is_noted(id) {
                return Ok(RowCheck::NotWrittenYet);
            }
            let kept = self.portfolio.tree.get(id.as_str().as_bytes())?;
            let entries = self.index.stream(id)?;
            let made = self.settled_row(&self.fold_anew(id, &entries)?)?;
            if kept.as_deref() == made.as_ref().map(stored::encode).as_deref() {
                return Ok(RowCheck::AsMade);
            }
            // Only what is published is noted; with a record more, the row may be older or newer.
            if entries.last().is_none_or(|last| last.position.get() < published) {
                return Ok(RowCheck::Differs);
            }
        }
        Ok(RowCheck::NotWrittenYet)
    }

    /// The row that holds from the day on which everything has taken effect. None without events.
    pub(super) fn settled_row(&self, agreement: &Agreement) -> Result<Option<Row>, LedgerError> {
        let Some(from) = agreement.settled_from() else { return Ok(None) };
        let texts = self.texts(agreement, from)?;
        let findings = SeverityCounts::of(agreement.tracker().open());
        Ok(Row::from_day(agreement, from, texts, findings))
    }

    /// The row of an agreement as of a day. None without events.
    pub(crate) fn row_as_of(
        &self,
        agreement: &Arc<Agreement>,
        as_of: Date,
    ) -> Result<Option<Row>, LedgerError> {
        let is_whole = agreement.tracker().horizon() == Date::END_OF_TIME;
        if is_whole && agreement.settled_from().is_some_and(|settled| settled <= as_of) {
            return self.settled_row(agreement);
        }
        let texts = self.texts(agreement, as_of)?;
        let findings = SeverityCounts::of(&self.judged.open_findings(agreement, as_of, &self.past));
        Ok(Row::from_day(agreement, as_of, texts, findings))
    }

    /// Texts of the signature that holds on a day. None when none does.
    fn texts(&self, agreement: &Agreement, day: Date) -> Result<Option<Texts>, LedgerError> {
        let Some(charter) = agreement.charter_at(day) else { return Ok(None) };
        let position = charter.signed().position;
        let stored = self.record(position.get())?;
        texts(stored).map(Some).ok_or(LedgerError::IndexMismatch { position: position.get() })
    }

    /// Title of the agreement that a signature at a position made.
    pub(crate) fn title(&self, signed: Position) -> Result<String, LedgerError> {
        let position = signed.get();
        let texts = texts(self.record(position)?).ok_or(LedgerError::IndexMismatch { position })?;
        Ok(texts.title)
    }
}

fn texts(stored: v1::Record) -> Option<Texts> {
    let Some(v1::record::Entry::Event(accepted)) = stored.entry else { return None };
    let Some(v1::event::Payload::AgreementSigned(signed)) = accepted.event?.payload else {
        return None;
    };
    let owner = signed.owner?;
    let id = owner.id?;
    Some(Texts {
        reference: signed.reference,
        title: signed.title,
        owner: OrganisationId::parse_as_stated(&id.scheme, &id.number).ok()?,
        owner_name: owner.name,
    })
}

#[cfg(test)]
mod tests {
    use super::super::writer::tests::{Setting, heard, request, signing};
    use super::*;

    #[test]
    fn a_stop_that_lasts_leaves_the_rows_to_the_next_start() {
        let setting = Setting::on(tempfile::tempdir().unwrap());
        let shared = std::sync::Arc::clone(setting.shared());
        // The projector has nothing to do yet, and ends.
        shared.portfolio.close_long_ago();
        heard(setting.submit(request(1, vec![signing()]))).unwrap();
        let id = AgreementId::parse("a").unwrap();
        let work = Work { agreements: BTreeSet::from([id.clone()]), reached: 1 };
        assert_eq!(shared.write_rows(&work).unwrap(), RowsWritten::Some);
        assert_eq!(shared.portfolio.tree.reached(), 0);
        assert_eq!(shared.portfolio.row(&id).unwrap(), None);
        drop(shared);
        let (folder, _) = setting.end();

        let again = Setting::on(folder);
        let shared = std::sync::Arc::clone(again.shared());
        // A stop that has just come lets them be written.
        shared.portfolio.close();
        assert_eq!(shared.write_rows(&work).unwrap(), RowsWritten::All);
        assert_eq!(shared.portfolio.tree.reached(), 1);
        drop(shared);
        again.end();
    }
}
