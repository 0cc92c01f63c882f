//! Watching and waiting over connections that break, are silent, or are not streams.

use std::time::Duration;

use futures::StreamExt;
use runyard_client::run_gateway::{Client, RunEventType, types::RunState};
use runyard_client::{Backoff, Interruption, WaitError, WatchError, WatchItem, runtime};
use serde_json::{Value, json};

use crate::scripted::{Act, Scripted, envelope, head, run};

const LINES: &str = "application/x-ndjson";

fn event(seq: u64, kind: &str) -> Value {
    json!({ "run_id": "r", "seq": seq, "type": kind, "time": "2026-01-01T00:00:00Z" })
}

fn patient() -> Backoff {
    Backoff { wait_min: Duration::from_millis(1), ..Backoff::default() }
}

#[tokio::test]
async fn lines_are_typed_and_go_on_over_two_cuts() {
    let server = Scripted::new(|_, before| match before {
        0 => Act::stream(LINES, &format!("{}\n{}\n{{\"run", event(1, "run_started"), event(2, "node_run_assigned"))),
        1 => Act::leave(),
        _ => Act::stream(LINES, &format!("{}\n  {}\n", event(3, "atomic_executed"), event(4, "run_completed"))),
    })
    .await;
    let watch = server.gateway().watch("r").backoff(patient());
    let seen: Vec<_> = watch.map(|event| event.unwrap()).map(|event| (event.seq, event.type_)).collect().await;
    use RunEventType::{AtomicExecuted, NodeRunAssigned, RunCompleted, RunStarted};
    assert_eq!(seen, [(1, RunStarted), (2, NodeRunAssigned), (3, AtomicExecuted), (4, RunCompleted)]);
    let after = "GET /v1/runs/r/events?after_seq=2";
    // The request of a stream is not retried as such: the watcher resumes it after the last received event.
    assert_eq!(server.lines(), ["GET /v1/runs/r/events", after, after]);
}

#[tokio::test]
async fn server_sent_events_are_typed_and_go_on_over_two_cuts() {
    let frame = |seq, kind, data: Value| {
        let mut event = event(seq, kind);
        event["data"] = data;
        format!("id: {seq}\ndata: {event}\n\n")
    };
    let server = Scripted::new(move |asked, _| {
        let sse = |text: String| Act::stream("text/event-stream", &text);
        match (asked.line.ends_with("/events"), asked.header("last-event-id")) {
            (false, _) => Act::json(200, &json!({ "run_id": "r", "state": "running" })),
            (true, None) => {
                sse(frame(1, "step", json!({})) + ": alive\n\n" + &frame(2, "tool_call", json!({})) + "id: 3\ndata: {")
            }
            // An error that does not end the run; then the connection breaks again.
            (true, Some("2")) => sse(frame(3, "error", json!({}))),
            (true, _) => sse(frame(4, "error", json!({ "ok": false }))),
        }
    })
    .await;
    let client = runtime::Client::builder(&server.url).no_proxy().build().unwrap();
    let watch = client.watch("r").backoff(patient());
    let seen: Vec<_> = watch.map(|event| event.unwrap()).map(|event| (event.seq, event.type_)).collect().await;
    use runtime::RunEventType::{Error, Step, ToolCall};
    assert_eq!(seen, [(1, Step), (2, ToolCall), (3, Error), (4, Error)]);
    let asked = server.asked();
    let streams = asked.iter().filter(|asked| asked.line.ends_with("/events"));
    assert_eq!(streams.map(|asked| asked.header("last-event-id")).collect::<Vec<_>>(), [None, Some("2"), Some("3")]);
}

#[tokio::test]
async fn a_204_on_resume_is_the_end_of_the_run() {
    let server = Scripted::new(|asked, _| match asked.line.ends_with("/events") {
        true => Act::say(204, "text/event-stream", &[], ""),
        false => Act::json(200, &json!({ "run_id": "r", "state": "succeeded" })),
    })
    .await;
    let client = runtime::Client::builder(&server.url).no_proxy().build().unwrap();
    assert!(client.watch("r").after(7).backoff(patient()).next().await.is_none());
    assert_eq!(server.lines(), ["GET /v1/runs/r/events"], "no request is repeated");
}

