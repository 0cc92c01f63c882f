//! A run's node runs, by id, so that a copy costs the same however many there are: shared, and copied in small parts where they are
//! changed. Without that, each command about a run of ten thousand node runs would copy ten thousand pointers.
//!
//! The ids of a run begin alike and end in a hash, whose first bits spread them evenly. Where they begin alike, parts in the order of those
//! bits are in the order of the ids.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::{Node, NodeRunId};

/// Into how many parts they are split. More copy less of a part, and more of the list of parts.
const PARTS: usize = 64;
/// How far the bits that choose a part are from the end of an id: they follow the two of its variant.
const SHIFT: u32 = 62 - PARTS.trailing_zeros();

type Part = BTreeMap<NodeRunId, Arc<Node>>;

/// A run's node runs, by id.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeRuns {
    parts: Arc<[Option<Arc<Part>>; PARTS]>,
    count: usize,
}

impl Default for NodeRuns {
    fn default() -> Self {
        NodeRuns { parts: Arc::new([const { None }; PARTS]), count: 0 }
    }
}

impl NodeRuns {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The node run with this id.
    pub fn get(&self, id: &NodeRunId) -> Option<&Arc<Node>> {
        self.parts[part(id)].as_ref()?.get(id)
    }

    /// Whether there is one with this id.
    pub fn contains_key(&self, id: &NodeRunId) -> bool {
        self.get(id).is_some()
    }

    /// All of them, in an order that their ids say.
    pub fn values(&self) -> impl Iterator<Item = &Arc<Node>> {
        self.parts.iter().flatten().flat_map(|part| part.values())
    }

    /// Their ids, in that order.
    pub fn keys(&self) -> impl Iterator<Item = &NodeRunId> {
        self.parts.iter().flatten().flat_map(|part| part.keys())
    }

    /// The node run with this id, to be changed.
    pub fn get_mut(&mut self, id: &NodeRunId) -> Option<&mut Arc<Node>> {
        // Looked for first: nothing is copied for who is not there.
        self.get(id)?;
        let parts = Arc::make_mut(&mut self.parts);
        parts[part(id)].as_mut().and_then(|part| Arc::make_mut(part).get_mut(id))
    }

    /// Takes one in, in place of whichever had its id.
    pub fn insert(&mut self, id: NodeRunId, node: Arc<Node>) {
        let parts = Arc::make_mut(&mut self.parts);
        let part = Arc::make_mut(parts[part(&id)].get_or_insert_default());
        self.count += usize::from(part.insert(id, node).is_none());
    }
}

/// The node run with this id, which must be there.
impl std::ops::Index<&NodeRunId> for NodeRuns {
    type Output = Arc<Node>;

    fn index(&self, id: &NodeRunId) -> &Arc<Node> {
        self.get(id).unwrap_or_else(|| panic!("node run {id} is not part of the run"))
    }
}

fn part(id: &NodeRunId) -> usize {
    // As many bits as there are parts, so always one of them.
    (id.uuid().as_u128() >> SHIFT) as usize % PARTS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Constraints, NodeKind, NodeType, NodeTypeRef, RunId, SideEffect};

    fn node(id: NodeRunId, created_at_ms: i64) -> Arc<Node> {
        let asked = NodeTypeRef { id: "a".to_owned(), version: "1".to_owned() };
        let node_type = NodeType {
            id: asked.id.clone(),
            version: asked.version.clone(),
            asked,
            kind: NodeKind::Call,
            side_effect: SideEffect::Read,
            external: false,
            constraints: Constraints::default(),
            retry: None,
            timeout_ms: None,
            input_schema_sha256: None,
        };
        Arc::new(Node::new(id, node_type, created_at_ms))
    }

    #[test]
    fn it_is_a_map_of_which_a_copy_stays_as_it_was() {
        let run = RunId::from_uuid(uuid::Uuid::nil());
        let root = NodeRunId::root(run);
        let ids: Vec<NodeRunId> = (0..500).map(|key| NodeRunId::child(run, root, &key.to_string())).collect();
        let mut runs = NodeRuns::default();
        assert!(runs.is_empty() && !runs.contains_key(&root) && runs.get_mut(&root).is_none());
        for id in &ids {
            runs.insert(*id, node(*id, 1));
        }
        let before = runs.clone();
        *runs.get_mut(&ids[7]).unwrap() = node(ids[7], 2);
        runs.insert(root, node(root, 1));
        runs.insert(root, node(root, 3));
        assert_eq!((before.len(), runs.len()), (500, 501));
        assert_eq!((before.get(&ids[7]).unwrap().created_at_ms, runs.get(&ids[7]).unwrap().created_at_ms), (1, 2));
        let mut sorted = ids.clone();
        sorted.sort_unstable();
        assert_eq!(before.keys().copied().collect::<Vec<_>>(), sorted, "in the order of the ids");
        assert_eq!(runs.values().count(), 501);
        assert_ne!(before, runs);
    }
}
