//! The kernel's requests, handed to the model and answered. The only file that names fuser.
//!
//! Nothing is cached in the kernel: files are opened with direct I/O, names and attributes are good
//! for no time at all, and the writeback cache stays off. So a write(2) is here before it returns,
//! and what the model says after a cut is what everybody sees. Locks are the kernel's own.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use fuser::{
    BsdFileFlags, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation,
    INodeNo, LockOwner, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory,
    ReplyEmpty, ReplyEntry, ReplyOpen, ReplyStatfs, ReplyWrite, Request, TimeOrNow, WriteFlags,
};
use rustix::fs::OFlags;

use crate::model::{
    BLOCK, Boot, Disk, Failure, NAME_BYTES_MAX, NodeId, Owner, Replace, SECTOR, Shape,
};

/// How long the kernel may believe what it was told.
const BELIEVE: Duration = Duration::ZERO;
/// Ids are never used again, so there is one generation.
const GENERATION: Generation = Generation(0);
const MODE_BITS: u32 = 0o7777;

#[derive(Debug, Clone)]
pub(crate) struct Edge(pub(crate) Arc<Mutex<Disk>>);

impl Edge {
    pub(crate) fn disk(&self) -> MutexGuard<'_, Disk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn errno(failure: Failure) -> Errno {
    match failure {
        Failure::NotFound => Errno::ENOENT,
        Failure::Exists => Errno::EEXIST,
        Failure::NotADirectory => Errno::ENOTDIR,
        Failure::IsADirectory => Errno::EISDIR,
        Failure::NotEmpty => Errno::ENOTEMPTY,
        Failure::NoSpace => Errno::ENOSPC,
        Failure::TooLarge => Errno::EFBIG,
        Failure::NameTooLong => Errno::ENAMETOOLONG,
        Failure::Lost => Errno::EIO,
        Failure::Injected(number) => Errno::from_i32(number),
    }
}

fn node(ino: INodeNo) -> NodeId {
    NodeId(ino.0)
}

fn kind(directory: bool) -> FileType {
    if directory { FileType::Directory } else { FileType::RegularFile }
}

fn owner(request: &Request, mode: u32, umask: u32) -> Owner {
    Owner { mode: mode & !umask & MODE_BITS, user: request.uid(), group: request.gid() }
}

/// Times are numbers of operations, in seconds: later changes have later times, and no clock is read.
fn attributes(shape: Shape) -> FileAttr {
    let Shape { node, owner, changed, directory, length, blocks } = shape;
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(changed);
    FileAttr {
        ino: INodeNo(node.0),
        size: u64::try_from(length).unwrap_or(u64::MAX),
        blocks: u64::try_from(blocks.saturating_mul(BLOCK / SECTOR)).unwrap_or(u64::MAX),
        atime: time,
        mtime: time,
        ctime: time,
        crtime: time,
        kind: kind(directory),
        perm: u16::try_from(owner.mode & MODE_BITS).unwrap_or(0o600),
        nlink: if directory { 2 } else { 1 },
        uid: owner.user,
        gid: owner.group,
        rdev: 0,
        blksize: u32::try_from(BLOCK).unwrap_or(u32::MAX),
        flags: 0,
    }
}

fn answer_entry(result: Result<Shape, Failure>, reply: ReplyEntry) {
    match result {
        Ok(shape) => reply.entry(&BELIEVE, &attributes(shape), GENERATION),
        Err(failure) => reply.error(errno(failure)),
    }
}

fn answer_empty(result: Result<(), Failure>, reply: ReplyEmpty) {
    match result {
        Ok(()) => reply.ok(),
        Err(failure) => reply.error(errno(failure)),
    }
}

fn answer_open(result: Result<Boot, Failure>, flags: FopenFlags, reply: ReplyOpen) {
    match result {
        Ok(boot) => reply.opened(FileHandle(boot.0), flags),
        Err(failure) => reply.error(errno(failure)),
    }
}

