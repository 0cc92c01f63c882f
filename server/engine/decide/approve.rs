//! `Decide`: approves or denies an approval request. A repeated verdict changes nothing, and the opposite one is
//! rejected. A denial cancels the run, because the run may not do its work; a denied tool call of an agent fails, and the
//! agent goes on. An approver may change the inputs of a call.

use serde_json::Value;

use crate::draft::Draft;
use crate::event::Failure;
use crate::finish;
use crate::kinds::agent;
use crate::{
    ApprovalId, Context, Decision, Event, FailureCode, Node, NodeKind, Object, Rejected, RunStatus, State, Verdict,
    Wait, schedule,
};

/// The approver's verdict.
pub(super) struct VerdictDetails {
    pub(super) verdict: Verdict,
    pub(super) by: Option<String>,
    pub(super) comment: Option<String>,
    pub(super) inputs: Option<Object>,
}

/// Continues the node run of the approval request, or cancels the run.
pub(super) fn decide(
    state: &State,
    approval: ApprovalId,
    said: VerdictDetails,
    context: Context<'_>,
) -> Result<Decision, Rejected> {
    let node = state.approvals.get(&approval).and_then(|id| state.node(*id));
    let node = node.ok_or(Rejected::UnknownApproval { approval })?;
    if let Some(decided) = node.approval.as_ref().and_then(|asked| asked.decided.as_ref()) {
        return match decided.verdict {
            verdict if verdict == said.verdict && said.inputs.is_none_or(|inputs| inputs == *node.inputs) => {
                Ok(Decision::default())
            }
            verdict => Err(Rejected::ApprovalDecided { approval, verdict }),
        };
    }
    if let RunStatus::Final(outcome) = state.status {
        return Err(Rejected::RunFinished { outcome });
    }
    if !node.is_asked() {
        return Err(Rejected::ApprovalLapsed { approval });
    }
    let mut draft = Draft::new(state, context);
    let why = denied(node, approval, &said);
    let VerdictDetails { verdict, by, comment, inputs } = said;
    let inputs = inputs.filter(|inputs| *inputs != *node.inputs);
    if inputs.is_some() && (verdict == Verdict::Denied || node.node_type.kind != NodeKind::Call) {
        return Err(Rejected::InputsFixed { approval });
    }
    draft.record(Event::ApprovalDecided { node_run: node.id, approval, verdict, by, comment, inputs })?;
    match verdict {
        Verdict::Approved => go_on(&mut draft, node)?,
        Verdict::Denied if agent::is_tool_call(state, node) => agent::denied(&mut draft, node.id, why)?,
        Verdict::Denied => {
            finish::cancel(&mut draft, state.root_id(), &why)?;
            finish::end_run(&mut draft)?;
        }
    }
    schedule::dispatch(&mut draft)?;
    Ok(draft.done())
}

/// A plan waits for its steps, which may begin now. Any other node run is queued.
fn go_on(draft: &mut Draft, node: &Node) -> Result<(), Rejected> {
    let event = if node.is_planned() {
        Event::NodeWaiting { node_run: node.id, wait: Wait::Children }
    } else {
        Event::NodeQueued { node_run: node.id }
    };
    draft.record(event)?;
    Ok(())
}

/// The failure with which the run is canceled.
fn denied(node: &Node, approval: ApprovalId, said: &VerdictDetails) -> Failure {
    let what = match node.parent {
        None if node.is_planned() => "the plan".to_owned(),
        None => "the run".to_owned(),
        Some(_) => format!("`{}`", node.key),
    };
    let why = said.comment.as_ref().map(|comment| format!(": {comment}")).unwrap_or_default();
    let details = [("approval_id", approval.to_string()), ("node_run_id", node.id.to_string())];
    let details: Object = details.map(|(field, value)| (field.to_owned(), Value::String(value))).into_iter().collect();
    Failure { details: Some(details), ..Failure::new(FailureCode::Denied, format!("{what} was denied{why}")) }
}
