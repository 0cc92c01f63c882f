//! Streams: their events, where they can be resumed, and their keep-alives.

use std::pin::pin;
use std::time::Duration;

use futures::StreamExt;
use runyard::clock::Clock;
use runyard::feed::{self, Beat};
use serde_json::json;

use super::{INTENT, asking, create, ended, events, frames, names};
use crate::harness::World;

#[tokio::test]
async fn steps_tell_their_tools_to_those_who_ask() {
    let world = World::new().await;
    let run = ended(&world, asking(INTENT)).await.run_id;
    let plain = events(&world, run).await;
    let full = frames(&world, run, Some("true"), None).await.rest().await;
    assert_eq!(names(&plain), names(&full));
    for (plain, full) in plain.iter().zip(&full) {
        assert_eq!(plain.id, full.id, "ids do not depend on the request");
        let mut cut = full.data.clone();
        if let Some(step) = cut.get_mut("step") {
            let call = step.as_object_mut().unwrap().remove("toolCall").unwrap();
            assert!(call["response"].is_object() && call["request"].is_object(), "{call}");
        }
        assert_eq!(plain.data, cut);
    }
    assert_eq!(full[3].data["step"]["toolCall"]["tool"], json!("runyard.core.hash.sha256"));
    let answer = world.get("toolregistry", &format!("/v1/runs/{run}/sse?includeToolCalls=maybe")).await;
    assert_eq!(answer.refusal(), (400, "invalid_request".to_owned()));
}

#[tokio::test]
async fn a_stream_is_resumed_after_any_event_and_closes_after_the_last() {
    let world = World::new().await;
    let run = ended(&world, asking(INTENT)).await.run_id;
    let all = events(&world, run).await;
    assert_eq!(all.iter().map(|event| event.id).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    for last in 0..=4 {
        let rest = frames(&world, run, None, Some(last)).await.rest().await;
        assert_eq!(rest, all[usize::try_from(last).unwrap()..], "after {last}");
    }
    for bad in ["-1", "x", "1.5"] {
        let path = format!("/v1/runs/{run}/sse");
        let request = world.request("toolregistry", http::Method::GET, &path).header("last-event-id", bad);
        let answer = world.send("toolregistry", request).await;
        assert_eq!(answer.refusal(), (400, "invalid_request".to_owned()), "{bad}");
    }
}

async fn resumed(world: &World, run: uuid::Uuid, query: &str, last: Option<u64>) -> crate::harness::Answer {
    let mut request = world.request("toolregistry", http::Method::GET, &format!("/v1/runs/{run}/sse{query}"));
    if let Some(last) = last {
        request = request.header("last-event-id", last.to_string());
    }
    world.send("toolregistry", request).await
}

/// An `EventSource` reconnects whenever a stream ends, unless the answer is 204.
#[tokio::test]
async fn a_resume_at_or_past_the_end_of_a_run_that_has_ended_is_204() {
    let world = World::new().await;
    let run = ended(&world, asking(INTENT)).await.run_id;
    for (last, status) in [(None, 200), (Some(0), 200), (Some(4), 200), (Some(5), 204), (Some(99), 204)] {
        let answer = resumed(&world, run, "", last).await;
        assert_eq!((answer.status, answer.body.is_empty()), (status, status == 204), "{last:?}");
    }
    // An active run may have more events, so its stream stays open.
    let live = create(&world, asking("Sleep for 600 seconds.")).await.run_id;
    let answer = resumed(&world, live, "?follow=false", Some(99)).await;
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    world.toolregistry.run_controller_abort_run(&live.to_string()).await.unwrap();
}

#[tokio::test]
async fn a_stream_that_does_not_follow_ends_with_the_events_that_there_are() {
    let world = World::new().await;
    let run = create(&world, asking("Sleep for 600 seconds.")).await.run_id;
    for query in ["?follow=false", "?follow=false&includeToolCalls=true"] {
        let answer = resumed(&world, run, query, None).await;
        let kinds: Vec<&str> = answer.text().lines().filter_map(|line| line.strip_prefix("event: ")).collect();
        assert_eq!((answer.status, kinds), (200, vec!["status", "start"]), "{query}");
    }
    assert_eq!(resumed(&world, run, "?follow=perhaps", None).await.refusal(), (400, "invalid_request".to_owned()));
    world.toolregistry.run_controller_abort_run(&run.to_string()).await.unwrap();
}

#[tokio::test]
async fn a_stream_follows_a_run_that_goes_on() {
    let world = World::new().await;
    let run = create(&world, asking("Sleep for 600 seconds.")).await.run_id;
    let mut stream = frames(&world, run, None, None).await;
    assert_eq!(stream.next().await.unwrap().event.as_deref(), Some("status"));
    assert_eq!(stream.next().await.unwrap().event.as_deref(), Some("start"));
    world.toolregistry.run_controller_abort_run(&run.to_string()).await.unwrap();
    let rest = stream.rest().await;
    assert_eq!(names(&rest), ["step", "end"]);
    assert_eq!(rest[0].data["step"]["status"], json!("CANCELED"));
    assert_eq!(rest[1].data["runStatus"], json!("CANCELED"));
}

#[tokio::test]
async fn silence_is_broken_every_twenty_seconds_by_an_event_without_an_id() {
    let clock = Clock::manual(0);
    let beat = Beat { every: Duration::from_secs(20), text: "event: keepalive\ndata: null\n\n" };
    let mut bytes = pin!(feed::sse(futures::stream::pending::<feed::Framed<()>>(), beat, clock.clone()));
    for _ in 0..3 {
        let mut next = bytes.next();
        assert!(futures::poll!(&mut next).is_pending());
        clock.advance(Duration::from_millis(19_999));
        assert!(futures::poll!(&mut next).is_pending());
        clock.advance(Duration::from_millis(1));
        assert_eq!(next.await.unwrap().unwrap(), "event: keepalive\ndata: null\n\n");
    }
}
