//! What was restored, held against a signed checkpoint that somebody kept: no ledger has to be there.

use std::fs;
use std::io::Write;
use std::path::Path;

use contract_ledger::log::{Log, LogError, LogOptions, OpenedLog};
use contract_ledger::merkle::{Frontier, TreeHash};
use contract_ledger::wire::leaf;

use crate::arguments::TrustArguments;
use crate::outcome::{CommandError, EXIT_DONE, EXIT_FAILED};
use crate::trust::{Believed, Trust};

/// Computes the tree over the records of a folder, and compares its root with the signed one.
pub(crate) fn check_signed(
    folder: &Path,
    checkpoint: &Path,
    vkeys: &[String],
    output: &mut impl Write,
) -> Result<u8, CommandError> {
    let trust = Trust::of(&TrustArguments { vkeys: vkeys.to_vec(), origin: None })?;
    let name = checkpoint.display();
    let text = fs::read_to_string(checkpoint)
        .map_err(|source| CommandError::local(format!("reading {name}"), source))?;
    let Believed { checkpoint, .. } = trust.believe(&name.to_string(), &text)?;
    let size = checkpoint.size();
    let (records, tree) = tree_over(folder, size)?;
    if records < size {
        writeln!(
            output,
            "not proved: {name} is of {size} records, and {records} were restored; an earlier \
             checkpoint can be held against them"
        )?;
        return Ok(EXIT_FAILED);
    }
    if tree.root() != checkpoint.root() {
        writeln!(
            output,
            "refused: the first {size} records are not those of {name}: their root is {}",
            tree.root()
        )?;
        return Ok(EXIT_FAILED);
    }
    writeln!(output, "proved:   the first {size} records are those that {name} is signed over")?;
    Ok(EXIT_DONE)
}

/// The records of a folder, and the tree over the first so many of them.
fn tree_over(folder: &Path, size: u64) -> Result<(u64, Frontier), CommandError> {
    let unread = |error: LogError| CommandError::Stopped(format!("{}: {error}", folder.display()));
    let OpenedLog { writer, reader, .. } = Log::open(&LogOptions::new(folder)).map_err(unread)?;
    let records = reader.next_position();
    let mut tree = Frontier::new();
    for item in reader.forward(0, size.min(records)) {
        let (position, stored) = item.map_err(unread)?;
        let leaf = leaf::of_stored(&stored).map_err(|fault| {
            CommandError::Stopped(format!("the record at position {position}: {fault}"))
        })?;
        tree.append(TreeHash::of_leaf(&leaf), |_, _| ());
    }
    drop(reader);
    writer.close().map_err(unread)?;
    Ok((records, tree))
}
