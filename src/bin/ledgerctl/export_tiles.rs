//! `export-tiles`: writes the log's tree as static files that any monitor can read.
//!
//! Leaves and hashes are computed here from the records as they are stored. What comes out is shown
//! only under a checkpoint of the ledger that says the same. What was written by an earlier run is checked
//! before it is gone on with.

use std::io::Write;

use contract_ledger::wire::v1::GetCheckpointRequest;

use crate::arguments::ExportTilesArguments;
use crate::client::{Client, ServerAddress, with_deadline};
use crate::outcome::{CommandError, EXIT_DONE};
use crate::stored_records::read;
use crate::tile_folder::TileFolder;
use crate::trust::Trust;

/// Exports what is new since the last time.
pub(crate) async fn run(
    server: &ServerAddress,
    arguments: &ExportTilesArguments,
    output: &mut impl Write,
) -> Result<u8, CommandError> {
    let ExportTilesArguments { directory, trust, cosigned, quick } = arguments;
    let trust = Trust::of(trust)?;
    let mut folder = TileFolder::open(directory, *quick)?;
    let mut client = Client::connect(server).await?;
    let request = GetCheckpointRequest { cosigned_by_at_least: *cosigned, witnesses_only: false };
    let asked = client.audit.get_checkpoint(with_deadline(request)).await?.into_inner();
    let believed = trust.believe("the ledger's checkpoint", &asked.checkpoint)?;
    let (from, to) = (folder.size(), believed.checkpoint.size());
    let shown = directory.display();
    let signed = believed.checkpoint.origin();
    if let Some(origin) = folder.origin().filter(|origin| *origin != signed) {
        let text = format!("{shown} is of the log {origin}, not of {signed}");
        return Err(CommandError::Untrue(text));
    }
    if from > to {
        let text = format!(
            "{shown} has a tree of {from} records and the ledger's checkpoint covers {to}: the ledger \
             was set back"
        );
        return Err(CommandError::Untrue(text));
    }
    let channel = server.connect().await?;
    read(channel, from, Some(to), |stored| folder.append(&stored.leaf)).await?;
    if folder.root() != believed.checkpoint.root() {
        let (root, signed) = (folder.root(), believed.checkpoint.root());
        let text = format!(
            "the records of the ledger, behind those that were exported before, have the root {root}, \
             and the ledger signed {signed}: something was altered. The folder still shows its earlier \
             checkpoint"
        );
        return Err(CommandError::Untrue(text));
    }
    folder.finish(&believed.text)?;
    writeln!(output, "{to} records, {} of them new, root {}", to - from, folder.root())?;
    Ok(EXIT_DONE)
}
