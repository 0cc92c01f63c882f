//! `runyard.graph.switch`: an edge for each route, of which the first that is true is taken.

use runyard_engine::NodeKind;
use runyard_engine::event::Failure;
use runyard_engine::{Route, Routed};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::provider::{Builtin, NodeContext, Perform};
use super::values::{is_true, read, routed};
use crate::catalog::entry::{Entry, Head, Hints};

/// Its id.
pub const ID: &str = "runyard.graph.switch";

/// The node type.
pub(super) const BUILTIN: Builtin = Builtin { id: ID, entry, perform: Perform::Now(perform), needs_data: false };

/// Edges with a condition each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SwitchInputs {
    /// The first route whose value is true is taken. If none is, the execution ends without failure.
    pub routes: Vec<SwitchRoute>,
}

/// An edge with a condition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SwitchRoute {
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// For programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
    /// Anything; false, null, 0, NaN and the empty text count as false.
    pub value: Value,
}

/// Which edge was taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SwitchOutputs {
    /// Its index in the list, from 0; absent if no route was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

fn entry() -> Entry {
    Entry::of::<SwitchInputs, SwitchOutputs>(Head {
        id: ID,
        aliases: &[],
        kind: NodeKind::Call,
        description: "In a graph: one outgoing edge per route; the first whose value is true is taken. If none is, the execution ends without failure.",
        hints: Hints::default(),
        rule: None,
    })
}

fn perform(cx: &NodeContext<'_>) -> Result<Routed, Failure> {
    let SwitchInputs { routes } = read(cx)?;
    let taken = (0_u32..).zip(routes).find(|(_, route)| is_true(&route.value));
    let index = taken.as_ref().map(|(index, _)| *index);
    let name = taken.and_then(|(_, route)| route.name);
    routed(&SwitchOutputs { index, name }, Some(index.map_or(Route::Stop, Route::Way)))
}
