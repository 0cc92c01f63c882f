//! The log as the Runyard API shows it: every event, with its position in the log as `seq`.

use runyard_api::runyard::types;
use runyard_engine::{Position, Recorded, RunId};
use serde_json::Value;

use super::wire;
use crate::dialects::common::answer_size::AnswerSize;
use crate::feed::ProjectionError;
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
    let (mut events, mut size) = (Vec::new(), AnswerSize::of(runs.answer_bytes()));
    loop {
        let log = runs.part_of_log(tenant, run, after, READ_AT_ONCE).await?;
        let whole = log.len() < READ_AT_ONCE;
        for recorded in &log {
            let event = project(run, recorded)?;
            if events.len() == limit || !size.admits(&event) {
                return Ok(types::RunEventList { events, next_after_seq: i64::try_from(after).ok() });
            }
            events.push(event);
            after = recorded.position;
        }
        if whole {
            return Ok(types::RunEventList { events, next_after_seq: None });
        }
    }
}

/// One stored event in an answer.
///
/// # Errors
/// The document cannot express the event. To leave it out would be an unexplained gap in `seq`.
pub(super) fn project(run: RunId, recorded: &Recorded) -> Result<types::RunEvent, ProjectionError> {
    let value = serde_json::to_value(&recorded.event).map_err(|error| ProjectionError::new(run, recorded, error))?;
    let Value::Object(mut data) = value else {
        return Err(ProjectionError::new(run, recorded, "the event is not an object"));
    };
    let node_run_id = match data.shift_remove("node_run") {
        Some(Value::String(node_run)) => Some(node_run),
        Some(other) => return Err(ProjectionError::new(run, recorded, format!("`node_run` is {other}"))),
        None => None,
    };
    data.shift_remove("type");
    // Notes belong to the API that wrote them. To show them here would show the fingerprint of the request.
    if let Some(Value::Object(start)) = data.get_mut("start") {
        start.shift_remove("notes");
    }
    let seq = i64::try_from(recorded.position).map_err(|error| ProjectionError::new(run, recorded, error))?;
    Ok(types::RunEvent {
        data,
        node_run_id,
        run_id: run.to_string(),
        seq,
        time: wire::time(recorded.at_ms),
        type_: recorded.event.name().to_owned(),
    })
}
