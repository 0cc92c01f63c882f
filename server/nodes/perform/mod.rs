//! Performing what the engine asks for, one file per way of reaching outside. Inputs are validated before and outputs after.
//!
//! An effect may be performed again, under the same key, when the server stopped between performing it and recording what
//! came back. What is recorded counts. The key is for whoever can tell repeats apart; the builtins need not.
//!
//! | provider    | what it performs |
//! |-------------|------------------|
//! | [`Builtins`](crate::nodes::Builtins) | node types that reach nothing outside |
//! | `script.rs` | scripts, in workers |
//! | `http/`     | calls over HTTP: any URL, and integrations |
//!
//! What does not live here: claiming and settling (the driver), sleeping and planning (the engine's timers, `planner/`).

pub(crate) mod around;
mod failures;
pub mod http;
mod in_process;
mod launch;
mod load;
mod script;

use async_trait::async_trait;
use runyard_engine::event::Failure;
use runyard_engine::{EffectId, NodeType, Object, Outcome, RunId};

use crate::clock::Clock;
use crate::nodes::provider::NodeContext;

pub use around::Around;
pub use failures::invalid;
pub use in_process::InProcess;
pub use launch::Launch;
pub use load::Loaded;

/// What to perform.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// Whose it is.
    pub tenant: &'a str,
    /// For which run.
    pub run: RunId,
    /// The pinned node type.
    pub node_type: &'a NodeType,
    /// Its inputs, every binding resolved.
    pub inputs: &'a Object,
    /// The effect, which is also the idempotency key.
    pub key: EffectId,
    /// Which try this is, from 1.
    pub attempt: u32,
    /// For what has to wait.
    pub clock: &'a Clock,
    /// Now, in Unix milliseconds.
    pub now_ms: i64,
    /// Random bytes, fresh for every call: see [`fresh_entropy`].
    pub entropy: [u8; 16],
    /// The run around it, where it has one.
    pub around: Option<&'a Around>,
}

impl<'a> Call<'a> {
    fn context(&self, data: Option<&'a Object>) -> NodeContext<'a> {
        let Call { tenant, run, node_type, inputs, key, attempt, clock, now_ms, entropy, around: _ } = *self;
        NodeContext { tenant, run, node_type, inputs, key, attempt, clock, now_ms, entropy, data }
    }
}

/// Who performs calls.
#[async_trait]
pub trait Performer: Send + Sync {
    /// Performs a call. Whatever goes wrong is an outcome too.
    async fn perform(&self, call: Call<'_>) -> Outcome;

    /// Finds out what a composite is made of.
    async fn load(&self, around: &Around) -> Result<Loaded, Failure>;

    /// Finds out which run a node run starts.
    async fn launch(&self, around: &Around) -> Result<Launch, Failure>;
}

/// Random bytes for one call.
pub fn fresh_entropy() -> [u8; 16] {
    uuid::Uuid::new_v4().into_bytes()
}

#[cfg(test)]
mod tests;
