//! Inputs and outputs of graphs, of lists of items, and of the nodes that only make sense in a graph. How a graph is read and checked
//! is in `graph/`; what its nodes do is in `driver/perform/nodes.rs`.

use std::collections::BTreeSet;

use runyard_engine::{Object, policy};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A graph to walk.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GraphInputs {
    /// Its nodes and the ways between them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub graph: Option<WrittenGraph>,
    /// What it is about: what its start node puts out.
    #[serde(default)]
    pub data: Value,
}

/// A graph as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WrittenGraph {
    /// The key of the node to begin with; the first of the list where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<String>,
    /// Every node.
    #[schemars(length(min = 1))]
    pub nodes: Vec<WrittenNode>,
    /// What double braces in plain texts of inputs are; where absent, as in the graph around it, and `braces` in the outermost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<TextForm>,
}

/// What double braces in plain text are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TextForm {
    /// What stands between them is JavaScript.
    Braces,
    /// Themselves.
    Plain,
}

/// A node of a graph as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WrittenNode {
    /// What other nodes name it by. Unique in the graph.
    pub key: String,
    /// What expressions call it: letters, digits and underscores, unique in the graph. The key where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
    /// What it does.
    pub node_type_ref: WrittenType,
    /// What it does it with.
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    pub inputs: Object,
    /// The ways on, by key; null leads nowhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<Option<String>>,
    /// What is tried again, and when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<WrittenRetry>,
    /// How long one try may take, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// What follows when it has failed for good: `fail` (the default), `continue`, or `{"go_to": KEY}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<WrittenFallback>,
}

/// A node type as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WrittenType {
    /// Such as `runyard.core.echo`.
    pub node_type_id: String,
    /// Such as `1.0.0`, `1` or `latest`, which it is where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// What is tried again, as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WrittenRetry {
    /// Tries in all, the first included.
    pub max_attempts: u32,
    /// The wait before the second try, milliseconds.
    #[serde(default = "a_second")]
    pub initial_interval_ms: u64,
    /// How many times longer each wait is than the one before.
    #[serde(default = "twice")]
    pub backoff_coefficient: f64,
    /// No wait is longer, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_interval_ms: Option<u64>,
    /// Which part of a wait may fall away, 0 to 1.
    #[serde(default)]
    pub jitter: f64,
    /// Only failures with these codes. Absent: every failure that does not say it is not retryable.
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

/// What follows a failure, as written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WrittenFallback {
    /// The graph fails.
    Fail,
    /// It is passed over, and the walk goes on by the first way.
    Continue,
    /// The walk goes on at the node with this key.
    GoTo(String),
}

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

/// Values under names: what an end or a variables node puts out.
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
    /// A word for people; values are what they are.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The value.
    #[serde(default)]
    pub value: Value,
}

/// What decides between two ways.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BranchInputs {
    /// Anything; false, null, 0, NaN and the empty text count as false.
    pub condition: Value,
}

/// Which way was taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BranchOutputs {
    /// True is the first way, false the second.
    pub condition: bool,
}

/// What decides whether the walk goes on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FilterInputs {
    /// Anything; false, null, 0, NaN and the empty text count as false.
    pub filter: Value,
}

/// Whether the walk went on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FilterOutputs {
    /// False ends the walk without fault.
    pub filter: bool,
}

/// Ways with a condition each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SwitchInputs {
    /// The first that is true is taken; if none is, the walk ends without fault.
    pub routes: Vec<SwitchRoute>,
}

/// A way with a condition.
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

/// Which way was taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SwitchOutputs {
    /// Its place in the list, from 0; absent where none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// How often the first of two ways is taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SplitInputs {
    /// In a hundred.
    #[schemars(range(min = 0.0, max = 100.0))]
    pub percentage: f64,
}

/// Which way was taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SplitOutputs {
    /// 0 or 1.
    pub index: u32,
}

/// A script.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScriptInputs {
    /// JavaScript: the body of a function, whose value is what it returns.
    pub script: String,
    /// What it finds as `nodes.start` where it is no node of a graph.
    #[serde(default)]
    pub data: Value,
}

/// What a script returned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScriptOutputs {
    /// As JSON; null where it returned nothing.
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

/// How long was waited.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DelayOutputs {
    /// Minutes, as asked.
    pub minutes: f64,
}
