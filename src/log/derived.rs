//! Derived trees: indexes and projections that can be rebuilt from the log at any time.
//!
//! It must not know what they hold. A derived tree says how far it has come; everything put and
//! the mark of how far change together, so after a crash it continues exactly where it is. It
//! is never ahead of the log: what it has absorbed was durable. If it is, records were cut off, and it is
//! refused by name.

use std::sync::Arc;

use bytes::Bytes;
use tracing::info;

use super::blocks::guarded;
use super::derived_layout::{MARK_KEY, Mark};
use super::derived_read::DerivedScan;
use super::derived_state::DerivedState;
use super::error::LogError;
use super::reader::LogReader;
use super::store::Store;

/// The longest name of a derived tree in bytes.
pub const DERIVED_NAME_BYTES_MAX: usize = 64;
/// The most puts in one [`DerivedTree::apply`].
pub const DERIVED_PUTS_MAX: usize = 65_536;
/// The most bytes of keys and values in one [`DerivedTree::apply`].
pub const DERIVED_APPLY_BYTES_MAX: usize = 64 * 1024 * 1024;

const TREE_PREFIX: &[u8] = b"derived/";
pub(super) const WRITE: &str = "write a derived tree";
pub(super) const READ: &str = "read a derived tree";

/// A derived tree that is open. Clones share it, and may read while one of them writes.
#[derive(Debug, Clone)]
pub struct DerivedTree {
    // Before the store, which closes sled.
    pub(super) state: Arc<DerivedState>,
    pub(super) store: Arc<Store>,
}

impl LogReader {
    /// Opens a derived tree, or makes it.
    ///
    /// It is empty, and has reached 0, when it was missing or was of another `version`, which stands
    /// for the code that fills it: raise it and the tree is rebuilt. While a handle is alive, another
    /// version of it is refused ([`LogError::DerivedVersionInUse`]). One that has reached a position
    /// beyond the head of the log is refused too ([`LogError::CutOff`]).
    pub fn derived(&self, name: &str, version: u32) -> Result<DerivedTree, LogError> {
        check_name(name)?;
        let store = Arc::clone(self.store());
        // Held to the end: two who open the same tree get the same state.
        let mut open = store.derived();
        match open.get(name) {
            Some(state) if state.version() == version => {
                let state = Arc::clone(state);
                drop(open);
                return Ok(DerivedTree { state, store });
            }
            Some(state) if Arc::strong_count(state) > 1 => {
                return Err(LogError::DerivedVersionInUse {
                    name: name.to_owned(),
                    open: state.version(),
                    asked: version,
                });
            }
            Some(_) | None => {}
        }
        let opened = guarded(|| open_state(&store, name, version));
        let state = Arc::new(opened.map_err(|failure| store.read_failed(failure))?);
        open.insert(name.to_owned(), Arc::clone(&state));
        drop(open);
        Ok(DerivedTree { state, store })
    }

    /// The names of the derived trees that exist, open or not, sorted.
    pub fn derived_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .store()
            .db()
            .tree_names()
            .iter()
            .filter_map(|tree| tree.strip_prefix(TREE_PREFIX))
            .map(|name| String::from_utf8_lossy(name).into_owned())
            .collect();
        names.sort();
        names
    }

    /// Deletes every derived tree, durably; those that are open are emptied. Only the log is
    /// left, from which all of them can be rebuilt.
    pub fn delete_derived(&self) -> Result<(), LogError> {
        let store = self.store();
        let mut open = store.derived();
        open.retain(|_, state| Arc::strong_count(state) > 1);
        for name in self.derived_names() {
            match open.get(&name) {
                Some(state) => state.clear(store)?,
                None => drop_tree(store, &name)?,
            }
        }
        drop(open);
        store.flush().and_then(|()| store.sync()).inspect_err(|error| store.stop(error))
    }
}

impl DerivedTree {
    /// The name it was opened with.
    pub fn name(&self) -> &str {
        self.state.name()
    }

    /// The version it was opened with.
    pub fn version(&self) -> u32 {
        self.state.version()
    }

    /// The next position of the log that this tree has not absorbed yet.
    pub fn reached(&self) -> u64 {
        self.state.reached()
    }

