//! Inputs and outputs of graphs, of lists of items, and of the nodes that only make sense in a graph. How a graph is read and checked
//! is in `graph/`; what its nodes do is in `driver/perform/nodes.rs`.

use std::collections::BTreeSet;

use runyard_engine::{Object, policy};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A graph to execute.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GraphInputs {
    /// The nodes and their edges.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub graph: Option<WrittenGraph>,
    /// The graph's data: what its start node returns.
    #[serde(default)]
    pub data: Value,
}

/// A graph.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WrittenGraph {
    /// The key of the first node to execute; the first of the list if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<String>,
    /// Every node.
    #[schemars(length(min = 1))]
    pub nodes: Vec<WrittenNode>,
    /// What double braces in plain texts of inputs are. If absent: as in the graph around it, and `braces` in the outermost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<TextForm>,
}

/// What double braces in plain text are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TextForm {
    /// They enclose JavaScript.
    Braces,
    /// They are text.
    Plain,
}

/// A node of a graph.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WrittenNode {
    /// The name by which other nodes refer to it. Unique in the graph.
    pub key: String,
    /// Its name in expressions: letters, digits and underscores, unique in the graph. The key if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
    /// The node type.
    pub node_type_ref: WrittenType,
    /// The inputs.
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    pub inputs: Object,
    /// The outgoing edges, by key; null leads nowhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<Option<String>>,
    /// The retry policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<WrittenRetry>,
    /// How long one attempt may take, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// What follows its last failed attempt: `fail` (the default), `continue`, or `{"go_to": KEY}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<WrittenFallback>,
}

/// A reference to a node type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WrittenType {
    /// Such as `runyard.core.echo`.
    pub node_type_id: String,
    /// Such as `1.0.0`, `1` or `latest`, the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// A retry policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WrittenRetry {
    /// Attempts, the first included.
    pub max_attempts: u32,
    /// The wait before the second attempt, milliseconds.
    #[serde(default = "a_second")]
    pub initial_interval_ms: u64,
    /// How many times longer each wait is than the one before.
    #[serde(default = "twice")]
    pub backoff_coefficient: f64,
    /// The longest wait, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_interval_ms: Option<u64>,
    /// The part of a wait that may be left out at random, 0 to 1.
    #[serde(default)]
    pub jitter: f64,
    /// Only failures with these codes are retried. If absent: every failure that does not say it is not retryable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retryable_codes: Option<BTreeSet<String>>,
}

const fn a_second() -> u64 {
    1000
}

const fn twice() -> f64 {
    2.0
}

impl From<WrittenRetry> for policy::Retry {
    fn from(retry: WrittenRetry) -> Self {
        policy::Retry {
            attempts_max: retry.max_attempts,
            initial_ms: retry.initial_interval_ms,
            backoff: retry.backoff_coefficient,
            delay_ms_max: retry.max_interval_ms,
            jitter: retry.jitter,
            codes: retry.retryable_codes,
        }
    }
}

/// What follows a failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WrittenFallback {
    /// The graph fails.
    Fail,
    /// The failure is accepted, and execution continues at the first edge.
    Continue,
    /// Execution continues at the node with this key.
    GoTo(String),
}

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

/// The condition of a branch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BranchInputs {
    /// Anything; false, null, 0, NaN and the empty text count as false.
    pub condition: Value,
}

/// Which edge was taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BranchOutputs {
    /// True is the first edge, false the second.
    pub condition: bool,
}

/// The condition of a filter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FilterInputs {
    /// Anything; false, null, 0, NaN and the empty text count as false.
    pub filter: Value,
}

/// Whether execution continued.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FilterOutputs {
    /// False ends the execution without failure.
    pub filter: bool,
}

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

/// How often the first of two edges is taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SplitInputs {
    /// The percentage of executions that take the first edge.
    #[schemars(range(min = 0.0, max = 100.0))]
    pub percentage: f64,
}

/// Which edge was taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SplitOutputs {
    /// The index of the edge, 0 or 1.
    pub index: u32,
}

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

/// How long to wait.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DelayInputs {
    /// Minutes, fractions allowed; at most 366 days.
    #[schemars(range(min = 0.0, max = 527_040.0))]
    pub minutes: f64,
}

/// How long the node waited.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DelayOutputs {
    /// Minutes, as requested.
    pub minutes: f64,
}
