//! Links that approve or reject an approval request. Events include them only for callers who may decide themselves, so
//! a reader gets no link that can decide.

use runyard_api::host::Caller;
use runyard_api::toolregistry::types::RunEvent;
use runyard_engine::{ApprovalId, RunId, Verdict};

use crate::runs::Runs;

/// The scope that a caller needs to get links.
const WRITE: &str = "runs:write";

/// The path of the operation that links lead to.
const PATH: &str = "/v1/runs/approval?token=";

/// Creates the links for one caller.
#[derive(Clone)]
pub(super) struct Links {
    runs: Runs,
    tenant: String,
    /// The public address of this API. Absent if this caller gets no links.
    base: Option<String>,
}

impl Links {
    pub(super) fn new(runs: &Runs, cx: &Caller, public_url: Option<&str>) -> Self {
        let base = public_url.map_or_else(|| cx.base_url.to_string(), |url| url.trim_end_matches('/').to_owned());
        let base = cx.may(WRITE).then_some(base);
        Links { runs: runs.clone(), tenant: cx.tenant.to_string(), base }
    }

    /// The event, with links if it is an approval request.
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
