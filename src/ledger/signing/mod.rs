//! Signed checkpoints: the ledger's word on what its log was, binding for ever.
//!
//! The newest checkpoint is kept durably in several places before it is given to anybody: in the data
//! folder, and where it belongs to each key. No checkpoint is signed while the log does not begin with
//! what every kept one says: a log that was cut, forked, or restored from an old backup signs nothing,
//! because two checkpoints that contradict each other would prove the ledger a liar. Nor while a
//! witness says that it saw another history. Everything else is answered all the same.
//!
//! It must not know who asks, nor what is proved under a checkpoint. Reading order: `rules`, `cause`,
//! `kept` (what is on disk), then this.

mod cause;
mod kept;
mod rules;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::error::{LedgerError, WithCauses};
use super::tree::KeptTree;
use crate::merkle::{Checkpoint, Note, TreeHash};

pub use cause::{CannotSign, NotFirst, NotTaken};
pub use kept::{NEWEST_CHECKPOINT_FILE, PLACES_FILE, WITNESS_FOLDER};
pub use rules::{CheckpointRules, NewestFiles, Signed, Unsignable};

use kept::{Before, Places};

/// Signs, and remembers what it has signed.
#[derive(Debug)]
pub(crate) struct Signing {
    with: Option<With>,
    state: Mutex<State>,
    /// Whether every witness was asked once since the start. True where nobody has to be asked.
    asked: watch::Sender<bool>,
}

/// What is signed with, and where it is kept.
#[derive(Debug)]
struct With {
    rules: Arc<CheckpointRules>,
    places: Places,
}

#[derive(Debug)]
struct State {
    known: Result<Known, CannotSign>,
    /// What a witness has said against the log. It stays until a restart.
    contradicted: Option<CannotSign>,
}

/// What was signed before.
#[derive(Debug, Default)]
struct Known {
    /// The largest. None only where the log was empty at the start and nothing is kept yet.
    newest: Option<Before>,
    /// Others that the log was not seen to begin with yet.
    others: Vec<Before>,
    /// Whether all copies are the newest, and the folder says where they are.
    is_kept: bool,
}

type Answer<T> = Result<Result<T, CannotSign>, LedgerError>;

impl Signing {
    /// Takes up what was signed before. A log that begins empty has that signed at once, so that no later start takes it for one whose
    /// checkpoints were lost.
    pub(crate) fn open(
        rules: Option<Arc<CheckpointRules>>,
        folder: &Path,
        tree: &KeptTree,
    ) -> Result<Self, LedgerError> {
        let with = rules.map(|rules| With { places: Places::of(folder, &rules), rules });
        let known = match &with {
            Some(with) => Known::read(with, tree.size(), Word::Nobodys),
            None => Err(CannotSign::NoKey),
        };
        let state = Mutex::new(State { known, contradicted: None });
        let signing = Self { with, state, asked: watch::Sender::new(true) };
        let settled = signing.settle(&mut signing.lock(), tree);
        match settled {
            // It is tried again when a checkpoint is asked for; nothing else waits for it.
            Ok(_) | Err(LedgerError::CheckpointFile { .. }) => Ok(signing),
            Err(error) => Err(error),
        }
    }

    /// Says in the program's log when nothing can be signed.
    pub(crate) fn tell(&self, tree: &KeptTree) {
        match self.settle(&mut self.lock(), tree) {
            Ok(Ok(()) | Err(CannotSign::NoKey)) => {}
            Ok(Err(reason)) => tracing::error!(%reason, "no checkpoint will be signed"),
            Err(error) => {
                tracing::error!(error = %WithCauses(&error), "no checkpoint will be signed");
            }
        }
    }

    /// From now on nothing new is signed until [`Signing::all_asked`].
    pub(crate) fn await_witnesses(&self) {
        self.asked.send_replace(false);
    }

    /// Every witness was asked once, whether or not it has answered.
    pub(crate) fn all_asked(&self) {
        self.asked.send_replace(true);
    }

    /// Becomes true once every witness was asked.
    pub(crate) fn asked(&self) -> watch::Receiver<bool> {
        self.asked.subscribe()
    }

