//! How an API shows the events of a log.

use runyard_engine::{NodeRunId, Position, Recorded, RunId, State};

use crate::store::StoreError;

/// How an API shows a run's log. Each API has a type of its own.
pub trait Projection: Clone + Send + Sync + 'static {
    /// An event as the API shows it.
    type Shown: Send + 'static;

    /// The projection before the run's first event.
    fn of(state: &State) -> Self;

    /// Converts one stored event to none, one or more events of the API.
    ///
    /// # Errors
    /// The event does not fit the ones before it, or the API's document cannot express it. The projection is not used
    /// again.
    fn project(&mut self, recorded: &Recorded) -> Result<Vec<Self::Shown>, ProjectionError>;

    /// The `seq` of the last event that was shown; 0 before the first.
    fn seq(&self) -> u64;

    /// The `seq` of an event.
    fn seq_of(shown: &Self::Shown) -> u64;

    /// About how many bytes a copy takes.
    fn bytes(&self) -> usize;
}

/// Why an event of a log cannot be shown. A stream ends before it: without the event, its `seq` would be another's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("event {position} of run {run} cannot be shown: {reason}")]
pub struct ProjectionError {
    run: RunId,
    position: Position,
    reason: String,
}

impl ProjectionError {
    /// The error for an event of a run.
    pub fn new(run: RunId, recorded: &Recorded, reason: impl ToString) -> Self {
        ProjectionError { run, position: recorded.position, reason: reason.to_string() }
    }

    /// The event is about a node run that no event before it has created, or that has ended.
    pub fn unknown_node_run(run: RunId, recorded: &Recorded, node_run: NodeRunId) -> Self {
        let reason = format!("`{}` of node run {node_run}, which does not exist then", recorded.event.name());
        ProjectionError::new(run, recorded, reason)
    }
}

impl From<ProjectionError> for StoreError {
    fn from(error: ProjectionError) -> Self {
        let reason = format!("event {} cannot be shown: {}", error.position, error.reason);
        StoreError::Corrupt { run: error.run, reason }
    }
}
