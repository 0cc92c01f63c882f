//! The run operations that the gateway and the coordinator have in common, over the runs in this process.

use http::{HeaderName, HeaderValue, StatusCode};
use runyard_api::arp::schemas as arp;
use runyard_api::host::{ByteStream, Caller, Reply};
use runyard_engine::{Command, State};
use serde_json::{Value, json};

use super::stream::{self, Scope};
use super::wire;
use crate::dialects::common::refusal::{Refusal, of_runs};
use crate::feed::Wanted;
use crate::runs::{IdempotencyKey, NewRun, Runs};

/// A run that was started now, or earlier by the same request. `R` is a document's word for a run.
pub struct Started<R = arp::Run> {
    /// As it stands.
    pub run: R,
    /// Whether an earlier request started it.
    pub replayed: bool,
    /// Of a request with an `Idempotency-Key`: whether the server that has the run says that the key is kept.
    pub key_kept: Option<bool>,
}

/// Says that an earlier, equal request started the run.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// Says whether an `Idempotency-Key` is kept.
pub const KEY_HONORED: HeaderName = HeaderName::from_static("idempotency-key-honored");

impl<R> Started<R> {
    /// The answer, in a document's own success.
    pub fn reply<T>(self, ok: impl FnOnce(R) -> T) -> Reply<T> {
        let mut reply = Reply::from(ok(self.run));
        if let Some(kept) = self.key_kept {
            let kept = HeaderValue::from_static(if kept { "true" } else { "false" });
            reply = reply.with_header(KEY_HONORED, kept);
        }
        if self.replayed { reply.with_header(REPLAYED, HeaderValue::from_static("true")) } else { reply }
    }
}

/// Starts a run; the same request again is answered with the run as it stands.
pub async fn start(
    runs: &Runs,
    cx: &Caller,
    face: &'static str,
    body: arp::RunStartRequest,
    key: Option<&str>,
) -> Result<Started, Refusal> {
    let new = wire::new_run(face, body).map_err(unsayable)?;
    start_once(runs, cx, new, key, wire::run).await
}

/// Starts a run that is already in the engine's words, and shows it in a document's.
pub async fn start_once<R>(
    runs: &Runs,
    cx: &Caller,
    mut new: NewRun,
    key: Option<&str>,
    show: impl FnOnce(&State) -> R,
) -> Result<Started<R>, Refusal> {
    new.key = key.map(idempotency_key).transpose()?;
    let key_kept = new.key.is_some().then_some(true);
    let started = runs.start(&cx.tenant, new).await.map_err(of_runs)?;
    Ok(Started { run: show(&started.state), replayed: started.replayed, key_kept })
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

/// A run's events.
pub async fn events(runs: &Runs, cx: &Caller, run_id: &str, wanted: Wanted) -> Result<ByteStream, Refusal> {
    let state = runs.get(&cx.tenant, run_id).await.map_err(of_runs)?;
    Ok(stream::events(runs, cx, state, Scope::Run, wanted))
}

/// One thing that cannot be said in the engine's words.
pub fn unsayable(unsayable: wire::Unsayable) -> Refusal {
    all_unsayable(&[unsayable])
}

/// What cannot be said in the engine's words: in the message the first, in the details every one.
pub fn all_unsayable(unsayable: &[wire::Unsayable]) -> Refusal {
    let error = |one: &wire::Unsayable| json!({ "place": "body", "field": one.field, "reason": one.reason });
    let message = match unsayable {
        [] => "the request cannot be carried out".to_owned(),
        [only] => format!("body {}: {}", only.field, only.reason),
        [first, others @ ..] => format!("body {}: {} (and {} more)", first.field, first.reason, others.len()),
    };
    Refusal::new(StatusCode::BAD_REQUEST, "invalid_request", message)
        .with("errors", unsayable.iter().map(error).collect::<Value>())
}

/// A key from its header.
pub fn idempotency_key(text: &str) -> Result<IdempotencyKey, Refusal> {
    IdempotencyKey::parse(text).ok_or_else(|| {
        Refusal::new(
            StatusCode::BAD_REQUEST,
            "invalid_request",
            "Idempotency-Key must be 1 to 255 visible ASCII characters",
        )
    })
}
