//! The check of a run's result against its output schema, which a caller makes for the engine: what has to be checked, and
//! the answer. `fit.rs` requests it.

use serde_json::Value;

use crate::{Failure, Object};

/// A run's result, and the schema that it has to fit.
#[derive(Debug, Clone, PartialEq)]
pub struct RunResult {
    /// The schema that the run was started with.
    pub schema: Value,
    /// The run's result: for a plan its `result`, for other kinds the outputs.
    pub answer: Value,
    /// The outputs of a plan's steps, in order, from which the result may be built. If absent, the answer is checked as
    /// it is.
    pub steps: Option<Vec<Object>>,
}

/// The answer in a form that fits, or the failure with which the run ends.
pub type FitResult = Result<Value, Box<Failure>>;

/// A check and its answer. It is used only for exactly the same check.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    /// The check.
    pub made: RunResult,
    /// The answer.
    pub verdict: FitResult,
}
