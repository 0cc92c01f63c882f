//! Effects: the work that a decision requests, to execute once the events are committed. A timer is an effect that is
//! due later.

use serde::{Deserialize, Serialize};

use super::Object;
use super::constraints::Constraints;
use super::ids::{EffectId, NodeRunId, RunId};
use super::node_type::NodeType;

/// An effect to execute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// The id, which is also the idempotency key of its execution.
    pub id: EffectId,
    /// The node run that it belongs to.
    pub node_run: NodeRunId,
    /// The attempt, from 1.
    pub attempt: u32,
    /// The earliest time of its execution, Unix milliseconds. For a call, the time of the decision.
    pub due_at_ms: i64,
    /// The work to do.
    pub request: Request,
}

/// The work of an effect.
#[expect(
    clippy::large_enum_variant,
    reason = "one exists for each effect, on its way to the store; a wake is the small one"
)]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Request {
    /// Execute an atomic node run; answered by `Settle`.
    Call {
        /// The node type to call.
        node_type: NodeType,
        /// Resolved inputs.
        inputs: Object,
        /// When the attempt times out, Unix milliseconds. The driver stops by itself; otherwise a timer ends the
        /// attempt.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until_ms: Option<i64>,
    },
    /// Plan a composite; answered by `Planned`, or `Settle` with a failure.
    Plan {
        /// The requested planner.
        node_type: NodeType,
        /// Its inputs, which include the goal.
        inputs: Object,
        /// The constraints of the plan.
        constraints: Constraints,
        /// When the attempt times out, Unix milliseconds. The driver stops by itself; otherwise a timer ends the
        /// attempt.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until_ms: Option<i64>,
    },
    /// Load the content of a composite: a graph, or items. Its inputs are in the run's state. Answered by `Loaded`, or
    /// `Settle` with a failure.
    Load {
        /// When the attempt times out, Unix milliseconds. The driver stops by itself; otherwise a timer ends the
        /// attempt.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until_ms: Option<i64>,
    },
    /// Start a child run for a node run, with the id derived from its attempt. Its inputs are in the run's state.
    /// Answered by `Launched`, or `Settle` with a failure.
    Run {
        /// When the attempt times out, Unix milliseconds. The driver stops by itself; otherwise a timer ends the
        /// attempt.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until_ms: Option<i64>,
    },
    /// Stop a child run, and prevent its start if it has not begun. Nothing waits for an answer, because this run may
    /// have ended.
    Stop {
        /// The child run.
        run: RunId,
    },
    /// Report the end of this run to its parent run. Nothing waits for an answer, because this run has ended.
    Report {
        /// The parent run.
        run: RunId,
        /// The node run in the parent run.
        node_run: NodeRunId,
    },
    /// Fire a timer, such as the end of a sleep or a time limit; answered by `Wake`.
    Wake,
}

impl Request {
    /// When the attempt times out, Unix milliseconds; `None` without a time limit.
    pub const fn until_ms(&self) -> Option<i64> {
        match self {
            Request::Call { until_ms, .. }
            | Request::Plan { until_ms, .. }
            | Request::Run { until_ms }
            | Request::Load { until_ms } => *until_ms,
            Request::Stop { .. } | Request::Report { .. } | Request::Wake => None,
        }
    }

    /// Whether it is executed after the node run that requested it has ended, and nothing waits for its answer.
    pub const fn is_closing(&self) -> bool {
        match self {
            Request::Stop { .. } | Request::Report { .. } => true,
            Request::Call { .. }
            | Request::Plan { .. }
            | Request::Run { .. }
            | Request::Load { .. }
            | Request::Wake => false,
        }
    }
}
