//! `runyard.composite.each`: the same with every item of a list.

use runyard_engine::{NodeKind, Object};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::graph::{WrittenGraph, WrittenRetry, WrittenType};
use super::provider::{Builtin, Perform};
use crate::catalog::entry::{Entry, Head, Hints};

/// Its id.
pub const ID: &str = "runyard.composite.each";

/// The node type.
pub(super) const BUILTIN: Builtin = Builtin { id: ID, entry, perform: Perform::Engine, needs_data: false };

/// A list of items and what is done with each: either a node type or a graph.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EachInputs {
    /// What there is to do: a list.
    pub items: Value,
    /// What is done with each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_type_ref: Option<WrittenType>,
    /// Inputs that all have.
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    pub inputs: Object,
    /// The input in which each finds its item. Absent: an item is an object, and its members are inputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item_as: Option<String>,
    /// What each walks, in place of a node type: its item is the graph's data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub graph: Option<WrittenGraph>,
    /// How many at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub at_once: Option<u32>,
    /// What one failed item means.
    #[serde(default)]
    pub on_item_failure: ItemFailure,
    /// How each is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<WrittenRetry>,
    /// How long one try of each may take, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}

/// What one failed item means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ItemFailure {
    /// The list fails, and what is at work for it is stopped.
    #[default]
    Fail,
    /// The others go on; the failure is listed.
    Collect,
}

/// What came of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EachOutputs {
    /// One for each item, in the order of the list: what it put out, or null where it failed.
    pub results: Vec<Option<Object>>,
    /// Those that failed.
    pub errors: Vec<ItemError>,
}

/// An item that failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ItemError {
    /// Its place in the list, from 0.
    pub index: u32,
    /// Why, for programs.
    pub code: String,
    /// Why, for people.
    pub message: String,
}

fn entry() -> Entry {
    Entry::of::<EachInputs, EachOutputs>(Head {
        id: ID,
        aliases: &[],
        kind: NodeKind::Each,
        description: "Does the same with every item of a list, a few at once, and answers with their results in the order \
                      of the list.",
        hints: Hints::default(),
        rule: None,
    })
}
