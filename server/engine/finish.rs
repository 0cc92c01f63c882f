//! Ending node runs: what goes with them, what that means for their parents, and the end of the run.
//!
//! Everything below a node run ends before it does; what a child's end means to its parent is the parent's kind's to say
//! (`kinds`). When the root has ended, so has the run.

use crate::draft::Draft;
use crate::event::{Artifact, Evaluation, EvaluationStatus, Failure, FinalState};
use crate::fit::fitted;
use crate::graph::Route;
use crate::node_type::NodeKind;
use crate::{
    Completion, Event, Node, NodeRunId, Object, Rejected, RunOutcome, Shortfall, State, depth, kinds, standing,
};

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

    /// As it is, and nothing else.
    fn plain(state: FinalState) -> Self {
        Ending { state, outputs: None, artifacts: Vec::new(), error: None, shortfall: None, inputs: None, route: None }
    }

    /// Every failure was passed over, and it is not a success.
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

/// What a node run needs to go on, or why it fails. Boxed, because a failure is large and rare.
pub(crate) type Checked<T> = Result<T, Box<Failure>>;

/// A failure without details.
pub(crate) fn failure(code: &str, message: impl Into<String>) -> Failure {
    Failure { code: code.to_owned(), message: message.into(), details: None, retryable: None }
}

/// Ends a node run, everything below it first, and then whatever follows from that above it, up to the end of the run.
pub(crate) fn end(draft: &mut Draft, id: NodeRunId, ending: Ending) -> Result<(), Rejected> {
    let mut next = Some((id, ending));
    while let Some((id, ending)) = next {
        let ending = if draft.node(id)?.parent.is_none() { fitted(draft, id, ending)? } else { ending };
        let ending = within_depth(draft, ending);
        cancel_below(draft, id, &because_of(&ending))?;
        record_end(draft, id, ending)?;
        next = match draft.node(id)?.parent {
            None => {
                end_run(draft)?;
                None
            }
            Some(parent) => kinds::child_ended(draft, parent, id)?.map(|ending| (parent, ending)),
        };
    }
    Ok(())
}

/// An end whose outputs nest no deeper than what can be read back: else a failure.
fn within_depth(draft: &Draft, ending: Ending) -> Ending {
    let max = draft.depth_max();
    let outputs = ending.outputs.as_ref().filter(|outputs| depth::object_nests_deeper(outputs, max));
    if outputs.is_some() { Ending::failed(depth::too_deep("the outputs", max)) } else { ending }
}

/// Ends a node run that never began, and then who depends on it, without a word to their parent. Hands them back.
pub(crate) fn skip(draft: &mut Draft, id: NodeRunId, why: Failure) -> Result<Vec<NodeRunId>, Rejected> {
    let mut skipped = Vec::new();
    let mut next = vec![(id, why)];
    while let Some((id, why)) = next.pop() {
        // Who depends on two that were skipped comes up twice.
        if draft.node(id)?.is_live() {
            record_end(draft, id, Ending::skipped(why))?;
            next.extend(standing::made_hopeless(draft.state(), draft.node(id)?).into_iter().rev());
            skipped.push(id);
        }
    }
    Ok(skipped)
}

/// Ends the siblings that can never begin now that this node run has ended, without a word to their parent. Hands them back.
pub(crate) fn skip_hopeless(draft: &mut Draft, id: NodeRunId) -> Result<Vec<NodeRunId>, Rejected> {
    let mut skipped = Vec::new();
    for (sibling, why) in standing::made_hopeless(draft.state(), draft.node(id)?) {
        skipped.extend(skip(draft, sibling, why)?);
    }
    Ok(skipped)
}

/// Why nothing that depends on this node run can begin, after it ended without success.
pub(crate) fn dependency_failed(node: &Node) -> Failure {
    let how = node.final_state().map_or("has not ended", ended_as);
    failure("dependency_failed", format!("it depends on `{}`, which {how}", node.key))
}

