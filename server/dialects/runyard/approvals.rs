//! Approval requests: list them, show one in full, decide one.

use runyard_api::host::Caller;
use runyard_api::runyard::{DecideApprovalRequest, ListApprovalsRequest, types};
use runyard_engine::{ApprovalId, ApprovalStrategy, Node, NodeRunId, State, Verdict};

use super::{Handlers, LIMIT, cursor};
use crate::dialects::common::refusal::{Refusal, of_runs};
use crate::dialects::common::time::time;
use crate::runs::ApprovalDecision;
use crate::runs::approvals::{self, ApprovalCursor, ApprovalFilter, ApprovalRow, ApprovalStatus, Subject};

/// Lists approval requests, one page.
pub(super) async fn list(
    handlers: &Handlers,
    cx: &Caller,
    request: ListApprovalsRequest,
) -> Result<types::ApprovalList, Refusal> {
    let after = request.cursor.as_deref().map(|text| cursor::read_approval(text).ok_or_else(cursor::refused));
    let after = after.transpose()?;
    let limit = request.limit.and_then(|limit| usize::try_from(limit.get()).ok()).unwrap_or(LIMIT);
    let run = match &request.run_id {
        Some(reference) => Some(handlers.runs.get(&cx.tenant, reference).await?.run),
        None => None,
    };
    let filter = ApprovalFilter { run, statuses: request.state.iter().map(status).collect() };
    // One more than requested, to see whether there is a next page.
    let found = handlers.runs.approvals(&cx.tenant, &filter, after, limit + 1).await;
    let mut found = found?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found
        .last()
        .filter(|_| more)
        .map(|row| cursor::write_approval(ApprovalCursor { asked_at_ms: row.asked_at_ms, approval: row.approval }));
    Ok(types::ApprovalList { approvals: found.into_iter().map(in_list).collect(), next_cursor: next })
}

/// Returns one approval request with its subject.
pub(super) async fn get(handlers: &Handlers, cx: &Caller, reference: &str) -> Result<types::Approval, Refusal> {
    let (state, approval) = handlers.runs.approval(&cx.tenant, reference).await?;
    shown(&state, approval, reference)
}

/// Decides an approval request. A repeated request has the same answer.
pub(super) async fn decide(
    handlers: &Handlers,
    cx: &Caller,
    request: DecideApprovalRequest,
) -> Result<types::Approval, Refusal> {
    let (_, approval) = handlers.runs.approval(&cx.tenant, &request.approval_id).await?;
    let said = ApprovalDecision {
        verdict: match request.body.decision {
            types::Verdict::Approved => Verdict::Approved,
            types::Verdict::Denied => Verdict::Denied,
        },
        by: cx.subject.as_deref().map(str::to_owned),
        comment: request.body.comment.as_ref().map(|comment| comment.to_string()),
        inputs: request.body.inputs.clone(),
    };
    let decided = handlers.runs.decide(&cx.tenant, approval, said).await?;
    shown(&decided.state, approval, &request.approval_id)
}

/// All approval requests of a run, in full.
pub(super) fn of_run(state: &State) -> Option<Vec<types::Approval>> {
    let all: Vec<types::Approval> = state.asked().filter_map(|(node, _)| in_full(state, node)).collect();
    if all.is_empty() { None } else { Some(all) }
}

/// What needs an approval in a run; absent if nothing does.
pub(super) fn strategy(state: &State) -> Option<types::ApprovalStrategy> {
    match state.start.as_ref()?.approval {
        ApprovalStrategy::None => None,
        ApprovalStrategy::OnStart => Some(types::ApprovalStrategy::OnStart),
        ApprovalStrategy::OnToolCall => Some(types::ApprovalStrategy::OnToolCall),
    }
}

fn shown(state: &State, approval: ApprovalId, reference: &str) -> Result<types::Approval, Refusal> {
    let node = state.approvals.get(&approval).and_then(|id| state.node(*id));
    let shown = node.and_then(|node| in_full(state, node));
    shown.ok_or_else(|| of_runs(crate::runs::Error::UnknownApproval(reference.to_owned())))
}

fn in_full(state: &State, node: &Node) -> Option<types::Approval> {
    let row = approvals::derive(state, node)?;
    let steps = match row.subject {
        Subject::Plan => {
            Some(node.children.iter().filter_map(|id| state.node(*id)).map(|child| step(state, child)).collect())
        }
        Subject::NodeRun => None,
    };
    Some(types::Approval { inputs: Some((*node.inputs).clone()), steps, ..in_list(row) })
}

fn in_list(row: ApprovalRow) -> types::Approval {
    types::Approval {
        approval_id: row.approval.to_string(),
        run_id: row.run.to_string(),
        node_run_id: row.node_run.to_string(),
        subject: subject(row.subject),
        key: row.key,
        node_type: row.node_type,
        title: row.title,
        state: state_of(row.status),
        asked_at: time(row.asked_at_ms),
        ended_at: row.ended_at_ms.map(time),
        by: row.by,
        comment: row.comment,
        inputs: None,
        steps: None,
    }
}

fn step(state: &State, node: &Node) -> types::PlannedStep {
    let key = |id: &NodeRunId| state.node(*id).map(|sibling| sibling.key.clone());
    types::PlannedStep {
        node_run_id: node.id.to_string(),
        key: node.key.clone(),
        goal: node.goal.clone(),
        node_type: node.node_type.id.clone(),
        depends_on: node.depends_on.iter().filter_map(key).collect(),
    }
}

/// The subject of an approval request; the values have the same names.
pub(super) fn subject(subject: Subject) -> types::ApprovalSubject {
    match subject {
        Subject::Plan => types::ApprovalSubject::Plan,
        Subject::NodeRun => types::ApprovalSubject::NodeRun,
    }
}

/// The state of an approval request; the values have the same names.
pub(super) fn state_of(status: ApprovalStatus) -> types::ApprovalState {
    match status {
        ApprovalStatus::Pending => types::ApprovalState::Pending,
        ApprovalStatus::Approved => types::ApprovalState::Approved,
        ApprovalStatus::Denied => types::ApprovalState::Denied,
        ApprovalStatus::Lapsed => types::ApprovalState::Lapsed,
    }
}

fn status(state: &types::ApprovalState) -> ApprovalStatus {
    match state {
        types::ApprovalState::Pending => ApprovalStatus::Pending,
        types::ApprovalState::Approved => ApprovalStatus::Approved,
        types::ApprovalState::Denied => ApprovalStatus::Denied,
        types::ApprovalState::Lapsed => ApprovalStatus::Lapsed,
    }
}
