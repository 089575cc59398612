//! `completions`: a script that teaches a shell the command line.

use std::io::Write;

use clap::CommandFactory as _;

use crate::arguments::{Arguments, CompletionsArguments};
use crate::outcome::{CommandError, EXIT_DONE};

/// Writes the script.
pub(crate) fn run(
    arguments: &CompletionsArguments,
    output: &mut impl Write,
) -> Result<u8, CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "ledgerctl", &mut script);
    output.write_all(&script)?;
    Ok(EXIT_DONE)
}