/// How a node run ended, as the end of a sentence.
pub(crate) fn ended_as(state: FinalState) -> &'static str {
    match state {
        FinalState::Succeeded => "succeeded",
        FinalState::Failed => "failed",
        FinalState::Canceled => "was canceled",
        FinalState::Skipped => "was skipped",
    }
}

/// Cancels a node run with everything below it, without a word to its parent.
pub(crate) fn cancel(draft: &mut Draft, id: NodeRunId, why: &Failure) -> Result<(), Rejected> {
    cancel_below(draft, id, why)?;
    record_end(draft, id, Ending::canceled(why.clone()))
}

/// Cancels everything below a node run, children before their parents.
pub(crate) fn cancel_below(draft: &mut Draft, id: NodeRunId, why: &Failure) -> Result<(), Rejected> {
    for below in live_below(draft.state(), id) {
        record_end(draft, below, Ending::canceled(why.clone()))?;
    }
    Ok(())
}

/// Ends the run as its root ended.
pub(crate) fn end_run(draft: &mut Draft) -> Result<(), Rejected> {
    let root = draft.node(draft.state().root_id())?;
    let Some(state) = root.final_state() else { return Ok(()) };
    let outcome = RunOutcome::of(state, root.shortfall);
    let outputs = root.outputs.clone().filter(|_| matches!(outcome, RunOutcome::Succeeded | RunOutcome::Partial));
    let error = root.error.clone().filter(|_| state != FinalState::Succeeded);
    draft.record(Event::Finished { outcome, outputs, error })?;
    draft.report_end();
    Ok(())
}

/// The end itself, with the judgement that the engine makes of its own node runs.
fn record_end(draft: &mut Draft, node_run: NodeRunId, ending: Ending) -> Result<(), Rejected> {
    draft.take_back(node_run)?;
    draft.stop_sub_run(node_run)?;
    let kind = draft.node(node_run)?.node_type.kind;
    let judged = judgement(kind, &ending).map(|evaluation| Event::Evaluated { node_run, evaluation });
    let Ending { state, outputs, artifacts, error, shortfall, inputs, route } = ending;
    let finished = Event::NodeFinished { node_run, state, outputs, artifacts, error, shortfall, inputs, route };
    // A composite is judged by its children's ends, an atomic node run by its own.
    let (first, second) = if kind.is_composite() { (judged, Some(finished)) } else { (Some(finished), judged) };
    for event in first.into_iter().chain(second) {
        draft.record(event)?;
    }
    Ok(())
}

/// Success or failure of what the server runs itself. Who was stopped or never began is not judged; who runs outside is
/// judged there.
fn judgement(kind: NodeKind, ending: &Ending) -> Option<Evaluation> {
    let status = match ending.state {
        FinalState::Succeeded => EvaluationStatus::Success,
        FinalState::Failed => EvaluationStatus::Fail,
        FinalState::Canceled | FinalState::Skipped => return None,
    };
    let reason_code = kind.facts().evaluation?;
    Some(Evaluation {
        status,
        reason_code: Some(reason_code.to_owned()),
        message: ending.error.as_ref().map(|error| error.message.clone()),
        details: None,
        confidence: None,
        extensions: Object::new(),
    })
}

/// What is said of those that end only because who is above them ends.
fn because_of(ending: &Ending) -> Failure {
    let message = match &ending.error {
        Some(error) => format!("stopped with the composite above it: {}", error.message),
        None => format!("stopped with the composite above it, which {} first", ended_as(ending.state)),
    };
    failure("canceled", message)
}

/// Everything live below a node run, children before their parents and siblings in the order of creation.
fn live_below(state: &State, id: NodeRunId) -> Vec<NodeRunId> {
    let mut found = Vec::new();
    let mut next = vec![id];
    // Parents first and siblings backwards, then turned around. Nothing below an ended node run is live.
    while let Some(node) = next.pop().and_then(|id| state.node(id)) {
        found.push(node.id);
        next.extend(node.children.iter().filter(|id| state.node(**id).is_some_and(Node::is_live)));
    }
    found.reverse();
    // The last one is where it began.
    found.pop();
    found
}
