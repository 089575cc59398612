//! Checkpoints: what a tree was when it had so many leaves, as a text to sign (C2SP
//! `tlog-checkpoint`).

use std::fmt;

use super::hash::{TreeHash, decimal};

/// Why something is not a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointFault {
    /// The first line, the origin, is empty or more than a line.
    #[error("the origin of a checkpoint is one line that is not empty")]
    Origin,
    /// The second line is not a decimal number.
    #[error("the second line of a checkpoint is the size of the tree, in decimal")]
    Size,
    /// The third line is not a hash in base64.
    #[error("the third line of a checkpoint is the root of the tree, in base64")]
    Root,
    /// An extension is empty or more than a line.
    #[error("an extension of a checkpoint is one line that is not empty")]
    Extension,
    /// The last line has no end.
    #[error("a checkpoint ends with a newline")]
    NotEnded,
}

/// Size and root of the tree of one log.
///
/// Invariant: origin and extensions are lines, none of them empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    size: u64,
    root: TreeHash,
    extensions: Vec<String>,
}

impl Checkpoint {
    /// A checkpoint without extensions, as this ledger makes them: extensions cannot be audited.
    pub fn new(origin: &str, size: u64, root: TreeHash) -> Result<Self, CheckpointFault> {
        if !is_line(origin) {
            return Err(CheckpointFault::Origin);
        }
        Ok(Self { origin: origin.to_owned(), size, root, extensions: Vec::new() })
    }

    /// Reads the text of a note.
    pub fn parse(text: &str) -> Result<Self, CheckpointFault> {
        let text = text.strip_suffix('\n').ok_or(CheckpointFault::NotEnded)?;
        let mut lines = text.split('\n');
        let origin = lines.next().unwrap_or_default();
        let size = lines.next().and_then(decimal).ok_or(CheckpointFault::Size)?;
        let root = lines.next().and_then(TreeHash::parse).ok_or(CheckpointFault::Root)?;
        let extensions: Vec<String> = lines.map(str::to_owned).collect();
        if !extensions.iter().all(|line| is_line(line)) {
            return Err(CheckpointFault::Extension);
        }
        Ok(Self { extensions, ..Self::new(origin, size, root)? })
    }

    /// Which log it is about.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Number of leaves.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Root of the tree.
    pub const fn root(&self) -> TreeHash {
        self.root
    }

    /// What else is signed.
    pub fn extensions(&self) -> &[String] {
        &self.extensions
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { origin, size, root, extensions } = self;
        write!(formatter, "{origin}\n{size}\n{root}\n")?;
        extensions.iter().try_for_each(|line| writeln!(formatter, "{line}"))
    }
}

fn is_line(text: &str) -> bool {
    !text.is_empty() && !text.contains(char::is_control)
}
