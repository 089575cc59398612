//! Operations that fail on purpose.

/// What changes the disk, or makes a change durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    Write,
    Truncate,
    /// fsync or fdatasync of a file.
    Sync,
    /// fsync of a directory.
    SyncDirectory,
    Create,
    MakeDirectory,
    Rename,
    /// unlink or rmdir.
    Remove,
}

/// Lets operations of one kind fail.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    pub operation: Operation,
    /// What the caller is told: the number of EIO, ENOSPC and the like.
    pub errno: i32,
    /// How many such operations still succeed, counted from when the fault was set.
    pub after: u64,
    /// How many fail then.
    pub times: u64,
    /// A write takes a part of its bytes and says so, in place of the error. A single byte cannot
    /// be taken in part, and fails. Nothing but writes can be short.
    pub short: bool,
}

/// What becomes of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Done,
    Short { errno: i32 },
    Failed { errno: i32 },
}

#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn set(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    /// Counts this operation and says what becomes of it. Of several faults the first one decides;
    /// all of them count.
    pub(crate) fn meet(&mut self, operation: Operation) -> Fate {
        let mut fate = Fate::Done;
        for fault in self.0.iter_mut().filter(|fault| fault.operation == operation) {
            if let Some(after) = fault.after.checked_sub(1) {
                fault.after = after;
            } else if let Some(times) = fault.times.checked_sub(1) {
                fault.times = times;
                if fate == Fate::Done {
                    let errno = fault.errno;
                    let short = fault.short && operation == Operation::Write;
                    fate = if short { Fate::Short { errno } } else { Fate::Failed { errno } };
                }
            }
        }
        self.0.retain(|fault| fault.times > 0);
        fate
    }
}
