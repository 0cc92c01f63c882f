//! Starting a run, for every API: the idempotency key, the answer's headers, and errors in the request's fields.

use http::{HeaderName, HeaderValue};
use runyard_api::host::{Caller, Reply};
use runyard_engine::State;
use serde_json::{Value, json};

use super::refusal::Refusal;
use crate::codes::Code;
use crate::runs::{IdempotencyKey, NewRun, Runs};

/// A run that was started now, or earlier by the same request. `R` is the document's type of a run.
pub struct Started<R> {
    /// The run's current state.
    pub run: R,
    /// Whether an earlier request started it.
    pub replayed: bool,
    /// Of a request with an `Idempotency-Key`: whether the server that has the run confirms that the key is stored.
    pub key_kept: Option<bool>,
}

/// Set if an earlier, equal request started the run.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// Whether an `Idempotency-Key` is stored.
pub const KEY_HONORED: HeaderName = HeaderName::from_static("idempotency-key-honored");

impl<R> Started<R> {
    /// The answer with the document's success status.
    pub fn reply<T>(self, ok: impl FnOnce(R) -> T) -> Reply<T> {
        let mut reply = Reply::from(ok(self.run));
        if let Some(kept) = self.key_kept {
            let kept = HeaderValue::from_static(if kept { "true" } else { "false" });
            reply = reply.with_header(KEY_HONORED, kept);
        }
        if self.replayed { reply.with_header(REPLAYED, HeaderValue::from_static("true")) } else { reply }
    }
}

/// Starts a run from an engine command, and converts it to the document's type.
pub async fn start_once<R>(
    runs: &Runs,
    cx: &Caller,
    mut new: NewRun,
    key: Option<&str>,
    show: impl FnOnce(&State) -> R,
) -> Result<Started<R>, Refusal> {
    new.key = key.map(idempotency_key).transpose()?;
    let key_kept = new.key.is_some().then_some(true);
    let started = runs.start(&cx.tenant, new).await?;
    Ok(Started { run: show(&started.state), replayed: started.replayed, key_kept })
}

/// A field that the engine cannot express, with the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidField {
    /// JSON pointer into the request.
    pub field: &'static str,
    /// The reason.
    pub reason: String,
}

/// The refusal for one field that the engine cannot express.
pub fn invalid_field(field: InvalidField) -> Refusal {
    invalid_fields(&[field])
}

/// The refusal for fields that the engine cannot express: the message has the first, the details have all.
pub fn invalid_fields(fields: &[InvalidField]) -> Refusal {
    let error = |one: &InvalidField| json!({ "place": "body", "field": one.field, "reason": one.reason });
    let message = match fields {
        [] => "the request cannot be carried out".to_owned(),
        [only] => format!("body {}: {}", only.field, only.reason),
        [first, others @ ..] => format!("body {}: {} (and {} more)", first.field, first.reason, others.len()),
    };
    Refusal::new(Code::InvalidRequest, message).with("errors", fields.iter().map(error).collect::<Value>())
}

/// Parses a key from its header.
pub fn idempotency_key(text: &str) -> Result<IdempotencyKey, Refusal> {
    IdempotencyKey::parse(text)
        .ok_or_else(|| Refusal::new(Code::InvalidRequest, "Idempotency-Key must be 1 to 255 visible ASCII characters"))
}
