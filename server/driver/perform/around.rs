//! The run around what is performed: for what has to look at it. Read only when asked for, and then from what is at hand.

use std::sync::Arc;

use runyard_engine::event::Failure;
use runyard_engine::{NodeRunId, RunId, State};

use crate::graph::Nodes;
use crate::runs::Runs;

/// Where a node run is.
#[derive(Clone)]
pub struct Around {
    /// Where runs are.
    pub runs: Runs,
    /// Whose.
    pub tenant: String,
    /// Its run.
    pub run: RunId,
    /// It.
    pub node_run: NodeRunId,
}

impl Around {
    /// The run as it stands, the node run in it.
    ///
    /// # Errors
    /// A failure that is worth another try: the store did not answer.
    pub async fn state(&self) -> Result<Arc<State>, Failure> {
        self.runs.state_with(&self.tenant, self.run, self.node_run).await.map_err(|error| {
            tracing::warn!(%error, cause = ?error, "the run around a step could not be read");
            Failure {
                code: "store_unavailable".to_owned(),
                message: "the run around this step could not be read; the server's log has the reason".to_owned(),
                details: None,
                retryable: Some(true),
            }
        })
    }

    /// The graph around it; nothing where it is no node of one.
    ///
    /// # Errors
    /// As [`Around::state`].
    pub async fn nodes(&self) -> Result<Option<Nodes>, Failure> {
        Ok(Nodes::around(&self.state().await?, self.node_run))
    }
}
