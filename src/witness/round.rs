//! Who is asked when, and what has come of it.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use tracing::{debug, error, info, warn};

use super::exchange::{Source, Transport, submit};
use super::fault::WitnessFault;
use super::kept::Kept;
use super::{Witness, WitnessPace};
use crate::clock::Clock;
use crate::merkle::{Checkpoint, Note};

/// How a witness stands to this ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessStatus {
    /// The witness.
    pub witness: Witness,
    /// Size of the tree that it cosigned last. None before the first time.
    pub size: Option<u64>,
    /// When it did, by its own clock, in seconds since 1970.
    pub cosigned_at: Option<u64>,
    /// What came of the last round, when it failed. It goes once the witness cosigns again.
    pub fault: Option<WitnessFault>,
}

/// The witnesses, and the thread that asks them. Dropping it ends the thread after its present
/// question.
#[derive(Debug)]
pub struct Witnesses {
    shared: Arc<Shared>,
    _ends_the_thread: SyncSender<()>,
}

#[derive(Debug)]
struct Shared {
    witnesses: Vec<Witness>,
    states: Mutex<Vec<State>>,
}

#[derive(Debug, Clone, Default)]
struct State {
    cosigned: Option<Note>,
    fault: Option<WitnessFault>,
    /// Whether it cosigned since the start: until then it is asked, whatever is kept of it.
    has_answered: bool,
}

impl Witnesses {
    /// Reads what was kept in a folder, and begins to ask.
    pub fn start(
        witnesses: Vec<Witness>,
        pace: WitnessPace,
        folder: &Path,
        source: Arc<dyn Source>,
        transport: Box<dyn Transport>,
        clock: Arc<dyn Clock>,
    ) -> io::Result<Self> {
        let kept = Kept::open(folder)?;
        let states = witnesses
            .iter()
            .map(|witness| State { cosigned: kept.load(&witness.key), ..State::default() });
        let states = Mutex::new(states.collect());
        let shared = Arc::new(Shared { witnesses, states });
        let (ends_the_thread, ended) = mpsc::sync_channel(1);
        let asked = Arc::clone(&shared);
        let round = Round { shared: asked, pace, kept, source, transport, clock };
        thread::Builder::new().name("witnesses".to_owned()).spawn(move || {
            loop {
                round.go();
                match ended.recv_timeout(pace.interval) {
                    Err(RecvTimeoutError::Timeout) => {}
                    Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        })?;
        Ok(Self { shared, _ends_the_thread: ends_the_thread })
    }

    /// How each witness stands to this ledger, in the order of the configuration.
    pub fn statuses(&self) -> Vec<WitnessStatus> {
        let states = self.shared.states();
        let pairs = self.shared.witnesses.iter().zip(states.iter());
        let statuses = pairs.map(|(witness, state)| WitnessStatus {
            witness: witness.clone(),
            size: state.cosigned.as_ref().and_then(size_of),
            cosigned_at: state.cosigned.as_ref().and_then(|note| note.cosigned_at(&witness.key)),
            fault: state.fault.clone(),
        });
        statuses.collect()
    }

    /// The newest checkpoint that at least so many witnesses cosigned, with all their cosignatures.
    pub fn newest_cosigned(&self, by_at_least: usize) -> Option<Note> {
        let states = self.shared.states();
        let mut by_text: BTreeMap<(u64, &str), (Note, usize)> = BTreeMap::new();
        for (witness, state) in self.shared.witnesses.iter().zip(states.iter()) {
            let Some((note, size)) =
                state.cosigned.as_ref().and_then(|note| Some((note, size_of(note)?)))
            else {
                continue;
            };
            match by_text.get_mut(&(size, note.text())) {
                None => {
                    by_text.insert((size, note.text()), (note.clone(), 1));
                }
                Some((gathered, count)) => {
                    let key = std::slice::from_ref(&witness.key);
                    if gathered.take_signatures(note.signature_lines().as_str(), key).is_ok() {
                        *count += 1;
                    }
                }
            }
        }
        let mut newest_first = by_text.into_values().rev();
        newest_first.find(|(_, count)| *count >= by_at_least.max(1)).map(|(note, _)| note)
    }
}

impl Shared {
    fn states(&self) -> MutexGuard<'_, Vec<State>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self, index: usize) -> State {
        self.states().get(index).cloned().unwrap_or_default()
    }

    fn change(&self, index: usize, change: impl FnOnce(&mut State)) {
        if let Some(state) = self.states().get_mut(index) {
            change(state);
        }
    }
}

struct Round {
    shared: Arc<Shared>,
    pace: WitnessPace,
    kept: Kept,
    source: Arc<dyn Source>,
    transport: Box<dyn Transport>,
    clock: Arc<dyn Clock>,
}

impl Round {
    /// Asks every witness whose turn it is. None of them keeps another from being asked.
    fn go(&self) {
        let newest = match self.source.newest() {
            Ok(newest) => newest,
            Err(fault) => {
                debug!(%fault, "no checkpoint for the witnesses");
                let fault = WitnessFault::NothingToSubmit { text: fault.0 };
                for index in 0..self.shared.witnesses.len() {
                    self.shared.change(index, |state| {
                        // An alarm is why nothing is signed, and stays to be seen.
                        if !state.fault.as_ref().is_some_and(WitnessFault::is_alarm) {
                            state.fault = Some(fault.clone());
                        }
                    });
                }
                return;
            }
        };
        for (index, witness) in self.shared.witnesses.iter().enumerate() {
            let state = self.shared.state(index);
            if state.has_answered && !self.is_due(witness, state.cosigned.as_ref(), &newest) {
                continue;
            }
            let last = state.cosigned;
            let last_size = last.as_ref().and_then(size_of).unwrap_or_default();
            match submit(witness, &newest, last_size, &*self.source, &*self.transport) {
                Ok(cosigned) => self.keep(index, witness, cosigned),
                Err(fault) => {
                    tell(witness, &fault);
                    if fault.is_alarm() {
                        self.source.contradicted(witness, &fault);
                    }
                    self.shared.change(index, |state| state.fault = Some(fault));
                }
            }
        }
        self.source.all_asked();
    }

    fn is_due(&self, witness: &Witness, last: Option<&Note>, newest: &Note) -> bool {
        let Some(last) = last.filter(|last| last.text() == newest.text()) else {
            return true;
        };
        let now = u64::try_from(self.clock.now().microseconds() / 1_000_000).unwrap_or_default();
        let cosigned_at = last.cosigned_at(&witness.key).unwrap_or_default();
        now.saturating_sub(cosigned_at) >= self.pace.refresh.as_secs()
    }

    fn keep(&self, index: usize, witness: &Witness, cosigned: Note) {
        // What was not kept is asked for again after a restart; the cosignature counts all the same.
        if let Err(cause) = self.kept.store(&witness.key, &cosigned) {
            warn!(witness = %witness.key.name(), %cause, "could not keep a cosignature");
        }
        info!(witness = %witness.key.name(), size = size_of(&cosigned), "cosigned");
        let state = State { cosigned: Some(cosigned), fault: None, has_answered: true };
        self.shared.change(index, |before| *before = state);
    }
}

fn tell(witness: &Witness, fault: &WitnessFault) {
    let (name, reason) = (witness.key.name(), fault.reason());
    if fault.is_alarm() {
        error!(witness = %name, reason, %fault, "a witness contradicts this ledger");
    } else {
        warn!(witness = %name, reason, %fault, "a witness has not cosigned");
    }
}

fn size_of(note: &Note) -> Option<u64> {
    Checkpoint::parse(note.text()).ok().map(|checkpoint| checkpoint.size())
}
