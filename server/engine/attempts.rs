//! What follows when an attempt fails: another attempt after a durable wait, if the policy allows it, or the end.
//!
//! Only failed effects are retried. A node run ends without a retry if it could not begin, reached its time limit
//! (`max_wall_time_ms`) or is canceled.

use crate::draft::Draft;
use crate::ending::Ending;
use crate::event::Failure;
use crate::finish;
use crate::outstanding::retry_effect;
use crate::policy::is_tried;
use crate::{Event, FailureCode, Node, NodeRunId, Object, Rejected};

/// Handles a failed attempt: waits for the next one, or ends the node run.
pub(crate) fn failed(draft: &mut Draft, id: NodeRunId, error: impl Into<Box<Failure>>) -> Result<(), Rejected> {
    failed_with(draft, id, *error.into(), None)
}

/// As [`failed`], with the resolved inputs of the attempt. Only those of the last attempt are recorded, because each
/// attempt evaluates them again.
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

/// When the next attempt is due, if there is one. Unix milliseconds.
fn retry_at_ms(draft: &Draft, node: &Node, error: &Failure) -> Option<i64> {
    let retry = node.policy.retry(&node.node_type).filter(|_| is_tried(node.node_type.kind))?;
    if !retry.covers(node.attempt, error) {
        return None;
    }
    let delay_ms = retry.delay_ms(node.attempt, error, retry_effect(draft.state().run, node));
    Some(draft.at_ms().saturating_add_unsigned(delay_ms))
}

/// The failure of an attempt that timed out.
pub(crate) fn timed_out(node: &Node) -> Failure {
    let limit_ms = node.policy.timeout_ms(&node.node_type).unwrap_or_default();
    let message = format!("try {} did not end within timeout_ms ({limit_ms} ms)", node.attempt);
    Failure { retryable: Some(true), ..Failure::new(FailureCode::TimedOut, message) }
}