    /// Puts keys and values, the last of a key winning, and the mark, all or none.
    ///
    /// It is not durable by itself: it becomes so with the log's next append, and a crash before
    /// then takes it back whole. `reached` may not go back, nor beyond the log's head.
    pub fn apply(&self, puts: Vec<(Vec<u8>, Vec<u8>)>, reached: u64) -> Result<(), LogError> {
        if self.store.is_stopped() {
            return Err(LogError::Stopped);
        }
        self.state.apply(&self.store, puts, reached)
    }

    /// The value of a key.
    pub fn get(&self, key: &[u8]) -> Result<Option<Bytes>, LogError> {
        self.state.get(key).map_err(|failure| self.store.read_failed(failure))
    }

    /// The keys that begin with a prefix, and their values, ascending, or descending from the
    /// back. What is put meanwhile may be seen or not.
    pub fn scan_prefix(&self, prefix: &[u8]) -> DerivedScan {
        DerivedScan::new(self.clone(), prefix)
    }

    /// The keys from one on, and their values, ascending, or descending from the back. What is put
    /// meanwhile may be seen or not.
    pub fn scan_from(&self, first: &[u8]) -> DerivedScan {
        DerivedScan::starting_at(self.clone(), first)
    }

    /// What is told of something in the tree that is not as whoever fills it wrote it; the next start
    /// makes the tree anew.
    pub(crate) fn damaged(&self) -> LogError {
        self.store.read_failed(self.state.damaged())
    }

    /// Empties the tree; it has reached 0 then.
    pub fn clear(&self) -> Result<(), LogError> {
        self.state.clear(&self.store)
    }
}

impl Store {
    /// How far each derived tree has come, by name, whatever version it is of.
    pub(super) fn trees_reached(&self) -> Result<Vec<(String, u64)>, LogError> {
        let failed = || LogError::storage(READ);
        let mut trees = Vec::new();
        for stored in self.db().tree_names() {
            let Some(name) = stored.strip_prefix(TREE_PREFIX) else { continue };
            let tree = self.db().open_tree(&stored).map_err(failed())?;
            let mark = tree.get(MARK_KEY).map_err(failed())?;
            let reached = mark.as_deref().and_then(Mark::decode).map_or(0, |mark| mark.reached);
            trees.push((String::from_utf8_lossy(name).into_owned(), reached));
        }
        trees.sort();
        Ok(trees)
    }
}

/// Opens a tree. One that this version cannot go on from is made anew, one of a longer log refused.
fn open_state(store: &Store, name: &str, version: u32) -> Result<DerivedState, LogError> {
    let open = || store.db().open_tree(tree_name(name)).map_err(LogError::storage(READ));
    let tree = open()?;
    let stored = tree.get(MARK_KEY).map_err(LogError::storage(READ))?;
    let mark = stored.as_deref().and_then(Mark::decode);
    let head = store.head();
    let valid = mark.filter(|mark| mark.version == version);
    if let Some(Mark { reached, .. }) = valid
        && reached > head
    {
        return Err(LogError::CutOff { name: name.to_owned(), reached, head });
    }
    if valid.is_some() || tree.is_empty() {
        return Ok(DerivedState::new(name, version, tree, valid));
    }
    info!(name, version, found = ?mark, head, "derived tree is emptied to be rebuilt");
    drop(tree);
    drop_tree(store, name)?;
    Ok(DerivedState::new(name, version, open()?, None))
}

fn drop_tree(store: &Store, name: &str) -> Result<(), LogError> {
    store.db().drop_tree(tree_name(name)).map(drop).map_err(LogError::storage(WRITE))
}

fn tree_name(name: &str) -> Vec<u8> {
    [TREE_PREFIX, name.as_bytes()].concat()
}

fn check_name(name: &str) -> Result<(), LogError> {
    let allowed =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-./".contains(&byte);
    if !name.is_empty() && name.len() <= DERIVED_NAME_BYTES_MAX && name.bytes().all(allowed) {
        return Ok(());
    }
    let name = name.chars().take(DERIVED_NAME_BYTES_MAX).collect();
    Err(LogError::DerivedNameInvalid { name })
}
