//! The use cases: one writer that decides and appends, and queries on what it has published.
//!
//! [`command`] says what an append asks and gets. `writer` is the one thread that decides
//! (`decide`), encodes (`encoded`) and repeats first answers (`repeat`) to what comes through its `queue`, and
//! has it recorded (`commit`), while it decides more (`committing`); `index` finds records by
//! agreement, request and source; `tree` keeps the tree over the log, both `catch_up` at a start,
//! [`signing`] signs its head, [`signed_end`] tells a start how far the log was signed, [`kept_keys`] keeps
//! what to verify with, [`proofs`] proves from it; [`import`] takes in older registers; `agreements` keeps
//! folded agreements, `judged` those of today, `past` those of earlier states, by `hot` and `weighed`, and
//! [`folding`] bounds how many are folded at a time; `known` says up to where the log was recorded by a
//! time; `portfolio` keeps a row of each, written by `projector`, and `made_rows` those that are made before;
//! [`query`], [`listing`], [`history`], [`read`] and [`notices`] answer; [`blocks`] is for backups, [`verify`]
//! checks everything that is stored. `page_key` vouches for page tokens. Nothing here knows tonic.
//!
//! Order of one commit: log append (durable when it returns), tree, index, published agreements, what the
//! projector has to do, published head, answers. So whoever has an answer can read what it says.

mod agreements;
pub mod answer;
pub mod blocks;
mod catch_up;
pub mod command;
mod commit;
mod committing;
mod decide;
mod durable_file;
mod encoded;
pub mod error;
pub mod folding;
pub mod history;
mod hot;
pub mod import;
mod index;
mod judged;
pub mod kept_keys;
mod known;
pub mod listing;
mod made_rows;
pub mod notices;
mod page_key;
mod past;
mod portfolio;
mod projector;
pub mod proofs;
pub mod query;
pub mod queue;
pub mod read;
mod repeat;
pub mod signed_end;
pub mod signing;
mod source;
mod tiles;
mod tree;
mod uncommitted;
pub mod verify;
mod weighed;
mod writer;

use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot, watch};

use crate::clock::Clock;
use crate::domain::date::{Date, RecordedTime};
use crate::domain::id::{AgreementId, Position};
use crate::domain::policy::PolicyBook;
use crate::log::{Log, LogOptions, LogReader, OpenReport, OpenedLog};
use crate::merkle::TreeHash;
use crate::wire::parse::AppendCommand;

/// What an append has made durable when it is answered.
pub use crate::log::Durability;

use agreements::AgreementCache;
use command::{AppendFailure, AppendOutcome};
use error::{LedgerError, WithCauses};
use folding::Foldings;
use hot::Room;
use index::Index;
use judged::JudgedAgreements;
use known::KnownPositions;
use made_rows::MadeRows;
use page_key::PageKey;
use past::PastAgreements;
use portfolio::Portfolio;
pub use queue::Lookup;
use queue::{Queue, Queued, ToWriter};
use signing::{CheckpointRules, Signing};
use tree::KeptTree;
use writer::Writer;
pub use writer::WriterEnd;

/// Most agreements that are kept judged as of the day of a listing, so that its next page need not
/// judge them anew.
const JUDGED_FOR_LISTINGS_MAX: usize = 64;

/// Limits of the use cases. Each has its default in [`LedgerLimits::default`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerLimits {
    /// Most requests waiting for the writer; one more is refused as overload.
    pub queue_requests_max: usize,
    /// Most requests that share one sync.
    pub batch_requests_max: usize,
    /// Bytes of records after which a batch takes no further request.
    pub batch_bytes_max: usize,
    /// Most folded agreements kept in memory.
    pub agreements_cached_max: usize,
    /// Most events of these together; the one that was used last is kept whatever it has.
    pub agreement_events_cached_max: u64,
    /// Most events, of these, of agreements that are not appended to over and over.
    pub recent_events_cached_max: u64,
    /// Most events of past states of agreements that are kept in memory once they were asked for.
    pub past_events_cached_max: u64,
    /// Most agreements that are folded anew at a time for appends, and as many for questions about one
    /// agreement; as many again when they are long. More wait.
    pub foldings_max: usize,
}

