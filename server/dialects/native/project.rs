//! The log as our own door shows it: every event, `seq` is its place in the log.

use runyard_api::runyard::types;
use runyard_engine::Recorded;
use serde_json::{Map, Value, json};

use crate::clock::rfc3339;

/// How many events are on a page where its caller does not say.
pub(super) const EVENTS: usize = 500;

/// So many of these events, and where the page after them begins.
pub(super) fn page(run_id: &str, log: &[Recorded], limit: usize) -> types::RunEventList {
    let shown = &log[..log.len().min(limit)];
    let events = shown.iter().filter_map(|recorded| serde_json::from_value(project(run_id, recorded)).ok());
    let last = shown.last().filter(|_| log.len() > limit);
    types::RunEventList {
        events: events.collect(),
        next_after_seq: last.and_then(|last| i64::try_from(last.position).ok()),
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
    // What a face noted for itself is that face's to show; here it would show the fingerprint of the request.
    if let Some(Value::Object(start)) = data.get_mut("start") {
        start.shift_remove("notes");
    }
    shown.insert("data".to_owned(), Value::Object(data));
    Value::Object(shown)
}
