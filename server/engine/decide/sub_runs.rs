//! `Launched` and `Report`: a child run was started, or has ended. If unknown, late or repeated, nothing changes.

use crate::command::SubRunReport;
use crate::draft::Draft;
use crate::ending::Ending;
use crate::finish;
use crate::kinds::run;
use crate::{
    Context, Decision, EffectId, Event, Node, NodeKind, NodeRunId, NodeState, Object, Rejected, RunId, State, Wait,
    attempts, outstanding, schedule,
};

/// Waits for the child run, or ends.
pub(super) fn launched(
    state: &State,
    effect: EffectId,
    node_run: NodeRunId,
    (inputs, waits): (Option<Object>, bool),
    context: Context<'_>,
) -> Result<Decision, Rejected> {
    let asked = |node: &&Node| node.node_type.kind == NodeKind::Run && outstanding::is_work_of(state.run, node, effect);
    let Some(node) = state.node(node_run).filter(asked) else { return Ok(Decision::default()) };
    let run = RunId::sub_run(state.run, node_run, node.attempt);
    let mut draft = if waits {
        Draft::answering(state, context, effect)
    } else {
        // The child run continues on its own.
        Draft::leaving(state, context, effect, node_run)
    };
    if waits {
        let before = draft.wanted(node_run)?;
        draft.record(Event::Launched { node_run, run, inputs })?;
        draft.exchange(node_run, before)?;
    } else {
        finish::end(&mut draft, node_run, Ending { inputs, ..run::started(run) })?;
    }
    schedule::dispatch(&mut draft)?;
    Ok(draft.done())
}

/// Ends as the child run has ended, unless there is a retry. The report may arrive before `Launched`.
pub(super) fn report(
    state: &State,
    node_run: NodeRunId,
    report: SubRunReport,
    context: Context<'_>,
) -> Result<Decision, Rejected> {
    let waits = |node: &&Node| {
        let at_try = matches!(node.state, NodeState::Running | NodeState::Waiting(Wait::Run));
        node.node_type.kind == NodeKind::Run && at_try && report.run == RunId::sub_run(state.run, node.id, node.attempt)
    };
    if state.node(node_run).filter(waits).is_none() {
        return Ok(Decision::default());
    }
    let mut draft = Draft::reported(state, context, node_run);
    match run::ended(report) {
        Ok(ending) => finish::end(&mut draft, node_run, ending)?,
        Err(failure) => attempts::failed(&mut draft, node_run, failure)?,
    }
    schedule::dispatch(&mut draft)?;
    Ok(draft.done())
}