impl Default for LedgerLimits {
    fn default() -> Self {
        Self {
            queue_requests_max: 4096,
            batch_requests_max: 1024,
            batch_bytes_max: 4 * 1024 * 1024,
            agreements_cached_max: 10_000,
            agreement_events_cached_max: 2_000_000,
            recent_events_cached_max: 100_000,
            past_events_cached_max: 200_000,
            foldings_max: 2,
        }
    }
}

/// What is decided by configuration and not by code. An answer depends on it, so it is dated where
/// it can change.
#[derive(Debug, Clone)]
pub struct LedgerRules {
    /// Thresholds and tolerances, by the day from which they hold.
    pub policies: Arc<PolicyBook>,
    /// Whether the history of an older register may be taken in.
    pub imports: Imports,
    /// What checkpoints are signed with. None: nothing is signed.
    pub checkpoints: Option<Arc<CheckpointRules>>,
}

impl Default for LedgerRules {
    fn default() -> Self {
        let policies = Arc::new(PolicyBook::norwegian_eea_thresholds());
        Self { policies, imports: Imports::default(), checkpoints: None }
    }
}

/// Whether the history of an older register may be taken in, with its own recorded times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Imports {
    /// It may not.
    #[default]
    Refused,
    /// It may.
    Allowed,
}

/// How much of the log everybody may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// How many records are published; also the next position, and the size of the tree.
    pub record_count: u64,
    /// Root of the tree over them.
    pub root: TreeHash,
    /// Whether the writer still takes appends.
    pub writer: WriterState,
}

/// Whether the writer still takes appends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriterState {
    /// It does.
    Running,
    /// A failed write or sync has stopped it for good, or it has been closed.
    Stopped,
}

/// The ledger. Clones share it.
#[derive(Debug, Clone)]
pub struct Ledger {
    shared: Arc<Shared>,
    queue: mpsc::Sender<ToWriter>,
    foldings: Foldings,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) reader: LogReader,
    pub(crate) index: Index,
    pub(crate) tree: KeptTree,
    pub(crate) signing: Signing,
    pub(crate) agreements: AgreementCache,
    /// Carried along by appends, notices and rows, as of today.
    pub(crate) judged: JudgedAgreements,
    /// Carried along by listings of findings, as of the day that was asked for.
    pub(crate) judged_for_listings: JudgedAgreements,
    /// As they were at a version, for questions about the past.
    pub(crate) past: PastAgreements,
    pub(crate) known: KnownPositions,
    pub(crate) portfolio: Portfolio,
    made_rows: MadeRows,
    pub(crate) page_key: PageKey,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) rules: LedgerRules,
    durability: Durability,
    pub(crate) head: watch::Receiver<Head>,
}

/// Whether a request has been answered before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// It has: the first record of it.
    Answered(Position),
    /// As far as one can tell it has not.
    New(Lookup),
}

/// The writer's thread.
#[derive(Debug)]
pub struct WriterThread {
    thread: JoinHandle<WriterEnd>,
    queue: mpsc::Sender<ToWriter>,
}

impl WriterThread {
    /// Lets the writer take nothing more in, waits until it has answered what is queued and has
    /// closed the log, and tells how it ended. Blocks. A [`Ledger`] that is still held may be asked
    /// on, and its appends hear that the writer has stopped; the folder is free when it is dropped.
    pub fn close(self) -> WriterEnd {
        if self.queue.blocking_send(ToWriter::Close).is_err() {
            tracing::debug!("the writer had ended already");
        }
        end_of(self.thread)
    }

    /// Waits until every [`Ledger`] is dropped and what they queued is answered, and tells how the
    /// writer ended. Blocks. The folder is free then, and may be opened again.
    pub fn join(self) -> WriterEnd {
        drop(self.queue);
        end_of(self.thread)
    }
}

