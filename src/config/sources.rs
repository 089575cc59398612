//! Where the configuration comes from: flags over environment over file over defaults.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::Config;

/// Beginning of every variable of the environment that is read. Sections are joined with two
/// underscores: `LEDGERD_LIMITS__QUEUE_REQUESTS_MAX`.
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
        merge(&mut table, nested(&path, environment_value(&path, text)));
    }
    merge(&mut table, flags);
    table.try_into().map_err(SourceError::Invalid)
}

fn read(path: &Path) -> Result<Table, SourceError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| SourceError::Unreadable { path: path.to_owned(), source })?;
    text.parse().map_err(|source| SourceError::NotToml { path: path.to_owned(), source })
}

/// Numbers and truth values where they are meant; a path or an address stays a text, whatever it
/// looks like.
fn environment_value(path: &[&str], text: &str) -> Value {
    let numeric = matches!(path, ["limits" | "store", ..] | ["archive", "segment_bytes_max"]);
    if numeric && let Ok(number) = text.parse::<i64>() {
        return Value::Integer(number);
    }
    match text {
        "true" => Value::Boolean(true),
        "false" => Value::Boolean(false),
        _ => Value::String(text.to_owned()),
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
mod tests {
    use super::*;
    use std::io::Write as _;

    fn variable(name: &str, text: &str) -> (String, String) {
        (name.to_owned(), text.to_owned())
    }

    #[test]
    fn flags_stand_over_environment_over_file_over_defaults() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(
            file,
            "listen = \"127.0.0.1:1\"\n[limits]\nqueue_requests_max = 7\nbatch_requests_max = 8"
        )
        .unwrap();
        let environment = [
            variable("LEDGERD_LISTEN", "127.0.0.1:2"),
            variable("LEDGERD_LIMITS__QUEUE_REQUESTS_MAX", "9"),
            variable("LEDGERD_DATA_DIR", "12345"),
            variable("LEDGERD_ARCHIVE__DIRECTORY", "678"),
            variable("LEDGERD_ARCHIVE__SEGMENT_BYTES_MAX", "4096"),
            variable("LEDGERD_ARCHIVE__ENABLED", "true"),
        ];
        let flags = nested(&["listen"], Value::String("127.0.0.1:3".to_owned()));
        let config = load(Some(file.path()), &environment, flags).unwrap();
        assert_eq!(config.listen, "127.0.0.1:3");
        assert_eq!(config.limits.queue_requests_max, 9);
        assert_eq!(config.limits.batch_requests_max, 8);
        assert_eq!(config.limits.batch_bytes_max, Config::default().limits.batch_bytes_max);
        assert_eq!(config.data_dir, Some(PathBuf::from("12345")));
        assert_eq!(config.archive.directory, Some(PathBuf::from("678")));
        assert_eq!(config.archive.segment_bytes_max, 4096);
    }

    #[test]
    fn unknown_keys_and_wrong_kinds_are_refused() {
        for (name, text) in [
            ("LEDGERD_SURPRISE", "1"),
            ("LEDGERD_LIMITS__SURPRISE", "1"),
            ("LEDGERD_LIMITS__QUEUE_REQUESTS_MAX", "many"),
            ("LEDGERD_LIMITS__QUEUE_REQUESTS_MAX", "-1"),
            ("LEDGERD_LOG__FORMAT", "xml"),
        ] {
            let loaded = load(None, &[variable(name, text)], Table::new());
            assert!(matches!(loaded, Err(SourceError::Invalid(_))), "{name}={text}: {loaded:?}");
        }
    }
}
