//! Executions of a workflow's runs, counted by node.

use runyard_api::cargo::types::{NodeMetrics, RunFilters, RunMetrics, RunMetricsQuery};
use runyard_api::host::Caller;
use runyard_engine::NodeState;
use runyard_engine::event::FinalState;

use super::filter::{LOOKED_AT_MAX, RunQuery};
use super::{Handlers, error, executions};
use crate::dialects::common::refusal::Refusal;

/// The counts.
pub(super) async fn of(handlers: &Handlers, cx: &Caller, body: RunMetricsQuery) -> Result<RunMetrics, Refusal> {
    let RunMetricsQuery { workflow_uuid, release_uuid, batch_uuid, created_after, created_before } = body;
    handlers.known(cx, &workflow_uuid).await?;
    let filters = RunFilters {
        workflow_uuid: Some(workflow_uuid),
        release_uuid,
        batch_uuid,
        created_after,
        created_before,
        ..RunFilters::default()
    };
    let found = handlers.find(cx, &RunQuery::of(filters), 0, LOOKED_AT_MAX).await?;
    if found.count > LOOKED_AT_MAX {
        return Err(error::too_many(LOOKED_AT_MAX));
    }
    let mut metrics: Vec<NodeMetrics> = Vec::new();
    for row in found.rows {
        let Some(state) = handlers.runs.listed(&cx.tenant, &row).await? else { continue };
        for (uuid, node) in executions::by_uuid(&state) {
            let index = metrics.iter().position(|one| one.node_uuid == uuid).unwrap_or_else(|| {
                metrics.push(none_of(uuid));
                metrics.len() - 1
            });
            add(&mut metrics[index], node.state);
        }
    }
    Ok(RunMetrics { run_metrics: metrics })
}

fn none_of(uuid: String) -> NodeMetrics {
    NodeMetrics {
        node_uuid: uuid,
        total_executions_count: 0,
        idle_executions_count: 0,
        pending_executions_count: 0,
        running_executions_count: 0,
        success_executions_count: 0,
        error_executions_count: 0,
        cancelling_executions_count: 0,
        cancelled_executions_count: 0,
        skipped_executions_count: 0,
        // Runyard bills nothing.
        credits_used_count: 0.0,
    }
}

fn add(metrics: &mut NodeMetrics, state: NodeState) {
    metrics.total_executions_count += 1;
    *match state {
        NodeState::Pending | NodeState::Queued => &mut metrics.pending_executions_count,
        NodeState::Running | NodeState::Waiting(_) => &mut metrics.running_executions_count,
        NodeState::Final(FinalState::Succeeded) => &mut metrics.success_executions_count,
        NodeState::Final(FinalState::Failed) => &mut metrics.error_executions_count,
        NodeState::Final(FinalState::Canceled) => &mut metrics.cancelled_executions_count,
        NodeState::Final(FinalState::Skipped) => &mut metrics.skipped_executions_count,
    } += 1;
}
