//! Providers: what performs calls of node types. And what a builtin is, the node types that come with the server.

use async_trait::async_trait;
use futures::future::BoxFuture;
use runyard_engine::event::Failure;
use runyard_engine::{EffectId, NodeType, Object, Routed, RunId};

use crate::catalog::entry::Entry;
use crate::clock::Clock;

/// One attempt at a call, as a provider sees it. Inputs have been evaluated and validated.
#[derive(Clone, Copy)]
pub struct NodeContext<'a> {
    /// Whose it is.
    pub tenant: &'a str,
    /// For which run.
    pub run: RunId,
    /// The pinned node type.
    pub node_type: &'a NodeType,
    /// Its inputs.
    pub inputs: &'a Object,
    /// The effect, which is also the idempotency key.
    pub key: EffectId,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// For what has to wait.
    pub clock: &'a Clock,
    /// Now, in Unix milliseconds.
    pub now_ms: i64,
    /// Random bytes, fresh for every attempt.
    pub entropy: [u8; 16],
    /// What the graph around it was given, where the node type needs that.
    pub data: Option<&'a Object>,
}

/// Performs the calls of some node types.
#[async_trait]
pub trait Provider: Send + Sync {
    /// Performs one attempt; none where the node type is another provider's. It is repeated only under the same key. Outputs are validated
    /// afterwards.
    async fn perform(&self, cx: &NodeContext<'_>) -> Option<Result<Routed, Failure>>;
}

/// A node type that comes with the server.
pub struct Builtin {
    /// Its id.
    pub id: &'static str,
    /// Its entry in the catalogue.
    pub entry: fn() -> Entry,
    /// How a call of it is performed.
    pub perform: Perform,
    /// Whether it needs what the graph around it was given.
    pub needs_data: bool,
}

/// How a call of a builtin is performed.
#[derive(Clone, Copy)]
pub enum Perform {
    /// Not at all: the engine moves it.
    Engine,
    /// By a provider of its own.
    Elsewhere,
    /// At once.
    Now(fn(&NodeContext<'_>) -> Result<Routed, Failure>),
    /// After it has waited for something.
    Later(for<'a> fn(&'a NodeContext<'a>) -> BoxFuture<'a, Result<Routed, Failure>>),
}
