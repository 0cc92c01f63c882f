//! Ends node runs: what else ends with them, what their parents do next, and the end of the run.
//!
//! All descendants of a node run end before it does. The parent's kind decides what the end of a child means (`kinds`).
//! The run ends with its root.

use crate::draft::Draft;
use crate::ending::{Ending, ended_as};
use crate::event::{Evaluation, EvaluationStatus, Failure, FinalState};
use crate::fit::fitted;
use crate::{
    Event, FailureCode, Node, NodeKind, NodeRunId, Object, Rejected, RunOutcome, State, dependency, depth, kinds,
};

/// Ends a node run after its descendants, and then every ancestor that ends as a result, up to the run.
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

/// Turns an end into a failure if its outputs are nested too deeply to be read back.
fn within_depth(draft: &Draft, ending: Ending) -> Ending {
    let max = draft.depth_max();
    let outputs = ending.outputs.as_ref().filter(|outputs| depth::object_nests_deeper(outputs, max));
    if outputs.is_some() { Ending::failed(depth::too_deep("the outputs", max)) } else { ending }
}

/// Skips a node run that never began, and its dependants, without notifying their parent. Returns the skipped node
/// runs.
pub(crate) fn skip(draft: &mut Draft, id: NodeRunId, why: Failure) -> Result<Vec<NodeRunId>, Rejected> {
    let mut skipped = Vec::new();
    let mut next = vec![(id, why)];
    while let Some((id, why)) = next.pop() {
        // A node run that depends on two skipped ones occurs twice.
        if draft.node(id)?.is_live() {
            record_end(draft, id, Ending::skipped(why))?;
            next.extend(dependency::became_unsatisfiable(draft.state(), draft.node(id)?).into_iter().rev());
            skipped.push(id);
        }
    }
    Ok(skipped)
}

/// Skips the siblings that can never begin after the end of this node run, without notifying their parent. Returns the
/// skipped node runs.
pub(crate) fn skip_unsatisfiable(draft: &mut Draft, id: NodeRunId) -> Result<Vec<NodeRunId>, Rejected> {
    let mut skipped = Vec::new();
    for (sibling, why) in dependency::became_unsatisfiable(draft.state(), draft.node(id)?) {
        skipped.extend(skip(draft, sibling, why)?);
    }
    Ok(skipped)
}

/// Cancels a node run and its descendants, without notifying its parent.
pub(crate) fn cancel(draft: &mut Draft, id: NodeRunId, why: &Failure) -> Result<(), Rejected> {
    cancel_below(draft, id, why)?;
    record_end(draft, id, Ending::canceled(why.clone()))
}

/// Cancels the descendants of a node run, children before their parents.
pub(crate) fn cancel_below(draft: &mut Draft, id: NodeRunId, why: &Failure) -> Result<(), Rejected> {
    for below in live_below(draft.state(), id) {
        record_end(draft, below, Ending::canceled(why.clone()))?;
    }
    Ok(())
}

/// Ends the run with the outcome of its root.
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

/// Records the end, and the evaluation if the engine evaluates this kind.
fn record_end(draft: &mut Draft, node_run: NodeRunId, ending: Ending) -> Result<(), Rejected> {
    draft.take_back(node_run)?;
    draft.stop_sub_run(node_run)?;
    let kind = draft.node(node_run)?.node_type.kind;
    let judged = judgement(kind, &ending).map(|evaluation| Event::Evaluated { node_run, evaluation });
    let Ending { state, outputs, artifacts, error, shortfall, inputs, route } = ending;
    let finished = Event::NodeFinished { node_run, state, outputs, artifacts, error, shortfall, inputs, route };
    // The evaluation of a composite comes before its end, because it depends on the children. That of an atomic node
    // run comes after.
    let (first, second) = if kind.is_composite() { (judged, Some(finished)) } else { (Some(finished), judged) };
    for event in first.into_iter().chain(second) {
        draft.record(event)?;
    }
    Ok(())
}

/// The evaluation of a node run that the server ran: success or failure. Canceled and skipped node runs get none, and
/// external ones are evaluated by their owner.
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

/// The failure of node runs that end only because their ancestor ends.
fn because_of(ending: &Ending) -> Failure {
    let message = match &ending.error {
        Some(error) => format!("stopped with the composite above it: {}", error.message),
        None => format!("stopped with the composite above it, which {} first", ended_as(ending.state)),
    };
    Failure::new(FailureCode::Canceled, message)
}

/// The live descendants of a node run, children before their parents and siblings in the order of creation.
fn live_below(state: &State, id: NodeRunId) -> Vec<NodeRunId> {
    let mut found = Vec::new();
    let mut next = vec![id];
    // Collects parents first and siblings in reverse order, then reverses the list. An ended node run has no live
    // descendants.
    while let Some(node) = next.pop().and_then(|id| state.node(id)) {
        found.push(node.id);
        next.extend(node.children.iter().filter(|id| state.node(**id).is_some_and(Node::is_live)));
    }
    found.reverse();
    // The last one is the node run itself.
    found.pop();
    found
}
