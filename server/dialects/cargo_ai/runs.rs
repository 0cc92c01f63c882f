//! Existing runs: read, list, count and cancel them.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use runyard_api::cargo::types::{CancelRuns, Count, ListRuns, Node, Run, RunDetails, RunFilters, RunList};
use runyard_api::host::Caller;
use runyard_engine::{Command, RunId, State};
use serde::Serialize;
use serde_json::json;

use super::filter::{LOOKED_AT_MAX, RunQuery};
use super::releases::ReleaseBody;
use super::{Handlers, error, own_nodes, wire};
use crate::codes::Code;
use crate::dialects::common::answer_size::AnswerSize;
use crate::dialects::common::refusal::{Refusal, of_runs};
use crate::runs::Error;
use crate::store::{Filter, LabelFilter};

/// Default page size.
const LIMIT: usize = 20;

/// A run with its nodes' outputs.
pub(super) async fn get(handlers: &Handlers, cx: &Caller, uuid: &str) -> Result<RunDetails, Refusal> {
    let state = handlers.named(cx, uuid).await?;
    let nodes = Releases::default().nodes(handlers, cx, &state).await?;
    Ok(wire::details(&state, &cx.tenant, nodes.as_deref().map(Vec::as_slice)))
}

/// A run's current state.
pub(super) async fn shown(handlers: &Handlers, cx: &Caller, state: &State) -> Result<Run, Refusal> {
    Releases::default().shown(handlers, cx, state).await
}

/// A page of runs.
pub(super) async fn list(handlers: &Handlers, cx: &Caller, body: ListRuns) -> Result<RunList, Refusal> {
    let (limit, offset) = (limit(body.limit), offset(body.offset));
    let wanted = RunQuery::of(filters(&body)?);
    let found = handlers.find(cx, &wanted, offset, limit).await?;
    let mut releases = Releases::default();
    let mut runs = Vec::with_capacity(found.rows.len());
    let mut size = AnswerSize::of(handlers.runs.answer_bytes());
    for row in found.rows {
        let Some(state) = handlers.runs.listed(&cx.tenant, &row).await? else { continue };
        let run = releases.shown(handlers, cx, &state).await?;
        if !size.admits(&run) {
            break;
        }
        runs.push(run);
    }
    Ok(RunList { runs, count: number(found.count) })
}

/// The number of runs that match.
pub(super) async fn count(handlers: &Handlers, cx: &Caller, body: RunFilters) -> Result<Count, Refusal> {
    let found = handlers.find(cx, &RunQuery::of(body), 0, 0).await?;
    Ok(Count { count: number(found.count) })
}

/// Cancels runs of a workflow: the named ones, or those that match the filters. A run that has ended does not change.
pub(super) async fn cancel(handlers: &Handlers, cx: &Caller, body: CancelRuns) -> Result<(), Refusal> {
    let workflow = body.workflow_uuid.clone();
    let filters = filters(&body)?;
    let only_workflow = json!(&filters) == json!({ "workflowUuid": &workflow });
    let mut runs = Vec::new();
    match body.uuids {
        None if only_workflow => {
            handlers.known(cx, &workflow).await?;
            let reason =
                "is required, or a filter beside workflowUuid: a request without either would cancel every run";
            return Err(error::invalid("/uuids", reason));
        }
        None => {
            handlers.known(cx, &workflow).await?;
            let found = handlers.find(cx, &RunQuery::of(filters).live(), 0, LOOKED_AT_MAX).await?;
            if found.count > LOOKED_AT_MAX {
                return Err(error::too_many(LOOKED_AT_MAX));
            }
            runs.extend(found.rows.iter().map(|row| row.run));
        }
        Some(uuids) => {
            for uuid in &uuids {
                let named = handlers.named(cx, uuid).await;
                // The workflow that the run shows, which runs of other APIs have as well.
                match named {
                    Ok(state) if wire::workflow(&state) == workflow => runs.push(state.run),
                    other => {
                        handlers.known(cx, &workflow).await?;
                        return Err(other.err().unwrap_or_else(|| of_runs(Error::UnknownRun(uuid.clone()))));
                    }
                }
            }
            if uuids.is_empty() {
                handlers.known(cx, &workflow).await?;
            }
        }
    }
    for run in runs {
        handlers.runs.submit(&cx.tenant, run, Command::Cancel { reason: None }).await?;
    }
    Ok(())
}

impl Handlers {
    /// A run by the uuid in a path. Run names that clients choose in other APIs are not accepted here.
    pub(super) async fn named(&self, cx: &Caller, uuid: &str) -> Result<Arc<State>, Refusal> {
        let run = RunId::parse(uuid).ok_or_else(|| of_runs(Error::UnknownRun(uuid.to_owned())))?;
        self.runs.by_id(&cx.tenant, run).await.map_err(|error| match error {
            Error::UnknownRun(_) => of_runs(Error::UnknownRun(uuid.to_owned())),
            other => of_runs(other),
        })
    }

    /// A workflow that exists or has runs. A run that brought its own nodes has its own workflow id.
    pub(super) async fn known(&self, cx: &Caller, workflow: &str) -> Result<(), Refusal> {
        match self.workflow(cx, workflow).await {
            Err(refusal) if refusal.is(Code::WorkflowNotFound) => {
                let labels = vec![LabelFilter { name: wire::WORKFLOW.to_owned(), values: vec![workflow.to_owned()] }];
                let filter = Filter { labels, ..Filter::default() };
                let rows = self.runs.list(&cx.tenant, &filter, None, 1).await?;
                if rows.is_empty() { Err(refusal) } else { Ok(()) }
            }
            other => other.map(|_| ()),
        }
    }
}

/// The nodes of releases, each read once per page.
#[derive(Default)]
pub(super) struct Releases(HashMap<String, Option<Arc<Vec<Node>>>>);

impl Releases {
    /// A run's current state.
    pub(super) async fn shown(&mut self, handlers: &Handlers, cx: &Caller, state: &State) -> Result<Run, Refusal> {
        let nodes = self.nodes(handlers, cx, state).await?;
        Ok(wire::run(state, &cx.tenant, nodes.as_deref().map(Vec::as_slice)))
    }

    /// The nodes that a run executes, as the client drew them.
    async fn nodes(
        &mut self,
        handlers: &Handlers,
        cx: &Caller,
        state: &State,
    ) -> Result<Option<Arc<Vec<Node>>>, Refusal> {
        let Some(release) = wire::label(state, wire::RELEASE) else {
            return Ok(own_nodes::read(state).map(Arc::new));
        };
        if let Some(known) = self.0.get(&release) {
            return Ok(known.clone());
        }
        let found = handlers.objects.get::<ReleaseBody>(&cx.tenant, &release).await.map_err(error::of_objects)?;
        let nodes = found.map(|release| Arc::new(release.body.nodes));
        self.0.insert(release, nodes.clone());
        Ok(nodes)
    }
}

/// The filters in a body that has other fields as well.
fn filters(body: &impl Serialize) -> Result<RunFilters, Refusal> {
    let read = serde_json::to_value(body).and_then(serde_json::from_value);
    read.map_err(|error| error::invalid("", error))
}

/// A count as the document's number.
pub(super) fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The page size, within the document's maximum.
pub(super) fn limit(limit: Option<NonZeroU32>) -> usize {
    limit.and_then(|limit| usize::try_from(limit.get()).ok()).unwrap_or(LIMIT)
}

/// See [`limit`].
pub(super) fn offset(offset: Option<i32>) -> usize {
    offset.and_then(|offset| usize::try_from(offset).ok()).unwrap_or(0)
}
