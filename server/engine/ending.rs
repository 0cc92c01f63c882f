//! How a node run ends, before it is recorded.

use crate::event::{Artifact, Failure, FinalState};
use crate::graph::Route;
use crate::{Completion, Object, Shortfall};

/// How a node run ends.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ending {
    pub(crate) state: FinalState,
    pub(crate) outputs: Option<Object>,
    pub(crate) artifacts: Vec<Artifact>,
    pub(crate) error: Option<Failure>,
    pub(crate) shortfall: Option<Shortfall>,
    pub(crate) inputs: Option<Object>,
    pub(crate) route: Option<Route>,
}

impl Ending {
    pub(crate) fn succeeded(outputs: Object) -> Self {
        Ending { outputs: Some(outputs), ..Ending::plain(FinalState::Succeeded) }
    }

    /// Only a state.
    fn plain(state: FinalState) -> Self {
        Ending { state, outputs: None, artifacts: Vec::new(), error: None, shortfall: None, inputs: None, route: None }
    }

    /// The end of a composite whose failures were all ignored, which is still not a success.
    pub(crate) fn short(shortfall: Shortfall, outputs: Object, error: Failure) -> Self {
        let shortfall = Some(shortfall);
        Ending { outputs: Some(outputs), error: Some(error), shortfall, ..Ending::plain(FinalState::Failed) }
    }

    pub(crate) fn failed(failure: impl Into<Box<Failure>>) -> Self {
        Ending::without_outputs(FinalState::Failed, *failure.into())
    }

    pub(crate) fn canceled(failure: Failure) -> Self {
        Ending::without_outputs(FinalState::Canceled, failure)
    }

    pub(crate) fn skipped(failure: Failure) -> Self {
        Ending::without_outputs(FinalState::Skipped, failure)
    }

    fn without_outputs(state: FinalState, failure: Failure) -> Self {
        Ending { error: Some(failure), ..Ending::plain(state) }
    }
}

impl From<Completion> for Ending {
    fn from(completion: Completion) -> Self {
        let Completion { state, outputs, artifacts, error } = completion;
        Ending { outputs, artifacts, error, ..Ending::plain(state) }
    }
}

/// A value, or the failure of the node run. The failure is boxed because it is large and rare.
pub(crate) type Checked<T> = Result<T, Box<Failure>>;

/// How a node run ended, as a verb phrase for messages.
pub(crate) fn ended_as(state: FinalState) -> &'static str {
    match state {
        FinalState::Succeeded => "succeeded",
        FinalState::Failed => "failed",
        FinalState::Canceled => "was canceled",
        FinalState::Skipped => "was skipped",
    }
}
