//! Links that decide: whoever follows one agrees, or refuses. They stand in the question, for callers who may decide themselves;
//! who may only read is not handed what decides.

use runyard_api::host::Caller;
use runyard_api::toolregistry::types::RunEvent;
use runyard_engine::{ApprovalId, RunId, Verdict};

use crate::runs::Runs;

/// What a caller must be able to do to be given a link.
const WRITE: &str = "runs:write";

/// Where the operation is that links lead to.
const PATH: &str = "/v1/runs/approval?token=";

/// Makes the links of one caller.
#[derive(Clone)]
pub(super) struct Links {
    runs: Runs,
    tenant: String,
    /// This API as it is reached from outside. Absent: no links for this caller.
    base: Option<String>,
}

impl Links {
    pub(super) fn new(runs: &Runs, cx: &Caller, public_url: Option<&str>) -> Self {
        let base = public_url.map_or_else(|| cx.base_url.to_string(), |url| url.trim_end_matches('/').to_owned());
        let base = cx.may(WRITE).then_some(base);
        Links { runs: runs.clone(), tenant: cx.tenant.to_string(), base }
    }

    /// The event with its links, where it is a question.
    pub(super) fn put_into(&self, run: RunId, mut event: RunEvent) -> RunEvent {
        let is_question = event.event == runyard_api::toolregistry::types::RunEventEvent::RunApproval;
        if let (Some(base), Some(approval)) = (&self.base, event.approval.as_mut().filter(|_| is_question))
            && let Some(id) = ApprovalId::parse(&approval.id)
        {
            let link = |verdict| format!("{base}{PATH}{}", self.runs.decision_token(&self.tenant, run, id, verdict));
            approval.approve_url = Some(link(Verdict::Approved));
            approval.deny_url = Some(link(Verdict::Denied));
        }
        event
    }
}
