//! How a run changes: a pure state machine.
//!
//! A [`Command`] and the [`State`] of a run go into [`decide`]; a [`Decision`] comes out: the events to record, the effects
//! to perform once they are recorded, and the effects no longer wanted. [`apply`] copies recorded events back into a state,
//! so that a replay of the log gives the live state and needs no clock, no catalogue and no network.
//!
//! What does not live here: wire types, storage, planning, schema validation, anything that reads a clock or a die. Those
//! happen outside and come back as commands; what fits an output schema is asked for and handed in ([`Rejected::Unfitted`]), and what
//! was handed in is recorded. This crate's dependency list is the proof.

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
pub use state::{Node, NodeState, Pause, RunOutcome, RunStatus, State, Wait};
pub use upcast::{UpcastError, upcast};
pub use values::Slot;

/// By which a run is found again: values by name, several to a name. Opaque to the engine.
pub type Labels = std::collections::BTreeMap<String, std::collections::BTreeSet<String>>;

/// A JSON object, in the order it was written.
pub type Object = serde_json::Map<String, serde_json::Value>;
