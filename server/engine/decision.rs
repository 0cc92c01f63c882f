//! The result of a decision.

use crate::{Effect, EffectId, Event, NodeRunId, State};

/// The result of `decide`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Decision {
    /// The events to record, in this order. Empty if the command changes nothing.
    pub events: Vec<Event>,
    /// The effects to execute once the events are committed.
    pub effects: Vec<Effect>,
    /// Effects of earlier decisions that are no longer needed. The effect that the command answers is not included.
    pub dropped: Vec<EffectId>,
    /// The reply to the caller.
    pub reply: Reply,
    /// The state with the events applied; `None` if there are none.
    pub after: Option<Box<State>>,
}

/// The reply to the caller.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Reply {
    /// No data beyond the run's new state.
    #[default]
    Done,
    /// The children of a `CreateChildren`, in the order of the request, existing ones included.
    Children(Vec<NodeRunId>),
}
