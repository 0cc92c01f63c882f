//! The Runtime's event stream: server-sent events, in order, resumed at every event, kept alive, ended by the run.

use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use futures::{StreamExt, channel::mpsc};
use http::Method;
use runyard::clock::Clock;
use runyard::feed::{self, Frame as Sent};
use runyard_api::host::Closed;
use serde_json::json;

use super::{SLEEP, create, frames, goal};
use crate::harness::{Frame, Frames, PATIENCE, World};

const TWO_STEPS: &str = "Generate a UUID, then hash it with SHA-256, then return it.";

fn kinds(frames: &[Frame]) -> Vec<&str> {
    frames.iter().map(|frame| frame.data["type"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_run_is_shown_as_steps_and_tool_calls() {
    let world = World::new().await;
    let run = create(&world, goal(TWO_STEPS)).await.run_id;
    let all = frames(&world, &run, None, None).await.rest().await;
    assert_eq!(
        kinds(&all),
        ["step", "step", "tool_call", "tool_result", "tool_call", "tool_result", "final"],
        "{all:?}"
    );
    let ids: Vec<u64> = all.iter().map(|frame| frame.id).collect();
    assert_eq!(ids, (1..=7).collect::<Vec<_>>());
    let (call, result) = (&all[4].data["data"], &all[5].data["data"]);
    assert_eq!(call["tool_id"], "runyard.core.hash.sha256");
    assert_eq!(call["args"]["text"], all[3].data["data"]["result"]["uuid4"], "inputs are shown as they were used");
    assert_eq!((&result["invocation_id"], &result["ok"]), (&call["invocation_id"], &json!(true)));
    let last = &all[6].data["data"];
    assert_eq!(last["output"]["final_text"], result["result"]["sha256"]);
    let result = world.runtime.get_run_result(&run).await.unwrap().into_inner();
    assert_eq!(last["output"], json!(result.output.unwrap()), "the last event has the result");
    let answer = world.get("runtime", &format!("/v1/runs/{run}/events")).await;
    assert_eq!(
        (answer.header("content-type"), answer.header("cache-control")),
        (Some("text/event-stream"), Some("no-store, no-transform"))
    );
}

#[tokio::test]
async fn a_stream_resumes_at_every_event_without_gap_or_duplicate() {
    let world = World::new().await;
    let run = create(&world, goal(TWO_STEPS)).await.run_id;
    let whole = frames(&world, &run, None, None).await.rest().await;
    for seen in 0..=whole.len() {
        let after = Some(i64::try_from(seen).unwrap());
        assert_eq!(frames(&world, &run, None, after).await.rest().await, whole[seen..], "Last-Event-ID");
        assert_eq!(frames(&world, &run, after, None).await.rest().await, whole[seen..], "after_seq");
    }
    assert!(frames(&world, &run, None, Some(i64::MAX)).await.rest().await.is_empty());
    assert_eq!(frames(&world, &run, Some(2), Some(5)).await.rest().await, whole[2..], "the query goes first");
    // Disconnected after every event while the run goes on.
    let run = create(&world, goal(TWO_STEPS)).await.run_id;
    let mut seen: Vec<Frame> = Vec::new();
    while seen.last().is_none_or(|frame| frame.data["type"] != "final") {
        let last = seen.last().map(|frame| i64::try_from(frame.id).unwrap());
        seen.push(frames(&world, &run, None, last).await.next().await.unwrap());
    }
    assert_eq!(seen, frames(&world, &run, None, None).await.rest().await);
}

#[tokio::test]
async fn a_resume_at_or_past_the_end_of_a_finished_run_is_204_so_that_an_event_source_stops() {
    let world = World::new().await;
    let run = create(&world, goal(TWO_STEPS)).await.run_id;
    let last = frames(&world, &run, None, None).await.rest().await.len();
    let path = format!("/v1/runs/{run}/events");
    let resumed = async |seq: u64| {
        let request = world.request("runtime", Method::GET, &path).header("last-event-id", seq.to_string());
        world.send("runtime", request).await
    };
    for seen in [last as u64, last as u64 + 1, i64::MAX as u64] {
        let answer = resumed(seen).await;
        assert_eq!((answer.status, answer.body.len()), (204, 0), "after {seen}");
        assert_eq!(world.get("runtime", &format!("{path}?after_seq={seen}")).await.status, 204);
    }
    assert_eq!(resumed(last as u64 - 1).await.status, 200);
    assert_eq!(world.get("runtime", &path).await.status, 200);
    // An active run may have more events.
    let run = create(&world, goal(SLEEP)).await.run_id;
    let answer = world.get("runtime", &format!("/v1/runs/{run}/events?after_seq=99&follow=false")).await;
    assert_eq!((answer.status, answer.body.len()), (200, 0));
}

#[tokio::test]
async fn a_run_of_another_api_is_streamed_as_it_happens() {
    let world = World::new().await;
    let run = world.run("runyard.composite.external", json!({})).await;
    let mut events = frames(&world, &run.run_id, None, None).await;
    let mut seen = vec![events.next().await.unwrap()];
    let spec = |id: &str, inputs| json!([{"node_type_ref": {"node_type_id": id, "version": "1"}, "inputs": inputs}]);
    world.children(&run, spec("jarvis.core.echo", json!({"echo": "hi"}))).await.unwrap();
    let inner =
        world.children(&run, spec("runyard.composite.external", json!({}))).await.unwrap().remove(0).node_run_id;
    let verdict = json!({"evaluation_result": {"status": "fail"}, "recovery_action": {"type": "abort"}});
    world.evaluate(&inner, verdict).await.unwrap();
    world.complete(&inner, json!({"state": "failed"})).await.unwrap();
    while seen.iter().filter(|frame| ["tool_result", "error"].contains(&frame.data["type"].as_str().unwrap())).count()
        == 0
        || !seen.iter().any(|frame| frame.data["data"]["step"] == "composite_ended")
    {
        seen.push(events.next().await.unwrap());
    }
    world.complete(&run.root_node_run_id, json!({"state": "canceled"})).await.unwrap();
    seen.extend(events.rest().await);
    let mut described: Vec<String> = seen
        .iter()
        .map(|frame| {
            let (kind, data) = (frame.data["type"].as_str().unwrap(), &frame.data["data"]);
            let name = data["step"].as_str().or(data["tool_id"].as_str()).or(data["state"].as_str());
            format!("{kind} {}", name.unwrap())
        })
        .collect();
    assert_eq!(
        (described.remove(0), described.pop().unwrap()),
        ("step run_started".to_owned(), "error canceled".to_owned())
    );
    // The echo is executed concurrently with the rest.
    described.sort();
    let expected = [
        "step composite_ended",
        "step composite_started",
        "step decomposed",
        "step decomposed",
        "step recovery_applied",
        "tool_call runyard.core.echo",
        "tool_result runyard.core.echo",
    ];
    assert_eq!(described, expected);
}

#[tokio::test]
async fn fifteen_silent_seconds_are_one_comment() {
    let (said, heard) = mpsc::unbounded();
    let clock = Clock::manual(0);
    let mut bytes = pin!(feed::sse(heard, feed::Beat::default(), clock.clone()));
    for _ in 0..3 {
        assert!(futures::poll!(bytes.next()).is_pending());
        clock.advance(Duration::from_millis(14_999));
        assert!(futures::poll!(bytes.next()).is_pending());
        clock.advance(Duration::from_millis(1));
        let Poll::Ready(Some(Ok(comment))) = futures::poll!(bytes.next()) else { panic!("silence") };
        assert_eq!(&*comment, b":\n\n");
    }
    said.unbounded_send(Ok(Sent { id: 4, name: None, data: json!({"text": "two\nlines\r\n\u{2028}"}) })).unwrap();
    drop(said);
    let sent: Vec<_> = bytes.map(Result::unwrap).collect().await;
    assert_eq!(
        sent,
        ["id: 4\ndata: {\"text\":\"two\\nlines\\r\\n\u{2028}\"}\n\n"],
        "one event, one chunk, one line of data"
    );
}

#[tokio::test]
async fn stopping_the_server_ends_a_stream_between_events() {
    let world = World::new().await;
    let run = create(&world, goal(SLEEP)).await.run_id;
    let mut open = frames(&world, &run, None, None).await;
    open.next().await.unwrap();
    let World { server, clients, .. } = world;
    let (closed, rest) = tokio::join!(tokio::time::timeout(PATIENCE, server.stop()), Frames::rest(open));
    assert_eq!(closed.unwrap(), Closed::Clean);
    assert!(rest.iter().all(|frame| frame.data["type"] != "error" && frame.data["type"] != "final"));
    drop(clients);
}
