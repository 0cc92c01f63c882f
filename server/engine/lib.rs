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
mod corrupt;
mod decide;
mod decision;
mod dependency;
pub mod depth;
mod draft;
mod ending;
mod fallbacks;
mod finish;
mod fit;
pub mod graph;
mod kinds;
pub mod large;
mod limits;
mod node;
mod node_runs;
mod output_check;
mod outstanding;
pub mod policy;
pub mod record;
mod schedule;
pub mod state;
mod upcast;
mod values;

pub use apply::{apply, replay};
pub use check::{Violation, check};
pub use command::{ChildSpec, Command, Completion, Context, Outcome, Rejected, Routed, SubRunReport};
pub use corrupt::Corrupt;
pub use decide::{as_made, decide, decide_with};
pub use decision::{Decision, Reply};
pub use kinds::facts::{ApprovalOf, Facts, Rest, Work};
pub use node::Node;
pub use node_runs::NodeRuns;
pub use output_check::{FitResult, Fitted, RunResult};
pub use outstanding::closing_effects::closing_effects;
pub use outstanding::{is_outstanding, outstanding};
pub use record::agent::{Agent, AgentTool, NextStep, ToolCall};
pub use record::approval::{Approval, ApprovalDecision, ApprovalStrategy, Verdict};
pub use record::constraints::Constraints;
pub use record::effect::{Effect, Request};
pub use record::event::{Event, Recorded};
pub use record::failure::{CodeText, Failure};
pub use record::failure_code::FailureCode;
pub use record::graph::{Content, Graph, GraphNode, Items, Route};
pub use record::ids::{ApprovalId, EffectId, NodeRunId, Position, RunId};
pub use record::node_type::{NodeKind, NodeType, NodeTypeRef};
pub use record::plan::Plan;
pub use record::policy::{OnFailure, Policy, Retry};
pub use record::side_effect::SideEffect;
pub use record::start::{Parent, Start, Turn};
pub use record::status::{FinalState, NodeState, RunOutcome, RunStatus, Shortfall, Wait};
pub use record::{Labels, Object};
pub use record::{agent, constraints, effect, event, ids, node_type, plan};
pub use state::{Pause, State};
pub use upcast::{UpcastError, upcast};
pub use values::Slot;
