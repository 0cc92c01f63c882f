//! What the engine and everything around it must know of each kind of node run: one table. What a kind does is in its file.

use crate::NodeKind;

/// What is to be known of a kind, without knowing the kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Facts {
    /// Whether node runs of this kind have children.
    pub is_composite: bool,
    /// What is asked of the world when one begins; none where nothing is performed. What is performed can be tried again.
    pub work: Option<Work>,
    /// What one waits for when nothing is performed for it, or not any more.
    pub rest: Rest,
    /// Whether a run that it has started, or its children, may have achieved only a part when it ends.
    pub falls_short: bool,
    /// The reason code of the evaluation at its end; none where it is evaluated outside.
    pub evaluation: Option<&'static str>,
    /// What has to be approved, where approval is asked for.
    pub approval: ApprovalOf,
    /// Whether its inputs may hold a graph, which is read when it begins.
    pub takes_graph: bool,
    /// Whether its inputs may hold expressions in a graph: something evaluates them before it begins.
    pub takes_expressions: bool,
    /// Whether a planner may choose it for a clause of a goal.
    pub is_plannable: bool,
    /// Whether it makes a value that other steps can use.
    pub makes_value: bool,
}

/// What is asked of the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// A node type is performed.
    Call,
    /// A run is started.
    Run,
    /// A goal is planned.
    Plan,
    /// What it is made of is read from its inputs.
    Load,
}

/// What a node run waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// Nothing: it is performed, and ends.
    Nothing,
    /// A time.
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

/// What has to be approved before steps are performed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApprovalOf {
    /// Each call, where calls have to be.
    Call,
    /// The whole, at the start of the run.
    Whole,
    /// The plan, once it is made.
    Plan,
}

/// An atomic kind for which nothing is performed.
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
    /// What is to be known of it.
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
        }
    }

    /// Whether node runs of this kind have children.
    pub const fn is_composite(self) -> bool {
        self.facts().is_composite
    }
}
