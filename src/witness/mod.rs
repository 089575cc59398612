//! Witnesses: others who cosign the ledger's checkpoints, so that it cannot show one history to one
//! reader and another to the next (C2SP `tlog-witness`).
//!
//! One thread goes round: it asks for the newest checkpoint, sends it to every witness whose turn it
//! is with the proof that it continues what that witness cosigned last, and keeps the answers. It
//! must not know the ledger, nor gRPC: what to submit comes from a [`Source`]. After a start each witness
//! is asked, whatever is kept of it: it may remember more than this side. One that saw another history
//! is told to the source, which then signs nothing more; nothing else that a witness does or leaves
//! undone stops anything.
//!
//! Reading order: `fault`, `exchange` (one submission, decided without a network), `post` (the
//! network), `kept` (cosignatures on disk), `round` (who is asked when).

mod exchange;
mod fault;
mod kept;
mod post;
mod round;

pub use exchange::{Answer, Source, SourceFault, Transport, TransportFault};
pub use fault::WitnessFault;
pub use post::HttpTransport;
pub use round::{WitnessStatus, Witnesses};

use std::time::Duration;

use crate::merkle::{Note, VerifierKey};

/// One witness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// Where it takes checkpoints: the submission prefix, without `/add-checkpoint`.
    pub url: String,
    /// The key of its cosignatures.
    pub key: VerifierKey,
}

impl Witness {
    /// Whether it has cosigned nothing of the log but that it was empty, which `empty` says. A fault is
    /// also that it does not answer; a log that it does not know it has not seen.
    pub fn has_seen_nothing(
        &self,
        empty: &Note,
        source: &dyn Source,
        transport: &dyn Transport,
    ) -> Result<(), WitnessFault> {
        match exchange::submit(self, empty, 0, source, transport) {
            Ok(_) | Err(WitnessFault::UnknownLog) => Ok(()),
            Err(fault) => Err(fault),
        }
    }
}

/// How often witnesses are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WitnessPace {
    /// The pause between two rounds. A failed submission is tried again in the next.
    pub interval: Duration,
    /// The age from which on the same checkpoint is submitted again, for a fresher time.
    pub refresh: Duration,
    /// Longest wait for one answer.
    pub timeout: Duration,
}

impl Default for WitnessPace {
    fn default() -> Self {
        Self {
            interval: Duration::from_mins(1),
            refresh: Duration::from_hours(1),
            timeout: Duration::from_secs(10),
        }
    }
}
