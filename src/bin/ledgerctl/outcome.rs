//! How a command ends: the exit codes and the errors that stop it.

use std::io::{self, Write};
use std::process::ExitCode;

use crate::failure::Failure;
use crate::failure_text::failure_text;

/// The command did what was asked.
pub(crate) const EXIT_DONE: u8 = 0;
/// The ledger answered with an error, or to some lines with an error, or a figure is wrong.
pub(crate) const EXIT_FAILED: u8 = 1;
/// The command could not be carried out: wrong arguments, no connection, no file.
pub(crate) const EXIT_NOT_RUN: u8 = 2;

/// What a dossier says holds as far as it goes, and that no later event was left out is not proved.
pub(crate) const EXIT_NOT_PROVED: u8 = 3;

/// Why a command stopped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    /// The arguments make no sense.
    #[error("{0}")]
    Usage(String),
    /// No connection.
    #[error("no ledger answers at {server}")]
    Unreachable {
        /// The address as given.
        server: String,
        /// What the transport says.
        #[source]
        source: tonic::transport::Error,
    },
    /// The server answered with an error.
    #[error("{}", failure_text(.0))]
    Refused(Box<Failure>),
    /// The server ended with an error at one place of the input.
    #[error("{place}: {}", failure_text(.failure))]
    RefusedAt {
        /// Where.
        place: String,
        /// How.
        failure: Box<Failure>,
    },
    /// The answer could not be written.
    #[error("the output cannot be written")]
    Output(#[source] io::Error),
    /// Something on this machine.
    #[error("{doing}")]
    Local {
        /// What was being done.
        doing: String,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// What the ledger says, or a file holds, is not true.
    #[error("{0}")]
    Untrue(String),
    /// What a file holds is true, and something that matters is not proved.
    #[error("{0}")]
    Unproved(String),
    /// The command went wrong half-way, and says how.
    #[error("{0}")]
    Stopped(String),
}

impl From<tonic::Status> for CommandError {
    fn from(status: tonic::Status) -> Self {
        Self::Refused(Box::new(Failure::of_status(&status)))
    }
}

impl From<io::Error> for CommandError {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl CommandError {
    /// Names what failed on this machine.
    pub(crate) fn local(doing: impl Into<String>, source: io::Error) -> Self {
        Self::Local { doing: doing.into(), source }
    }

    /// True when the reader of the output has gone, as in `ledgerctl events | head`.
    fn is_closed_output(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    fn exit_code(&self) -> u8 {
        match self {
            Self::Refused(failure) | Self::RefusedAt { failure, .. } if !failure.unanswered => {
                EXIT_FAILED
            }
            Self::Untrue(_) => EXIT_FAILED,
            Self::Unproved(_) => EXIT_NOT_PROVED,
            Self::Refused(_)
            | Self::RefusedAt { .. }
            | Self::Usage(_)
            | Self::Unreachable { .. }
            | Self::Output(_)
            | Self::Local { .. }
            | Self::Stopped(_) => EXIT_NOT_RUN,
        }
    }
}

/// Says on standard error what went wrong, and turns the end of a command into its exit code.
pub(crate) fn conclude(result: Result<u8, CommandError>) -> ExitCode {
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) if error.is_closed_output() => ExitCode::from(EXIT_DONE),
        Err(error) => {
            // When standard error is closed there is nobody left to tell.
            let _ = write!(io::stderr().lock(), "{}", error_text(&error));
            ExitCode::from(error.exit_code())
        }
    }
}

/// The error and everything behind it, one cause a line.
fn error_text(error: &CommandError) -> String {
    let mut causes: Vec<String> =
        std::iter::successors(std::error::Error::source(error), |cause| cause.source())
            .map(|cause| format!("  because: {cause}\n"))
            .collect();
    // Transports wrap the same words around themselves.
    causes.dedup();
    format!("ledgerctl: {}\n{}", error.to_string().trim_end(), causes.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_code_tells_an_answer_from_no_answer() {
        let refused = CommandError::from(tonic::Status::not_found("no such agreement"));
        assert_eq!(refused.exit_code(), EXIT_FAILED);
        assert_eq!(CommandError::Usage("x".to_owned()).exit_code(), EXIT_NOT_RUN);
    }

    #[test]
    fn closed_output_is_recognised() {
        assert!(CommandError::from(io::Error::from(io::ErrorKind::BrokenPipe)).is_closed_output());
        assert!(
            !CommandError::from(io::Error::from(io::ErrorKind::StorageFull)).is_closed_output()
        );
    }

    #[test]
    fn causes_follow_the_error() {
        let error = CommandError::local("reading a.jsonl", io::Error::other("gone"));
        assert_eq!(error_text(&error), "ledgerctl: reading a.jsonl\n  because: gone\n");
    }
}
