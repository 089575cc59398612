//! Taking in the history of an older register: recorded times are stated, and order is everything.
//!
//! A request of an import that cannot be considered ends the import, and none after it may be
//! recorded, though many are already in the queue: what comes later has later recorded times, so the
//! one that failed could never be taken in any more. The writer decides in the order of the queue, so
//! it is there that an import ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::command::AppendFailure;
use super::queue::{Lookup, PendingOutcome};
use super::{Imports, Ledger};
use crate::domain::date::RecordedTime;
use crate::wire::parse::{AppendCommand, Recording};

/// One import. Once a request of it fails, the writer takes no further one.
#[derive(Debug, Clone, Default)]
pub struct ImportSession {
    ended: Arc<AtomicBool>,
}

impl ImportSession {
    /// Ends it: from here on the writer refuses its requests.
    pub fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }
}

impl Ledger {
    /// Begins an import. None when the ledger takes none.
    pub fn begin_import(&self) -> Option<ImportSession> {
        match self.shared().rules.imports {
            Imports::Refused => None,
            Imports::Allowed => Some(ImportSession::default()),
        }
    }

    /// Puts a request of an import in the writer's queue, behind those put before, waiting for room.
    pub async fn import(&self, command: AppendCommand, session: &ImportSession) -> PendingOutcome {
        self.enqueue(command, Some(session.clone()), Lookup::default()).await
    }
}

/// When a request is recorded: now, but never before the newest record; or as stated, when that is
/// neither before the newest record nor in the future.
pub(super) fn recording_time(
    recording: Recording,
    newest: Option<RecordedTime>,
    now: RecordedTime,
) -> Result<RecordedTime, AppendFailure> {
    match (recording, newest) {
        (Recording::Now, newest) => Ok(newest.map_or(now, |newest| newest.max(now))),
        (Recording::At(stated), Some(newest)) if stated < newest => {
            Err(AppendFailure::RecordedTimeDecreases { stated, newest })
        }
        (Recording::At(stated), _) if stated > now => {
            Err(AppendFailure::RecordedTimeInFuture { stated, now })
        }
        (Recording::At(stated), _) => Ok(stated),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(microseconds: i64) -> RecordedTime {
        RecordedTime::from_microseconds(microseconds).unwrap()
    }

    #[test]
    fn no_record_is_recorded_before_the_newest_one_though_the_clock_goes_back() {
        for (newest, now, recorded) in
            [(None, 5, 5), (Some(5), 9, 9), (Some(5), 5, 5), (Some(5), 3, 5)]
        {
            let time = recording_time(Recording::Now, newest.map(at), at(now));
            assert!(time.is_ok_and(|time| time == at(recorded)), "{newest:?}, now {now}");
        }
    }
}
