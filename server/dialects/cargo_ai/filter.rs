//! The filters of a list, a count or a cancellation of runs.
//!
//! Labels, statuses and creation times are filtered by the store. Other fields are compared row by row. Filters on
//! executions need the run's state and are applied run by run, up to a limit.

use std::sync::Arc;

use runyard_api::cargo::types::{
    Conjonction, ExecutionStatus, ExecutionsCondition, ExecutionsFilter, ExecutionsFilterStatus, RunFilters, RunStatus,
};
use runyard_api::host::Caller;
use runyard_engine::{RunId, State};

use super::error::too_many;
use super::start::cut;
use super::{API, Handlers, executions, wire};
use crate::dialects::common::refusal::{Refusal, of_runs};
use crate::runs::sub_runs::PARENT_RUN;
use crate::store::{Cursor, Filter, LabelFilter, RunRow, Status};

/// The number of rows read at once.
const PAGE: usize = 500;
/// The most runs whose state is read for one answer.
pub(super) const LOOKED_AT_MAX: usize = 10_000;

/// The statuses of runs that have not ended.
const LIVE: [Status; 3] = [Status::Queued, Status::Running, Status::Waiting];

/// The parsed filters.
#[derive(Debug)]
pub(super) struct RunQuery {
    filter: Filter,
    /// Whether no run can match.
    none: bool,
    updated_from_ms: Option<i64>,
    updated_before_ms: Option<i64>,
    executions: Option<ExecutionsFilter>,
}

/// Runs that match.
pub(super) struct RunPage {
    /// A page of them, newest first.
    pub(super) rows: Vec<RunRow>,
    /// The number of all that match.
    pub(super) count: usize,
}

impl RunQuery {
    /// Parses filters.
    pub(super) fn of(filters: RunFilters) -> RunQuery {
        // Destructured completely, so that a field that the API adds does not compile until it takes effect here.
        let RunFilters {
            workflow_uuid,
            user_uuid,
            batch_uuid,
            release_uuid,
            statuses,
            parent_batch_uuid,
            parent_uuid,
            parent_node_uuid,
            is_group_parent,
            record_id,
            record_title,
            record_title_or_id,
            is_finished,
            executions_filter,
            created_after,
            created_before,
            updated_after,
            updated_before,
        } = filters;
        let statuses = these(statuses.as_deref(), is_finished);
        // The store iterates over the runs of the first label, so the rarest labels come first.
        let labels = [
            (PARENT_RUN, parent_uuid.map(|uuid| RunId::parse(&uuid).map_or(uuid, |run| run.to_string()))),
            (wire::RECORD_ID, record_id),
            (wire::BATCH, batch_uuid),
            (wire::PARENT_NODE, parent_node_uuid),
            (wire::RECORD_TITLE, record_title),
            (wire::RECORD, record_title_or_id),
            (wire::RELEASE, release_uuid),
            (wire::WORKFLOW, workflow_uuid),
            (wire::USER, user_uuid),
            (wire::GROUP, is_group_parent.map(|groups| groups.to_string())),
        ];
        // Cut like the stored label.
        let label = |(name, value): (&str, Option<String>)| {
            Some(LabelFilter { name: name.to_owned(), values: vec![cut(&value?).to_owned()] })
        };
        let mut labels: Vec<LabelFilter> = labels.into_iter().filter_map(label).collect();
        // The run that executes a batch is not a run of this API.
        if labels.is_empty() {
            labels.push(LabelFilter {
                name: wire::GROUP.to_owned(),
                values: vec!["false".to_owned(), "true".to_owned()],
            });
        }
        RunQuery {
            // No run has a parent batch.
            none: statuses.as_ref().is_some_and(Vec::is_empty) || parent_batch_uuid.is_some(),
            filter: Filter {
                statuses: statuses.unwrap_or_default(),
                api: Some(API.to_owned()),
                created_from_ms: created_after.map(|at| at.as_millisecond()),
                created_before_ms: created_before.map(|at| at.as_millisecond()),
                labels,
                ..Filter::default()
            },
            updated_from_ms: updated_after.map(|at| at.as_millisecond()),
            updated_before_ms: updated_before.map(|at| at.as_millisecond()),
            executions: executions_filter,
        }
    }

    /// Only runs that have not ended.
    pub(super) fn live(mut self) -> RunQuery {
        let fits = |status: &Status| self.filter.statuses.is_empty() || self.filter.statuses.contains(status);
        self.filter.statuses = LIVE.into_iter().filter(fits).collect();
        self.none |= self.filter.statuses.is_empty();
        self
    }

