//! Where the program's own log goes: standard error, for a person or as JSON lines.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::{LogConfig, LogFormat};

/// The program cannot log as it is told to.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// Something in this process logs already.
    #[error("a log is set up already")]
    AlreadySet(#[from] tracing_subscriber::util::TryInitError),
}

/// Sets up the log of this process.
pub fn set_up(config: &LogConfig) -> Result<(), TelemetryError> {
    let filter = EnvFilter::new(&config.level);
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false);
    match config.format {
        LogFormat::Human => builder.finish().try_init()?,
        LogFormat::Json => builder.json().finish().try_init()?,
    }
    Ok(())
}
