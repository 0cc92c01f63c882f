//! `Start`: the run and its root node run begin to exist, and the root begins.

use crate::draft::Draft;
use crate::{Decision, Event, NodeRunId, Rejected, Start, State, limits, schedule};

/// The same start again changes nothing; another one is refused.
pub(super) fn decide(state: &State, start: Box<Start>, at_ms: i64) -> Result<Decision, Rejected> {
    if let Some(before) = &state.start {
        return if **before == *start { Ok(Decision::default()) } else { Err(Rejected::AlreadyStarted) };
    }
    limits::node_type_fits(&start.constraints, &start.node_type)?;
    let constraints = start.constraints.merge(&start.node_type.constraints);
    limits::root_fits(&constraints)?;
    let mut draft = Draft::new(state, at_ms);
    draft.record(Event::Started { root: NodeRunId::root(state.run), constraints, start })?;
    schedule::dispatch(&mut draft)?;
    Ok(draft.done())
}
