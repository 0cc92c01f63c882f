//! The run operations that the gateway and the coordinator have in common, over the runs in this process.

use http::{HeaderName, HeaderValue, StatusCode};
use runyard_api::arp::schemas as arp;
use runyard_api::host::{ByteStream, Caller, Reply};
use runyard_engine::Command;

use super::stream::{self, Scope};
use super::wire;
use crate::dialects::refusal::{Refusal, of_runs};
use crate::dialects::resume::Resume;
use crate::runs::{IdempotencyKey, Runs};

/// A run that was started now, or earlier by the same request.
pub struct Started {
    /// As it stands.
    pub run: arp::Run,
    /// Whether an earlier request started it.
    pub replayed: bool,
}

/// Says that an earlier, equal request started the run.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

impl Started {
    /// The answer, in a document's own success.
    pub fn reply<T>(self, ok: impl FnOnce(arp::Run) -> T) -> Reply<T> {
        let reply = Reply::from(ok(self.run));
        if self.replayed { reply.with_header(REPLAYED, HeaderValue::from_static("true")) } else { reply }
    }
}

/// Starts a run; the same request again is answered with the run as it stands.
pub async fn start(
    runs: &Runs,
    cx: &Caller,
    face: &'static str,
    body: &arp::RunStartRequest,
    key: Option<&str>,
) -> Result<Started, Refusal> {
    let mut new = wire::new_run(face, body).map_err(unsayable)?;
    new.key = key.map(idempotency_key).transpose()?;
    let started = runs.start(&cx.tenant, new).await.map_err(of_runs)?;
    Ok(Started { run: wire::run(&started.state), replayed: started.replayed })
}

/// A run as it stands.
pub async fn get(runs: &Runs, cx: &Caller, run_id: &str) -> Result<arp::Run, Refusal> {
    let state = runs.get(&cx.tenant, run_id).await.map_err(of_runs)?;
    Ok(wire::run(&state))
}

/// Stops a run. One that has ended is answered unchanged.
pub async fn cancel(runs: &Runs, cx: &Caller, run_id: &str) -> Result<arp::Run, Refusal> {
    let run = runs.get(&cx.tenant, run_id).await.map_err(of_runs)?.run;
    let state = runs.submit(&cx.tenant, run, Command::Cancel { reason: None }).await.map_err(of_runs)?;
    Ok(wire::run(&state))
}

/// A run's events after a `seq`, those to come included.
pub async fn events(runs: &Runs, cx: &Caller, run_id: &str, after: Resume) -> Result<ByteStream, Refusal> {
    let state = runs.get(&cx.tenant, run_id).await.map_err(of_runs)?;
    Ok(stream::events(runs, cx, state, Scope::Run, after.seq()))
}

/// What cannot be said in the engine's words.
pub fn unsayable(unsayable: wire::Unsayable) -> Refusal {
    let error = serde_json::json!({ "place": "body", "field": unsayable.field, "reason": unsayable.reason });
    Refusal::new(StatusCode::BAD_REQUEST, "invalid_request", format!("body {}: {}", unsayable.field, unsayable.reason))
        .with("errors", serde_json::json!([error]))
}

fn idempotency_key(text: &str) -> Result<IdempotencyKey, Refusal> {
    IdempotencyKey::parse(text).ok_or_else(|| {
        Refusal::new(
            StatusCode::BAD_REQUEST,
            "invalid_request",
            "Idempotency-Key must be 1 to 255 visible ASCII characters",
        )
    })
}
