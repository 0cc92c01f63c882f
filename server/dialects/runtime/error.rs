//! Every refusal in ARP's error envelope, and the one that only this API has: there is no result yet.

use runyard_api::arp::runtime::Problem;
use runyard_api::host::Caller;
use runyard_engine::State;

use crate::codes::Code;
use crate::dialects::arp::error::envelope;
use crate::dialects::arp::wire::{run_id, run_state};
use crate::dialects::common::refusal::{Refusal, headers};

/// The `Retry-After` for a result that does not exist yet, seconds.
const RETRY_AFTER_S: u64 = 1;

/// A refusal as this API's error body.
pub(super) fn problem(cx: &Caller, refusal: Refusal) -> Problem {
    Problem { status: refusal.status, headers: headers(&refusal), body: Box::new(envelope(cx, &refusal)) }
}

/// The run has not ended.
pub(super) fn not_finished(state: &State) -> Refusal {
    let run = run_id(state);
    let message = format!("run `{run}` has no result yet; ask again, or watch its events, the last of which has it");
    Refusal::new(Code::RunNotFinished, message)
        .with("run_id", run)
        .with("state", run_state(state.status).to_string())
        .retryable(Some(RETRY_AFTER_S))
}
