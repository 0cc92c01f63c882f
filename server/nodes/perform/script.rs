//! Scripts: evaluated by the workers of expressions, with the outputs of other nodes of the graph.

use std::sync::Arc;

use async_trait::async_trait;
use runyard_engine::Routed;
use runyard_engine::event::Failure;

use crate::expressions::{EvalClock, Expressions};
use crate::graph::{self, Nodes};
use crate::nodes::provider::{NodeContext, Provider};
use crate::nodes::script::{ID, ScriptInputs, ScriptOutputs};
use crate::nodes::values::{made, read};

/// The provider of scripts, for one call.
pub(super) struct Scripts<'a> {
    pub(super) expressions: &'a Arc<Expressions>,
    /// The graph around the call.
    pub(super) nodes: Option<&'a Nodes>,
    pub(super) eval_clock: EvalClock,
}

#[async_trait]
impl Provider for Scripts<'_> {
    async fn perform(&self, cx: &NodeContext<'_>) -> Option<Result<Routed, Failure>> {
        if cx.node_type.id == ID { Some(self.script(cx).await) } else { None }
    }
}

impl Scripts<'_> {
    /// The output of a script, inside or outside a graph.
    async fn script(&self, cx: &NodeContext<'_>) -> Result<Routed, Failure> {
        let ScriptInputs { script, data } = read(cx)?;
        let result = graph::script(self.expressions, cx.tenant, script, (self.nodes, &data), self.eval_clock).await?;
        made(&ScriptOutputs { result })
    }
}
