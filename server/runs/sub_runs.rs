//! Sub-runs: started under an id that is derived from the attempt, canceled, and reported to their parent when they
//! end. Each of these may be repeated, after a crash or by a driver that seemed dead, and a repetition changes
//! nothing.
//!
//! A start and a cancel may cross. Both use one idempotency key, which only one of them can take; the second one finds
//! the first.

use std::sync::Arc;

use runyard_engine::{Command, NodeRunId, Parent, Rejected, RunId, RunStatus, Start, State, SubRunReport};

use super::parent_labels::ROOT_RUN;
pub use super::parent_labels::{PARENT_NODE_RUN, PARENT_RUN};
use super::submit::CommitExtras;
use super::{Error, NewRun, Runs};
use crate::store::{KeyUse, StoreError};

/// The scope of the keys of starts and cancels.
const SCOPE: &str = "sub_run";
/// Enough lookups to find the other command's result.
const LOOKS_MAX: usize = 3;

/// A sub-run to start.
#[derive(Debug, Clone)]
pub struct SubRun {
    /// Its id.
    pub run: RunId,
    /// Its parent.
    pub parent: Parent,
    /// The parent's API, under which the sub-run is listed too.
    pub api: String,
    /// The rest.
    pub new: NewRun,
}

impl Runs {
    /// Starts a run for its parent, unless it was started or canceled before.
    pub async fn start_sub_run(&self, tenant: &str, sub_run: &SubRun) -> Result<(), Error> {
        let SubRun { run, parent, api, new } = sub_run;
        let run = *run;
        if self.state(tenant, run).await?.is_some() {
            return Ok(());
        }
        self.admission.one_more(&*self.store, tenant, self.clock.now_ms()).await?;
        let above = self.state(tenant, parent.run).await?.ok_or_else(|| Error::UnknownRun(parent.run.to_string()))?;
        let root = self.admission.one_more_below(&*self.store, tenant, &above).await?;
        let (new, fingerprint) = self.fingerprinted(tenant, new.clone()).await?;
        let start = self.of_tenant(tenant).prepared(tenant, new, &fingerprint).await?;
        let mut start = Start { parent: Some(parent.clone()), api: api.clone(), ..start };
        for (name, id) in [(PARENT_RUN, parent.run.to_string()), (PARENT_NODE_RUN, parent.node_run.to_string())] {
            start.labels.insert(name.to_owned(), [id].into());
        }
        if root != parent.run {
            start.labels.insert(ROOT_RUN.to_owned(), [root.to_string()].into());
        }
        let extras = CommitExtras { key: Some(key(run, run)), ..CommitExtras::default() };
        match self.submitter.submit(tenant, run, Command::Start(Arc::new(start)), extras).await {
            // Started or canceled meanwhile; the caller learns which from the report.
            Ok(_) | Err(Error::Rejected(Rejected::AlreadyStarted) | Error::Store(StoreError::KeyTaken(_))) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Cancels a run for its parent. A run that has not begun never will.
    pub async fn stop_sub_run(&self, tenant: &str, parent: RunId, run: RunId) -> Result<(), Error> {
        for _ in 0..LOOKS_MAX {
            if self.state(tenant, run).await?.is_some() {
                let reason = Some(format!("stopped by {parent}, which has started it"));
                let command = Command::Cancel { reason };
                return self.submitter.submit(tenant, run, command, CommitExtras::default()).await.map(|_| ());
            }
            match self.submitter.remember(tenant, parent, key(run, parent)).await {
                Err(Error::Store(StoreError::KeyTaken(taken))) if taken.run == run => {}
                Ok(()) | Err(Error::Store(StoreError::KeyTaken(_))) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Err(Error::Busy)
    }

    /// Reports the end of a run to its parent.
    pub async fn report(&self, tenant: &str, run: RunId, (parent, node_run): (RunId, NodeRunId)) -> Result<(), Error> {
        let mut ended = self.state(tenant, run).await?;
        if ended.as_deref().and_then(report).is_none() {
            // The commit that ends the run causes this report: the cached state may be from before it.
            ended = self.submitter.read(tenant, run).await?;
        }
        let Some(ended) = ended else { return Ok(()) };
        let report = report(&ended).ok_or(Error::Busy)?;
        let command = Command::Report { node_run, report: Box::new(report) };
        match self.submitter.submit(tenant, parent, command, CommitExtras::default()).await {
            // A parent that rejects the report has ended.
            Ok(_) | Err(Error::Rejected(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn key(run: RunId, user: RunId) -> KeyUse {
    KeyUse { scope: SCOPE.to_owned(), key: run.to_string(), fingerprint: Vec::new(), run: user }
}

fn report(state: &State) -> Option<SubRunReport> {
    let RunStatus::Final(outcome) = state.status else { return None };
    let (outputs, error) = (state.outputs.clone(), state.error.clone());
    Some(SubRunReport { run: state.run, outcome, outputs, error })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use runyard_engine::Event;
    use serde_json::json;

    use super::*;
    use crate::clock::Clock;
    use crate::runs::fixture::{Fixture, NOW_MS, TENANT, new_run};
    use crate::store::memory::Memory;

    #[tokio::test]
    async fn an_end_is_reported_although_the_cached_state_is_from_before_it() {
        let (store, clock) = (Arc::new(Memory::new()), Clock::manual(NOW_MS));
        let (first, second) = (Fixture::over(store.clone(), clock.clone()), Fixture::over(store, clock));
        let sleep = json!({ "seconds": 60 });
        let inputs = json!({ "node_type_ref": { "node_type_id": "runyard.core.sleep" }, "inputs": sleep });
        let above = first.start("runyard.core.run", inputs).await;
        let node_run = NodeRunId::root(above);
        let run = RunId::sub_run(above, node_run, 1);
        let parent = Parent { run: above, node_run, waits: true, depth: 1 };
        let sub_run = SubRun { run, parent, api: "native".to_owned(), new: new_run("runyard.core.sleep", sleep) };
        first.runs.start_sub_run(TENANT, &sub_run).await.unwrap();
        // A run that has not ended cannot be reported, and its effect is retried.
        let early = second.runs.report(TENANT, run, (above, node_run)).await;
        assert!(matches!(early, Err(Error::Busy)), "{early:?}");
        first.runs.submit(TENANT, run, Command::Cancel { reason: None }).await.unwrap();
        assert_eq!(second.state(run).await.ended_at_ms, None, "this one has not heard of it");
        second.runs.report(TENANT, run, (above, node_run)).await.unwrap();
        let last = first.log(above).await.pop().unwrap();
        assert!(matches!(last.event, Event::Finished { .. }), "{last:?}");
    }
}
