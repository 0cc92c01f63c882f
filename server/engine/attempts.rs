//! Tries: what follows when one fails. Another one after a wait that survives a restart, if the policy has it; else the end.
//!
//! Only what was performed and failed is tried again. A node run that could not begin, whose own time (`max_wall_time_ms`) is
//! over, or that is canceled, ends.

use crate::draft::Draft;
use crate::event::Failure;
use crate::finish::{self, Ending, failure};
use crate::outstanding::retry_effect;
use crate::policy::is_tried;
use crate::{Event, Node, NodeRunId, Object, Rejected};

/// A try failed: wait for the next one, or end.
pub(crate) fn failed(draft: &mut Draft, id: NodeRunId, error: impl Into<Box<Failure>>) -> Result<(), Rejected> {
    failed_with(draft, id, *error.into(), None)
}

/// The same where it is known what its inputs came to. Those of the last try are kept; the next one works them out again.
pub(crate) fn failed_with(
    draft: &mut Draft,
    id: NodeRunId,
    error: Failure,
    inputs: Option<Object>,
) -> Result<(), Rejected> {
    let node = draft.node(id)?;
    match retry_at_ms(draft, node, &error) {
        Some(retry_at_ms) => {
            let attempt = node.attempt;
            let before = draft.wanted(id)?;
            draft.stop_sub_run(id)?;
            draft.record(Event::AttemptFailed { node_run: id, attempt, error, retry_at_ms })?;
            draft.exchange(id, before)?;
            Ok(())
        }
        None => finish::end(draft, id, Ending { inputs, ..Ending::failed(error) }),
    }
}

/// When the next try is due, if there is one. Unix milliseconds.
fn retry_at_ms(draft: &Draft, node: &Node, error: &Failure) -> Option<i64> {
    let retry = node.policy.retry(&node.node_type).filter(|_| is_tried(node.node_type.kind))?;
    if !retry.covers(node.attempt, error) {
        return None;
    }
    let delay_ms = retry.delay_ms(node.attempt, error, retry_effect(draft.state().run, node));
    Some(draft.at_ms().saturating_add_unsigned(delay_ms))
}

/// What a try fails with that took too long.
pub(crate) fn timed_out(node: &Node) -> Failure {
    let limit_ms = node.policy.timeout_ms(&node.node_type).unwrap_or_default();
    let message = format!("try {} did not end within timeout_ms ({limit_ms} ms)", node.attempt);
    Failure { retryable: Some(true), ..failure("timed_out", message) }
}
