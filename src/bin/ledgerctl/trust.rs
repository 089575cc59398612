//! Whose word is taken: the keys that checkpoints are verified with, and the log that they are of.

use std::path::Path;

use contract_ledger::ledger::error::WithCauses;
use contract_ledger::merkle::{Checkpoint, KeyFault, Note, VerifierKey};

use crate::arguments::TrustArguments;
use crate::outcome::CommandError;

/// Keys and origin.
#[derive(Debug)]
pub(crate) struct Trust {
    pub(crate) keys: Vec<VerifierKey>,
    pub(crate) origin: String,
}

/// A signed checkpoint, and what it says.
#[derive(Debug, Clone)]
pub(crate) struct Believed {
    pub(crate) text: String,
    pub(crate) checkpoint: Checkpoint,
}

impl Trust {
    /// Reads what the command line says.
    pub(crate) fn of(arguments: &TrustArguments) -> Result<Self, CommandError> {
        let TrustArguments { vkeys, origin } = arguments;
        let keys: Vec<_> = vkeys.iter().map(|text| key(text)).collect::<Result<_, _>>()?;
        let first = keys.first().map(|key| key.name().to_string());
        let origin = origin.clone().or(first).unwrap_or_default();
        Ok(Self { keys, origin })
    }

    /// A checkpoint of this log that one of the keys has signed. `what` names it in the failure.
    pub(crate) fn believe(&self, what: &str, text: &str) -> Result<Believed, CommandError> {
        let wrong = |fault: &dyn std::error::Error| {
            CommandError::Untrue(format!("{what} is not to be believed: {}", WithCauses(fault)))
        };
        let note = Note::parse(text).map_err(|fault| wrong(&fault))?;
        note.verify(&self.keys).map_err(|fault| wrong(&fault))?;
        let checkpoint = Checkpoint::parse(note.text()).map_err(|fault| wrong(&fault))?;
        if checkpoint.origin() != self.origin {
            let (actual, expected) = (checkpoint.origin(), &self.origin);
            return Err(CommandError::Untrue(format!(
                "{what} is of the log {actual}, not of {expected}"
            )));
        }
        Ok(Believed { text: text.to_owned(), checkpoint })
    }
}

/// A key as a text, or the file that holds it.
pub(crate) fn key(text: &str) -> Result<VerifierKey, CommandError> {
    match VerifierKey::parse(text) {
        Err(KeyFault::Form { .. }) => {
            let held = std::fs::read_to_string(Path::new(text)).map_err(|source| {
                CommandError::local(format!("reading {text}, which is no key itself"), source)
            })?;
            VerifierKey::parse(held.trim_end())
                .map_err(|fault| CommandError::Usage(format!("{text}: {fault}")))
        }
        other => other.map_err(|fault| CommandError::Usage(format!("--vkey {text}: {fault}"))),
    }
}
