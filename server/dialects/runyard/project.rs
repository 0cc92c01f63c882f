//! The log as the Runyard API shows it: every event, `seq` is its place in the log.

use runyard_api::runyard::types;
use runyard_engine::{Position, Recorded, RunId};
use serde_json::{Map, Value, json};

use crate::clock::rfc3339;
use crate::dialects::common::answer_size::AnswerSize;
use crate::runs::{Error, Runs};

/// How many events are on a page where its caller does not say.
pub(super) const EVENTS: usize = 500;

/// How many events are read at once: each can be a megabyte.
const READ_AT_ONCE: usize = 32;

/// Events after a position, so many or as many as fit into an answer, and where the page after them begins.
///
/// # Errors
/// An event that the document has no form for.
pub(super) async fn page(
    runs: &Runs,
    tenant: &str,
    run: RunId,
    mut after: Position,
    limit: usize,
) -> Result<types::RunEventList, Error> {
    let run_id = run.to_string();
    let (mut events, mut size) = (Vec::new(), AnswerSize::of(runs.answer_bytes()));
    loop {
        let log = runs.part_of_log(tenant, run, after, READ_AT_ONCE).await?;
        let whole = log.len() < READ_AT_ONCE;
        for recorded in &log {
            let shown = project(&run_id, recorded);
            if events.len() == limit || !size.admits(&shown) {
                return Ok(types::RunEventList { events, next_after_seq: i64::try_from(after).ok() });
            }
            // To leave it out would be a hole in `seq` that nothing tells of.
            let event = serde_json::from_value(shown).map_err(|error| Error::Unreadable {
                run,
                reason: format!("event {} is none of the document: {error}", recorded.position),
            })?;
            events.push(event);
            after = recorded.position;
        }
        if whole {
            return Ok(types::RunEventList { events, next_after_seq: None });
        }
    }
}

/// One stored event on the wire (`RunEvent`).
pub(super) fn project(run_id: &str, recorded: &Recorded) -> Value {
    let mut data = match serde_json::to_value(&recorded.event) {
        Ok(Value::Object(data)) => data,
        _ => Map::new(),
    };
    let mut shown = Map::new();
    shown.insert("run_id".to_owned(), json!(run_id));
    shown.insert("seq".to_owned(), json!(recorded.position));
    shown.insert("time".to_owned(), json!(rfc3339(recorded.at_ms)));
    shown.insert("type".to_owned(), data.shift_remove("type").unwrap_or_default());
    if let Some(node_run) = data.shift_remove("node_run") {
        shown.insert("node_run_id".to_owned(), node_run);
    }
    // What an API noted for itself is that API's to show; here it would show the fingerprint of the request.
    if let Some(Value::Object(start)) = data.get_mut("start") {
        start.shift_remove("notes");
    }
    shown.insert("data".to_owned(), Value::Object(data));
    Value::Object(shown)
}
