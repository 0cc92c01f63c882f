//! One claimed effect: executes it and submits the result.

use std::time::Duration;

use futures::FutureExt;
use runyard_engine::event::Failure;
use runyard_engine::{Command, Effect, FailureCode, Outcome, Request};
use tracing::Instrument;

use super::lease::Lease;
use super::parts::Parts;
use super::sub_runs::{self, settle};
use crate::nodes::perform;
use crate::planner::{self, PlanRequest};
use crate::runs::Error;
use crate::store::{Claimed, StoreError};

/// How often a result is submitted to a store that is busy or fails, before the lease is left to run out.
const OFFERS_MAX: u32 = 8;
/// The first delay between two submissions; each next is twice as long.
const OFFER_PAUSE: Duration = Duration::from_millis(20);

/// Executes an effect and submits the result. A result that is no longer needed is dropped: the run has continued.
pub(super) async fn perform_and_settle(parts: &Parts, claimed: Claimed, lease: &Lease) {
    let span =
        tracing::info_span!("effect", tenant = claimed.tenant, run_id = %claimed.run, effect = %claimed.effect.id);
    in_span(parts, claimed, lease).instrument(span).await;
}

async fn in_span(parts: &Parts, claimed: Claimed, lease: &Lease) {
    let Claimed { tenant, run, effect, .. } = claimed;
    let recall = parts.runs.in_flight().hold(effect.id);
    let around = perform::Around {
        runs: parts.runs.clone(),
        tenant: tenant.clone(),
        run,
        node_run: effect.node_run,
        attempt: effect.attempt,
        begun_at_ms: effect.due_at_ms,
    };
    let answering = std::panic::AssertUnwindSafe(answer(parts, &around, &effect)).catch_unwind();
    // Only the work is cancelled, never the submission of its result, which may be half done.
    let command = tokio::select! {
        biased;
        answered = answering => match answered.unwrap_or_else(|_| Ok(settle(&effect, Outcome::Failed(panicked())))) {
            Ok(command) => command,
            Err(error) => {
                tracing::warn!(%error, cause = ?error, "another run or the thread could not be read; the effect will be claimed again");
                return;
            }
        },
        () = time_is_over(parts, &effect) => settle(&effect, Outcome::TimedOut),
        () = recall.canceled() => {
            tracing::debug!("the run does not need this effect any more; its execution was canceled");
            return;
        }
    };
    let mut pause = OFFER_PAUSE;
    for _ in 0..OFFERS_MAX {
        let epoch = lease.epoch();
        match parts.runs.settle(&tenant, run, command.clone(), (effect.id, epoch)).await {
            Ok(_) => return,
            Err(Error::Busy) => {}
            // The disk may have space again in a moment, and the known result need not be computed again.
            Err(Error::Store(error @ StoreError::Failed(_))) => {
                tracing::warn!(%error, cause = ?error, "a result could not be recorded; trying again");
            }
            Err(Error::Store(StoreError::Fenced { .. })) => {
                if lease.was_claimed_again(epoch).await {
                    continue;
                }
                tracing::debug!("a result came too late and was dropped");
                return;
            }
            Err(error) => {
                tracing::error!(%error, cause = ?error, "a result could not be recorded; the effect will be claimed again");
                return;
            }
        }
        parts.clock.sleep(pause).await;
        pause *= 2;
    }
    tracing::warn!("the store took no result; the effect will be claimed again");
}

/// Waits until the time limit of this attempt; forever if it has none.
async fn time_is_over(parts: &Parts, effect: &Effect) {
    match effect.request.until_ms() {
        Some(until_ms) => parts.clock.sleep_until(until_ms).await,
        None => std::future::pending().await,
    }
}

/// The result of an effect. An error is no result: the effect stays, and is claimed again.
async fn answer(parts: &Parts, around: &perform::Around, effect: &Effect) -> Result<Command, Error> {
    Ok(match &effect.request {
        Request::Wake => Command::Wake { effect: effect.id, node_run: effect.node_run },
        Request::Run { .. } => sub_runs::start(parts, around, effect).await?,
        Request::Stop { run } => {
            parts.runs.stop_sub_run(&around.tenant, around.run, *run).await?;
            sub_runs::done(effect)
        }
        Request::Report { run, node_run } => {
            parts.runs.report(&around.tenant, around.run, (*run, *node_run)).await?;
            sub_runs::done(effect)
        }
        Request::Call { node_type, inputs, .. } => {
            let inputs = match around.whole(inputs).await {
                Ok(inputs) => inputs,
                Err(failure) => return Ok(settle(effect, Outcome::Failed(failure))),
            };
            let call = perform::Call {
                tenant: &around.tenant,
                run: around.run,
                node_type,
                inputs: &inputs,
                key: effect.id,
                attempt: effect.attempt,
                clock: &parts.clock,
                now_ms: parts.clock.now_ms(),
                entropy: perform::fresh_entropy(),
                around: Some(around),
            };
            settle(effect, parts.performer.perform(call).await)
        }
        Request::Load { .. } => match parts.performer.load(around).await {
            Ok(perform::Loaded { inputs, content }) => {
                Command::Loaded { effect: effect.id, node_run: effect.node_run, inputs, content }
            }
            Err(failure) => settle(effect, Outcome::Failed(failure)),
        },
        Request::Plan { node_type, inputs, constraints, .. } => {
            let inputs = match around.whole(inputs).await {
                Ok(inputs) => inputs.into_owned(),
                Err(failure) => return Ok(settle(effect, Outcome::Failed(failure))),
            };
            let earlier = parts.runs.earlier_answers(&around.tenant, around.run).await?;
            let (node_type, constraints, tenant) = (node_type.clone(), constraints.clone(), around.tenant.clone());
            let asked = node_type.clone();
            let output_schema = match around.output_schema().await {
                Ok(schema) => schema,
                Err(failure) => return Ok(settle(effect, Outcome::Failed(failure))),
            };
            let request = PlanRequest { node_type, inputs, constraints, earlier, output_schema, tenant };
            match parts.planner.plan(request).await {
                Ok(plan) => {
                    let plan = planner::in_words_of(&parts.runs.catalog_of(&around.tenant), &asked, plan);
                    Command::Planned { effect: effect.id, node_run: effect.node_run, plan }
                }
                Err(failure) => settle(effect, Outcome::Failed(failure)),
            }
        }
    })
}

pub(super) fn panicked() -> Failure {
    Failure {
        code: FailureCode::InternalError.into(),
        message: "the server failed while performing this step; its log has more".to_owned(),
        details: None,
        retryable: Some(false),
    }
}
