//! How a run changes: a pure state machine.
//!
//! [`decide`] takes a [`Command`] and the [`State`] of a run and returns a [`Decision`]: the events to record, the
//! effects to perform after the commit, and the effects to drop. [`apply`] applies recorded events to a state. A replay
//! of the log therefore gives the live state and needs no clock, no catalogue and no network.
//!
//! Not in this crate: wire types, storage, planning, schema validation, clocks and randomness. Those happen outside,
//! and their results arrive as commands. Output schemas are checked by the caller, too: [`Rejected::Unfitted`] requests
//! the check, and the result is recorded.

mod apply;
pub mod approval;
mod attempts;
mod bindings;
mod check;
pub mod command;
pub mod constraints;
mod decide;
pub mod depth;
mod draft;
pub mod effect;
pub mod event;
mod finish;
mod fit;
pub mod graph;
pub mod ids;
mod kinds;
pub mod large;
mod limits;
mod node_runs;
pub mod node_type;
mod outstanding;
pub mod plan;
pub mod policy;
pub mod record;
mod schedule;
mod stand_ins;
mod standing;
pub mod state;
mod upcast;
mod values;

pub use apply::{Corrupt, apply, replay};
pub use approval::{Approval, ApprovalStrategy, Decided, Verdict};
pub use check::{Violation, check};
pub use command::{
    ChildSpec, Command, Completion, Context, Outcome, Parent, Rejected, Routed, Start, SubRunReport, Turn,
};
pub use constraints::Constraints;
pub use decide::decide;
pub use effect::{Decision, Effect, Reply, Request};
pub use event::{Event, Recorded, Shortfall};
pub use fit::{FitResult, Fitted, Made, as_made, decide_with};
pub use graph::{Content, Graph, GraphNode, Items, Route};
pub use ids::{ApprovalId, EffectId, NodeRunId, Position, RunId};
pub use kinds::facts::{ApprovalOf, Facts, Rest, Work};
pub use node_runs::NodeRuns;
pub use node_type::{NodeKind, NodeType, NodeTypeRef, SideEffect};
pub use outstanding::closing_effects::closing_effects;
pub use outstanding::{is_outstanding, outstanding};
pub use plan::Plan;
pub use policy::{OnFailure, Policy, Retry};
pub use record::failure::{CodeText, Failure};
pub use record::failure_code::FailureCode;
pub use state::{Node, NodeState, Pause, RunOutcome, RunStatus, State, Wait};
pub use upcast::{UpcastError, upcast};
pub use values::Slot;

/// Labels for searching runs: each name has one or more values. Opaque to the engine.
pub type Labels = std::collections::BTreeMap<String, std::collections::BTreeSet<String>>;

/// A JSON object, with its members in the order of the source.
pub type Object = serde_json::Map<String, serde_json::Value>;