    /// A witness speaks against the log: nothing is signed any more by this process.
    pub(crate) fn contradict(&self, witness: String, reason: &'static str, text: String) {
        let said = CannotSign::Contradicted { witness, reason, text };
        tracing::error!(reason = %said, "no checkpoint will be signed");
        self.lock().contradicted.get_or_insert(said);
    }

    /// The newest checkpoint as its copies have it now, whose signatures are verified; none when nothing
    /// was signed. The copies have to be as new as what was signed by this process.
    pub(crate) fn stored(&self) -> Result<Option<Checkpoint>, CannotSign> {
        let Some(With { rules, places }) = &self.with else { return Ok(None) };
        // Held, so that no newer one is signed meanwhile.
        let state = self.lock();
        let copies = places.copies(rules)?;
        let kept = state.known.as_ref().ok().filter(|known| known.is_kept);
        let signed = kept.and_then(|known| known.newest.as_ref()).map_or(0, Before::size);
        drop(state);
        for file in std::iter::once(&places.data).chain(&places.keys) {
            let copy = copies.iter().find(|copy| copy.file == *file);
            let size = copy.map_or(0, Before::size);
            if size < signed {
                let fault =
                    format!("it says {size} records, and a checkpoint of {signed} was signed");
                return Err(CannotSign::Unreadable { file: file.clone(), fault });
            }
        }
        let newest = copies.into_iter().max_by_key(Before::size);
        Ok(newest.map(|newest| newest.signed.checkpoint))
    }

    pub(crate) fn rules(&self) -> Result<&CheckpointRules, CannotSign> {
        self.with.as_ref().map(|with| &*with.rules).ok_or(CannotSign::NoKey)
    }

    /// Whether the log is one that this ledger would sign, and could keep what it signs.
    pub(crate) fn check(&self, tree: &KeptTree) -> Answer<()> {
        let settled = self.settle(&mut self.lock(), tree)?;
        Ok(settled.and_then(|()| self.check_asked()))
    }

    /// Whether a checkpoint that a witness has cosigned is of this log.
    pub(crate) fn check_cosigned(&self, tree: &KeptTree, signed: &Checkpoint) -> Answer<()> {
        let origin = match self.rules() {
            Ok(rules) => rules.origin(),
            Err(reason) => return Ok(Err(reason)),
        };
        let file = self.with.as_ref().map(|with| with.places.witnesses.clone()).unwrap_or_default();
        if signed.origin() != origin {
            let (signed, origin) = (signed.origin().to_owned(), origin.to_owned());
            return Ok(Err(CannotSign::OtherOrigin { signed, origin, file }));
        }
        check(signed, &file, tree)
    }

    /// A signed checkpoint over at least so many records: the newest one, or a new one over what `head`
    /// says is published. Those who wait for each other share a signature and its sync.
    pub(crate) fn checkpoint(
        &self,
        tree: &KeptTree,
        size_min: u64,
        head: impl FnOnce() -> (u64, TreeHash),
    ) -> Answer<Signed> {
        let mut state = self.lock();
        if let Err(reason) = self.settle(&mut state, tree)? {
            return Ok(Err(reason));
        }
        let rules = match self.rules() {
            Ok(rules) => rules,
            Err(reason) => return Ok(Err(reason)),
        };
        if let Some(Before { signed, .. }) = state.newest()
            && signed.checkpoint.size() >= size_min
            && rules.all_have_signed(&signed.note)
        {
            return Ok(Ok(signed.clone()));
        }
        if let Err(reason) = self.check_asked() {
            return Ok(Err(reason));
        }
        self.sign(&mut state, tree, head())
    }

    /// What the witnesses are asked to cosign: until all were asked once, what was signed before they
    /// were, so that nothing new is signed for them to contradict.
    pub(crate) fn for_witnesses(
        &self,
        tree: &KeptTree,
        size_min: u64,
        head: impl FnOnce() -> (u64, TreeHash),
    ) -> Answer<Signed> {
        if self.check_asked().is_ok() {
            return self.checkpoint(tree, size_min, head);
        }
        let mut state = self.lock();
        if let Err(reason) = self.settle(&mut state, tree)? {
            return Ok(Err(reason));
        }
        let newest = state.newest().map(|newest| newest.signed.clone());
        Ok(newest.ok_or(CannotSign::NoKey))
    }

