//! `Start`: creates the run and its root node run, and begins the root.

use std::sync::Arc;

use super::loaded;
use crate::draft::Draft;
use crate::policy::{self, Invalid, OnFailure};
use crate::{Context, Decision, Event, NodeRunId, Rejected, Start, State, limits, schedule};

/// Starts the run. A repeated start changes nothing; a different one is rejected.
pub(super) fn decide(state: &State, start: Arc<Start>, context: Context<'_>) -> Result<Decision, Rejected> {
    if let Some(before) = &state.start {
        return if **before == *start { Ok(Decision::default()) } else { Err(Rejected::AlreadyStarted) };
    }
    limits::node_type_fits(&start.constraints, &start.node_type)?;
    let constraints = start.constraints.merge(&start.node_type.constraints);
    limits::root_fits(&constraints)?;
    policy_fits(&start)?;
    if let Some(graph) = &start.graph {
        loaded::graph_fits(&constraints, graph)?;
    }
    let mut draft = Draft::new(state, context);
    draft.record(Event::Started { root: NodeRunId::root(state.run), constraints, start })?;
    schedule::dispatch(&mut draft)?;
    Ok(draft.done())
}

/// Whether the policies of the root and of the steps are valid.
fn policy_fits(start: &Start) -> Result<(), Rejected> {
    let alone = match start.policy.on_failure {
        OnFailure::Fail => Ok(()),
        OnFailure::Continue | OnFailure::GoTo(_) => {
            let reason = "a run has no siblings that could go on or run instead; leave it out".to_owned();
            Err(Invalid { field: "on_failure", reason })
        }
    };
    alone
        .and_then(|()| policy::check(&start.policy, &start.node_type))
        .and_then(|()| policy::check_for_all(&start.steps))
        .map_err(|invalid| Rejected::InvalidPolicy { child: None, invalid })
}
