//! Run states in memory, bounded in number and in bytes. Only a cache: every state can be read again.
//!
//! Bytes count because a request may have a megabyte, and a state has its inputs and outputs more than once: a bound
//! on the number alone would let a few thousand large runs fill the machine.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::LruCache;
use runyard_engine::{
    Content, Decision, Event, Graph, GraphNode, Items, Labels, Node, NodeRunId, Object, Position, RunId, State,
    command::Start,
};
use serde_json::Value;

/// How many run states are cached.
const RUNS_MAX: NonZeroUsize = NonZeroUsize::new(4_096).expect("more than none");
/// How many bytes they may have together, as [`bytes_of`] counts.
const BYTES_MAX: usize = 128 << 20;
/// The fraction of that which stays cached when no run changes, so that a burst does not hold memory for ever.
const RESTING: usize = 4;

/// The capacity of a B-tree node of the standard library, which is allocated whole.
const TREE_NODE: usize = 11;
/// The fewest entries of a node, if there is more than one node.
const TREE_NODE_MIN: usize = 6;
/// The size of an object's member in its table: hash, key, value.
const MEMBER: usize = 8 + size_of::<String>() + size_of::<Value>();
/// The smallest capacity of an object.
const MEMBERS_MIN: usize = 4;
/// The size of an empty state: itself, the list of the parts of its node runs, its start, its cache entry.
const STATE_BYTES: usize = size_of::<State>() + 64 * 8 + size_of::<Start>() + 1_024;
/// The size of a node run besides what is counted: itself, a tree node of its part of all node runs, its entries in
/// lists and sets, and the texts of its node type.
const NODE_BYTES: usize = size_of::<Node>() + TREE_NODE * 24 + 16 + 256 + 512;

/// The cached states.
pub(super) struct Cache {
    held: Mutex<CacheEntries>,
    bytes_max: usize,
}

struct CacheEntries {
    runs: LruCache<RunId, CachedState>,
    bytes: usize,
    /// How many times a state was put here.
    puts: u64,
}

struct CachedState {
    tenant: String,
    state: Arc<State>,
    bytes: usize,
}

impl Default for Cache {
    fn default() -> Self {
        Cache::new(BYTES_MAX)
    }
}

impl Cache {
    fn new(bytes_max: usize) -> Self {
        Cache { held: Mutex::new(CacheEntries { runs: LruCache::new(RUNS_MAX), bytes: 0, puts: 0 }), bytes_max }
    }

    /// The state of this tenant's run, if it is cached.
    pub(super) fn get(&self, tenant: &str, run: RunId) -> Option<Arc<State>> {
        let mut held = self.lock();
        held.runs.get(&run).filter(|kept| kept.tenant == tenant).map(|kept| kept.state.clone())
    }

    /// Caches the newer of this state and the cached one: a slow reader must not replace a newer state.
    pub(super) fn keep(&self, tenant: &str, state: Arc<State>) {
        let bytes = bytes_of(&state);
        self.put(tenant, state, bytes);
    }

    fn put(&self, tenant: &str, state: Arc<State>, bytes: usize) {
        let mut held = self.lock();
        if held.runs.peek(&state.run).is_some_and(|kept| kept.state.version > state.version) {
            return;
        }
        held.puts += 1;
        held.remove(state.run);
        held.bytes += bytes;
        let pushed = held.runs.push(state.run, CachedState { tenant: tenant.to_owned(), state, bytes });
        held.bytes -= pushed.map_or(0, |(_, oldest)| oldest.bytes);
        // The newest state stays, however large: the run is active, and its state would be read again for every
        // command.
        while held.bytes > self.bytes_max && held.runs.len() > 1 {
            let Some((_, oldest)) = held.runs.pop_lru() else { break };
            held.bytes -= oldest.bytes;
        }
    }

    /// Caches the state that a commit made. It is `grown` bytes larger than the state of version `from`, so that it
    /// need not be counted again.
    pub(super) fn grow(&self, tenant: &str, from: Position, state: Arc<State>, grown: isize) {
        let bytes = {
            let held = self.lock();
            let before = held.runs.peek(&state.run).filter(|kept| kept.state.version == from);
            before.map(|kept| kept.bytes.saturating_add_signed(grown))
        };
        let bytes = bytes.unwrap_or_else(|| bytes_of(&state));
        self.put(tenant, state, bytes);
    }

