//! Beginning node runs: whoever is ready, oldest first, as long as there is a place.
//!
//! Who is ready and who has a place is part of the fold (`State::next_ready`); what beginning means for a kind is in `kinds`.

use crate::draft::Draft;
use crate::finish::{self, Checked, Ending};
use crate::{ApprovalId, Event, Node, NodeRunId, Object, Rejected, Wait, approval, bindings, depth, kinds, limits};

/// Begins everything that can begin. Every command that changed something ends here.
pub(crate) fn dispatch(draft: &mut Draft) -> Result<(), Rejected> {
    while let Some(id) = draft.state().next_ready() {
        let node = draft.node(id)?;
        let digests = if is_new(node) { bindings::needs(draft.state(), node) } else { Default::default() };
        if !digests.is_empty() {
            return Err(Rejected::NeedsValues { digests });
        }
        match prepare(draft, draft.node(id)?) {
            Ok(ready) if ready.asks => ask(draft, id, ready)?,
            Ok(ready) => begin(draft, id, ready)?,
            Err(failure) => finish::end(draft, id, Ending::failed(failure))?,
        }
    }
    Ok(())
}

/// What a node run begins with.
struct Ready {
    /// Present when bindings changed them.
    inputs: Option<Object>,
    wait: Option<Wait>,
    /// Somebody has to agree first.
    asks: bool,
}

/// Whether its inputs are still to be found. A later try has the inputs of the first, and what was agreed to is done as it was agreed to.
fn is_new(node: &Node) -> bool {
    node.attempt == 0 && node.approval.is_none()
}

/// Everything that can go wrong before a node run begins, or begins again; it then fails without that.
fn prepare(draft: &Draft, node: &Node) -> Checked<Ready> {
    let inputs = if is_new(node) { bindings::resolve(draft.state(), node)? } else { None };
    if inputs.as_ref().is_some_and(|inputs| depth::object_nests_deeper(inputs, draft.depth_max())) {
        return Err(depth::too_deep("the inputs", draft.depth_max()).into());
    }
    limits::one_more_step(draft.state(), node)?;
    let wait = kinds::begin(draft.state(), node, inputs.as_ref().unwrap_or(&node.inputs), draft.at_ms())?;
    Ok(Ready { inputs, wait, asks: approval::comes_first(draft.state(), node) })
}

/// Nobody is asked about what could not begin anyway.
fn ask(draft: &mut Draft, node_run: NodeRunId, ready: Ready) -> Result<(), Rejected> {
    let (approval, before) = (ApprovalId::of(draft.state().run, node_run), draft.wanted(node_run)?);
    draft.record(Event::ApprovalAsked { node_run, approval, inputs: ready.inputs })?;
    draft.exchange(node_run, before)?;
    Ok(())
}

fn begin(draft: &mut Draft, node_run: NodeRunId, ready: Ready) -> Result<(), Rejected> {
    let (attempt, before) = (draft.node(node_run)?.attempt + 1, draft.wanted(node_run)?);
    draft.record(Event::NodeStarted { node_run, attempt, inputs: ready.inputs })?;
    if let Some(wait) = ready.wait {
        draft.record(Event::NodeWaiting { node_run, wait })?;
    }
    if kinds::knows_its_way(draft.state(), draft.node(node_run)?) {
        return kinds::set_out(draft, node_run, before);
    }
    draft.exchange(node_run, before)?;
    Ok(())
}
