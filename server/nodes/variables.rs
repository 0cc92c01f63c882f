//! `runyard.graph.variables`: returns values under names.

use runyard_engine::event::Failure;
use runyard_engine::{NodeKind, Routed};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::provider::{Builtin, NodeContext, Perform};
use super::values::{AnyObject, read};
use crate::catalog::entry::{Entry, Head, Hints};

/// Its id.
pub const ID: &str = "runyard.graph.variables";

/// The node type.
pub(super) const BUILTIN: Builtin = Builtin { id: ID, entry, perform: Perform::Now(perform), needs_data: false };

/// Values under names: the outputs of an end or a variables node.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VariablesInputs {
    /// Each becomes an output.
    #[serde(default)]
    pub variables: Vec<Variable>,
}

/// A value under a name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Variable {
    /// The output's name.
    pub name: String,
    /// A note for people; it does not convert the value.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The value.
    #[serde(default)]
    pub value: Value,
}

fn entry() -> Entry {
    Entry::of::<VariablesInputs, AnyObject>(Head {
        id: ID,
        aliases: &[],
        kind: NodeKind::Call,
        description: "In a graph: returns variables. One outgoing edge.",
        hints: Hints::default(),
        rule: None,
    })
}

/// Every variable becomes an output.
pub(super) fn perform(cx: &NodeContext<'_>) -> Result<Routed, Failure> {
    let VariablesInputs { variables } = read(cx)?;
    let outputs = variables.into_iter().map(|variable| (variable.name, variable.value)).collect();
    Ok(Routed { outputs, ..Routed::default() })
}
