//! Providers execute calls of node types. Also the definition of builtins, the node types that come with the server.

use async_trait::async_trait;
use futures::future::BoxFuture;
use runyard_engine::event::Failure;
use runyard_engine::{EffectId, NodeType, Object, Routed, RunId};

use crate::catalog::entry::Entry;
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
}

/// Executes the calls of some node types.
#[async_trait]
pub trait Provider: Send + Sync {
    /// Executes one attempt; `None` if the node type belongs to another provider. A repeated execution has the same
    /// key. Outputs are validated afterwards.
    async fn perform(&self, cx: &NodeContext<'_>) -> Option<Result<Routed, Failure>>;
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
    /// By a separate provider.
    Elsewhere,
    /// Synchronously.
    Now(fn(&NodeContext<'_>) -> Result<Routed, Failure>),
    /// Asynchronously.
    Later(for<'a> fn(&'a NodeContext<'a>) -> BoxFuture<'a, Result<Routed, Failure>>),
}
