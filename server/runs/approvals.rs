//! Approval requests: found, listed, decided by a caller with the right or by the holder of a decision token.

use std::sync::Arc;

use runyard_engine::{ApprovalId, Command, NodeRunId, Object, Rejected, RunId, State, Verdict};

pub use super::approval_rows::derive;
use super::log_span::note_run;
use super::submit::CommitExtras;
use super::{Error, Runs};
pub use crate::store::approval::{ApprovalCursor, ApprovalFilter, ApprovalRow, ApprovalStatus, Subject};

/// An approver's decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalDecision {
    /// Approved or denied.
    pub verdict: Verdict,
    /// The approver, as far as known.
    pub by: Option<String>,
    /// The reason, for people.
    pub comment: Option<String>,
    /// Inputs to approve in place of the requested ones.
    pub inputs: Option<Object>,
}

/// An approval that has been decided.
#[derive(Debug, Clone)]
pub struct DecidedApproval {
    /// The approval.
    pub approval: ApprovalId,
    /// The state of the run after the decision.
    pub state: Arc<State>,
    /// Whether the same decision was recorded before, so that nothing changed.
    pub already: bool,
}

/// The approval request that a decision token is for.
#[derive(Debug, Clone)]
pub struct TokenSubject {
    /// The tenant of the run, which the token names.
    pub tenant: String,
    /// The state of the run.
    pub state: Arc<State>,
    /// The approval request.
    pub approval: ApprovalId,
    /// The node run that the request is about.
    pub node_run: NodeRunId,
    /// Whether the request is undecided.
    pub is_pending: bool,
}

impl Runs {
    /// The rows of approvals that match, newest first.
    pub async fn approvals(
        &self,
        tenant: &str,
        filter: &ApprovalFilter,
        after: Option<ApprovalCursor>,
        limit: usize,
    ) -> Result<Vec<ApprovalRow>, Error> {
        Ok(self.store.approvals(tenant, filter, after, limit).await?)
    }

    /// The current state of the run with this approval request, and the request's id.
    pub async fn approval(&self, tenant: &str, reference: &str) -> Result<(Arc<State>, ApprovalId), Error> {
        let unknown = || Error::UnknownApproval(reference.to_owned());
        let approval = ApprovalId::parse(reference).ok_or_else(unknown)?;
        let row = self.store.approval(tenant, approval).await?.ok_or_else(unknown)?;
        let state = self.state(tenant, row.run).await?.ok_or_else(unknown)?;
        if !state.approvals.contains_key(&approval) {
            return Err(unknown());
        }
        Ok((self.values.shown(tenant, state).await?, approval))
    }

    /// Decides. The same decision again returns the first one's answer with `already`; the opposite is rejected.
    pub async fn decide(
        &self,
        tenant: &str,
        approval: ApprovalId,
        said: ApprovalDecision,
    ) -> Result<DecidedApproval, Error> {
        let row = self.store.approval(tenant, approval).await?;
        let run = row.ok_or_else(|| Error::UnknownApproval(approval.to_string()))?.run;
        self.decide_in(tenant, run, approval, said).await
    }

    /// A token for one verdict on one approval: a credential, valid once. Never log it.
    pub fn decision_token(&self, tenant: &str, run: RunId, approval: ApprovalId, verdict: Verdict) -> String {
        self.decisions.issue(tenant, run, approval, verdict)
    }

    /// Decides as the token says. A token is used up as soon as its approval is decided, by whatever means.
    ///
    /// The token is a credential: it names the tenant. A caller with a credential of another tenant is rejected.
    ///
    /// # Errors
    /// [`Error::InvalidToken`], [`Error::UsedToken`], and those of [`Runs::decide`].
    pub async fn redeem(
        &self,
        token: &str,
        tenant: Option<&str>,
        by: Option<String>,
    ) -> Result<DecidedApproval, Error> {
        let held = self.decisions.read(token).ok_or(Error::InvalidToken)?;
        if tenant.is_some_and(|tenant| tenant != held.tenant) {
            return Err(Error::InvalidToken);
        }
        let said = ApprovalDecision { verdict: held.verdict, by, comment: None, inputs: None };
        match self.decide_in(&held.tenant, held.run, held.approval, said).await {
            Ok(DecidedApproval { already: true, .. }) => Err(Error::UsedToken),
            // The token is genuine, but its run does not exist any more.
            Err(Error::Rejected(Rejected::NotStarted | Rejected::UnknownApproval { .. })) => Err(Error::InvalidToken),
            decided => decided,
        }
    }

    /// Whether [`Runs::redeem`] would decide something now. Nothing changes.
    ///
    /// # Errors
    /// As [`Runs::redeem`].
    pub async fn look_at_token(&self, token: &str, tenant: Option<&str>) -> Result<(), Error> {
        if self.token_subject(token, tenant).await?.is_pending { Ok(()) } else { Err(Error::UsedToken) }
    }

    /// The approval request of a token, in its current state. Nothing changes.
    ///
    /// # Errors
    /// [`Error::InvalidToken`], and the store's errors.
    pub async fn token_subject(&self, token: &str, tenant: Option<&str>) -> Result<TokenSubject, Error> {
        let held = self.decisions.read(token).ok_or(Error::InvalidToken)?;
        if tenant.is_some_and(|tenant| tenant != held.tenant) {
            return Err(Error::InvalidToken);
        }
        let state = self.state(&held.tenant, held.run).await?.ok_or(Error::InvalidToken)?;
        let asked = state.approvals.get(&held.approval).and_then(|node_run| state.node(*node_run));
        let (node_run, is_pending) = asked.map(|node| (node.id, node.is_asked())).ok_or(Error::InvalidToken)?;
        Ok(TokenSubject { tenant: held.tenant, approval: held.approval, node_run, is_pending, state })
    }

    async fn decide_in(
        &self,
        tenant: &str,
        run: RunId,
        approval: ApprovalId,
        said: ApprovalDecision,
    ) -> Result<DecidedApproval, Error> {
        note_run(run);
        let ApprovalDecision { verdict, by, comment, inputs } = said;
        if let Some(inputs) = &inputs {
            self.fits_subject(tenant, run, approval, inputs).await?;
        }
        let command = Command::Decide { approval, verdict, by, comment, inputs };
        let submitted = self.submitter.submit(tenant, run, command, CommitExtras::default()).await?;
        let state = self.values.shown(tenant, submitted.state).await?;
        Ok(DecidedApproval { approval, state, already: !submitted.changed })
    }
}

impl Runs {
    /// Checks changed inputs against the schema of the call that needs the approval.
    async fn fits_subject(&self, tenant: &str, run: RunId, approval: ApprovalId, inputs: &Object) -> Result<(), Error> {
        let Some(state) = self.state(tenant, run).await? else { return Ok(()) };
        // The engine rejects an unknown request.
        let Some(node) = state.approvals.get(&approval).and_then(|id| state.node(*id)) else { return Ok(()) };
        let (catalog, node_type, inputs) = (self.catalog_of(tenant), node.node_type.clone(), inputs.clone());
        let id = node_type.id.clone();
        let checked = self.compute().run(tenant, move || catalog.validate_inputs(&node_type, &inputs)).await?;
        checked.map_err(|violations| Error::InvalidInputs { node_type: id, violations })
    }
}

#[cfg(test)]
mod tests;