impl Filesystem for Edge {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        answer_entry(self.disk().lookup(node(parent), name.as_bytes()), reply);
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match self.disk().shape(node(ino)) {
            Ok(shape) => reply.attr(&BELIEVE, &attributes(shape)),
            Err(failure) => reply.error(errno(failure)),
        }
    }

    fn setattr(
        &self,
        _: &Request,
        ino: INodeNo,
        mode: Option<u32>,
        uid: Option<u32>,
        gid: Option<u32>,
        size: Option<u64>,
        _: Option<TimeOrNow>,
        _: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let mut disk = self.disk();
        let owned = disk.own(node(ino), |before| Owner {
            mode: mode.map_or(before.mode, |mode| mode & MODE_BITS),
            user: uid.unwrap_or(before.user),
            group: gid.unwrap_or(before.group),
        });
        let sized = owned.and_then(|()| size.map_or(Ok(()), |size| disk.truncate(node(ino), size)));
        match sized.and_then(|()| disk.shape(node(ino))) {
            Ok(shape) => reply.attr(&BELIEVE, &attributes(shape)),
            Err(failure) => reply.error(errno(failure)),
        }
    }

    fn mkdir(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        reply: ReplyEntry,
    ) {
        let owner = owner(request, mode, umask);
        answer_entry(self.disk().make_directory(node(parent), name.as_bytes(), owner), reply);
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        answer_empty(self.disk().remove(node(parent), name.as_bytes(), false), reply);
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        answer_empty(self.disk().remove(node(parent), name.as_bytes(), true), reply);
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        newparent: INodeNo,
        newname: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        let replace = if flags.is_empty() {
            Replace::Yes
        } else if flags == RenameFlags::RENAME_NOREPLACE {
            Replace::Never
        } else {
            return reply.error(Errno::EINVAL);
        };
        let from = (node(parent), name.as_bytes().to_vec());
        let to = (node(newparent), newname.as_bytes().to_vec());
        answer_empty(self.disk().rename(&from, to, replace), reply);
    }

    fn open(&self, _: &Request, ino: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        answer_open(self.disk().open(node(ino)), FopenFlags::FOPEN_DIRECT_IO, reply);
    }

    fn read(
        &self,
        _: &Request,
        ino: INodeNo,
        fh: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let length = usize::try_from(size).unwrap_or(usize::MAX);
        match self.disk().read(node(ino), Boot(fh.0), offset, length) {
            Ok(bytes) => reply.data(bytes),
            Err(failure) => reply.error(errno(failure)),
        }
    }

    fn write(
        &self,
        _: &Request,
        ino: INodeNo,
        fh: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        flags: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let appends = u32::try_from(flags.0).is_ok_and(|flags| flags & OFlags::APPEND.bits() != 0);
        let at = if appends { None } else { Some(offset) };
        match self.disk().write(node(ino), Boot(fh.0), at, data) {
            Ok(written) => reply.written(u32::try_from(written).unwrap_or(u32::MAX)),
            Err(failure) => reply.error(errno(failure)),
        }
    }

    /// A close; it makes nothing durable.
    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn release(
        &self,
        _: &Request,
        ino: INodeNo,
        fh: FileHandle,
        _: OpenFlags,
        _: Option<LockOwner>,
        _: bool,
        reply: ReplyEmpty,
    ) {
        self.disk().close(node(ino), Boot(fh.0));
        reply.ok();
    }

    /// What a file needs to be read is all there is, so fdatasync is fsync.
    fn fsync(&self, _: &Request, ino: INodeNo, fh: FileHandle, _: bool, reply: ReplyEmpty) {
        answer_empty(self.disk().sync(node(ino), Boot(fh.0)), reply);
    }

    fn opendir(&self, _: &Request, ino: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        let disk = self.disk();
        let boot = disk.list(node(ino)).map(|_| disk.boot());
        answer_open(boot, FopenFlags::empty(), reply);
    }

    fn readdir(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let entries = match self.disk().list(node(ino)) {
            Ok(entries) => entries,
            Err(failure) => return reply.error(errno(failure)),
        };
        let itself = [b".".to_vec(), b"..".to_vec()].map(|name| (name, node(ino), true));
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        for ((name, entry, directory), next) in
            itself.into_iter().chain(entries).zip(1_u64..).skip(from)
        {
            if reply.add(INodeNo(entry.0), next, kind(directory), OsStr::from_bytes(&name)) {
                break;
            }
        }
        reply.ok();
    }

    fn fsyncdir(&self, _: &Request, ino: INodeNo, fh: FileHandle, _: bool, reply: ReplyEmpty) {
        answer_empty(self.disk().sync_directory(node(ino), Boot(fh.0)), reply);
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        let (all, free) = self.disk().room();
        let block = u32::try_from(BLOCK).unwrap_or(u32::MAX);
        let name = u32::try_from(NAME_BYTES_MAX).unwrap_or(u32::MAX);
        reply.statfs(all, free, free, 0, 0, block, name, block);
    }

    fn create(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        _: i32,
        reply: ReplyCreate,
    ) {
        let mut disk = self.disk();
        let created = disk.create(node(parent), name.as_bytes(), owner(request, mode, umask));
        match created.and_then(|shape| disk.open(shape.node).map(|boot| (shape, boot))) {
            Ok((shape, boot)) => {
                let flags = FopenFlags::FOPEN_DIRECT_IO;
                reply.created(&BELIEVE, &attributes(shape), GENERATION, FileHandle(boot.0), flags);
            }
            Err(failure) => reply.error(errno(failure)),
        }
    }
}
