//! Providers list node types and execute their calls. Also the definition of builtins, the node types that come with the
//! server.

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::BoxFuture;
use runyard_engine::event::Failure;
use runyard_engine::{EffectId, NodeType, Object, Routed, RunId};
use serde_json::Value;

use super::catalog::entry::Entry;
use super::credentials::Credentials;
use super::integrations::entries::Integration;
use crate::clock::Clock;

/// One attempt at a call, as a provider sees it. Inputs have been evaluated and validated.
#[derive(Clone, Copy)]
pub struct NodeContext<'a> {
    /// The tenant.
    pub tenant: &'a str,
    /// The run.
    pub run: RunId,
    /// The pinned node type.
    pub node_type: &'a NodeType,
    /// Its inputs.
    pub inputs: &'a Object,
    /// The effect, which is also the idempotency key.
    pub key: EffectId,
    /// The attempt, from 1.
    pub attempt: u32,
    /// The sleeper for node types that wait.
    pub clock: &'a Clock,
    /// Now, in Unix milliseconds.
    pub now_ms: i64,
    /// Random bytes, fresh for every attempt.
    pub entropy: [u8; 16],
    /// The inputs of the surrounding graph, if the node type needs them.
    pub data: Option<&'a Object>,
    /// The evaluator of scripts.
    pub scripts: &'a dyn EvaluateScript,
    /// The source of the run's credentials.
    pub credentials: &'a dyn Credentials,
}

/// Evaluates scripts of a call, which may read the outputs of other nodes of its graph.
#[async_trait]
pub trait EvaluateScript: Send + Sync {
    /// The value that a script returns. `data` is the value of `nodes.start` outside a graph.
    async fn evaluate(&self, script: String, data: &Value) -> Result<Value, Failure>;
}

/// The node types of one provider for one tenant, at one time.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// Identifies the list among all lists of its provider: it changes when the list does, and two tenants with the
    /// same revision have the same list.
    pub revision: u64,
    /// The node types.
    pub node_types: Vec<Arc<Entry>>,
    /// The services that they call, including disabled ones.
    pub integrations: Vec<Integration>,
}

impl Snapshot {
    /// A list that never changes and is the same for every tenant.
    pub fn fixed(node_types: impl IntoIterator<Item = Entry>) -> Arc<Self> {
        let node_types = node_types.into_iter().map(Arc::new).collect();
        Arc::new(Snapshot { node_types, ..Snapshot::default() })
    }
}

/// Lists node types and executes their calls.
#[async_trait]
pub trait Provider: Send + Sync {
    /// The node types that a tenant may use now. Cheap: it is read for every call. Catalogue, planner and pages read the
    /// snapshot, never the provider.
    fn node_types(&self, tenant: &str) -> Arc<Snapshot>;

    /// Executes one attempt of a call of one of its node types. A repeated execution has the same key. The caller has
    /// validated the inputs, ends the attempt by dropping the future, and validates the outputs.
    async fn perform(&self, cx: &NodeContext<'_>) -> Result<Routed, Failure>;
}

/// A node type that comes with the server.
pub struct Builtin {
    /// Its id.
    pub id: &'static str,
    /// Its entry in the catalogue.
    pub entry: fn() -> Entry,
    /// How its calls are executed.
    pub perform: Perform,
    /// Whether it needs the inputs of the surrounding graph.
    pub needs_data: bool,
}

/// How calls of a builtin are executed.
#[derive(Clone, Copy)]
pub enum Perform {
    /// Without a call: the engine moves it.
    Engine,
    /// By a provider other than [`Builtins`](super::Builtins).
    Elsewhere,
    /// Synchronously.
    Now(fn(&NodeContext<'_>) -> Result<Routed, Failure>),
    /// Asynchronously.
    Later(for<'a> fn(&'a NodeContext<'a>) -> BoxFuture<'a, Result<Routed, Failure>>),
}
