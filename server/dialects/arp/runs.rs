//! The run operations that the gateway and the coordinator share, over the runs in this process.

use runyard_api::arp::schemas as arp;
use runyard_api::host::{ByteStream, Caller};
use runyard_engine::Command;

use super::stream::{self, Scope};
use super::wire;
use crate::dialects::common::refusal::Refusal;
use crate::dialects::common::start::{Started, invalid_field, start_once};
use crate::feed::EventRange;
use crate::runs::Runs;

/// Starts a run. A repeated request returns the current state of the existing run.
pub async fn start(
    runs: &Runs,
    cx: &Caller,
    api: &'static str,
    body: arp::RunStartRequest,
    key: Option<&str>,
) -> Result<Started<arp::Run>, Refusal> {
    let new = wire::new_run(api, body).map_err(invalid_field)?;
    start_once(runs, cx, new, key, wire::run).await
}

/// Returns a run's current state.
pub async fn get(runs: &Runs, cx: &Caller, run_id: &str) -> Result<arp::Run, Refusal> {
    let state = runs.get(&cx.tenant, run_id).await?;
    Ok(wire::run(&state))
}

/// Cancels a run. A run that has ended is returned unchanged.
pub async fn cancel(runs: &Runs, cx: &Caller, run_id: &str) -> Result<arp::Run, Refusal> {
    let run = runs.get(&cx.tenant, run_id).await?.run;
    let state = runs.submit(&cx.tenant, run, Command::Cancel { reason: None }).await?;
    Ok(wire::run(&state))
}

/// A run's events.
pub async fn events(runs: &Runs, cx: &Caller, run_id: &str, wanted: EventRange) -> Result<ByteStream, Refusal> {
    let state = runs.get(&cx.tenant, run_id).await?;
    Ok(stream::events(runs, cx, state, Scope::Run, wanted))
}
