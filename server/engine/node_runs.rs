//! The node runs of a run, by id, as a persistent map: copies share their parts, and a change copies one small part.
//! Otherwise each command for a run of ten thousand node runs would copy ten thousand pointers.
//!
//! The ids of a run share a prefix and end in a hash, whose first bits choose the part and distribute the ids evenly.
//! As the prefix is the same, the order of the parts is the order of the ids.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::{Node, NodeRunId};

/// The number of parts. With more parts, a change copies less of a part and more of the list of parts.
const PARTS: usize = 64;
/// The position of the bits that choose a part, counted from the end of the id. They follow the two variant bits.
const SHIFT: u32 = 62 - PARTS.trailing_zeros();

type Part = BTreeMap<NodeRunId, Arc<Node>>;

/// The node runs of a run, by id.
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
    /// The number of node runs.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether the map is empty.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The node run with this id.
    pub fn get(&self, id: &NodeRunId) -> Option<&Arc<Node>> {
        self.parts[part(id)].as_ref()?.get(id)
    }

    /// Whether the map has a node run with this id.
    pub fn contains_key(&self, id: &NodeRunId) -> bool {
        self.get(id).is_some()
    }

    /// All node runs, in an order that depends only on their ids.
    pub fn values(&self) -> impl Iterator<Item = &Arc<Node>> {
        self.parts.iter().flatten().flat_map(|part| part.values())
    }

    /// All ids, in the same order.
    pub fn keys(&self) -> impl Iterator<Item = &NodeRunId> {
        self.parts.iter().flatten().flat_map(|part| part.keys())
    }

    /// The node run with this id, mutable.
    pub fn get_mut(&mut self, id: &NodeRunId) -> Option<&mut Arc<Node>> {
        // Return early for an unknown id, so that nothing is copied.
        self.get(id)?;
        let parts = Arc::make_mut(&mut self.parts);
        parts[part(id)].as_mut().and_then(|part| Arc::make_mut(part).get_mut(id))
    }

    /// Inserts a node run, or replaces the one with its id.
    pub fn insert(&mut self, id: NodeRunId, node: Arc<Node>) {
        let parts = Arc::make_mut(&mut self.parts);
        let part = Arc::make_mut(parts[part(&id)].get_or_insert_default());
        self.count += usize::from(part.insert(id, node).is_none());
    }
}

/// The node run with this id. Panics if the id is unknown.
impl std::ops::Index<&NodeRunId> for NodeRuns {
    type Output = Arc<Node>;

    fn index(&self, id: &NodeRunId) -> &Arc<Node> {
        self.get(id).unwrap_or_else(|| panic!("node run {id} is not part of the run"))
    }
}

fn part(id: &NodeRunId) -> usize {
    // The modulus is the number of parts, so the index is in range.
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
