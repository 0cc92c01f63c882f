//! Why a log or a state is not valid.

use crate::{NodeRunId, Position, RunId};

/// Why a log or a state is not valid. The state is unchanged then.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Corrupt {
    /// The log has a gap or a repetition, or is read from the wrong position.
    #[error("event at position {found} where {expected} should follow")]
    Position {
        /// The next position: the state's version plus one.
        expected: Position,
        /// What was found.
        found: Position,
    },
    /// An event follows the last event of the run.
    #[error("event `{event}` after the run finished")]
    AfterFinished {
        /// What was found.
        event: &'static str,
    },
    /// An event precedes the first event of the run.
    #[error("event `{event}` before the run started")]
    BeforeStarted {
        /// What was found.
        event: &'static str,
    },
    /// The node run was never created.
    #[error("event `{event}` names node run {node_run}, which does not exist")]
    UnknownNodeRun {
        /// What was found.
        event: &'static str,
        /// The node run that it named.
        node_run: NodeRunId,
    },
    /// The event is impossible in the current state of the node run.
    #[error("event `{event}` cannot happen to node run {node_run}: {reason}")]
    Impossible {
        /// What was found.
        event: &'static str,
        /// The node run of the event.
        node_run: NodeRunId,
        /// Why it is impossible.
        reason: &'static str,
    },
    /// The state belongs to another run.
    #[error("this is the state of run {found}, not of run {expected}")]
    WrongRun {
        /// The expected run.
        expected: RunId,
        /// The run whose state was given.
        found: RunId,
    },
}
