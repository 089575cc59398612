//! A disk in memory that knows what is durable: nodes, names, room, faults, power.
//!
//! Pure: it does no input or output, reads no clock, and knows nothing of FUSE. Numbers come from
//! its seeds. Every operation that changes something, or makes it durable, is counted.

mod change;
mod cut;
mod fault;
mod file;
mod names;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub(crate) use change::Replace;
pub use cut::{CutReport, Keep};
use fault::{Fate, Faults};
pub use fault::{Fault, Operation};
use file::File;
use names::Names;

use crate::random::Random;

/// What a disk writes at once.
pub(crate) const SECTOR: usize = 512;
/// Room is counted in these.
pub(crate) const BLOCK: usize = 4096;
/// No file is longer: contents are held in memory.
pub(crate) const FILE_BYTES_MAX: usize = 4 << 30;
/// What a disk without a limit says it can hold.
pub(crate) const UNLIMITED_BYTES: u64 = 1 << 40;
/// The longest name.
pub(crate) const NAME_BYTES_MAX: usize = 255;

/// A file or a directory. Ids are never used again, also not after a cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NodeId(pub(crate) u64);

pub(crate) const ROOT: NodeId = NodeId(1);

/// An open file of one stretch of power; of an earlier one it is worth nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Boot(pub(crate) u64);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    NotFound,
    Exists,
    NotADirectory,
    IsADirectory,
    NotEmpty,
    NoSpace,
    TooLarge,
    NameTooLong,
    /// The power is off, or the file was opened before it was.
    Lost,
    /// A fault that was asked for.
    Injected(i32),
}

/// Who owns a node, and who may do what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Owner {
    pub(crate) mode: u32,
    pub(crate) user: u32,
    pub(crate) group: u32,
}

#[derive(Debug)]
struct Node {
    owner: Owner,
    /// The number of the operation that changed it last; serves as a time.
    changed: u64,
    /// Nothing when it is a directory.
    file: Option<File>,
    opens: u64,
}

/// What can be told about a node.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) node: NodeId,
    pub(crate) owner: Owner,
    pub(crate) changed: u64,
    pub(crate) directory: bool,
    pub(crate) length: usize,
    pub(crate) blocks: usize,
}

#[derive(Debug)]
pub(crate) struct Disk {
    nodes: BTreeMap<NodeId, Node>,
    names: Names,
    next: u64,
    operations: u64,
    power_off_at: Option<u64>,
    power_off: bool,
    limit_bytes: Option<u64>,
    faults: Faults,
    random: Random,
    boot: u64,
}

impl Disk {
    pub(crate) fn new(seed: u64, owner: Owner) -> Disk {
        let root = Node { owner, changed: 0, file: None, opens: 0 };
        Disk {
            nodes: BTreeMap::from([(ROOT, root)]),
            names: Names::default(),
            next: ROOT.0,
            operations: 0,
            power_off_at: None,
            power_off: false,
            limit_bytes: None,
            faults: Faults::default(),
            random: Random::new(seed),
            boot: 0,
        }
    }

    pub(crate) fn operations(&self) -> u64 {
        self.operations
    }

    pub(crate) fn power_off_at(&mut self, operation: Option<u64>) {
        self.power_off_at = operation;
        self.power_off = operation.is_some_and(|operation| operation <= self.operations);
    }

    pub(crate) fn is_off(&self) -> bool {
        self.power_off
    }

    pub(crate) fn limit_bytes(&mut self, limit: Option<u64>) {
        self.limit_bytes = limit;
    }

    pub(crate) fn fail(&mut self, fault: Fault) {
        self.faults.set(fault);
    }

    pub(crate) fn boot(&self) -> Boot {
        Boot(self.boot)
    }

    /// All blocks, and those that are free.
    pub(crate) fn room(&self) -> (u64, u64) {
        let block = u64::try_from(BLOCK).unwrap_or(u64::MAX);
        let all = self.limit_bytes.unwrap_or(UNLIMITED_BYTES).checked_div(block).unwrap_or(0);
        let used = self
            .nodes
            .values()
            .filter_map(|node| node.file.as_ref())
            .map(File::blocks)
            .sum::<usize>();
        (all, all.saturating_sub(u64::try_from(used).unwrap_or(u64::MAX)))
    }