    /// Signs the first checkpoint of a log that has records, on its owner's word that nothing was ever
    /// signed. The checkpoint itself is the statement: it is of this log as it is now and of no other,
    /// it is kept durably, and the next one takes its place.
    pub(crate) fn first(&self, tree: &KeptTree, head: (u64, TreeHash)) -> Result<Signed, NotFirst> {
        let mut state = self.lock();
        self.may_be_first(&mut state, tree)?;
        let before = state.known.as_ref().err().cloned();
        let signed = self.sign(&mut state, tree, head)?;
        if let (Err(_), Some(before), Some(With { places, .. })) = (&signed, before, &self.with) {
            // Nothing was kept before, and nobody was given this one.
            places.forget();
            state.known = Err(before);
        }
        Ok(signed?)
    }

    /// What a witness can be asked with, before the first checkpoint, for what it has cosigned: the empty
    /// log, which every history begins with.
    pub(crate) fn question(&self, tree: &KeptTree) -> Result<Note, NotFirst> {
        self.may_be_first(&mut self.lock(), tree)?;
        let signed = self.rules()?.sign(0, TreeHash::of_empty_tree());
        Ok(signed.map_err(LedgerError::Unsignable)?.note)
    }

    fn may_be_first(&self, state: &mut State, tree: &KeptTree) -> Result<(), NotFirst> {
        match &state.known {
            Err(CannotSign::Missing { .. }) => Ok(()),
            Err(reason) => Err(reason.clone().into()),
            Ok(Known { newest: Some(newest), .. }) if newest.size() > 0 => {
                let (size, file) = (newest.size(), newest.file.clone());
                Err(NotFirst::SignedBefore { size, file })
            }
            Ok(_) => {
                self.settle(state, tree)??;
                Err(NotFirst::NotNeeded)
            }
        }
    }

    /// Goes on from the newest checkpoint in the data folder though the copy of the key is gone, on its
    /// owner's word that no newer one was signed; and keeps it for the key again.
    pub(crate) fn take_from_data(&self, tree: &KeptTree) -> Result<u64, NotTaken> {
        let mut state = self.lock();
        if let (Some(with), Err(CannotSign::KeyCopyGone { .. })) = (&self.with, &state.known) {
            state.known = Known::read(with, tree.size(), Word::Owners);
            self.settle(&mut state, tree)??;
            return Ok(state.newest().map_or(0, Before::size));
        }
        self.settle(&mut state, tree)??;
        Err(NotTaken::NothingGone)
    }

    /// Size of the newest checkpoint that is signed by now; nothing is signed for the question.
    pub(crate) fn signed_size(&self) -> u64 {
        self.lock().newest().map_or(0, Before::size)
    }

    /// Whether anything may be signed; and sees to it that what was signed is kept in every place.
    fn settle(&self, state: &mut State, tree: &KeptTree) -> Answer<()> {
        let Some(With { rules: _, places }) = &self.with else {
            return Ok(Err(CannotSign::NoKey));
        };
        if let Some(said) = &state.contradicted {
            return Ok(Err(said.clone()));
        }
        let known = match &mut state.known {
            Ok(known) => known,
            Err(reason) => return Ok(Err(reason.clone())),
        };
        if let Err(reason) = known.check(tree)? {
            return Ok(Err(reason));
        }
        match &known.newest {
            Some(_) if known.is_kept => Ok(Ok(())),
            Some(newest) => {
                let kept = places.keep(&newest.signed.note)?;
                known.is_kept = kept.is_ok();
                Ok(kept)
            }
            // The beginning of every log.
            None => Ok(self.sign(state, tree, (0, TreeHash::of_empty_tree()))?.map(|_| ())),
        }
    }

