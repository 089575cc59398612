//! What the writers of a store share: the witness, the documents that are open, what went wrong.
//!
//! It must not know how requests travel.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use contract_ledger::merkle::Checkpoint;
use contract_ledger::wire::v1;

use crate::outcome::{Outcome, Told};
use crate::witness::Witness;

/// An order that was acknowledged and is used by one writer at a time.
#[derive(Debug, Clone)]
pub(crate) struct OpenOrder {
    pub(crate) agreement: String,
    pub(crate) id: String,
    pub(crate) supplier: usize,
    pub(crate) amount: u64,
    pub(crate) is_invoiced: bool,
}

/// An event with a source, and its place in the log.
#[derive(Debug, Clone)]
pub(crate) struct Sourced {
    pub(crate) agreement: String,
    pub(crate) event: v1::Event,
    pub(crate) position: u64,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) witness: Witness,
    pub(crate) orders: Vec<OpenOrder>,
    pub(crate) sourced: Vec<Sourced>,
    pub(crate) violations: Vec<String>,
    /// Checkpoints that somebody was told, the smallest first.
    pub(crate) signed: Vec<Checkpoint>,
    /// Answers of this cycle that acknowledged something new.
    pub(crate) acknowledged_now: u64,
    /// Whether somebody was told in this cycle that a write failed.
    pub(crate) failure_told: bool,
    names: u64,
}

/// Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Shared(Arc<Mutex<Inner>>);

impl Shared {
    pub(crate) fn new(witness: Witness) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            witness,
            orders: Vec::new(),
            sourced: Vec::new(),
            violations: Vec::new(),
            signed: Vec::new(),
            acknowledged_now: 0,
            failure_told: false,
            names: 0,
        })))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number that no document of this store has yet.
    pub(crate) fn number(&self) -> u64 {
        let mut inner = self.lock();
        inner.names += 1;
        inner.names
    }

    pub(crate) fn violation(&self, text: String) {
        self.lock().violations.push(text);
    }

    /// Begins a cycle.
    pub(crate) fn begin(&self) {
        let mut inner = self.lock();
        inner.acknowledged_now = 0;
        inner.failure_told = false;
    }
}

impl Inner {
    /// Takes in an answer, and holds it against what was told before and what must not be told.
    /// `failure_told` is whether that was so before the request was sent.
    pub(crate) fn take_in(
        &mut self,
        request: &v1::AppendEventsRequest,
        told: &Told,
        failure_told: bool,
    ) -> Result<()> {
        let id = &request.request_id;
        let before = self.witness.get(id).and_then(|known| known.outcome.clone());
        let before = before.filter(Outcome::is_acknowledged);
        self.witness.answered(id, &told.outcome)?;
        if let Outcome::Open { reason } = &told.outcome {
            self.failure_told |= reason == "OUTCOME_UNKNOWN";
        }
        if !told.outcome.is_acknowledged() {
            return Ok(());
        }
        let is_duplicate = is_duplicate(&told.outcome);
        match before {
            Some(before) => {
                // A request of duplicates only is not kept under its id.
                if before != told.outcome && !is_duplicate {
                    self.violations.push(format!(
                        "request {id}: expected the first answer again: {before}; found {}",
                        told.outcome
                    ));
                }
                if !told.replayed && !is_duplicate {
                    self.violations.push(format!("request {id}: decided a second time"));
                }
            }
            None => self.acknowledged_now += 1,
        }
        if failure_told && !told.replayed && !is_duplicate {
            self.violations.push(format!("request {id}: acknowledged after a failed write"));
        }
        Ok(())
    }
}

/// Whether nothing was recorded because every event was there before.
pub(crate) fn is_duplicate(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Accepted(answer) => answer.events.iter().all(|event| event.duplicate),
        Outcome::Refused { .. } | Outcome::NotRecorded { .. } | Outcome::Open { .. } => false,
    }
}
