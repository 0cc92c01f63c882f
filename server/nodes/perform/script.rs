//! Evaluates the scripts of a call, with the outputs of other nodes of its graph.

use std::sync::Arc;

use async_trait::async_trait;
use runyard_engine::event::Failure;
use serde_json::Value;

use crate::expressions::{EvalClock, Expressions};
use crate::graph::{self, Nodes};
use crate::nodes::provider::EvaluateScript;

/// The scripts of one call.
pub(super) struct InGraph<'a> {
    pub(super) expressions: &'a Arc<Expressions>,
    pub(super) tenant: &'a str,
    /// The graph around the call.
    pub(super) nodes: Option<&'a Nodes>,
    pub(super) eval_clock: EvalClock,
}

#[async_trait]
impl EvaluateScript for InGraph<'_> {
    async fn evaluate(&self, script: String, data: &Value) -> Result<Value, Failure> {
        graph::script(self.expressions, self.tenant, script, (self.nodes, data), self.eval_clock).await
    }
}
