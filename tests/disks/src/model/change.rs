//! The operations that change the disk, or make a change durable. Each is counted, and each can fail.

use super::fault::{Fate, Operation};
use super::file::File;
use super::names::Place;
use super::{
    Boot, Disk, FILE_BYTES_MAX, Failure, Node, NodeId, Owner, Shape, check_name, position,
};

/// Whether a rename may replace what has the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Replace {
    Yes,
    Never,
}

impl Disk {
    /// Writes at the offset, or at the end of the file when there is none, and says how much.
    pub(crate) fn write(
        &mut self,
        node: NodeId,
        boot: Boot,
        at: Option<u64>,
        bytes: &[u8],
    ) -> Result<usize, Failure> {
        self.same_boot(boot)?;
        let fate = self.begin(Operation::Write)?;
        let bytes = match fate {
            Fate::Done => bytes,
            Fate::Failed { errno } => return Err(Failure::Injected(errno)),
            Fate::Short { errno } => {
                let most = u64::try_from(bytes.len().saturating_sub(1)).unwrap_or(u64::MAX);
                if most == 0 {
                    return Err(Failure::Injected(errno));
                }
                let taken = usize::try_from(self.random.below(most).saturating_add(1)).unwrap_or(1);
                bytes.get(..taken).unwrap_or(bytes)
            }
        };
        let free = usize::try_from(self.room().1).unwrap_or(usize::MAX);
        let changed = self.operations;
        let found = self.nodes.get_mut(&node).ok_or(Failure::NotFound)?;
        let file = found.file.as_mut().ok_or(Failure::IsADirectory)?;
        let offset = at.map_or(Ok(file.length()), position)?;
        if offset.saturating_add(bytes.len()) > FILE_BYTES_MAX {
            return Err(Failure::TooLarge);
        }
        let fitting = file.fitting(offset, bytes.len(), free);
        if fitting == 0 && !bytes.is_empty() {
            return Err(Failure::NoSpace);
        }
        file.write(offset, bytes.get(..fitting).unwrap_or(bytes));
        found.changed = changed;
        Ok(fitting)
    }

    pub(crate) fn truncate(&mut self, node: NodeId, length: u64) -> Result<(), Failure> {
        self.begin_whole(Operation::Truncate)?;
        let changed = self.operations;
        let found = self.nodes.get_mut(&node).ok_or(Failure::NotFound)?;
        found.file.as_mut().ok_or(Failure::IsADirectory)?.set_length(position(length)?);
        found.changed = changed;
        Ok(())
    }

    pub(crate) fn sync(&mut self, node: NodeId, boot: Boot) -> Result<(), Failure> {
        self.same_boot(boot)?;
        let fate = self.begin_whole(Operation::Sync);
        let file = self.nodes.get_mut(&node).and_then(|node| node.file.as_mut());
        match (fate, file) {
            (Ok(()), Some(file)) => file.sync(),
            (Err(Failure::Injected(_)), Some(file)) => file.sync_failed(),
            (_, _) => {}
        }
        fate
    }

    pub(crate) fn sync_directory(&mut self, node: NodeId, boot: Boot) -> Result<(), Failure> {
        self.same_boot(boot)?;
        self.begin_whole(Operation::SyncDirectory)?;
        self.directory(node)?;
        self.names.sync(node);
        Ok(())
    }

    pub(crate) fn create(
        &mut self,
        parent: NodeId,
        name: &[u8],
        owner: Owner,
    ) -> Result<Shape, Failure> {
        self.begin_whole(Operation::Create)?;
        self.make(parent, name, owner, Some(File::default()))
    }

    pub(crate) fn make_directory(
        &mut self,
        parent: NodeId,
        name: &[u8],
        owner: Owner,
    ) -> Result<Shape, Failure> {
        self.begin_whole(Operation::MakeDirectory)?;
        self.make(parent, name, owner, None)
    }

    pub(crate) fn remove(
        &mut self,
        parent: NodeId,
        name: &[u8],
        directory: bool,
    ) -> Result<(), Failure> {
        self.begin_whole(Operation::Remove)?;
        let found = self.lookup(parent, name)?;
        match (directory, found.directory) {
            (false, true) => return Err(Failure::IsADirectory),
            (true, false) => return Err(Failure::NotADirectory),
            (true, true) if self.names.now.list(found.node).next().is_some() => {
                return Err(Failure::NotEmpty);
            }
            (true, true) | (false, false) => {}
        }
        self.names.remove(found.node, (parent, name.to_vec()));
        self.release(found.node);
        Ok(())
    }

    /// Gives a node another name. What has that name is replaced, unless `replace` forbids it.
    pub(crate) fn rename(
        &mut self,
        from: &Place,
        to: Place,
        replace: Replace,
    ) -> Result<(), Failure> {
        self.begin_whole(Operation::Rename)?;
        let moved = self.lookup(from.0, &from.1)?;
        self.directory(to.0)?;
        check_name(&to.1)?;
        let replaced = self.names.now.get(&to);
        if let Some(replaced) = replaced {
            let target = self.shape(replaced)?;
            match (moved.directory, target.directory) {
                _ if replaced == moved.node => return Ok(()),
                _ if replace == Replace::Never => return Err(Failure::Exists),
                (true, false) => return Err(Failure::NotADirectory),
                (false, true) => return Err(Failure::IsADirectory),
                (true, true) if self.names.now.list(replaced).next().is_some() => {
                    return Err(Failure::NotEmpty);
                }
                (true, true) | (false, false) => {}
            }
        }
        self.names.put(moved.node, to);
        if let Some(replaced) = replaced {
            self.release(replaced);
        }
        Ok(())
    }

    /// Changes mode and owner. Durable at once, and not counted.
    pub(crate) fn own(
        &mut self,
        node: NodeId,
        owner: impl FnOnce(Owner) -> Owner,
    ) -> Result<(), Failure> {
        self.powered()?;
        let found = self.nodes.get_mut(&node).ok_or(Failure::NotFound)?;
        found.owner = owner(found.owner);
        Ok(())
    }

    fn make(
        &mut self,
        parent: NodeId,
        name: &[u8],
        owner: Owner,
        file: Option<File>,
    ) -> Result<Shape, Failure> {
        self.directory(parent)?;
        check_name(name)?;
        let place = (parent, name.to_vec());
        if self.names.now.get(&place).is_some() {
            return Err(Failure::Exists);
        }
        self.next = self.next.saturating_add(1);
        let id = NodeId(self.next);
        self.nodes.insert(id, Node { owner, changed: self.operations, file, opens: 0 });
        self.names.put(id, place);
        self.shape(id)
    }
}
