//! Where the configuration comes from: flags over environment over file over defaults.

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
    /// A key is unknown, or has a value of the wrong kind.
    #[error("the configuration (file, environment, flags together) is not valid")]
    Invalid(#[source] toml::de::Error),
}

/// The variables of this process's environment that are meant for the ledger.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
pub fn environment() -> Vec<(String, String)> {
    let readable = std::env::vars_os().filter_map(|(name, text)| {
        Some((name.into_string().ok()?, text.to_string_lossy().into_owned()))
    });
    readable.filter(|(name, _)| name.starts_with(ENVIRONMENT_PREFIX)).collect()
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
    table.try_into().map_err(SourceError::Invalid)
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
