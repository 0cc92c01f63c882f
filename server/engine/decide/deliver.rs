//! `Deliver`: input for a node run that waits for it. Repeated input changes nothing; different input for an answered
//! question is rejected.

use crate::draft::Draft;
use crate::ending::Ending;
use crate::event::FinalState;
use crate::finish;
use crate::fit::refuse_unfit;
use crate::kinds::ask;
use crate::kinds::facts::Rest;
use crate::{Context, Decision, NodeRunId, NodeState, Rejected, State, Wait, large, schedule};

/// Ends the question with its answer.
pub(super) fn decide(
    state: &State,
    node_run: NodeRunId,
    input: &str,
    context: Context<'_>,
) -> Result<Decision, Rejected> {
    let node = state.node(node_run).ok_or(Rejected::UnknownNodeRun { node_run })?;
    if node.node_type.kind.facts().rest != Rest::Input {
        return Err(Rejected::NotAsking { node_run });
    }
    let digests = node.outputs.as_ref().map(large::digests).unwrap_or_default();
    if !digests.is_empty() {
        // The recorded answer has to be compared with this one.
        return Err(Rejected::NeedsValues { digests });
    }
    let outputs = ask::outputs(input);
    if node.final_state() == Some(FinalState::Succeeded) && node.outputs.as_ref() == Some(&outputs) {
        return Ok(Decision::default());
    }
    super::target::movable(state, node)?;
    if node.state != NodeState::Waiting(Wait::Input) {
        return Err(Rejected::NotAsking { node_run });
    }
    refuse_unfit(state, context, node, &outputs)?;
    let mut draft = Draft::new(state, context);
    finish::end(&mut draft, node_run, Ending::succeeded(outputs))?;
    schedule::dispatch(&mut draft)?;
    Ok(draft.done())
}
