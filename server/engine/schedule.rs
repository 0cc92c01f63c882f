//! The scheduler: begins ready node runs, oldest first, while `parallel_max` allows it.
//!
//! The fold determines which node run is next (`State::next_ready`). `kinds` implements the beginning for each kind.

use crate::draft::Draft;
use crate::ending::{Checked, Ending};
use crate::finish;
use crate::{ApprovalId, Event, Node, NodeRunId, Object, Rejected, Wait, approval, bindings, depth, kinds, limits};

/// Begins every node run that can begin. Every command that changed something calls this last.
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

/// What a node run needs to begin.
struct Prepared {
    /// The inputs, if bindings changed them.
    inputs: Option<Object>,
    wait: Option<Wait>,
    /// Whether an approval is needed first.
    asks: bool,
}

/// Whether its inputs still have to be resolved. Later attempts reuse the inputs of the first, and approved node runs
/// use the inputs that were approved.
fn is_new(node: &Node) -> bool {
    node.attempt == 0 && node.approval.is_none()
}

/// Checks everything that can fail before an attempt begins. On an error the node run fails without the attempt.
fn prepare(draft: &Draft, node: &Node) -> Checked<Prepared> {
    let inputs = if is_new(node) { bindings::resolve(draft.state(), node)? } else { None };
    if inputs.as_ref().is_some_and(|inputs| depth::object_nests_deeper(inputs, draft.depth_max())) {
        return Err(depth::too_deep("the inputs", draft.depth_max()).into());
    }
    limits::one_more_step(draft.state(), node)?;
    let wait = kinds::begin(draft.state(), node, inputs.as_ref().unwrap_or(&node.inputs), draft.at_ms())?;
    Ok(Prepared { inputs, wait, asks: approval::comes_first(draft.state(), node) })
}

/// Requests an approval, except for a node run that could not begin anyway.
fn ask(draft: &mut Draft, node_run: NodeRunId, ready: Prepared) -> Result<(), Rejected> {
    let (approval, before) = (ApprovalId::of(draft.state().run, node_run), draft.wanted(node_run)?);
    draft.record(Event::ApprovalAsked { node_run, approval, inputs: ready.inputs })?;
    draft.exchange(node_run, before)?;
    Ok(())
}

fn begin(draft: &mut Draft, node_run: NodeRunId, ready: Prepared) -> Result<(), Rejected> {
    let (attempt, before) = (draft.node(node_run)?.attempt + 1, draft.wanted(node_run)?);
    draft.record(Event::NodeStarted { node_run, attempt, inputs: ready.inputs })?;
    if let Some(wait) = ready.wait {
        draft.record(Event::NodeWaiting { node_run, wait })?;
    }
    if kinds::content_is_known(draft.state(), draft.node(node_run)?) {
        return kinds::begin_children(draft, node_run, before);
    }
    draft.exchange(node_run, before)?;
    Ok(())
}