    /// Evicts most states, the least recently used first, if none was put here since the last call. Returns the `seen`
    /// of the next call.
    pub(super) fn rest(&self, seen: u64) -> u64 {
        let mut gone = Vec::new();
        let mut held = self.lock();
        while held.puts == seen && held.bytes > self.bytes_max / RESTING {
            let Some((_, oldest)) = held.runs.pop_lru() else { break };
            held.bytes -= oldest.bytes;
            gone.push(oldest);
        }
        let puts = held.puts;
        // Unlock first: freeing the memory takes time.
        drop(held);
        drop(gone);
        puts
    }

    /// Evicts a run whose cached state is old.
    pub(super) fn forget(&self, run: RunId) {
        self.lock().remove(run);
    }

    fn lock(&self) -> MutexGuard<'_, CacheEntries> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CacheEntries {
    fn remove(&mut self, run: RunId) {
        if let Some(kept) = self.runs.pop(&run) {
            self.bytes -= kept.bytes;
        }
    }
}

/// About how much memory a state takes: what callers can make large is counted, the rest is estimated.
pub(crate) fn bytes_of(state: &State) -> usize {
    let start = state.start.as_deref();
    let start = start.map_or(0, |start| object(&start.inputs) + object(&start.notes) + labels(&start.labels));
    let nodes: usize = state.nodes.values().map(|node| bytes_of_node(node)).sum();
    // Shared by many node runs, and counted once.
    let mut seen = BTreeSet::new();
    let mut made_of = 0;
    for node in state.nodes.values() {
        let graph = node.graph.as_ref().filter(|graph| seen.insert(Arc::as_ptr(graph).addr()));
        made_of += graph.map_or(0, |graph| bytes_of_graph(graph));
        made_of += node.items.as_ref().map_or(0, |items| bytes_of_items(items));
    }
    STATE_BYTES + start + nodes + made_of + state.outputs.as_ref().map_or(0, object)
}

/// How much larger a state is after a decision, as [`bytes_of`] counts. Only what changed is counted.
pub(super) fn grown(before: &State, decision: &Decision) -> isize {
    let Some(after) = &decision.after else { return 0 };
    let mut changed: BTreeSet<NodeRunId> = BTreeSet::new();
    let mut made_of = 0;
    for event in &decision.events {
        changed.extend(event.node_run());
        made_of += match event {
            Event::Started { start, .. } => start.graph.as_ref().map_or(0, |graph| bytes_of_graph(graph)),
            Event::Loaded { content: Content::Graph(graph), .. } => bytes_of_graph(graph),
            Event::Loaded { content: Content::Items(items), .. } => bytes_of_items(items),
            _ => 0,
        };
    }
    let of = |state: &State| -> usize {
        let nodes = changed.iter().filter_map(|id| state.node(*id));
        nodes.map(bytes_of_node).sum::<usize>() + state.outputs.as_ref().map_or(0, object)
    };
    (of(after) + made_of).cast_signed() - of(before).cast_signed()
}

fn bytes_of_graph(graph: &Graph) -> usize {
    let node = |node: &GraphNode| NODE_BYTES + object(&node.inputs) + node.graph.as_deref().map_or(0, bytes_of_graph);
    graph.nodes.iter().map(node).sum()
}

fn bytes_of_items(items: &Items) -> usize {
    let within = items.graph.as_deref().map_or(0, bytes_of_graph);
    NODE_BYTES + object(&items.inputs) + items.items.iter().map(value).sum::<usize>() + within
}

fn bytes_of_node(node: &Node) -> usize {
    let recoveries = node.recoveries.iter().map(|action| object(&action.0));
    let artifacts = node.artifacts.iter().map(|artifact| object(&artifact.0));
    NODE_BYTES
        + object(&node.inputs)
        + object(&node.notes)
        + node.outputs.as_ref().map_or(0, object)
        + node.binding_decision.as_ref().map_or(0, value)
        + recoveries.chain(artifacts).sum::<usize>()
}

/// The size of an object's members, without the object itself.
pub(crate) fn object(object: &Object) -> usize {
    if object.is_empty() {
        return 0;
    }
    // Deserialized one member at a time, so that the capacity may be twice the number; and a table of indices, a byte
    // and a word each.
    let capacity = (object.len() * 3 / 2).max(MEMBERS_MIN);
    let table = 9 * (object.len() * 8 / 7).next_power_of_two().max(MEMBERS_MIN) + 16;
    let within: usize = object.iter().map(|(key, one)| allocated(key.len()) + value(one)).sum();
    allocated(capacity * MEMBER) + allocated(table) + within
}

