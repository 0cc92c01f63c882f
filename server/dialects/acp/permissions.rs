//! Permission requests: the vendor's name for a run's approval requests.

use runyard_api::acp::types::{
    ListObject, PermissionDecided, PermissionDecision, PermissionRequest, PermissionRequestList, PermissionVerdict,
};
use runyard_api::host::Caller;
use runyard_engine::{RunStatus, State, Verdict};
use serde_json::Value;

use super::Handlers;
use super::project::PLAN;
use crate::dialects::common::refusal::{Refusal, of_runs};
use crate::dialects::common::time::time;
use crate::runs::approvals::{ApprovalFilter, ApprovalRow, ApprovalStatus, Subject};
use crate::runs::{ApprovalDecision, Error, threads};

/// The most pending requests of a thread in one answer.
const REQUESTS_MAX: usize = 100;
/// The label in which another API stores the user of a run.
const USER: &str = "user_id";

/// Lists the open permission requests of the thread's live run, oldest first.
pub(super) async fn list(handlers: &Handlers, cx: &Caller, thread: &str) -> Result<PermissionRequestList, Refusal> {
    handlers.known_thread(cx, thread).await?;
    let last = handlers.runs.thread(&cx.tenant, thread, None, 1).await?.pop();
    let live = last.filter(|row| !matches!(row.status, RunStatus::Final(_)));
    let mut data = Vec::new();
    let mut has_more = false;
    if let Some(row) = live {
        let pending = ApprovalFilter { run: Some(row.run), statuses: vec![ApprovalStatus::Pending] };
        let mut rows = handlers.runs.approvals(&cx.tenant, &pending, None, REQUESTS_MAX + 1).await?;
        has_more = rows.len() > REQUESTS_MAX;
        rows.truncate(REQUESTS_MAX);
        let state = handlers.runs.get(&cx.tenant, &row.run.to_string()).await?;
        data.extend(rows.iter().rev().map(|row| shown(thread, &state, row)));
    }
    Ok(PermissionRequestList { object: ListObject::List, data, has_more: Some(has_more) })
}

/// Decides a permission request of a run of this thread. A repeated request has the same answer.
pub(super) async fn decide(
    handlers: &Handlers,
    cx: &Caller,
    thread: &str,
    request: &str,
    body: PermissionDecision,
) -> Result<PermissionDecided, Refusal> {
    handlers.known_thread(cx, thread).await?;
    let (state, approval) = handlers.runs.approval(&cx.tenant, request).await?;
    if threads::turn_of(&state).thread != thread {
        return Err(of_runs(Error::UnknownApproval(request.to_owned())));
    }
    let verdict = match body.decision {
        PermissionVerdict::Allow => Verdict::Approved,
        PermissionVerdict::Deny => Verdict::Denied,
    };
    let by = cx.subject.as_deref().map(str::to_owned);
    let said = ApprovalDecision { verdict, by, comment: body.reason, inputs: None };
    let decided = handlers.runs.decide(&cx.tenant, approval, said).await?;
    let active = !matches!(decided.state.status, RunStatus::Final(_));
    let message = if active { "The run goes on." } else { "The run has ended." };
    Ok(PermissionDecided {
        ok: true,
        request_id: approval.uuid().to_string(),
        decision: body.decision,
        active,
        message: Some(message.to_owned()),
    })
}

fn shown(thread: &str, state: &State, row: &ApprovalRow) -> PermissionRequest {
    let inputs = state.node(row.node_run).map(|node| Value::Object((*node.inputs).clone()).to_string());
    let user = state.start.as_deref().and_then(|start| start.labels.get(USER)?.first().cloned());
    PermissionRequest {
        created_at: time(row.asked_at_ms),
        current_mode: None,
        input: inputs.unwrap_or_else(|| "{}".to_owned()),
        reason: row.title.clone(),
        request_id: row.approval.uuid().to_string(),
        required_mode: None,
        thread_id: thread.to_owned(),
        tool_name: match row.subject {
            Subject::Plan => PLAN.to_owned(),
            Subject::NodeRun => row.node_type.clone(),
        },
        user_id: user,
    }
}