    /// Signs, and keeps what is signed before it is given to anybody.
    /// Another ledger may have signed with the same key meanwhile: what it kept is looked at first, while it
    /// waits.
    fn sign(
        &self,
        state: &mut State,
        tree: &KeptTree,
        (size, root): (u64, TreeHash),
    ) -> Answer<Signed> {
        let Some(With { rules, places }) = &self.with else {
            return Ok(Err(CannotSign::NoKey));
        };
        let _alone = match places.lock() {
            Ok(locked) => locked,
            Err(reason) => return Ok(Err(reason)),
        };
        match places.copies(rules) {
            Ok(copies) => {
                for copy in copies {
                    if let Err(reason) = check(&copy.signed.checkpoint, &copy.file, tree)? {
                        return Ok(Err(reason));
                    }
                }
            }
            Err(reason) => return Ok(Err(reason)),
        }
        let signed = rules.sign(size, root).map_err(LedgerError::Unsignable)?;
        let kept = places.keep(&signed.note)?;
        // Also what only the data folder could take binds: the next start finds it there.
        let newest = Some(Before { signed: signed.clone(), file: places.data.clone() });
        state.known = Ok(Known { newest, others: Vec::new(), is_kept: kept.is_ok() });
        Ok(kept.map(|()| signed))
    }

    fn check_asked(&self) -> Result<(), CannotSign> {
        if *self.asked.borrow() { Ok(()) } else { Err(CannotSign::WitnessesNotAsked) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn newest(&self) -> Option<&Before> {
        self.known.as_ref().ok().and_then(|known| known.newest.as_ref())
    }
}

impl Known {
    /// Reads every trace of what was signed. A log that has records and no trace of it was signed by
    /// nobody knows whom.
    fn read(With { rules, places }: &With, size: u64, word: Word) -> Result<Self, CannotSign> {
        let copies = places.copies(rules)?;
        if let Some(file) = places.gone(&copies)?
            && word == Word::Nobodys
        {
            return Err(CannotSign::KeyCopyGone { file });
        }
        let newest =
            copies.iter().max_by_key(|copy| copy.size()).map(|copy| copy.signed.note.clone());
        let in_place = |file: &Path| {
            let copy = copies.iter().find(|copy| copy.file == file);
            copy.map(|copy| &copy.signed.note) == newest.as_ref()
        };
        let mut places_kept = std::iter::once(&places.data).chain(&places.keys);
        let copies_alike =
            newest.is_some() && places_kept.all(|file| in_place(file)) && places.is_marked();
        let kept = copies.iter().map(Before::size).max();
        let mut others = copies;
        others.extend(places.cosigned(rules));
        // A copy stands before what says the same with a cosignature.
        let largest = others.iter().map(Before::size).max();
        let at = others.iter().position(|before| Some(before.size()) == largest);
        let newest = at.map(|at| others.swap_remove(at));
        if newest.is_none() && size > 0 {
            return Err(CannotSign::Missing { size, file: places.data.clone() });
        }
        Ok(Self { newest, others, is_kept: copies_alike && kept == largest })
    }

    /// Whether the log begins with everything that was signed.
    fn check(&mut self, tree: &KeptTree) -> Answer<()> {
        for before in self.newest.iter().chain(&self.others) {
            if let Err(reason) = check(&before.signed.checkpoint, &before.file, tree)? {
                return Ok(Err(reason));
            }
        }
        // A log only grows: what it begins with now it begins with for ever.
        self.others.clear();
        Ok(Ok(()))
    }
}

/// On whose word the data folder is taken for the newest there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    Nobodys,
    Owners,
}

impl Before {
    fn size(&self) -> u64 {
        self.signed.checkpoint.size()
    }
}

/// Whether the log begins with what was signed.
fn check(signed: &Checkpoint, file: &Path, tree: &KeptTree) -> Answer<()> {
    let (signed, signed_root) = (signed.size(), signed.root());
    let (size, file) = (tree.size(), file.to_owned());
    if signed > size {
        return Ok(Err(CannotSign::Shorter { signed, size, file }));
    }
    let root = tree.root_at(signed)?;
    if root != signed_root {
        return Ok(Err(CannotSign::OtherHistory { signed, signed_root, root, file }));
    }
    Ok(Ok(()))
}
