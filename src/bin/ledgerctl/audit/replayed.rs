//! Reading the whole log as it is stored, and comparing it with what was signed then and is signed now.
//!
//! What is kept of an agreement is the tree over its own leaves: a hash or a few, however long it is.
//! With that its records are read a second time, by themselves, and known to be the same and all.

use std::collections::BTreeMap;
use std::sync::Arc;

use contract_ledger::domain::event::Recorded;
use contract_ledger::merkle::{Frontier, TreeHash};
use contract_ledger::wire::v1::Record;
use contract_ledger::wire::v1::record::Entry;
use contract_ledger::wire::{leaf, record};
use tonic::transport::Channel;

use crate::client::ServerAddress;
use crate::outcome::CommandError;
use crate::stored_records::{read, read_of_agreement};
use crate::trust::Believed;

/// What was replayed.
#[derive(Default)]
pub(super) struct Replayed {
    /// Number of events since the last visit.
    pub(super) events: u64,
    /// The requests that were refused since.
    pub(super) refused: Vec<Record>,
    /// Every agreement that the log names.
    pub(super) agreements: BTreeMap<String, OfAgreement>,
}

/// What the log has of one agreement.
#[derive(Default)]
pub(super) struct OfAgreement {
    leaves: Frontier,
    events: u64,
    new_events: u64,
}

/// Reads everything, makes every leaf, and compares both roots with those that are signed.
pub(super) async fn replay(
    server: &ServerAddress,
    since: (u64, TreeHash),
    now: &Believed,
) -> Result<Replayed, CommandError> {
    let (from, root_before) = since;
    let (to, signed) = (now.checkpoint.size(), now.checkpoint.root());
    let mut tree = Frontier::new();
    let mut replayed = Replayed::default();
    read(server.connect().await?, 0, Some(to), |stored| {
        if tree.size() == from {
            compare(&tree, 0, root_before)?;
        }
        let is_new = tree.size() >= from;
        let leaf = stored.leaf_hash();
        tree.append(leaf, |_, _| ());
        replayed.take(stored.record, leaf, is_new);
        Ok(())
    })
    .await?;
    // Also when nothing is new.
    if tree.size() == from {
        compare(&tree, 0, root_before)?;
    }
    compare(&tree, from, signed)?;
    Ok(replayed)
}

/// That the tree has the root that was signed for its size.
fn compare(tree: &Frontier, from: u64, signed: TreeHash) -> Result<(), CommandError> {
    let (computed, last) = (tree.root(), tree.size().saturating_sub(1));
    if computed != signed {
        return Err(CommandError::Untrue(format!(
            "positions {from} to {last} are not the records that are signed: they give the root \
             {computed}, and {signed} is signed"
        )));
    }
    Ok(())
}

impl Replayed {
    fn take(&mut self, record: Record, leaf: TreeHash, is_new: bool) {
        let agreement = self.agreements.entry(record.agreement_id.clone()).or_default();
        agreement.leaves.append(leaf, |_, _| ());
        if matches!(record.entry, Some(Entry::Refusal(_))) {
            self.refused.extend(is_new.then_some(record));
            return;
        }
        agreement.events += 1;
        if is_new {
            agreement.new_events += 1;
            self.events += 1;
        }
    }
}

impl OfAgreement {
    /// Only refused requests name it.
    pub(super) fn has_no_event(&self) -> bool {
        self.events == 0
    }

    /// No event came since the last visit.
    pub(super) fn is_as_before(&self) -> bool {
        self.new_events == 0
    }

    /// Its events, in the order of recording.
    pub(super) async fn events(
        &self,
        channel: Channel,
        agreement_id: &str,
        size: u64,
    ) -> Result<Vec<Arc<Recorded>>, CommandError> {
        let mut leaves = Frontier::new();
        let mut events = Vec::new();
        for (position, stored) in read_of_agreement(channel, agreement_id, size).await? {
            let unfit = |fault: record::RecordFault| {
                let text = format!("what stands at position {position} is no record: {fault}");
                CommandError::Stopped(text)
            };
            let record = record::decode(&stored).map_err(unfit)?;
            let leaf = leaf::of_record(&record, &stored).map_err(unfit)?;
            leaves.append(TreeHash::of_leaf(&leaf), |_, _| ());
            events.extend(record::recorded(&record).map_err(unfit)?.map(Arc::new));
        }
        if leaves != self.leaves {
            return Err(CommandError::Untrue(format!(
                "the records of {agreement_id} that the ledger sends by themselves are not those that \
                 stand in its log"
            )));
        }
        Ok(events)
    }
}
