//! `replay`: the whole history as JSON lines, the same bytes every time.

use std::io::Write;

use contract_ledger::wire::json::to_json;

use crate::arguments::ReplayArguments;
use crate::client::ServerAddress;
use crate::outcome::{CommandError, EXIT_DONE};
use crate::stored_records::read;

/// Writes a record a line, by position, from the first one to the head or a given number.
pub(crate) async fn run(
    server: &ServerAddress,
    arguments: &ReplayArguments,
    output: &mut impl Write,
) -> Result<u8, CommandError> {
    let ReplayArguments { records } = arguments;
    read(server.connect().await?, 0, *records, |stored| {
        Ok(writeln!(output, "{}", to_json(&stored.record))?)
    })
    .await?;
    Ok(EXIT_DONE)
}