    fn admits(&self, row: &RunRow) -> bool {
        self.updated_from_ms.is_none_or(|from_ms| row.updated_at_ms >= from_ms)
            && self.updated_before_ms.is_none_or(|before_ms| row.updated_at_ms < before_ms)
    }
}

/// The statuses that match; `None` if all match.
fn these(statuses: Option<&[RunStatus]>, is_finished: Option<bool>) -> Option<Vec<Status>> {
    let asked =
        statuses.map(|statuses| statuses.iter().flat_map(|status| stored(*status)).copied().collect::<Vec<_>>());
    let ended = |status: &Status| !LIVE.contains(status);
    match (asked, is_finished) {
        (None, None) => None,
        (Some(asked), None) => Some(asked),
        (asked, Some(finished)) => {
            let all = asked.unwrap_or_else(|| Status::ALL.to_vec());
            Some(all.into_iter().filter(|status| ended(status) == finished).collect())
        }
    }
}

/// The stored statuses that this API shows as this one.
pub(super) fn stored(status: RunStatus) -> &'static [Status] {
    match status {
        RunStatus::Pending => &[Status::Queued],
        RunStatus::Running => &[Status::Running, Status::Waiting],
        RunStatus::Success => &[Status::Succeeded, Status::Partial],
        RunStatus::Error => &[Status::Failed, Status::NothingAchieved],
        RunStatus::Cancelled => &[Status::Canceled],
        // A run is queued from its start, ends at once when it is cancelled, and is never skipped.
        RunStatus::Idle | RunStatus::Cancelling | RunStatus::Skipped => &[],
    }
}

impl Handlers {
    /// A page of the runs that match, and the number of all that match.
    pub(super) async fn find(
        &self,
        cx: &Caller,
        wanted: &RunQuery,
        skipped: usize,
        limit: usize,
    ) -> Result<RunPage, Refusal> {
        let (mut found, mut after, mut looked_at) = (RunPage { rows: Vec::new(), count: 0 }, None, 0);
        if wanted.none {
            return Ok(found);
        }
        loop {
            let rows = self.runs.list(&cx.tenant, &wanted.filter, after, PAGE).await?;
            after = rows.last().map(|row| Cursor { created_at_ms: row.created_at_ms, run: row.run });
            let last = rows.len() < PAGE;
            for row in rows.into_iter().filter(|row| wanted.admits(row)) {
                if let Some(executions) = &wanted.executions {
                    looked_at += 1;
                    if looked_at > LOOKED_AT_MAX {
                        return Err(too_many(LOOKED_AT_MAX));
                    }
                    let state = self.runs.listed(&cx.tenant, &row).await?;
                    if !state.is_some_and(|state| fits(&state, executions)) {
                        continue;
                    }
                }
                if found.count >= skipped && found.rows.len() < limit {
                    found.rows.push(row);
                }
                found.count += 1;
            }
            if last {
                return Ok(found);
            }
        }
    }

    /// The run of a row.
    pub(super) async fn state(&self, cx: &Caller, row: &RunRow) -> Result<Arc<State>, Refusal> {
        self.runs.by_id(&cx.tenant, row.run).await.map_err(of_runs)
    }
}

/// Whether the executions of a run match the filter.
fn fits(state: &State, filter: &ExecutionsFilter) -> bool {
    let executions = executions::of(state, None);
    let holds = |condition: &ExecutionsCondition| {
        let found = executions.iter().find(|execution| execution.node_slug == condition.node_slug);
        let stands = match (condition.status, found.map(|found| found.status)) {
            (ExecutionsFilterStatus::Absent, found) => return found.is_none(),
            (ExecutionsFilterStatus::Pending, Some(found)) => found == ExecutionStatus::Pending,
            (ExecutionsFilterStatus::Success, Some(found)) => found == ExecutionStatus::Success,
            (ExecutionsFilterStatus::Error, Some(found)) => found == ExecutionStatus::Error,
            (_, None) => false,
        };
        let says = |value: &String| {
            let texts = found.map(|found| [&found.title, &found.error_message]).into_iter().flatten().flatten();
            texts.into_iter().any(|text| text.contains(value))
        };
        stands && condition.value.as_ref().is_none_or(says)
    };
    let group = |conditions: &[ExecutionsCondition], how| joined(how, conditions.iter().map(holds));
    joined(filter.conjonction, filter.groups.iter().map(|one| group(&one.conditions, one.conjonction)))
}

/// Whether all conditions hold, or one of them. An empty list holds.
fn joined(how: Conjonction, mut holding: impl ExactSizeIterator<Item = bool>) -> bool {
    match how {
        Conjonction::And => holding.all(|holds| holds),
        Conjonction::Or => holding.len() == 0 || holding.any(|holds| holds),
    }
}
