//! What somebody is asked to agree to: found, listed, decided, by whoever may or by whoever holds a token for it.

use std::sync::Arc;

use runyard_engine::{ApprovalId, Command, Event, Node, NodeRunId, Rejected, RunId, State, Verdict};

use super::submit::CommitExtras;
use super::{Error, Runs, row};
pub use crate::store::approval::{ApprovalCursor, ApprovalFilter, ApprovalRow, ApprovalStatus, Subject};

/// What somebody says about what is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// In one word.
    pub verdict: Verdict,
    /// Who they are, as far as is known.
    pub by: Option<String>,
    /// Why, for people.
    pub comment: Option<String>,
}

/// An approval that has been decided.
#[derive(Debug, Clone)]
pub struct DecidedApproval {
    /// Which.
    pub approval: ApprovalId,
    /// The run as it stands after it.
    pub state: Arc<State>,
    /// Whether the same had been said before, so that nothing changed.
    pub already: bool,
}

/// The approval request that a decision token is for.
#[derive(Debug, Clone)]
pub struct TokenSubject {
    /// Whose run it is: the token says so.
    pub tenant: String,
    /// The run as it stands.
    pub state: Arc<State>,
    /// Which request.
    pub approval: ApprovalId,
    /// The node run that it is about.
    pub node_run: NodeRunId,
    /// Whether it waits for a decision.
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

    /// The run in which something was asked under this id, as it stands, and the approval's id.
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

    /// Decides. The same again is answered as before, and says so; the contrary is refused.
    pub async fn decide(&self, tenant: &str, approval: ApprovalId, said: Said) -> Result<DecidedApproval, Error> {
        let row = self.store.approval(tenant, approval).await?;
        let run = row.ok_or_else(|| Error::UnknownApproval(approval.to_string()))?.run;
        self.decide_in(tenant, run, approval, said).await
    }

    /// A text that says this verdict about this approval for whoever holds it, once. Never to be logged.
    pub fn decision_token(&self, tenant: &str, run: RunId, approval: ApprovalId, verdict: Verdict) -> String {
        self.decisions.issue(tenant, run, approval, verdict)
    }

    /// Decides what a token says. It is used up as soon as its approval has been decided, by whomever and however.
    ///
    /// The token is a credential: it names the tenant. A caller who has shown another tenant's credential besides is refused.
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
        let said = Said { verdict: held.verdict, by, comment: None };
        match self.decide_in(&held.tenant, held.run, held.approval, said).await {
            Ok(DecidedApproval { already: true, .. }) => Err(Error::UsedToken),
            // One of ours for a run that is not there any more.
            Err(Error::Rejected(Rejected::NotStarted | Rejected::UnknownApproval { .. })) => Err(Error::InvalidToken),
            decided => decided,
        }
    }

    /// Whether [`Runs::redeem`] would decide something, as things stand. Nothing changes.
    ///
    /// # Errors
    /// As [`Runs::redeem`].
    pub async fn look_at_token(&self, token: &str, tenant: Option<&str>) -> Result<(), Error> {
        if self.token_subject(token, tenant).await?.is_pending { Ok(()) } else { Err(Error::UsedToken) }
    }

    /// The approval request that a token is for, as it stands. Nothing changes.
    ///
    /// # Errors
    /// [`Error::InvalidToken`]; and where the store does not answer.
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
        said: Said,
    ) -> Result<DecidedApproval, Error> {
        super::note_run(run);
        let Said { verdict, by, comment } = said;
        let command = Command::Decide { approval, verdict, by, comment };
        let submitted = self.submitter.submit(tenant, run, command, CommitExtras::default()).await?;
        let state = self.values.shown(tenant, submitted.state).await?;
        Ok(DecidedApproval { approval, state, already: !submitted.changed })
    }
}

/// The rows of approvals that these events have changed, as they are after them.
pub(super) fn changed(after: &State, events: &[Event]) -> Vec<ApprovalRow> {
    if after.approvals.is_empty() {
        return Vec::new();
    }
    let mut touched: Vec<NodeRunId> = events.iter().filter_map(touches).collect();
    touched.sort_unstable();
    touched.dedup();
    touched.into_iter().filter_map(|id| derive(after, after.node(id)?)).collect()
}

/// Whose approval an event may change. (One that was decided before its node run ended is written once more, as it was.)
fn touches(event: &Event) -> Option<NodeRunId> {
    match event {
        Event::ApprovalAsked { node_run, .. }
        | Event::ApprovalDecided { node_run, .. }
        | Event::NodeFinished { node_run, .. } => Some(*node_run),
        _ => None,
    }
}

/// The row of what somebody was asked about this node run.
pub fn derive(state: &State, node: &Node) -> Option<ApprovalRow> {
    let asked = node.approval.as_ref()?;
    let (status, ended_at_ms) = match &asked.decided {
        Some(decided) => (decided.verdict.into(), Some(decided.at_ms)),
        None if node.is_live() => (ApprovalStatus::Pending, None),
        None => (ApprovalStatus::Lapsed, node.ended_at_ms),
    };
    let decided = asked.decided.as_ref();
    Some(ApprovalRow {
        approval: asked.id,
        run: state.run,
        node_run: node.id,
        subject: if node.is_planned() { Subject::Plan } else { Subject::NodeRun },
        key: node.key.clone(),
        node_type: node.node_type.id.clone(),
        title: node.goal.as_deref().map(row::in_one_line).or_else(|| row::goal(&node.inputs)),
        status,
        asked_at_ms: asked.asked_at_ms,
        ended_at_ms,
        by: decided.and_then(|decided| decided.by.clone()),
        comment: decided.and_then(|decided| decided.comment.clone()),
    })
}

#[cfg(test)]
mod tests;
