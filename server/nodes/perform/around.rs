//! The run around what is performed: for what has to look at it. Read only when asked for, and then from what is at hand.

use std::borrow::Cow;
use std::sync::Arc;

use runyard_engine::event::Failure;
use runyard_engine::{NodeRunId, Object, RunId, State, depth};

use crate::expressions::Moment;
use crate::runs::{Error, Runs};

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
    /// Its present try, from 1.
    pub attempt: u32,
    /// When that began, Unix milliseconds.
    pub begun_at_ms: i64,
}

impl Around {
    /// What inputs came to, where they nest no deeper than values may. Looked at before anything is performed with them.
    ///
    /// # Errors
    /// `value_too_deep`.
    pub(super) fn bounded(&self, inputs: Option<Object>) -> Result<Option<Object>, Failure> {
        let max = self.runs.depth_max();
        match inputs {
            Some(inputs) if depth::object_nests_deeper(&inputs, max) => Err(depth::too_deep("the inputs", max)),
            inputs => Ok(inputs),
        }
    }

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

    /// An object of the run's state with every large value in place.
    ///
    /// # Errors
    /// `values_too_large`, or a failure that is worth another try: the store did not answer.
    pub async fn whole<'a>(&self, object: &'a Object) -> Result<Cow<'a, Object>, Failure> {
        self.runs.whole(&self.tenant, self.run, object).await.map_err(unread)
    }

    /// Does what may take long where nothing else waits for it, in its tenant's turn.
    ///
    /// # Errors
    /// `validation_too_expensive`, or a failure that is worth another try: too much was waiting.
    pub(super) async fn off_runtime<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Failure> {
        let done = self.runs.compute().run_step(&self.tenant, work).await;
        done.map_err(|refused| refused.failure("what this step was given could not be read and checked"))
    }

    /// The time and the chance that its expressions have: those of its first try, so that every try has the same inputs, and
    /// whoever performs one again.
    pub fn moment(&self, state: &State) -> Moment {
        let started_at_ms = state.node(self.node_run).and_then(|node| node.started_at_ms);
        // A state in which it has not begun is behind, and then this is its first try.
        let now_ms = started_at_ms.unwrap_or(self.begun_at_ms);
        let [a, b, c, d, ..] = self.node_run.uuid().into_bytes();
        Moment { now_ms, seed: u32::from_be_bytes([a, b, c, d]) }
    }
}

/// Why large values of a run could not be read, as a failure.
pub(crate) fn unread(error: Error) -> Failure {
    if let Error::ValuesTooLarge { .. } = error {
        let (code, message) = ("values_too_large".to_owned(), error.to_string());
        return Failure { code, message, details: None, retryable: Some(false) };
    }
    tracing::warn!(%error, cause = ?error, "large values of a run could not be read");
    Failure {
        code: "store_unavailable".to_owned(),
        message: "a large value of this run could not be read; the server's log has the reason".to_owned(),
        details: None,
        retryable: Some(true),
    }
}