    pub(crate) fn lookup(&self, parent: NodeId, name: &[u8]) -> Result<Shape, Failure> {
        self.powered()?;
        self.directory(parent)?;
        let node = self.names.now.get(&(parent, name.to_vec())).ok_or(Failure::NotFound)?;
        self.shape(node)
    }

    pub(crate) fn shape(&self, node: NodeId) -> Result<Shape, Failure> {
        self.powered()?;
        let Node { owner, changed, file, opens: _ } =
            self.nodes.get(&node).ok_or(Failure::NotFound)?;
        Ok(Shape {
            node,
            owner: *owner,
            changed: *changed,
            directory: file.is_none(),
            length: file.as_ref().map_or(0, File::length),
            blocks: file.as_ref().map_or(0, File::blocks),
        })
    }

    pub(crate) fn list(&self, directory: NodeId) -> Result<Vec<(Vec<u8>, NodeId, bool)>, Failure> {
        self.powered()?;
        self.directory(directory)?;
        let is_directory = |node| self.nodes.get(&node).is_some_and(|node| node.file.is_none());
        Ok(self
            .names
            .now
            .list(directory)
            .map(|(name, node)| (name.to_vec(), node, is_directory(node)))
            .collect())
    }

    pub(crate) fn open(&mut self, node: NodeId) -> Result<Boot, Failure> {
        self.powered()?;
        let found = self.nodes.get_mut(&node).ok_or(Failure::NotFound)?;
        found.opens = found.opens.saturating_add(1);
        Ok(Boot(self.boot))
    }

    pub(crate) fn close(&mut self, node: NodeId, boot: Boot) {
        if boot != self.boot() {
            return;
        }
        if let Some(found) = self.nodes.get_mut(&node) {
            found.opens = found.opens.saturating_sub(1);
        }
        self.release(node);
    }

    pub(crate) fn read(
        &self,
        node: NodeId,
        boot: Boot,
        offset: u64,
        length: usize,
    ) -> Result<&[u8], Failure> {
        self.powered()?;
        self.same_boot(boot)?;
        let file = self
            .nodes
            .get(&node)
            .ok_or(Failure::NotFound)?
            .file
            .as_ref()
            .ok_or(Failure::IsADirectory)?;
        Ok(file.read(position(offset)?, length))
    }

    /// Counts an operation, and says what becomes of it.
    fn begin(&mut self, operation: Operation) -> Result<Fate, Failure> {
        self.operations = self.operations.saturating_add(1);
        self.power_off |= self.power_off_at.is_some_and(|at| at <= self.operations);
        self.powered()?;
        Ok(self.faults.meet(operation))
    }

    fn begin_whole(&mut self, operation: Operation) -> Result<(), Failure> {
        match self.begin(operation)? {
            Fate::Done => Ok(()),
            Fate::Short { errno } | Fate::Failed { errno } => Err(Failure::Injected(errno)),
        }
    }

    fn powered(&self) -> Result<(), Failure> {
        if self.power_off { Err(Failure::Lost) } else { Ok(()) }
    }

    fn same_boot(&self, boot: Boot) -> Result<(), Failure> {
        if boot == self.boot() { Ok(()) } else { Err(Failure::Lost) }
    }

    fn directory(&self, node: NodeId) -> Result<(), Failure> {
        match self.nodes.get(&node).ok_or(Failure::NotFound)?.file {
            None => Ok(()),
            Some(_) => Err(Failure::NotADirectory),
        }
    }

    /// Gives the room of a file back once it has no name and nobody has it open.
    fn release(&mut self, node: NodeId) {
        let named = self.names.now.has(node);
        if let Some(Node { file: Some(file), opens: 0, .. }) = self.nodes.get_mut(&node)
            && !named
        {
            file.release();
        }
    }
}

fn position(offset: u64) -> Result<usize, Failure> {
    usize::try_from(offset).ok().filter(|offset| *offset <= FILE_BYTES_MAX).ok_or(Failure::TooLarge)
}

fn check_name(name: &[u8]) -> Result<(), Failure> {
    if name.len() > NAME_BYTES_MAX { Err(Failure::NameTooLong) } else { Ok(()) }
}
