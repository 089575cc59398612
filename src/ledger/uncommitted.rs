//! A batch that could not be recorded: what its requests hear.
//!
//! It must not write. Nothing of such a batch is published, so no answer may rest on it.

use super::command::{AppendFailure, AppendOutcome, Telling};
use super::error::LedgerError;
use crate::log::LogError;

/// Why a batch was not recorded, or not for certain.
#[derive(Debug)]
pub(super) enum Uncommitted {
    /// The log was left as it was.
    NothingWritten { failure: AppendFailure, cause: LogError },
    /// A write or sync failed: nobody knows before the restart.
    Unknown(LedgerError),
}

impl Uncommitted {
    /// What a failed append of the log means.
    pub(super) fn of_append(error: LogError) -> Self {
        match error {
            LogError::OutcomeUnknown { source } => Self::Unknown(LedgerError::Log(*source)),
            LogError::DiskFull { free_bytes, reserve_bytes, .. } => Self::NothingWritten {
                failure: AppendFailure::DiskFull { free_bytes, reserve_bytes },
                cause: error,
            },
            LogError::Stopped => {
                Self::NothingWritten { failure: AppendFailure::Stopped, cause: error }
            }
            other => Self::Unknown(LedgerError::Log(other)),
        }
    }
}

impl From<LedgerError> for Uncommitted {
    fn from(error: LedgerError) -> Self {
        Self::Unknown(error)
    }
}

/// What a request of the batch hears: an answer that was given before stands, and nothing else does.
pub(super) fn answer_without_record(
    decided: Result<AppendOutcome, AppendFailure>,
    failure: &AppendFailure,
) -> Result<AppendOutcome, AppendFailure> {
    let telling = match &decided {
        Ok(AppendOutcome::Accepted(answer)) => answer.telling,
        Ok(AppendOutcome::Refused(refusal)) => refusal.telling,
        Err(_) => Telling::First,
    };
    match telling {
        Telling::Again => decided,
        Telling::First => Err(failure.clone()),
    }
}
