//! Which requests are retried, and which are not.

use std::collections::BTreeSet;

use runyard_client::run_gateway::{CancelRunRequest, Client, GetRunRequest, StartRunRequest, types};
use runyard_client::{CallError, Retry, run_coordinator, runtime};
use serde_json::{Value, json};

use crate::scripted::{Act, Scripted, envelope, quick, run};

/// A 503, then a closed connection, then a success.
fn third_time(before: usize, answer: &Value) -> Act {
    match before {
        0 => Act::json(503, &envelope("store_busy")),
        1 => Act::leave(),
        _ => Act::json(200, answer),
    }
}

fn start(idempotency_key: Option<&str>) -> StartRunRequest {
    let body = json!({ "root_node_type_ref": { "node_type_id": "a.b", "version": "1" }, "input": {} });
    StartRunRequest { idempotency_key: idempotency_key.map(str::to_owned), body: serde_json::from_value(body).unwrap() }
}

#[tokio::test]
async fn a_look_and_a_cancel_are_repeated() {
    let server = Scripted::new(|_, before| third_time(before % 3, &run("canceled"))).await;
    let run = GetRunRequest { run_id: "r".to_owned() }.send(&server.gateway()).await.unwrap();
    assert_eq!(run.state, types::RunState::Canceled);
    CancelRunRequest { run_id: "r".to_owned() }.send(&server.gateway()).await.unwrap();
    let lines = server.lines();
    assert_eq!(lines[..3], ["GET /v1/runs/r"; 3]);
    assert_eq!(lines[3..], ["POST /v1/runs/r:cancel"; 3]);
}

#[tokio::test]
async fn a_start_is_repeated_with_one_key() {
    for (given, is_runtime) in [(None, false), (Some("mine"), false), (None, true)] {
        let answer = if is_runtime { json!({ "run_id": "r", "state": "queued" }) } else { run("queued") };
        let server = Scripted::new(move |_, before| third_time(before, &answer)).await;
        if is_runtime {
            let client = runtime::Client::builder(&server.url).no_proxy().retry(quick()).build().unwrap();
            let body = serde_json::from_value(json!({ "input": { "goal": "x" } })).unwrap();
            runtime::CreateRunRequest { idempotency_key: None, body }.send(&client).await.unwrap();
        } else {
            start(given).send(&server.gateway()).await.unwrap();
        }
        let asked = server.asked();
        let keys: BTreeSet<_> = asked.iter().map(|asked| asked.header("idempotency-key").unwrap()).collect();
        let bodies: BTreeSet<_> = asked.iter().map(|asked| &asked.body).collect();
        assert_eq!((asked.len(), keys.len(), bodies.len()), (3, 1, 1));
        let key = keys.first().unwrap();
        assert_eq!(given.unwrap_or(key), *key);
        assert!(given.is_some() || key.len() == 36, "{key}");
    }
}

#[tokio::test]
async fn each_start_has_a_key_of_its_own() {
    let server = Scripted::new(|_, _| Act::json(200, &run("queued"))).await;
    for _ in 0..2 {
        start(None).send(&server.gateway()).await.unwrap();
    }
    let asked = server.asked();
    assert_ne!(asked[0].header("idempotency-key"), asked[1].header("idempotency-key"));
}

#[tokio::test]
async fn what_the_document_does_not_call_safe_is_sent_once() {
    for answer in [|| Act::json(503, &envelope("store_busy")), Act::leave as fn() -> Act] {
        let server = Scripted::new(move |_, _| answer()).await;
        let client = run_coordinator::Client::builder(&server.url).no_proxy().retry(quick()).build().unwrap();
        let body = json!({ "run_id": "r", "parent_node_run_id": "n", "node_runs": [] });
        let body = serde_json::from_value(body).unwrap();
        client.create_node_runs(&body).await.unwrap_err();
        assert_eq!(server.asked().len(), 1);
    }
}

#[tokio::test]
async fn attempts_end_and_the_last_answer_is_the_callers() {
    let server = Scripted::new(|_, _| Act::json(503, &envelope("store_busy"))).await;
    let error = GetRunRequest { run_id: "r".to_owned() }.send(&server.gateway()).await.unwrap_err();
    assert_eq!((server.asked().len(), error.code().as_deref()), (3, Some("store_busy")));
    assert!(error.is_transient());
}

#[tokio::test]
async fn what_will_not_pass_is_not_repeated() {
    for status in [400, 404, 409, 500, 501] {
        let server = Scripted::new(move |_, _| Act::json(status, &envelope("no"))).await;
        start(None).send(&server.gateway()).await.unwrap_err();
        assert_eq!(server.asked().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn a_server_that_asks_for_more_time_than_there_is_gets_no_second_request() {
    let later = || Act::say(429, "application/json", &["retry-after: 3600"], &envelope("rate").to_string());
    let server = Scripted::new(move |_, _| later()).await;
    let error = GetRunRequest { run_id: "r".to_owned() }.send(&server.gateway()).await.unwrap_err();
    assert_eq!(server.asked().len(), 1);
    let CallError::Refused { headers, .. } = error else { panic!("{error:?}") };
    assert_eq!(headers["retry-after"], "3600");
}

#[tokio::test]
async fn who_repeats_never_needs_no_key() {
    let server = Scripted::new(|_, _| Act::json(503, &envelope("store_busy"))).await;
    let client = Client::builder(&server.url).no_proxy().retry(Retry::never()).build().unwrap();
    start(None).send(&client).await.unwrap_err();
    let [asked] = &server.asked()[..] else { panic!("one request") };
    assert_eq!(asked.header("idempotency-key"), None);
}