fn end_of(thread: JoinHandle<WriterEnd>) -> WriterEnd {
    thread.join().unwrap_or_else(|_| {
        tracing::error!("the writer thread panicked");
        WriterEnd::Failed
    })
}

/// An opened ledger.
#[derive(Debug)]
pub struct OpenedLedger {
    /// To append and to ask.
    pub ledger: Ledger,
    /// To wait for at the end.
    pub writer: WriterThread,
    /// What was found on opening.
    pub report: OpenReport,
}

impl Ledger {
    /// Opens the log in a folder, catches up every index and the tree, notes what the portfolio has not seen, and
    /// starts the writer and the projector.
    ///
    /// An index that cannot be read does not refuse the start: the log rebuilds its store, and the
    /// indexes are filled anew.
    pub fn open(
        options: &LogOptions,
        limits: &LedgerLimits,
        rules: LedgerRules,
        clock: Arc<dyn Clock>,
    ) -> Result<OpenedLedger, LedgerError> {
        let opened = Self::open_once(options, limits, rules.clone(), Arc::clone(&clock));
        match opened {
            Err(failure) if failure.is_index_damage() && options.archive.is_some() => {
                tracing::warn!(error = %WithCauses(&failure), "an index cannot be read; it is rebuilt");
                Self::open_once(options, limits, rules, clock)
            }
            opened => opened,
        }
    }

    fn open_once(
        options: &LogOptions,
        limits: &LedgerLimits,
        rules: LedgerRules,
        clock: Arc<dyn Clock>,
    ) -> Result<OpenedLedger, LedgerError> {
        let known = signed_end::known_end(&options.directory, rules.checkpoints.as_deref())?;
        let OpenedLog { writer: log, reader, report } = Log::open_knowing(options, known)?;
        signed_end::has_reached(&options.directory, reader.next_position())?;
        let index = Index::open(&reader)?;
        let tree = catch_up::catch_up(&reader, &index)?;
        let signing = Signing::open(rules.checkpoints.clone(), &options.directory, &tree)?;
        let portfolio = Portfolio::open(&reader, &rules.policies)?;
        if let Some(rules) = &rules.checkpoints
            && let Err(error) = kept_keys::keep(&options.directory, rules)
        {
            // Only a verification without a key misses them.
            tracing::warn!(error = %WithCauses(&error), "the keys to verify with are not kept");
        }
        let page_key = PageKey::open(&options.directory)?;
        let head = Head {
            record_count: reader.next_position(),
            root: tree.root(),
            writer: WriterState::Running,
        };
        let (publish, head) = watch::channel(head);
        let room = Room {
            values: limits.agreements_cached_max,
            weight: limits.agreement_events_cached_max,
            recent_weight: limits.recent_events_cached_max,
        };
        let shared = Arc::new(Shared {
            reader,
            index,
            tree,
            signing,
            agreements: AgreementCache::new(room),
            judged: JudgedAgreements::new(room),
            judged_for_listings: JudgedAgreements::new(Room::of_recent(
                JUDGED_FOR_LISTINGS_MAX,
                limits.recent_events_cached_max,
            )),
            past: PastAgreements::new(limits.past_events_cached_max),
            known: KnownPositions::new(),
            portfolio,
            made_rows: MadeRows::default(),
            page_key,
            clock,
            rules,
            durability: options.durability(),
            head,
        });
        shared.note_for_portfolio()?;
        let projector = projector::spawn(Arc::clone(&shared)).map_err(LedgerError::WriterThread)?;
        let (queue, waiting) = Queue::new(limits.queue_requests_max);
        // The writer hears of a stop also while nobody appends. Weak: the log must not keep the
        // queue open. A full queue has work that meets the stop by itself.
        let stopping = queue.downgrade();
        shared.reader.on_stop(move || {
            if let Some(queue) = stopping.upgrade() {
                drop(queue.try_send(ToWriter::Close));
            }
        });
        let to_writer = queue.downgrade();
        let writer = Writer::new(Arc::clone(&shared), log, publish, projector, to_writer, limits)?;
        let thread = std::thread::Builder::new()
            .name("ledger-writer".to_owned())
            .spawn(move || writer.run(waiting))
            .map_err(LedgerError::WriterThread)?;
        let writer = WriterThread { thread, queue: queue.clone() };
        let foldings = Foldings::new(limits.foldings_max);
        Ok(OpenedLedger { ledger: Self { shared, queue, foldings }, writer, report })
    }

