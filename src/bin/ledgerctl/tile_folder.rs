//! A folder in the layout of C2SP `tlog-tiles`: tiles, bundles of entries, and the checkpoint they
//! belong to.
//!
//! Tiles are written before the checkpoint that needs them, so a folder that was left half-way still
//! shows the earlier checkpoint, whole. It must not know where leaves come from.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use contract_ledger::merkle::{
    Checkpoint, Note, TILE_WIDTH, TREE_HASH_BYTES, Tile, TileReader, TiledTree, TreeHash,
    push_entry,
};

use crate::outcome::CommandError;
use crate::tile_check::{bytes_of, check};

const CHECKPOINT: &str = "checkpoint";

/// The folder, and the tree so far.
pub(crate) struct TileFolder {
    folder: PathBuf,
    tree: TiledTree,
    /// The entries after the last full bundle.
    bundle: Vec<u8>,
    /// The log that the folder is of, when it shows a checkpoint.
    origin: Option<String>,
}

struct Tiles<'f>(&'f Path);

impl TileReader for Tiles<'_> {
    type Failure = io::Error;

    fn read_tile(&self, tile: Tile) -> Result<Cow<'_, [TreeHash]>, io::Error> {
        let bytes = fs::read(self.0.join(tile.path()))?;
        let (hashes, _) = bytes.as_chunks::<TREE_HASH_BYTES>();
        Ok(Cow::Owned(hashes.iter().copied().map(TreeHash::from_bytes).collect()))
    }
}

impl TileFolder {
    /// Takes a folder up where its checkpoint ends, or begins one. Everything in it is checked, or with
    /// `quick` only what is gone on with.
    pub(crate) fn open(folder: &Path, quick: bool) -> Result<Self, CommandError> {
        let unfit = |text: String| {
            let folder = folder.display();
            CommandError::Untrue(format!("{folder}: {text}; move it away to begin a new one"))
        };
        let empty = Self {
            folder: folder.to_owned(),
            tree: TiledTree::new(),
            bundle: Vec::new(),
            origin: None,
        };
        let text = match fs::read_to_string(folder.join(CHECKPOINT)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(empty),
            Err(error) => return Err(CommandError::local("reading the checkpoint", error)),
        };
        let note = Note::parse(&text).map_err(|fault| unfit(format!("its checkpoint: {fault}")))?;
        let shown = Checkpoint::parse(note.text())
            .map_err(|fault| unfit(format!("its checkpoint: {fault}")))?;
        let size = shown.size();
        if !quick {
            check(folder, &shown)?;
        }
        let tree = TiledTree::resume(&Tiles(folder), size)
            .map_err(|fault| unfit(format!("its tiles cannot be read: {fault}")))?;
        if tree.root() != shown.root() {
            return Err(unfit("its tiles are not those of its checkpoint".to_owned()));
        }
        let bundle = match Tile::of_tree(0, size / TILE_WIDTH, size) {
            None => Vec::new(),
            Some(tile) => fs::read(folder.join(tile.entries_path()))
                .map_err(|error| CommandError::local("reading the last entries", error))?,
        };
        Ok(Self { tree, bundle, origin: Some(shown.origin().to_owned()), ..empty })
    }

    /// Number of leaves.
    pub(crate) fn size(&self) -> u64 {
        self.tree.size()
    }

    /// The root over them.
    pub(crate) fn root(&self) -> TreeHash {
        self.tree.root()
    }

    /// The log that it is of, when it shows a checkpoint.
    pub(crate) fn origin(&self) -> Option<&str> {
        self.origin.as_deref()
    }

    /// Adds a leaf, and writes what it makes full.
    pub(crate) fn append(&mut self, leaf: &[u8]) -> Result<(), CommandError> {
        if !push_entry(&mut self.bundle, leaf) {
            let index = self.size();
            return Err(CommandError::Stopped(format!("leaf {index} is too long for a bundle")));
        }
        let mut full = Vec::new();
        self.tree.append(TreeHash::of_leaf(leaf), |tile, hashes| full.push((tile, hashes)));
        for (tile, hashes) in full {
            self.write(&tile.path(), &bytes_of(&hashes))?;
            if tile.level() == 0 {
                let bundle = std::mem::take(&mut self.bundle);
                self.write(&tile.entries_path(), &bundle)?;
            }
        }
        Ok(())
    }

    /// Writes what is not full, and then the checkpoint.
    pub(crate) fn finish(&self, checkpoint: &str) -> Result<(), CommandError> {
        for tile in Tile::partial_of_tree(self.size()) {
            self.write(&tile.path(), &bytes_of(self.tree.tail(tile.level())))?;
            if tile.level() == 0 {
                self.write(&tile.entries_path(), &self.bundle)?;
            }
        }
        self.write(CHECKPOINT, checkpoint.as_bytes())
    }

    /// Puts a file in its place whole.
    fn write(&self, path: &str, bytes: &[u8]) -> Result<(), CommandError> {
        let path = self.folder.join(path);
        let written = || {
            fs::create_dir_all(path.parent().unwrap_or(&self.folder))?;
            let unfinished = path.with_added_extension("unfinished");
            let mut file = File::create(&unfinished)?;
            file.write_all(bytes)?;
            file.sync_data()?;
            fs::rename(&unfinished, &path)
        };
        written().map_err(|error| CommandError::local(format!("writing {}", path.display()), error))
    }
}