fn labels(labels: &Labels) -> usize {
    let values = labels.values().map(|values| {
        let texts: usize = values.iter().map(|value| allocated(value.len())).sum();
        texts + values.len().div_ceil(TREE_NODE_MIN) * allocated(TREE_NODE * size_of::<String>() + 16)
    });
    let keys: usize = labels.keys().map(|key| allocated(key.len())).sum();
    keys + labels.len().div_ceil(TREE_NODE_MIN) * allocated(TREE_NODE * 48 + 16) + values.sum::<usize>()
}

/// The size of a value besides its inline part.
fn value(value: &Value) -> usize {
    match value {
        Value::String(text) => allocated(text.len()),
        // Deserialized one item at a time, so that the capacity may be twice the number.
        Value::Array(items) => {
            allocated(items.len() * size_of::<Value>() * 3 / 2) + items.iter().map(self::value).sum::<usize>()
        }
        Value::Object(members) => object(members),
        Value::Number(_) => size_of::<String>(),
        Value::Null | Value::Bool(_) => 0,
    }
}

/// What the allocator uses for this many bytes: its sizes are an eighth apart, and at least 16 bytes.
const fn allocated(bytes: usize) -> usize {
    if bytes == 0 { 0 } else { (bytes + bytes / 8).next_multiple_of(16) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(number: u128, version: u64, outputs_bytes: usize) -> Arc<State> {
        let mut state = State::new(RunId::from_uuid(uuid::Uuid::from_u128(number)));
        state.version = version;
        state.outputs = serde_json::from_value(serde_json::json!({ "text": "x".repeat(outputs_bytes) })).unwrap();
        Arc::new(state)
    }

    #[test]
    fn large_runs_evict_the_oldest_before_memory_is_full() {
        let cache = Cache::new(100_000);
        for number in 0..100 {
            cache.keep("default", state(number, 1, 20_000));
            assert!(cache.lock().bytes <= 100_000);
        }
        assert!((2..=4).contains(&cache.lock().runs.len()), "as many as fit");
        assert!(cache.get("default", state(99, 1, 0).run).is_some());
        assert!(cache.get("default", state(0, 1, 0).run).is_none());
    }

    #[test]
    fn a_run_larger_than_the_cache_is_cached_alone_while_it_is_active() {
        let cache = Cache::new(100_000);
        cache.keep("default", state(1, 1, 10));
        cache.keep("default", state(2, 1, 10));
        cache.keep("default", state(2, 2, 500_000));
        assert_eq!(cache.get("default", state(2, 0, 0).run).unwrap().version, 2);
        assert!(cache.get("default", state(1, 0, 0).run).is_none());
        cache.keep("default", state(3, 1, 10));
        assert!(cache.get("default", state(2, 0, 0).run).is_none());
        cache.forget(state(3, 1, 0).run);
        assert_eq!(cache.lock().bytes, 0);
    }

    #[test]
    fn an_older_state_does_not_replace_a_newer_one_and_another_tenant_sees_nothing() {
        let cache = Cache::new(100_000);
        cache.keep("one", state(1, 7, 10));
        cache.keep("one", state(1, 6, 10));
        assert_eq!(cache.get("one", state(1, 0, 0).run).unwrap().version, 7);
        assert!(cache.get("two", state(1, 0, 0).run).is_none());
    }

    #[test]
    fn most_states_are_evicted_when_no_run_changes() {
        let cache = Cache::new(100_000);
        (0..4).for_each(|number| cache.keep("default", state(number, 1, 20_000)));
        let seen = cache.rest(0);
        let full = cache.lock().bytes;
        assert!(full > 50_000, "something was put here since");
        cache.keep("default", state(9, 1, 10));
        let seen = cache.rest(seen);
        assert!(cache.lock().bytes > 50_000, "and again");
        cache.rest(seen);
        assert!(cache.lock().bytes <= 25_000);
        assert!(cache.get("default", state(9, 1, 0).run).is_some(), "the last stays");
    }

    #[test]
    fn small_objects_are_counted_with_their_capacity() {
        let one = serde_json::json!({ "echo": "hello" });
        let many: Object = (0..100).map(|n| (format!("key {n}"), Value::Null)).collect();
        assert!(value(&one) > MEMBERS_MIN * MEMBER, "space for four, however few there are");
        assert!((100 * MEMBER..300 * MEMBER).contains(&object(&many)), "{}", object(&many));
        assert_eq!(value(&serde_json::json!({})), 0);
    }
}