    /// Puts a request in the writer's queue and waits for its outcome, which comes after the sync.
    /// Dropping the future does not take the request back.
    pub async fn append(&self, command: AppendCommand) -> Result<AppendOutcome, AppendFailure> {
        self.append_looked_up(command, Lookup::default()).await
    }

    /// The same for a request that [`known`](Self::known) has looked up.
    pub async fn append_looked_up(
        &self,
        command: AppendCommand,
        lookup: Lookup,
    ) -> Result<AppendOutcome, AppendFailure> {
        let (reply, outcome) = oneshot::channel();
        let queued = ToWriter::Request(Queued { command, session: None, lookup, reply });
        self.queue.try_send(queued).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => {
                AppendFailure::Overloaded { queue_requests_max: self.queue.max_capacity() }
            }
            mpsc::error::TrySendError::Closed(_) => AppendFailure::Stopped,
        })?;
        // A writer that goes away without an answer may have written.
        outcome.await.unwrap_or(Err(AppendFailure::OutcomeUnknown))
    }

    /// Whether a request has been answered before. May read from disk.
    pub fn known(&self, command: &AppendCommand) -> Result<Known, LedgerError> {
        // First: whatever is published from here on, the writer looks up.
        let published = self.shared.head.borrow().record_count;
        let index = &self.shared.index;
        let first = index.request(command.request_id)?;
        if let Some(first) = first {
            let is_published = first.get() < published;
            let unpublished = Known::New(Lookup::default());
            return Ok(if is_published { Known::Answered(first) } else { unpublished });
        }
        let mut lookup = Lookup { new_since: published, sources_new_since: published };
        for source in command.events.iter().filter_map(|submitted| submitted.source.as_ref()) {
            if index.source(source)?.is_some() {
                lookup.sources_new_since = 0;
                break;
            }
        }
        Ok(Known::New(lookup))
    }

    /// The first answer again, from the first record of the request on. Folds the agreement anew, so
    /// that the writer need not. May read from disk.
    pub fn repeat(
        &self,
        command: &AppendCommand,
        first: Position,
    ) -> Result<Result<AppendOutcome, AppendFailure>, LedgerError> {
        self.shared.repeat(command, first)
    }

    /// Folds an agreement that is not in memory, so that the writer need not. May read from disk.
    pub fn warm(&self, id: &AgreementId) -> Result<(), LedgerError> {
        self.shared.agreement(id).map(drop)
    }

    /// What an append has made durable when it is answered.
    pub fn durability(&self) -> Durability {
        self.shared.durability
    }

    /// How often a block was served from the archive because the store's was not as written.
    pub fn served_from_archive(&self) -> u64 {
        self.shared.reader.served_from_archive()
    }

    /// How much is published, and its changes.
    pub fn head(&self) -> watch::Receiver<Head> {
        self.shared.head.clone()
    }

    /// The dated policy that every answer is made by, before what agreements set themselves.
    pub fn policies(&self) -> &PolicyBook {
        &self.shared.rules.policies
    }

    /// The present, by the ledger's clock.
    pub fn now(&self) -> RecordedTime {
        self.shared.clock.now()
    }

    /// Today in Europe/Oslo, by the ledger's clock.
    pub fn today(&self) -> Date {
        self.shared.clock.now().oslo_date()
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }
}
