//! What a decision asks of the world: effects to perform once the events are committed. A timer is an effect that is due later.

use serde::{Deserialize, Serialize};

use crate::{Constraints, EffectId, Event, NodeRunId, NodeType, Object, RunId, State};

/// What came out of deciding.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Decision {
    /// To record, in this order. Empty when the command changes nothing.
    pub events: Vec<Event>,
    /// To perform once the events are committed.
    pub effects: Vec<Effect>,
    /// Asked for by an earlier decision and no longer wanted. The effect that the command answers is not among them.
    pub dropped: Vec<EffectId>,
    /// The answer for who asked.
    pub reply: Reply,
    /// The state with the events applied. Absent where there are none.
    pub after: Option<Box<State>>,
}

/// The answer for who asked.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Reply {
    /// Nothing beyond the run's new state.
    #[default]
    Done,
    /// The children of a `CreateChildren`, in the order asked, those that existed already included.
    Children(Vec<NodeRunId>),
}

/// Something asked of the world.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// Also the idempotency key under which it is performed.
    pub id: EffectId,
    /// For which node run.
    pub node_run: NodeRunId,
    /// From 1.
    pub attempt: u32,
    /// Not before this time, Unix milliseconds. For a call: the time of the decision.
    pub due_at_ms: i64,
    /// What.
    pub request: Request,
}

/// What is asked.
#[expect(
    clippy::large_enum_variant,
    reason = "one exists for each effect, on its way to the store; a wake is the small one"
)]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Request {
    /// Perform an atomic node run; answered by `Settle`.
    Call {
        /// What to perform.
        node_type: NodeType,
        /// Resolved inputs.
        inputs: Object,
        /// When the try is over whatever comes back, Unix milliseconds: the performer gives up by itself, and a timer says so
        /// where it cannot.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until_ms: Option<i64>,
    },
    /// Plan a composite; answered by `Planned`, or `Settle` with a failure.
    Plan {
        /// The planner asked for.
        node_type: NodeType,
        /// Its inputs, the goal among them.
        inputs: Object,
        /// Limits that the plan must keep.
        constraints: Constraints,
        /// When the try is over whatever comes back, Unix milliseconds: the performer gives up by itself, and a timer says so
        /// where it cannot.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until_ms: Option<i64>,
    },
    /// Say what a composite is made of: a graph to walk, or items. Its inputs are in the run's state. Answered by `Loaded`, or
    /// `Settle` with a failure.
    Load {
        /// When the try is over whatever comes back, Unix milliseconds: the performer gives up by itself, and a timer says so
        /// where it cannot.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until_ms: Option<i64>,
    },
    /// Start a run for a node run, under the id that follows from its attempt. Its inputs are in the run's state. Answered by
    /// `Launched`, or `Settle` with a failure.
    Run {
        /// When the try is over whatever comes back, Unix milliseconds: the performer gives up by itself, and a timer says so
        /// where it cannot.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until_ms: Option<i64>,
    },
    /// See that a run that was started for a node run does no more, and never begins if it has not. Nobody waits for an answer:
    /// this run may have ended.
    Stop {
        /// Which.
        run: RunId,
    },
    /// Tell the run that started this one how it has ended. Nobody waits for an answer: this run has ended.
    Report {
        /// Whom.
        run: RunId,
        /// Which node run there.
        node_run: NodeRunId,
    },
    /// Say so when due: the end of a sleep or of a budget of time; answered by `Wake`.
    Wake,
}
