//! The leaves behind an agreement's newest event, which show that none of it comes after. They are made of
//! the records here, and are no more to be believed than the rest of a dossier before it is verified.

use std::ops::Range;

use bytes::Bytes;
use contract_ledger::dossier::{Proved, ProvedRow, open_positions};
use contract_ledger::merkle::{InclusionProof, RangeProof, push_entry};
use contract_ledger::wire::record::decode;
use contract_ledger::wire::v1::record::Entry;

use crate::client::ServerAddress;
use crate::outcome::CommandError;
use crate::stored_records::read;

/// Fewest bytes of an entry: its length, and a leaf whose agreement has an id of one byte.
const ENTRY_BYTES_MIN: usize = 2 + 91;

/// The leaves at both ends of a row, with their proofs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ends<'e> {
    /// The first.
    pub(crate) first: &'e Proved,
    /// The last.
    pub(crate) last: &'e Proved,
    /// Number of leaves of the tree.
    pub(crate) size: u64,
}

/// Where an event of the agreement could stand without its version being missed.
pub(crate) fn open_behind(
    stored: &[(u64, Bytes)],
    known_to: u64,
) -> Result<Range<u64>, CommandError> {
    let mut events = Vec::new();
    for (position, bytes) in stored {
        let record = decode(bytes).map_err(|fault| {
            CommandError::Stopped(format!(
                "what stands at position {position} is no record: {fault}"
            ))
        })?;
        if let Some(Entry::Event(_)) = record.entry {
            events.push(*position);
        }
    }
    Ok(open_positions(events, known_to))
}

/// The leaves from one end to the other. None when they have more bytes than are wanted.
pub(crate) async fn leaf_row(
    server: &ServerAddress,
    ends: &Ends<'_>,
    bytes_max: usize,
) -> Result<Option<ProvedRow>, CommandError> {
    let Ends { first, last, size } = *ends;
    let end = last.position.saturating_add(1);
    let count = usize::try_from(end.saturating_sub(first.position)).unwrap_or(usize::MAX);
    if count.saturating_mul(ENTRY_BYTES_MIN) > bytes_max {
        return Ok(None);
    }
    let mut bundle = Vec::new();
    read(server.connect().await?, first.position, Some(end), |stored| {
        if push_entry(&mut bundle, &stored.leaf) {
            return Ok(());
        }
        let position = stored.record.position;
        Err(CommandError::Stopped(format!(
            "the leaf of position {position} is too long for a bundle"
        )))
    })
    .await?;
    if bundle.len() > bytes_max {
        return Ok(None);
    }
    let proof = |proved: &Proved| {
        let Proved { position, hashes, .. } = proved.clone();
        InclusionProof { index: position, size, hashes }
    };
    let row = RangeProof::of_ends(&proof(first), &proof(last));
    let row = row.ok_or_else(|| {
        CommandError::Untrue("the proofs of two leaves do not belong to one tree".to_owned())
    })?;
    Ok(Some(ProvedRow { first: first.position, bundle, hashes: row.hashes }))
}
