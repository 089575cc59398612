//! What the ledger signs, for those who know no ledger: witnesses, and readers of tiles.

use std::sync::Arc;

use crate::ledger::Ledger;
use crate::ledger::error::{LedgerError, WithCauses};
use crate::ledger::proofs::ProofFailure;
use crate::ledger::signing::Signed;
use crate::merkle::{Checkpoint, Note, TreeHash};
use crate::tiles::Checkpoints;
use crate::witness::{Source, SourceFault, Witness, WitnessFault, Witnesses};

/// The ledger's checkpoints and proofs, for witnesses.
pub(super) struct ForWitnesses(pub(super) Ledger);

impl Source for ForWitnesses {
    fn newest(&self) -> Result<Note, SourceFault> {
        let newest = self.0.checkpoint_for_witnesses();
        newest.map(|signed| signed.note).map_err(|failure| in_words(&failure))
    }

    fn signed_size(&self) -> u64 {
        self.0.signed_size()
    }

    fn consistency(&self, old_size: u64, new_size: u64) -> Result<Vec<TreeHash>, SourceFault> {
        let proved = self
            .0
            .prove_consistency(old_size, Some(new_size))
            .map_err(|failure| in_words(&failure))?;
        Ok(proved.proof.hashes)
    }

    fn contradicted(&self, witness: &Witness, fault: &WitnessFault) {
        self.0.contradict(witness.key.name().to_string(), fault.reason(), fault.to_string());
    }

    fn all_asked(&self) {
        self.0.all_witnesses_asked();
    }
}

fn in_words(failure: &ProofFailure) -> SourceFault {
    SourceFault(WithCauses(failure).to_string())
}

/// The checkpoint that belongs to the tiles: the newest that a witness cosigned, or where there are
/// none the newest that is signed.
pub(super) struct ForReaders {
    pub(super) ledger: Ledger,
    pub(super) witnesses: Option<Arc<Witnesses>>,
}

impl Checkpoints for ForReaders {
    fn newest(&self) -> Result<Result<String, String>, LedgerError> {
        let cosigned = self.witnesses.as_ref().and_then(|witnesses| witnesses.newest_cosigned(1));
        let read = cosigned.and_then(|note| Some((Checkpoint::parse(note.text()).ok()?, note)));
        let note = match read {
            Some((checkpoint, note)) => self.ledger.check_cosigned(&checkpoint).map(|()| note),
            None => self.ledger.checkpoint().map(|Signed { note, .. }| note),
        };
        match note {
            Ok(note) => Ok(Ok(note.to_string())),
            Err(ProofFailure::Ledger(error)) => Err(error),
            Err(other) => Ok(Err(other.to_string())),
        }
    }
}
