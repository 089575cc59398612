//! Which name stands for which node: as seen now, as durable, and the changes in between.
//!
//! It must not know what a node holds.

use std::collections::{BTreeMap, BTreeSet};

use super::NodeId;

/// A name in a directory.
pub(crate) type Place = (NodeId, Vec<u8>);

/// Names and nodes; a node has at most one name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tree {
    nodes: BTreeMap<Place, NodeId>,
    places: BTreeMap<NodeId, Place>,
}

impl Tree {
    pub(crate) fn get(&self, place: &Place) -> Option<NodeId> {
        self.nodes.get(place).copied()
    }

    pub(crate) fn has(&self, node: NodeId) -> bool {
        self.places.contains_key(&node)
    }

    pub(crate) fn list(&self, directory: NodeId) -> impl Iterator<Item = (&[u8], NodeId)> {
        self.nodes
            .range((directory, Vec::new())..)
            .take_while(move |((parent, _), _)| *parent == directory)
            .map(|((_, name), node)| (name.as_slice(), *node))
    }

    fn put(&mut self, place: &Place, node: NodeId) {
        if let Some(before) = self.places.insert(node, place.clone()) {
            self.nodes.remove(&before);
        }
        if let Some(replaced) = self.nodes.insert(place.clone(), node) {
            self.places.remove(&replaced);
        }
    }

    fn remove(&mut self, place: &Place, node: NodeId) {
        if self.get(place) == Some(node) {
            self.nodes.remove(place);
            self.places.remove(&node);
        }
    }

    /// Every node that can be reached by names from this one, itself included.
    pub(crate) fn reachable(&self, root: NodeId) -> BTreeSet<NodeId> {
        let mut found = BTreeSet::from([root]);
        let mut next = vec![root];
        while let Some(directory) = next.pop() {
            for (_, node) in self.list(directory) {
                if found.insert(node) {
                    next.push(node);
                }
            }
        }
        found
    }

    fn keep(&mut self, alive: &BTreeSet<NodeId>) {
        self.nodes.retain(|(directory, _), _| alive.contains(directory));
        self.places.retain(|_, (directory, _)| alive.contains(directory));
    }
}

/// A change of names that is not durable yet. It is never torn.
#[derive(Debug, Clone)]
enum Change {
    /// The node has this name now, and no other; what had the name before has none.
    Put {
        node: NodeId,
        from: Option<Place>,
        to: Place,
    },
    Remove {
        node: NodeId,
        at: Place,
    },
}

impl Change {
    fn directories(&self) -> Vec<NodeId> {
        match self {
            Change::Put { from, to, .. } => {
                from.iter().chain([to]).map(|(directory, _)| *directory).collect()
            }
            Change::Remove { at: (directory, _), .. } => vec![*directory],
        }
    }

    fn apply(&self, tree: &mut Tree) {
        match self {
            Change::Put { node, to, .. } => tree.put(to, *node),
            Change::Remove { node, at } => tree.remove(at, *node),
        }
    }
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    pub(crate) now: Tree,
    durable: Tree,
    pending: Vec<Change>,
}

impl Names {
    pub(crate) fn put(&mut self, node: NodeId, to: Place) {
        let from = self.now.places.get(&node).cloned();
        self.change(Change::Put { node, from, to });
    }

    pub(crate) fn remove(&mut self, node: NodeId, at: Place) {
        self.change(Change::Remove { node, at });
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.now);
        self.pending.push(change);
    }

    /// Makes the names of a directory durable. A rename between two directories is one change, so
    /// it takes along what came before it in the other one.
    pub(crate) fn sync(&mut self, directory: NodeId) {
        let mut directories = BTreeSet::from([directory]);
        let (mut synced, mut left) = (Vec::new(), Vec::new());
        for change in self.pending.drain(..).rev() {
            let touched = change.directories();
            if touched.iter().any(|directory| directories.contains(directory)) {
                directories.extend(touched);
                synced.push(change);
            } else {
                left.push(change);
            }
        }
        synced.iter().rev().for_each(|change| change.apply(&mut self.durable));
        left.reverse();
        self.pending = left;
    }

    /// Forgets what is not durable, but for the changes that `survives` lets through, and gives the
    /// nodes that are left with the number of changes kept and lost.
    pub(crate) fn cut(
        &mut self,
        root: NodeId,
        mut survives: impl FnMut() -> bool,
    ) -> (BTreeSet<NodeId>, u64, u64) {
        let (mut kept, mut lost) = (0_u64, 0_u64);
        for change in std::mem::take(&mut self.pending) {
            if survives() {
                change.apply(&mut self.durable);
                kept = kept.saturating_add(1);
            } else {
                lost = lost.saturating_add(1);
            }
        }
        let alive = self.durable.reachable(root);
        self.durable.keep(&alive);
        self.now = self.durable.clone();
        (alive, kept, lost)
    }
}
