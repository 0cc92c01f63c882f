//! `Complete`: the owner of an external composite reports its end. A repeated report changes nothing; a different one
//! is rejected.

use crate::draft::Draft;
use crate::event::FinalState;
use crate::finish;
use crate::fit::refuse_unfit;
use crate::{Completion, Context, Decision, Node, NodeRunId, NodeState, Rejected, State, schedule};

/// Ends the composite. If it did not succeed, its live descendants end with it.
pub(super) fn decide(
    state: &State,
    node_run: NodeRunId,
    completion: Completion,
    context: Context<'_>,
) -> Result<Decision, Rejected> {
    let node = super::target::external(state, node_run)?;
    match completion.state {
        FinalState::Skipped => return Err(Rejected::NotACompletion { state: completion.state }),
        FinalState::Succeeded | FinalState::Failed | FinalState::Canceled => {}
    }
    if ended_so(node, &completion) {
        return Ok(Decision::default());
    }
    if let Some(state) = node.final_state() {
        return Err(Rejected::NodeRunFinished { node_run, state });
    }
    super::target::movable(state, node)?;
    if completion.state == FinalState::Succeeded && node.live_children > 0 {
        return Err(Rejected::ChildrenAlive { node_run, live: node.live_children });
    }
    if completion.state == FinalState::Succeeded {
        refuse_unfit(state, context, node, &completion.outputs.clone().unwrap_or_default())?;
    }
    let mut draft = Draft::new(state, context);
    finish::end(&mut draft, node_run, completion.into())?;
    schedule::dispatch(&mut draft)?;
    Ok(draft.done())
}

/// Whether it has already ended with this completion.
fn ended_so(node: &Node, completion: &Completion) -> bool {
    node.state == NodeState::Final(completion.state)
        && node.outputs == completion.outputs
        && node.artifacts == completion.artifacts
        && node.error == completion.error
}
