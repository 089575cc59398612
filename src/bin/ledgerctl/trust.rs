//! Whose word is taken: the keys that checkpoints are verified with, and the log that they are of.

use std::path::Path;

use contract_ledger::ledger::error::WithCauses;
use contract_ledger::merkle::{Checkpoint, KeyFault, Note, VerifierKey};

use crate::arguments::TrustArguments;
use crate::outcome::CommandError;

/// Keys and origin.
///
/// Invariant: there is at least one origin.
#[derive(Debug)]
pub(crate) struct Trust {
    pub(crate) keys: Vec<VerifierKey>,
    /// Whose log it may be: the one that was named, or else the name of any of the keys. After a change
    /// to a key of another name the log keeps the name of the first one.
    origins: Vec<String>,
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
        let named = keys.iter().map(|key| key.name().to_string());
        let origins = origin.clone().map_or_else(|| named.collect(), |origin| vec![origin]);
        Ok(Self { keys, origins })
    }

    /// The name that a log which calls itself so has to have: that one, if it may be it.
    pub(crate) fn origin_for<'t>(&'t self, told: &'t str) -> &'t str {
        let first = self.origins.first().map_or("", String::as_str);
        if self.origins.iter().any(|origin| origin == told) { told } else { first }
    }

    /// A checkpoint of this log that one of the keys has signed. `what` names it in the failure.
    pub(crate) fn believe(&self, what: &str, text: &str) -> Result<Believed, CommandError> {
        let wrong = |fault: &dyn std::error::Error| {
            CommandError::Untrue(format!("{what} is not to be believed: {}", WithCauses(fault)))
        };
        let note = Note::parse(text).map_err(|fault| wrong(&fault))?;
        note.verify(&self.keys).map_err(|fault| wrong(&fault))?;
        let checkpoint = Checkpoint::parse(note.text()).map_err(|fault| wrong(&fault))?;
        let actual = checkpoint.origin();
        if self.origin_for(actual) != actual {
            let expected = self.origins.join(" or ");
            return Err(CommandError::Untrue(format!(
                "{what} is of the log {actual}, not of {expected}; if that is the log that you mean, \
                 name it with --origin"
            )));
        }
        Ok(Believed { text: text.to_owned(), checkpoint })
    }
}

/// What a checkpoint says of itself, believed or not; empty when it is none.
pub(crate) fn origin_of(note: &Note) -> String {
    let read = Checkpoint::parse(note.text());
    read.map(|checkpoint| checkpoint.origin().to_owned()).unwrap_or_default()
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
