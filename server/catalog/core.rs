//! Inputs and outputs of the `runyard.core.*` node types. The schemas that callers see are derived from these types, and these
//! types read and write the values, so the two cannot part. Field names are those of the ARP reference node types, so that
//! a `jarvis.core.*` alias is only a name.
//!
//! What they do is in `driver/perform/builtin.rs`; `sleep` is a timer of the engine, and `ask` waits in it.

use std::collections::BTreeMap;

use runyard_engine::Object;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::graph::WrittenType;

/// The longest sleep, in seconds: 366 days.
pub const SLEEP_SECONDS_MAX: f64 = 31_622_400.0;

/// A text to give back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EchoInputs {
    /// The text.
    pub echo: String,
}

/// The text that was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EchoOutputs {
    /// The text, unchanged.
    pub echo: String,
}

/// How long to wait: `seconds`, else `duration_seconds`, else not at all.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SleepInputs {
    /// Seconds to wait; fractions are allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 31_622_400.0))]
    pub seconds: Option<f64>,
    /// Seconds to wait, if `seconds` is absent or null.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 31_622_400.0))]
    pub duration_seconds: Option<f64>,
}

impl SleepInputs {
    /// How long to wait, in seconds.
    pub fn asked_seconds(&self) -> f64 {
        self.seconds.or(self.duration_seconds).unwrap_or(0.0)
    }
}

/// How long the step waited.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SleepOutputs {
    /// Seconds, as requested.
    pub slept_seconds: f64,
}

/// A run to start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunInputs {
    /// The node type of the run.
    pub node_type_ref: WrittenType,
    /// The inputs of the run.
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    pub inputs: Object,
    /// The title of the run in lists, of which 200 characters are shown. Default: its goal, its question or its node type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The graph of the run, if its node type is a graph: its input `graph`, whose expressions are evaluated in that run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub graph: Option<Value>,
    /// Labels by which lists find the run: one value or several for each name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, Label>,
    /// Constraints of the run, in addition to those of this step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub constraints: Option<Object>,
    /// Whether to wait for the end of the run.
    #[serde(default = "yes")]
    pub wait: bool,
    /// JSON Schema (draft 7) for the result of the run; the result of a plan is assigned to its properties.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<Value>,
    /// What expressions of the graph see of the run, instead of its id, state and outputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_as: Option<SeenAs>,
}

/// What expressions see of a run that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SeenAs {
    /// Its outputs.
    Outputs,
    /// Its result, as `answer`.
    Answer,
    /// Its outputs, and what of the run has another name.
    OutputsAndRun,
    /// Its result, as `answer`, and the run.
    AnswerAndRun,
}

/// The values of a label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Label {
    /// One.
    One(String),
    /// Several.
    Several(Vec<String>),
}

const fn yes() -> bool {
    true
}

/// The run that was started.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunOutputs {
    /// The id of the run.
    pub run_id: String,
    /// The final state, if the step waited for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The outputs, if the step waited for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outputs: Option<Object>,
}

/// A question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AskInputs {
    /// The question, for the run's clients.
    pub question: String,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AskOutputs {
    /// The input that was delivered, unchanged.
    pub answer: String,
}

/// Nothing is needed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoInputs {}

/// A new UUID.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Uuid4Outputs {
    /// A random UUID (RFC 9562, version 4), hyphenated, lower case.
    pub uuid4: String,
}

/// The time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TimeNowOutputs {
    /// The moment of the call in UTC, as RFC 3339 with milliseconds.
    pub time: String,
}

/// What to hash: exactly one of `text` and `content_base64`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HashSha256Inputs {
    /// The bytes to hash, in base64 (RFC 4648, with padding).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_base64: Option<String>,
    /// The text to hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// How `text` becomes bytes. Only `utf-8`, which is also the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
}

/// How to fail.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FailInputs {
    /// The failure's code; `failed_on_purpose` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[a-z][a-z0-9_]{0,63}$"))]
    pub code: Option<String>,
    /// The failure's message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1000))]
    pub message: Option<String>,
    /// Marks the failure as retryable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retryable: Option<bool>,
    /// How many attempts fail before one succeeds; all if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub tries: Option<u32>,
    /// How long each attempt takes, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 60_000))]
    pub after_ms: Option<u64>,
}

/// Which attempt succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FailOutputs {
    /// The number of the attempt, from 1.
    pub attempt: u32,
}

/// A digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HashSha256Outputs {
    /// The SHA-256 digest (FIPS 180-4): 64 lower case hexadecimal digits.
    #[schemars(regex(pattern = r"^[0-9a-f]{64}$"))]
    pub sha256: String,
}
