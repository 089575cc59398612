//! Where the configuration comes from: flags over environment over file over defaults.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::Config;

/// Beginning of every variable of the environment that is read. Sections are joined with two
/// underscores: `LEDGERD_LIMITS__QUEUE_REQUESTS_MAX`. Lists and tables that may stand more than once
/// (`[[witness]]`, `[[policy]]`) are of the file alone.
pub const ENVIRONMENT_PREFIX: &str = "LEDGERD_";

/// Why the sources do not make a configuration.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The file cannot be read.
    #[error("the configuration file {} cannot be read", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("the configuration file {} is not TOML", path.display())]
    NotToml {
        /// Which.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: toml::de::Error,
    },
    /// A variable of the environment is not UTF-8.
    #[error("the variable {name} of the environment is not UTF-8")]
    NotUtf8 {
        /// Which, as far as it can be shown.
        name: String,
    },
    /// A variable of the environment goes into a setting that is no section, or stands where a section
    /// is.
    #[error(
        "the variable {name} of the environment names no setting beside what the file, the flags or other \
         variables set: remove it"
    )]
    NoSetting {
        /// Which.
        name: String,
    },
    /// A key is unknown, or has a value of the wrong kind.
    #[error("the configuration (file, environment, flags together) is not valid")]
    Invalid(#[source] toml::de::Error),
}

/// The variables of this process's environment that are meant for the ledger.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
pub fn environment() -> Result<Vec<(String, String)>, SourceError> {
    meant(std::env::vars_os())
}

/// Those of some variables that are meant for the ledger. One that cannot be read as it was written is
/// refused: a path that was put right would be another path.
fn meant(
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> Result<Vec<(String, String)>, SourceError> {
    let ours = variables
        .filter(|(name, _)| name.as_encoded_bytes().starts_with(ENVIRONMENT_PREFIX.as_bytes()));
    let read = ours.map(|(name, text)| {
        let shown = name.to_string_lossy().into_owned();
        match (name.into_string(), text.into_string()) {
            (Ok(name), Ok(text)) => Ok((name, text)),
            (Err(_), _) | (_, Err(_)) => Err(SourceError::NotUtf8 { name: shown }),
        }
    });
    read.collect()
}

/// Puts the sources together. The flags are a table like the file's.
pub fn load(
    file: Option<&Path>,
    environment: &[(String, String)],
    flags: Table,
) -> Result<Config, SourceError> {
    let mut table = match file {
        None => Table::new(),
        Some(path) => read(path)?,
    };
    for (name, text) in environment {
        let Some(key) = name.strip_prefix(ENVIRONMENT_PREFIX) else { continue };
        let key = key.to_lowercase();
        let path: Vec<&str> = key.split("__").collect();
        merge(&mut table, of_environment(&path, text));
    }
    merge(&mut table, flags);
    for (name, _) in environment {
        if !is_in_place(&table, name) {
            return Err(SourceError::NoSetting { name: name.clone() });
        }
    }
    table.try_into().map_err(SourceError::Invalid)
}

/// Whether what a variable names is a value of the table, or nothing has taken the place of the sections
/// around it.
fn is_in_place(table: &Table, name: &str) -> bool {
    let Some(key) = name.strip_prefix(ENVIRONMENT_PREFIX) else { return true };
    let key = key.to_lowercase();
    let mut sections: Vec<&str> = key.split("__").collect();
    let last = sections.pop();
    let mut inner = table;
    for section in sections {
        match inner.get(section) {
            Some(Value::Table(table)) => inner = table,
            Some(_) | None => return false,
        }
    }
    last.and_then(|last| inner.get(last)).is_some_and(|value| !value.is_table())
}

fn read(path: &Path) -> Result<Table, SourceError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| SourceError::Unreadable { path: path.to_owned(), source })?;
    text.parse().map_err(|source| SourceError::NotToml { path: path.to_owned(), source })
}

/// A variable as a table: with a number or a truth value where the setting is one. A path or an
/// address stays a text, whatever it looks like. What a setting is, only its type says, so each is
/// tried; what fits none is told as what it looks like.
fn of_environment(path: &[&str], text: &str) -> Table {
    let text_value = Value::String(text.to_owned());
    let number = text.parse().ok().map(Value::Integer);
    let truth = text.parse().ok().map(Value::Boolean);
    let looks_like = number.or(truth);
    let as_text = nested(path, text_value);
    match looks_like.map(|value| nested(path, value)) {
        Some(table) if as_text.clone().try_into::<Config>().is_err() => table,
        Some(_) | None => as_text,
    }
}

fn nested(path: &[&str], value: Value) -> Table {
    let mut table = Table::new();
    match path {
        [] => {}
        [key] => {
            table.insert((*key).to_owned(), value);
        }
        [key, rest @ ..] => {
            table.insert((*key).to_owned(), Value::Table(nested(rest, value)));
        }
    }
    table
}

fn merge(under: &mut Table, over: Table) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            (Some(Value::Table(under)), Value::Table(over)) => merge(under, over),
            (_, value) => {
                under.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
#[path = "sources_tests.rs"]
mod tests;
