//! Looking through a folder of tiles: whether every file is what the tree of its checkpoint says.
//!
//! Leaves stand in it twice, as entries in a bundle and as hashes in a tile of level 0, and a hash of the
//! level above, or the root, says which of the two is right. Everything above follows from the leaves.

use std::fs;
use std::io;
use std::path::Path;

use contract_ledger::merkle::{
    Checkpoint, TILE_WIDTH, TREE_HASH_BYTES, Tile, TiledTree, TreeHash, take_entry,
};

use crate::outcome::CommandError;

/// Checks every file under a checkpoint, earlier partial ones too. The first that is wrong is named.
pub(crate) fn check(folder: &Path, shown: &Checkpoint) -> Result<(), CommandError> {
    Checking { folder, shown }.run()
}

struct Checking<'f> {
    folder: &'f Path,
    shown: &'f Checkpoint,
}

impl Checking<'_> {
    fn run(&self) -> Result<(), CommandError> {
        let size = self.shown.size();
        let mut tree = TiledTree::new();
        while tree.size() < size
            && let Some(tile) = Tile::of_tree(0, tree.size() / TILE_WIDTH, size)
        {
            let hashes = self.sound_leaves(tile, &tree)?;
            let mut full = Vec::new();
            for hash in hashes {
                tree.append(hash, |tile, hashes| full.push((tile, hashes)));
            }
            for (tile, hashes) in full.iter().filter(|(tile, _)| tile.level() > 0) {
                self.compare(*tile, hashes)?;
            }
        }
        for tile in Tile::partial_of_tree(size).filter(|tile| tile.level() > 0) {
            self.compare(tile, tree.tail(tile.level()))?;
        }
        if tree.root() == self.shown.root() {
            return Ok(());
        }
        let (root, shown) = (tree.root(), self.shown.root());
        Err(self.altered("checkpoint", &format!("it says {shown}, and everything else {root}")))
    }

    /// The hashes of a tile of level 0, when it and its bundle say the same.
    fn sound_leaves(&self, tile: Tile, before: &TiledTree) -> Result<Vec<TreeHash>, CommandError> {
        let (path, entries_path) = (tile.path(), tile.entries_path());
        let (bytes, bundle) = (self.read(&path)?, self.read(&entries_path)?);
        let hashes = hashes_of(&bytes, tile.width());
        let entries = entries_of(&bundle, tile.width());
        if let (Some(hashes), Some(entries)) = (&hashes, &entries)
            && hashes == entries
        {
            self.earlier(&path, &bytes, |partial, width| hashes_of(partial, width).is_some())?;
            self.earlier(&entries_path, &bundle, |partial, width| {
                entries_of(partial, width).is_some()
            })?;
            return Ok(entries.clone());
        }
        let is_right = |leaves: &Option<Vec<TreeHash>>| {
            leaves.as_ref().is_some_and(|leaves| self.leads_up(tile, leaves, before))
        };
        Err(match (is_right(&hashes), is_right(&entries)) {
            (true, false) => self.altered(&entries_path, &format!("{path} has other hashes")),
            (false, true) => self.altered(&path, &format!("{entries_path} gives other hashes")),
            _ => self.altered(&format!("{path} or {entries_path}"), "they do not agree"),
        })
    }

    /// Whether these leaves give the hash above a full tile, or with those before it the root.
    fn leads_up(&self, tile: Tile, leaves: &[TreeHash], before: &TiledTree) -> bool {
        if tile.width() < TILE_WIDTH {
            let mut tree = before.clone();
            for leaf in leaves {
                tree.append(*leaf, |_, _| ());
            }
            return tree.root() == self.shown.root();
        }
        let mut alone = TiledTree::new();
        for leaf in leaves {
            alone.append(*leaf, |_, _| ());
        }
        let above = Tile::of_tree(1, tile.index() / TILE_WIDTH, self.shown.size());
        let above = above.and_then(|above| {
            let hashes = hashes_of(&self.read(&above.path()).ok()?, above.width())?;
            let place = usize::try_from(tile.index() % TILE_WIDTH).ok()?;
            hashes.get(place).copied()
        });
        above == Some(alone.root())
    }

    /// That a tile has these hashes, and its earlier partial ones the first of them.
    fn compare(&self, tile: Tile, hashes: &[TreeHash]) -> Result<(), CommandError> {
        let (path, expected) = (tile.path(), bytes_of(hashes));
        if self.read(&path)? != expected {
            return Err(self.altered(&path, "the tiles below it have other roots"));
        }
        self.earlier(&path, &expected, |partial, width| hashes_of(partial, width).is_some())
    }

    /// That what was written while a file was not full is how the file begins.
    fn earlier(
        &self,
        path: &str,
        whole: &[u8],
        is_wide: impl Fn(&[u8], u64) -> bool,
    ) -> Result<(), CommandError> {
        let (number, own) = path.split_once(".p/").unwrap_or((path, ""));
        let folder = self.folder.join(format!("{number}.p"));
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(reading(&folder, error)),
        };
        for entry in entries {
            let name = entry.map_err(|error| reading(&folder, error))?.file_name();
            let width = name.to_str().and_then(|name| name.parse::<u64>().ok());
            // What is not named as a partial tile, or lies beyond the checkpoint, is shown by nobody.
            let beyond = own.parse().unwrap_or(TILE_WIDTH);
            let Some(width) = width.filter(|width| *width < beyond) else { continue };
            let partial_path = format!("{number}.p/{width}");
            let partial = self.read(&partial_path)?;
            if !(whole.starts_with(&partial) && is_wide(&partial, width)) {
                return Err(self.altered(&partial_path, &format!("{path} begins otherwise")));
            }
        }
        Ok(())
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, CommandError> {
        let whole = self.folder.join(path);
        match fs::read(&whole) {
            Ok(bytes) => Ok(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let size = self.shown.size();
                Err(self.altered(path, &format!("it is missing, and {size} records are shown")))
            }
            Err(error) => Err(reading(&whole, error)),
        }
    }

    fn altered(&self, path: &str, why: &str) -> CommandError {
        CommandError::Untrue(format!(
            "{}: {path} is not what was exported: {why}. Put back a copy of it, or move the folder \
             away to export anew",
            self.folder.display()
        ))
    }
}

fn reading(path: &Path, error: io::Error) -> CommandError {
    CommandError::local(format!("reading {}", path.display()), error)
}

/// So many hashes and nothing besides.
fn hashes_of(bytes: &[u8], width: u64) -> Option<Vec<TreeHash>> {
    let (hashes, rest) = bytes.as_chunks::<TREE_HASH_BYTES>();
    let is_whole = rest.is_empty() && u64::try_from(hashes.len()) == Ok(width);
    is_whole.then(|| hashes.iter().copied().map(TreeHash::from_bytes).collect())
}

/// The hashes of so many entries and nothing besides.
fn entries_of(bundle: &[u8], width: u64) -> Option<Vec<TreeHash>> {
    let mut rest = bundle;
    let mut hashes = Vec::new();
    while !rest.is_empty() {
        hashes.push(TreeHash::of_leaf(take_entry(&mut rest)?));
    }
    (u64::try_from(hashes.len()) == Ok(width)).then_some(hashes)
}

/// The bytes of a tile.
pub(crate) fn bytes_of(hashes: &[TreeHash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
}
