//! Every leaf of the log, looked through for those of one agreement: the only proof that no record was
//! left out, refusals included. Leaves come from whoever has them, such as a folder of tiles.

use crate::domain::id::AgreementId;
use crate::merkle::{Frontier, TreeHash};
use crate::wire::leaf::LeafFields;

/// The leaves so far.
#[derive(Debug, Clone)]
pub struct Census {
    agreement_id: AgreementId,
    tree: Frontier,
    positions: Vec<u64>,
    strange: Option<u64>,
}

impl Census {
    /// No leaf yet.
    pub fn new(agreement_id: AgreementId) -> Self {
        Self { agreement_id, tree: Frontier::new(), positions: Vec::new(), strange: None }
    }

    /// Takes in the next leaf, from the first of the log on.
    pub fn take(&mut self, leaf: &[u8]) {
        let index = self.tree.size();
        self.tree.append(TreeHash::of_leaf(leaf), |_, _| ());
        match LeafFields::read(leaf) {
            Some(fields) if fields.position == index => {
                if fields.agreement_id == self.agreement_id {
                    self.positions.push(index);
                }
            }
            Some(_) | None => self.strange = self.strange.or(Some(index)),
        }
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.tree.size()
    }

    /// The root over them.
    pub fn root(&self) -> TreeHash {
        self.tree.root()
    }

    /// Positions of the agreement's records, rising.
    pub fn positions(&self) -> &[u64] {
        &self.positions
    }

    /// The first leaf that is not laid out as one, or is not in its place.
    pub fn strange(&self) -> Option<u64> {
        self.strange
    }
}
