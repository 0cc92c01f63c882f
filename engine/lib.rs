//! How a run changes: a pure state machine.
//!
//! A [`Command`] and the [`State`] of a run go into [`decide`]; a [`Decision`] comes out: the events to record, the effects
//! to perform once they are recorded, and the effects no longer wanted. [`apply`] copies recorded events back into a state,
//! so that a replay of the log gives the live state and needs no clock, no catalogue and no network.
//!
//! What does not live here: wire types, storage, planning, schema validation, anything that reads a clock or a die. Those
//! happen outside and come back as commands. This crate's dependency list is the proof.

pub mod command;
pub mod constraints;
pub mod effect;
pub mod event;
pub mod ids;
pub mod node_type;
pub mod plan;
pub mod state;

pub use command::{ChildSpec, Command, Completion, Context, Outcome, Rejected, Start};
pub use constraints::Constraints;
pub use effect::{Decision, Effect, Reply, Request};
pub use event::{Event, Recorded};
pub use ids::{EffectId, NodeRunId, Position, RunId};
pub use node_type::{NodeKind, NodeType, NodeTypeRef, SideEffect};
pub use plan::Plan;
pub use state::{Node, NodeState, RunOutcome, RunStatus, State, Wait};

/// A JSON object, in the order it was written.
pub type Object = serde_json::Map<String, serde_json::Value>;
