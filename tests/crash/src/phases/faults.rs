//! Which syscalls matter, and with what each can fail.
//!
//! [`FAULTS`] and [`LEFT_OUT`] name together every call that ledgerd makes on the files of a store, seen
//! with strace over starts of all kinds, a load with rolls, mending and a stop. A cycle that sees another
//! one is a violation, so a new call gets a fault here, or a reason.

/// Which call fails, with what, from the first to the so-many-th call of a thread.
pub(crate) struct Fault {
    pub(crate) syscall: &'static str,
    pub(crate) errors: &'static [&'static str],
    pub(crate) when_max: u64,
    /// Whether only calls on the store's files count: the runtime makes such calls too.
    pub(crate) only_files: bool,
    /// Whether it is reads that fail, of both copies alike: then reads may be refused. No answer is
    /// ever wrong.
    pub(crate) is_of_reads: bool,
    /// Whether a served ledger whose call failed has to stop.
    pub(crate) must_stop: bool,
}

/// Of a call that makes an append durable.
const fn fault(syscall: &'static str, errors: &'static [&'static str], when_max: u64) -> Fault {
    Fault { syscall, errors, when_max, only_files: false, is_of_reads: false, must_stop: true }
}

/// Of a call that is made by starts and rolls; whether a ledger stops over it depends on where.
const fn of_names(syscall: &'static str, errors: &'static [&'static str], when_max: u64) -> Fault {
    Fault { must_stop: false, ..fault(syscall, errors, when_max) }
}

const fn of_reading(
    syscall: &'static str,
    errors: &'static [&'static str],
    when_max: u64,
) -> Fault {
    Fault { is_of_reads: true, only_files: true, ..of_names(syscall, errors, when_max) }
}

/// What ledgerd calls to make things durable, to name them, and to find them again.
pub(crate) const FAULTS: &[Fault] = &[
    fault("fdatasync", &["EIO", "ENOSPC"], 40),
    fault("sync_file_range", &["EIO", "ENOSPC"], 20),
    fault("pwrite64", &["EIO", "ENOSPC"], 20),
    Fault { only_files: true, ..fault("write", &["EIO", "ENOSPC"], 30) },
    of_names("fsync", &["EIO", "ENOSPC"], 30),
    of_names("rename", &["EIO", "ENOSPC"], 5),
    of_names("mkdir", &["EIO", "ENOSPC"], 4),
    of_names("ftruncate", &["EIO", "ENOSPC"], 3),
    of_names("unlink", &["EIO", "EROFS"], 3),
    of_names("unlinkat", &["EIO", "EROFS"], 3),
    // Locks of a network file system fail with either.
    of_names("flock", &["EIO", "ENOLCK"], 3),
    // A disk that cannot be asked is written to.
    Fault { only_files: true, ..of_names("statfs", &["EIO"], 6) },
    of_reading("openat", &["EIO", "ENOSPC", "EMFILE"], 12),
    of_reading("pread64", &["EIO"], 10),
    of_reading("read", &["EIO"], 10),
    of_reading("getdents64", &["EIO"], 12),
    of_reading("statx", &["EIO"], 20),
    of_reading("newfstatat", &["EIO"], 10),
];

/// Calls on the files of a store that no fault is injected into, and why.
pub(crate) const LEFT_OUT: &[(&str, &str)] = &[
    (
        "close",
        "what was written is synced before: an error of close tells nothing that is not known",
    ),
    ("fcntl", "flags of a descriptor and copies of it: nothing reaches a disk"),
    ("lseek", "moves a number of the kernel's: nothing reaches a disk"),
    ("execve", "the start of the program: the folder is an argument of it"),
    ("mmap", "memory: no file of a store is mapped"),
    (
        "readlink",
        "of a path of the configuration, to see that what belongs to the key lies elsewhere: before \
         anything is opened",
    ),
];

/// Calls that a trace shows on the files of a folder, and that neither table names.
pub(crate) fn unnamed<'t>(trace: &'t str, folder: &str) -> Vec<&'t str> {
    let mut unnamed = Vec::new();
    for line in trace.lines().filter(|line| line.contains(folder)) {
        let Some(call) = syscall(line) else { continue };
        let is_named = FAULTS.iter().any(|fault| fault.syscall == call)
            || LEFT_OUT.iter().any(|(left_out, _)| *left_out == call);
        if !is_named && !unnamed.contains(&call) {
            unnamed.push(call);
        }
    }
    unnamed
}

/// The call of a line such as `12 fsync(7</data>) = 0`, or `12 <... fsync resumed>) = 0`.
fn syscall(line: &str) -> Option<&str> {
    let (_, call) = line.split_once(' ')?;
    let call = call.trim_start();
    let call = call.strip_prefix("<... ").unwrap_or(call);
    let end = call.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')?;
    call.get(..end).filter(|call| !call.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_no_table_names_is_told_once() {
        let trace = "12 fsync(7</d/store>) = 0\n\
                     12 fallocate(7</d/store/db>, 0, 1) = 0\n\
                     13 <... fallocate resumed>, \"/d/store\") = 0\n\
                     13 epoll_wait(3</other>) = 0\n\
                     14 +++ exited with 0 +++ /d/store\n";
        assert_eq!(unnamed(trace, "/d/store"), ["fallocate"]);
    }

    #[test]
    fn no_call_has_a_fault_and_a_reason_to_have_none() {
        for (left_out, why) in LEFT_OUT {
            assert!(FAULTS.iter().all(|fault| fault.syscall != *left_out), "{left_out}: {why}");
        }
    }
}
