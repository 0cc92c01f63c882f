//! `runyard.graph.script`: JavaScript, evaluated by the workers of expressions.

use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use runyard_engine::event::Failure;
use runyard_engine::{NodeKind, Routed};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::provider::{Builtin, NodeContext, Perform, Provider, Snapshot};
use super::values::{made, read};
use crate::catalog::entry::{Entry, Head, Hints};

/// Its id.
pub const ID: &str = "runyard.graph.script";

/// The node type.
pub(super) const BUILTIN: Builtin = Builtin { id: ID, entry, perform: Perform::Elsewhere, needs_data: false };

/// A script.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScriptInputs {
    /// JavaScript: the body of a function, whose value is what it returns.
    pub script: String,
    /// The value of `nodes.start` if the script is not a node of a graph.
    #[serde(default)]
    pub data: Value,
}

/// What a script returned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScriptOutputs {
    /// The value as JSON; null if the script returned nothing.
    pub result: Value,
}

fn entry() -> Entry {
    Entry::of::<ScriptInputs, ScriptOutputs>(Head {
        id: ID,
        aliases: &[],
        kind: NodeKind::Call,
        description: "In a graph: runs JavaScript, which sees the outputs of earlier nodes, and returns its value. One outgoing edge.",
        hints: Hints::default(),
        rule: None,
    })
}

/// The provider of scripts.
#[derive(Debug, Clone, Copy)]
pub struct Scripts;

#[async_trait]
impl Provider for Scripts {
    fn node_types(&self, _tenant: &str) -> Arc<Snapshot> {
        static LISTED: LazyLock<Arc<Snapshot>> = LazyLock::new(|| Snapshot::fixed([entry()]));
        LISTED.clone()
    }

    async fn perform(&self, cx: &NodeContext<'_>) -> Result<Routed, Failure> {
        let ScriptInputs { script, data } = read(cx)?;
        made(&ScriptOutputs { result: cx.scripts.evaluate(script, &data).await? })
    }
}
