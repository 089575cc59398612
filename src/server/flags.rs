//! The command line of ledgerd.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use toml::{Table, Value};

use crate::config::Config;
use crate::config::sources::{SourceError, environment, load};

const AFTER_HELP: &str = "\
Settings come from flags, then LEDGERD_* variables, then the file, then defaults:
  --listen 127.0.0.1:0        LEDGERD_LISTEN=127.0.0.1:0        listen = \"127.0.0.1:0\"
  (no flag)                   LEDGERD_LIMITS__QUEUE_REQUESTS_MAX=4096
                                                               [limits] queue_requests_max = 4096

When it is ready it prints one line on standard output: listening on ADDRESS:PORT.
SIGTERM and SIGINT end it in order: calls in flight finish, exit code 0.
Exit codes: 0 ended in order, 1 failure, 2 wrong flags or configuration.";

/// The server of the contract ledger: appends contract events, answers what is left of a ceiling.
#[derive(Debug, Parser)]
#[command(name = "ledgerd", version, after_help = AFTER_HELP)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own on the command line")]
pub(super) struct Flags {
    /// Folder of the log; made when it is missing
    #[arg(long, value_name = "DIR")]
    data_dir: Option<String>,
    /// Address and port to listen on; port 0 takes a free one [default: 127.0.0.1:7401]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Serve an address that is not loopback without transport security
    #[arg(long)]
    insecure_allow_remote: bool,
    /// Take in the history of an older register, with its own recorded times (ImportEvents)
    #[arg(long)]
    import_mode: bool,
    /// For whom to log on standard error: human or json [default: human]
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
    /// What to log: error, warn, info, debug, trace, or directives [default: info]
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
    /// Check the whole configuration, say whether it is valid, and end
    #[arg(long)]
    pub(super) check_config: bool,
    /// Sign the first checkpoint of a log that has records, and end. Only where nothing was ever signed
    /// with the key; refused when any checkpoint is kept
    #[arg(long, conflicts_with_all = ["check_config", "bench_floor"])]
    pub(super) first_checkpoint: bool,
    /// Keep the newest checkpoint of the data folder for the key again, and end. Only where the key's own
    /// copy is lost for good and no newer checkpoint was ever signed; refused when that copy is there
    #[arg(long, conflicts_with_all = ["check_config", "bench_floor", "first_checkpoint"])]
    pub(super) newest_in_data_dir: bool,
    /// Serve the interface with nothing behind it, to measure the wire: NOTHING IS KEPT
    #[arg(long)]
    pub(super) bench_floor: bool,
}

/// Reads the command line. What is told instead of a start (help, version, a mistake) is an exit code.
pub(super) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Flags, ExitCode> {
    Flags::try_parse_from(arguments).map_err(|told| {
        // A closed terminal leaves nobody to tell.
        drop(told.print());
        u8::try_from(told.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
    })
}

impl Flags {
    /// Puts the flags over the other sources.
    pub(super) fn load(&self) -> Result<Config, SourceError> {
        let text = |text: &str| Value::String(text.to_owned());
        let mut flags = Table::new();
        if let Some(directory) = &self.data_dir {
            flags.insert("data_dir".to_owned(), text(directory));
        }
        if let Some(listen) = &self.listen {
            flags.insert("listen".to_owned(), text(listen));
        }
        if self.insecure_allow_remote {
            flags.insert("insecure_allow_remote".to_owned(), Value::Boolean(true));
        }
        if self.import_mode {
            flags.insert("import_mode".to_owned(), Value::Boolean(true));
        }
        let mut log = Table::new();
        for (key, value) in [("format", &self.log_format), ("level", &self.log_level)] {
            if let Some(value) = value {
                log.insert(key.to_owned(), text(value));
            }
        }
        if !log.is_empty() {
            flags.insert("log".to_owned(), Value::Table(log));
        }
        load(self.config.as_deref(), &environment()?, flags)
    }
}
