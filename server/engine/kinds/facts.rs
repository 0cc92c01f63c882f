//! The properties of each kind of node run, in one table. The behaviour of a kind is in its own file.

use crate::NodeKind;

/// The properties of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Facts {
    /// Whether node runs of this kind have children.
    pub is_composite: bool,
    /// The effect that is requested when a node run begins; `None` for kinds without one. Only effects can be retried.
    pub work: Option<Work>,
    /// What a node run waits for when it has no effect, or after the effect.
    pub rest: Rest,
    /// Whether it can end with a partial success, because of its children or of a run that it started.
    pub falls_short: bool,
    /// The reason code of the evaluation at its end; `None` if it is evaluated outside.
    pub evaluation: Option<&'static str>,
    /// What has to be approved, if the run requires approvals.
    pub approval: ApprovalOf,
    /// Whether its inputs may contain a graph, which is read when it begins.
    pub takes_graph: bool,
    /// Whether its inputs may contain expressions in a graph, which are evaluated before it begins.
    pub takes_expressions: bool,
    /// Whether a planner may choose it for a clause of a goal.
    pub is_plannable: bool,
    /// Whether it has an output that other steps can use.
    pub makes_value: bool,
}

/// The kinds of work effects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Call a node type.
    Call,
    /// Start a run.
    Run,
    /// Plan a goal.
    Plan,
    /// Load the graph, the items or the agent from its inputs.
    Load,
}

/// What a node run waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// Nothing: it ends with its effect.
    Nothing,
    /// A timer.
    Timer,
    /// An answer.
    Input,
    /// A run that it has started.
    Run,
    /// Its children.
    Children,
    /// Completion from outside.
    External,
}

/// What has to be approved before steps begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApprovalOf {
    /// Each call, if calls need approvals.
    Call,
    /// The whole node run, at the start of the run.
    Whole,
    /// The plan, once it exists.
    Plan,
}

/// An atomic kind without an effect.
const ATOMIC: Facts = Facts {
    is_composite: false,
    work: None,
    rest: Rest::Nothing,
    falls_short: false,
    evaluation: Some("atomic_completed"),
    approval: ApprovalOf::Whole,
    takes_graph: false,
    takes_expressions: false,
    is_plannable: true,
    makes_value: true,
};

/// A composite whose children the server runs.
const COMPOSITE: Facts = Facts {
    is_composite: true,
    rest: Rest::Children,
    falls_short: true,
    evaluation: Some("composite_evaluation"),
    is_plannable: false,
    ..ATOMIC
};

impl NodeKind {
    /// The properties of this kind.
    pub const fn facts(self) -> Facts {
        match self {
            NodeKind::Call => {
                Facts { work: Some(Work::Call), approval: ApprovalOf::Call, takes_expressions: true, ..ATOMIC }
            }
            NodeKind::Sleep => Facts { rest: Rest::Timer, makes_value: false, ..ATOMIC },
            NodeKind::Ask => Facts { rest: Rest::Input, ..ATOMIC },
            NodeKind::Run => Facts {
                work: Some(Work::Run),
                rest: Rest::Run,
                falls_short: true,
                approval: ApprovalOf::Call,
                takes_expressions: true,
                is_plannable: false,
                ..ATOMIC
            },
            NodeKind::Plan => Facts { work: Some(Work::Plan), approval: ApprovalOf::Plan, ..COMPOSITE },
            NodeKind::External => Facts { rest: Rest::External, falls_short: false, evaluation: None, ..COMPOSITE },
            NodeKind::Graph | NodeKind::Each => {
                Facts { work: Some(Work::Load), takes_graph: true, takes_expressions: true, ..COMPOSITE }
            }
            NodeKind::Agent => {
                Facts { work: Some(Work::Load), takes_expressions: true, falls_short: false, ..COMPOSITE }
            }
        }
    }

    /// Whether node runs of this kind have children.
    pub const fn is_composite(self) -> bool {
        self.facts().is_composite
    }
}
