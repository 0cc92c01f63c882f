//! Execution of the engine's effects. Inputs are validated before, and outputs after.
//!
//! An effect may be executed again, under the same key, if the server stopped after the execution and before the result
//! was recorded. The recorded result counts. The key lets services detect repeated calls; the builtins do not need it.
//!
//! | file            | what |
//! |-----------------|------|
//! | `in_process.rs` | [`InProcess`]: a call from its inputs to its validated outputs |
//! | `load.rs`, `launch.rs` | the content of composites, and the runs that node runs start |
//! | `script.rs`     | the evaluator of a call's scripts |
//! | `http/`         | calls over HTTP: any URL, and integrations |
//!
//! Other modules: claiming and settling (the driver), sleeping and planning (the engine's timers, `planner/`).

pub(crate) mod around;
pub mod http;
mod in_process;
mod launch;
mod load;
mod script;

use async_trait::async_trait;
use runyard_engine::event::Failure;
use runyard_engine::{EffectId, NodeType, Object, Outcome, RunId};

use crate::clock::Clock;

pub use crate::nodes::failures::invalid;
pub use around::Around;
pub use in_process::InProcess;
pub use launch::Launch;
pub use load::Loaded;

/// A call to execute.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// The tenant.
    pub tenant: &'a str,
    /// The run.
    pub run: RunId,
    /// The pinned node type.
    pub node_type: &'a NodeType,
    /// Its inputs, every binding resolved.
    pub inputs: &'a Object,
    /// The effect, which is also the idempotency key.
    pub key: EffectId,
    /// The attempt, from 1.
    pub attempt: u32,
    /// The sleeper for node types that wait.
    pub clock: &'a Clock,
    /// Now, in Unix milliseconds.
    pub now_ms: i64,
    /// Random bytes, fresh for every call: see [`fresh_entropy`].
    pub entropy: [u8; 16],
    /// The context of the run, if there is one.
    pub around: Option<&'a Around>,
}

/// Executes calls.
#[async_trait]
pub trait Performer: Send + Sync {
    /// Executes a call. Every error is an outcome too.
    async fn perform(&self, call: Call<'_>) -> Outcome;

    /// Loads the content of a composite.
    async fn load(&self, around: &Around) -> Result<Loaded, Failure>;

    /// Resolves the run that a node run starts.
    async fn launch(&self, around: &Around) -> Result<Launch, Failure>;
}

/// Random bytes for one call.
pub fn fresh_entropy() -> [u8; 16] {
    uuid::Uuid::new_v4().into_bytes()
}

#[cfg(test)]
mod tests;