#[tokio::test]
async fn an_event_that_the_document_does_not_have_is_named() {
    let server = Scripted::new(|_, _| Act::stream(LINES, &format!("{}\n", event(1, "run_teleported")))).await;
    let error = server.gateway().watch("r").next().await.unwrap().unwrap_err();
    assert!(matches!(&error, WatchError::NotEvents(_)), "{error:?}");
    assert!(error.to_string().contains("type: unknown variant `run_teleported`"), "{error}");
}

#[tokio::test]
async fn a_stream_lasts_longer_than_an_answer_may_but_not_in_silence() {
    let kinds = ["run_started", "node_run_assigned", "atomic_executed", "run_completed"];
    let lines = kinds.iter().zip(1..).map(|(kind, seq)| format!("{}\n", event(seq, kind)));
    let parts: Vec<_> = [format!("{}\r\n", head(200, LINES, &[]))].into_iter().chain(lines).collect();
    let server = Scripted::new(move |_, _| Act::Trickle(parts.clone(), Duration::from_millis(60))).await;
    let short = Client::builder(&server.url).no_proxy().timeout(Duration::from_millis(50)).build().unwrap();
    assert_eq!(short.watch("r").map(|event| event.unwrap().seq).collect::<Vec<_>>().await, [1, 2, 3, 4]);
    assert_eq!(server.asked().len(), 1);

    let said = format!("{}\r\n{}\n", head(200, LINES, &[]), event(1, "run_started"));
    let server = Scripted::new(move |_, _| Act::Stall(said.clone())).await;
    let silent = Client::builder(&server.url).no_proxy().silence_timeout(Duration::from_millis(50)).build().unwrap();
    let mut items = silent.watch("r").with_interruptions();
    assert!(matches!(items.next().await, Some(Ok(WatchItem::Event(event))) if event.seq == 1));
    let next = items.next().await;
    assert!(
        matches!(next, Some(Ok(WatchItem::Interrupted { cause: Interruption::Broken(_), count: 1, .. }))),
        "{next:?}"
    );
}

#[tokio::test]
async fn waiting_gives_the_run_and_asks_where_there_is_no_stream() {
    let server = Scripted::new(|asked, before| match (asked.line.ends_with("/events"), before) {
        (true, _) => Act::json(404, &envelope("unknown_path")),
        (false, 1) => Act::json(200, &run("running")),
        (false, _) => Act::json(200, &run("failed")),
    })
    .await;
    assert_eq!(server.gateway().wait("r").await.unwrap().state, RunState::Failed);
    let streams = Scripted::new(|asked, _| match asked.line.ends_with("/events") {
        true => Act::stream(LINES, &format!("{}\n", event(1, "run_completed"))),
        false => Act::json(200, &run("succeeded")),
    })
    .await;
    assert_eq!(streams.gateway().wait("r").await.unwrap().state, RunState::Succeeded);
    assert_eq!(streams.lines(), ["GET /v1/runs/r/events", "GET /v1/runs/r"]);
}

#[tokio::test]
async fn waiting_ends_when_interrupted_and_when_the_run_has_ended() {
    let server = Scripted::new(|_, _| Act::Stall(format!("{}\r\n ", head(200, LINES, &[])))).await;
    let bound = Duration::from_millis(50);
    let error = server.gateway().wait("r").at_most(bound).await.unwrap_err();
    assert!(matches!(error, WaitError::TimedOut { after } if after == bound), "{error:?}");
    let server = Scripted::new(|_, _| Act::json(404, &envelope("run_not_found"))).await;
    let error = server.gateway().wait("r").await.unwrap_err();
    assert!(matches!(&error, WaitError::Call(error) if error.code().as_deref() == Some("run_not_found")), "{error:?}");
}
