//! Named places at which a process of the crash suite ends itself, as `kill -9` would.
//!
//! It must not know what happens there. Without the cargo feature `crash-points`, which no release
//! has, every point is nothing: neither code nor its name is in the program.
//!
//! With it, `CRASH_POINT=NAME:COUNT` makes the process kill itself when it passes that point
//! for the COUNT-th time. A point may be given something to do first, once it is sure to be the end:
//! a half of a write, say. The variable has not the prefix of the settings, which refuse names that they do
//! not know.

#[cfg(feature = "crash-points")]
macro_rules! crash_point {
    ($name:literal) => {
        $crate::crash_point::pass($name, || {});
    };
    ($name:literal, $first:expr) => {
        $crate::crash_point::pass($name, || $first);
    };
}

#[cfg(not(feature = "crash-points"))]
macro_rules! crash_point {
    ($name:literal $(, $first:expr)?) => {};
}

pub(crate) use crash_point;

#[cfg(feature = "crash-points")]
pub(crate) use armed::pass;

#[cfg(feature = "crash-points")]
mod armed {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    use rustix::process::{Signal, getpid, kill_process};

    struct Armed {
        name: String,
        count: u64,
        passed: AtomicU64,
    }

    static ARMED: OnceLock<Option<Armed>> = OnceLock::new();

    #[expect(clippy::disallowed_methods, reason = "not a setting: only the crash suite sets it")]
    fn armed() -> Option<Armed> {
        let text = std::env::var("CRASH_POINT").ok()?;
        let (name, count) = text.rsplit_once(':')?;
        Some(Armed { name: name.to_owned(), count: count.parse().ok()?, passed: AtomicU64::new(0) })
    }

    pub(crate) fn pass(name: &str, first: impl FnOnce()) {
        let Some(armed) = ARMED.get_or_init(armed).as_ref().filter(|armed| armed.name == name)
        else {
            return;
        };
        if armed.passed.fetch_add(1, Ordering::AcqRel) + 1 == armed.count {
            first();
            if kill_process(getpid(), Signal::KILL).is_err() {
                std::process::abort();
            }
        }
    }
}
