//! The run of a call, for node types that need its state. It is loaded only on demand, and then from memory if
//! possible.

use std::borrow::Cow;
use std::sync::Arc;

use runyard_engine::event::Failure;
use runyard_engine::{FailureCode, NodeRunId, Object, RunId, State, depth};

use crate::expressions::EvalClock;
use crate::runs::{Error, Runs};

/// The place of a node run.
#[derive(Clone)]
pub struct Around {
    /// The access to runs.
    pub runs: Runs,
    /// The tenant.
    pub tenant: String,
    /// The run.
    pub run: RunId,
    /// The node run.
    pub node_run: NodeRunId,
    /// The current attempt, from 1.
    pub attempt: u32,
    /// When the attempt started, Unix milliseconds.
    pub begun_at_ms: i64,
}

impl Around {
    /// Evaluated inputs that nest no deeper than values may. Checked before they are used.
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

    /// The current state of the run and the node run in it.
    ///
    /// # Errors
    /// A failure that can be retried: the store did not answer.
    pub async fn state(&self) -> Result<Arc<State>, Failure> {
        self.runs.state_with(&self.tenant, self.run, self.node_run).await.map_err(|error| {
            tracing::warn!(%error, cause = ?error, "the run around a step could not be read");
            Failure {
                code: FailureCode::StoreUnavailable.into(),
                message: "the run around this step could not be read; the server's log has the reason".to_owned(),
                details: None,
                retryable: Some(true),
            }
        })
    }

    /// The schema of the run's result, if the node run is its root.
    ///
    /// # Errors
    /// As [`state`](Self::state).
    pub async fn output_schema(&self) -> Result<Option<Object>, Failure> {
        let state = self.state().await?;
        let schema = state.start.as_ref().filter(|_| state.root_id() == self.node_run);
        Ok(schema.and_then(|start| start.output_schema.as_ref()?.as_object().cloned()))
    }

    /// An object of the run's state with every large value loaded.
    ///
    /// # Errors
    /// `values_too_large`, or a failure that can be retried: the store did not answer.
    pub async fn whole<'a>(&self, object: &'a Object) -> Result<Cow<'a, Object>, Failure> {
        self.runs.whole(&self.tenant, self.run, object).await.map_err(unread)
    }

    /// Executes a long computation where no other work waits for it, with fairness between tenants.
    ///
    /// # Errors
    /// `validation_too_expensive`, or a failure that can be retried: too many computations were waiting.
    pub(in crate::nodes) async fn off_runtime<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Failure> {
        let done = self.runs.compute().run_step(&self.tenant, work).await;
        done.map_err(|refused| refused.failure("what this step was given could not be read and checked"))
    }

    /// The time and the random seed of its expressions: those of the first attempt, so that every attempt and every
    /// repeated execution has the same inputs.
    pub fn eval_clock(&self, state: &State) -> EvalClock {
        let started_at_ms = state.node(self.node_run).and_then(|node| node.started_at_ms);
        // If the state is older than the start of the node run, this is its first attempt.
        let now_ms = started_at_ms.unwrap_or(self.begun_at_ms);
        let [a, b, c, d, ..] = self.node_run.uuid().into_bytes();
        EvalClock { now_ms, seed: u32::from_be_bytes([a, b, c, d]) }
    }
}

/// The failure for large values of a run that could not be read.
pub(crate) fn unread(error: Error) -> Failure {
    if let Error::ValuesTooLarge { .. } = error {
        return Failure { retryable: Some(false), ..Failure::new(FailureCode::ValuesTooLarge, error.to_string()) };
    }
    tracing::warn!(%error, cause = ?error, "large values of a run could not be read");
    Failure {
        code: FailureCode::StoreUnavailable.into(),
        message: "a large value of this run could not be read; the server's log has the reason".to_owned(),
        details: None,
        retryable: Some(true),
    }
}
