//! The log as the Runyard API shows it: every event, with its position in the log as `seq`.

use runyard_api::runyard::types;
use runyard_engine::{Position, Recorded, RunId};
use serde_json::{Map, Value, json};

use crate::clock::rfc3339;
use crate::dialects::common::answer_size::AnswerSize;
use crate::runs::{Error, Runs};

/// Default number of events on a page.
pub(super) const EVENTS: usize = 500;

/// The number of events read at once: each can be a megabyte.
const READ_AT_ONCE: usize = 32;

/// A page of the events after a position, limited by number and size, and the start of the next page.
///
/// # Errors
/// An event that the document cannot express.
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
            // To leave the event out would be an unexplained gap in `seq`.
            let event = serde_json::from_value(shown).map_err(|error| Error::Unreadable {
                run,
                reason: format!("event {} is not in the document: {error}", recorded.position),
            })?;
            events.push(event);
            after = recorded.position;
        }
        if whole {
            return Ok(types::RunEventList { events, next_after_seq: None });
        }
    }
}

/// One stored event in an answer (`RunEvent`).
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
    // Notes belong to the API that wrote them. To show them here would show the fingerprint of the request.
    if let Some(Value::Object(start)) = data.get_mut("start") {
        start.shift_remove("notes");
    }
    shown.insert("data".to_owned(), Value::Object(data));
    Value::Object(shown)
}
