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

/// A list of items, and the node type or the graph to execute for each.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EachInputs {
    /// The list.
    pub items: Value,
    /// The node type to execute for each item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_type_ref: Option<WrittenType>,
    /// Inputs that all items have in common.
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    pub inputs: Object,
    /// The input that takes the item. If absent: an item is an object, and its members are inputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item_as: Option<String>,
    /// The graph to execute for each item, instead of a node type; the item is the graph's data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub graph: Option<WrittenGraph>,
    /// How many items are executed at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub at_once: Option<u32>,
    /// What follows when an item fails.
    #[serde(default)]
    pub on_item_failure: ItemFailure,
    /// The retry policy of each item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<WrittenRetry>,
    /// How long one attempt of an item may take, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}

/// What follows when an item fails.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ItemFailure {
    /// The list fails, and its other items are canceled.
    #[default]
    Fail,
    /// The other items continue; the failure is listed.
    Collect,
}

/// The results of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EachOutputs {
    /// One for each item, in the order of the list: its outputs, or null if it failed.
    pub results: Vec<Option<Object>>,
    /// The items that failed.
    pub errors: Vec<ItemError>,
}

/// An item that failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ItemError {
    /// Its index in the list, from 0.
    pub index: u32,
    /// The error code.
    pub code: String,
    /// The error message.
    pub message: String,
}

fn entry() -> Entry {
    Entry::of::<EachInputs, EachOutputs>(Head {
        id: ID,
        aliases: &[],
        kind: NodeKind::Each,
        description: "Does the same with every item of a list, several at once, and returns their results in the order \
                      of the list.",
        hints: Hints::default(),
        rule: None,
    })
}
