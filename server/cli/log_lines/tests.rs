//! Transcripts of runs, as people read them.

use serde_json::json;

use super::*;

fn transcript(events: Value) -> String {
    let mut lines = LogLines::of("order-17");
    let Value::Array(events) = events else { panic!("a list") };
    let all = events.into_iter().enumerate().flat_map(|(index, mut body)| {
        body["time"] = json!(format!("2026-01-01T00:00:00.{index:03}Z"));
        lines.lines(&AnyEvent { seq: 1, body })
    });
    anstream::adapter::strip_str(&all.collect::<Vec<_>>().join("\n")).to_string()
}

fn started(node_type: &str, inputs: Value) -> Value {
    let start = json!({ "node_type": { "id": node_type }, "inputs": inputs });
    json!({ "type": "started", "data": { "root": "n0", "start": start } })
}

fn child(id: &str, parent: &str, key: &str, inputs: Value) -> Value {
    let node_type = json!({ "id": "a.call" });
    let data = json!({ "parent": parent, "key": key, "node_type": node_type, "inputs": inputs });
    json!({ "type": "child_created", "node_run_id": id, "data": data })
}

/// 2026-01-01T00:00:00Z.
const MIDNIGHT_MS: i64 = 1_767_225_600_000;

#[test]
fn attempts_waits_and_retries_have_a_line_each_and_name_their_step() {
    let error = json!({ "code": "http_503", "message": "the service is\nbusy" });
    insta::assert_snapshot!(transcript(json!([
        started("a.graph", json!({})),
        child("n1", "n0", "fetch", json!({})),
        { "type": "node_started", "node_run_id": "n1", "data": { "attempt": 1 } },
        { "type": "attempt_failed", "node_run_id": "n1", "data": { "attempt": 1, "error": error, "retry_at_ms": MIDNIGHT_MS + 1_503 } },
        { "type": "node_started", "node_run_id": "n1", "data": { "attempt": 2 } },
        { "type": "node_finished", "node_run_id": "n1", "data": { "state": "succeeded" } },
        child("n2", "n0", "nap", json!({})),
        { "type": "node_waiting", "node_run_id": "n2", "data": { "wait": { "timer": { "until_ms": MIDNIGHT_MS + 60_007 } } } },
        { "type": "node_finished", "node_run_id": "n2", "data": { "state": "failed", "error": error } },
        { "type": "node_finished", "node_run_id": "n0", "data": { "state": "failed", "error": error } },
        { "type": "an_event_of_the_future", "node_run_id": "n0" },
    ])), @r"
        0.000s  started    a.graph
        0.002s  running    fetch a.call
        0.003s  failed     fetch a.call, attempt 1: the service is busy (http_503); attempt 2 in 1.5 s
        0.004s  running    fetch a.call, attempt 2
        0.005s  succeeded  fetch a.call
        0.007s  sleeping   nap a.call for 1 min 00 s
        0.008s  failed     nap a.call: the service is busy (http_503)
    ");
}

#[test]
fn items_of_lists_are_named_by_their_keys() {
    insta::assert_snapshot!(transcript(json!([
        started("a.graph", json!({})),
        child("n1", "n0", "mails", json!({})),
        child("n2", "n1", "#1", json!({})),
        child("n3", "n1", "#2", json!({})),
        { "type": "node_finished", "node_run_id": "n2", "data": { "state": "succeeded" } },
        { "type": "node_finished", "node_run_id": "n3", "data": { "state": "failed" } },
    ])), @r"
        0.000s  started    a.graph
        0.004s  succeeded  mails/#1 a.call
        0.005s  failed     mails/#2 a.call
    ");
}

#[test]
fn a_question_and_an_approval_request_show_how_to_answer_them() {
    insta::assert_snapshot!(transcript(json!([
        started("a.ask", json!({ "question": "Which\ncolour?" })),
        { "type": "node_waiting", "node_run_id": "n0", "data": { "wait": "input" } },
        child("n1", "n0", "S1", json!({ "to": "ada", "password": "hunter2" })),
        { "type": "approval_asked", "node_run_id": "n1", "data": { "approval": "approval_1" } },
        { "type": "approval_decided", "node_run_id": "n1", "data": { "verdict": "denied", "by": "key:1", "comment": "too dear" } },
        { "type": "paused", "data": { "by": "key:1", "reason": "maintenance" } },
        { "type": "resumed", "data": {} },
    ])), @r#"
        0.000s  started    a.ask
        0.001s  question   a.ask: Which colour?
                           runyard answer order-17 TEXT
        0.003s  approval   S1 a.call needs an approval with to: "ada", password: ***
                           runyard approve approval_1   or   runyard deny approval_1
        0.004s  denied     S1 a.call by key:1: too dear
        0.005s  paused     by key:1: maintenance
        0.006s  resumed
    "#);
}
