//! Event streams: resumed at every event, live, kept alive, and ended cleanly by the end of the run, a cancel or the
//! server.

use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use futures::{StreamExt, channel::mpsc};
use runyard::clock::Clock;
use runyard::feed;
use runyard_api::arp::schemas::{NodeRunState, RunState};
use runyard_api::host::Closed;
use serde_json::{Value, json};

use crate::harness::{Apart, Clients, Frames, Lines, Mode, PATIENCE, World};

const GOAL: &str = "Generate a UUID, then hash it with SHA-256, then return it.";

async fn planned(world: &World) -> String {
    world.run("runyard.composite.planner.general", json!({"goal": GOAL})).await.run_id
}

/// One API's events of a run, resumed after a `seq` by query or header.
async fn resumed(clients: &Clients, api: &str, run: &str, query: Option<i64>, header: Option<i64>) -> Lines {
    match api {
        "run-gateway" => {
            Lines::of(clients.gateway.stream_run_events(run, query, None, header).await.unwrap().into_inner_stream())
        }
        "run-coordinator" => Lines::of(
            clients.coordinator.stream_run_events(run, query, None, header).await.unwrap().into_inner_stream(),
        ),
        _ => Lines::of(clients.native.stream_run_events(run, query, None, header).await.unwrap().into_inner_stream()),
    }
}

#[tokio::test]
async fn a_stream_resumes_at_every_event_without_gap_or_duplicate() {
    let world = World::new().await;
    let run = planned(&world).await;
    world.finished(&run).await;
    for api in ["run-gateway", "run-coordinator", "runyard"] {
        let whole = resumed(&world, api, &run, None, None).await.rest().await;
        let seqs: Vec<_> = whole.iter().map(|event| event["seq"].as_i64().unwrap()).collect();
        assert_eq!(seqs, (1..=seqs.len() as i64).collect::<Vec<_>>(), "{api}");
        for seen in 0..=whole.len() {
            let after = seen as i64;
            assert_eq!(resumed(&world, api, &run, Some(after), None).await.rest().await, whole[seen..], "{api}");
            assert_eq!(resumed(&world, api, &run, None, Some(after)).await.rest().await, whole[seen..], "{api}");
        }
        let beyond = resumed(&world, api, &run, Some(i64::MAX), None).await.rest().await;
        assert!(beyond.is_empty(), "{api}: nothing comes after the last, and the stream ends");
        let both = resumed(&world, api, &run, Some(2), Some(5)).await.rest().await;
        assert_eq!(both, whole[2..], "{api}: the query goes before the header");
    }
}

#[tokio::test]
async fn a_stream_that_is_cut_after_each_event_of_a_live_run_misses_nothing() {
    let world = World::new().await;
    for api in ["run-gateway", "run-coordinator", "runyard"] {
        let run = planned(&world).await;
        let mut seen: Vec<Value> = Vec::new();
        while seen.last().is_none_or(|event| event["type"] != "run_completed" && event["type"] != "finished") {
            let after = seen.last().and_then(|event| event["seq"].as_i64());
            let mut cut = resumed(&world, api, &run, after, None).await;
            seen.push(cut.next().await.unwrap());
        }
        assert_eq!(seen, resumed(&world, api, &run, None, None).await.rest().await, "{api}");
    }
}

#[tokio::test]
async fn a_node_runs_stream_keeps_the_runs_numbers() {
    let world = World::new().await;
    let run = planned(&world).await;
    let all = world.events(&run).await;
    let tree = world.native.get_run(&run).await.unwrap().into_inner().node_runs;
    for (place, node) in tree.iter().enumerate() {
        let (coordinator, id) = (&world.coordinator, &node.node_run_id);
        let open = |after| async move {
            let stream = coordinator.stream_node_run_events(id, after, None, None).await.unwrap();
            Lines::of(stream.into_inner_stream()).rest().await
        };
        // The root's stream has the events of all node runs; a step's stream has its own.
        let family = |id: &str| if place == 0 { true } else { id == node.node_run_id };
        let own: Vec<_> =
            all.iter().filter(|event| event["node_run_id"].as_str().is_some_and(family)).cloned().collect();
        assert_eq!(open(None).await, own);
        let middle = own[own.len() / 2]["seq"].as_i64().unwrap();
        let later: Vec<_> = own.iter().filter(|event| event["seq"].as_i64().unwrap() > middle).cloned().collect();
        assert_eq!(open(Some(middle)).await, later);
    }
}

#[tokio::test]
async fn follow_false_gives_the_events_that_are_recorded_and_ends_while_the_run_goes_on() {
    let world = World::new().await;
    let run = world.run("runyard.composite.external", json!({})).await;
    let child =
        json!([{"node_type_ref": {"node_type_id": "runyard.composite.external", "version": "1"}, "inputs": {}}]);
    let child = world.children(&run, child).await.unwrap().remove(0).node_run_id;
    let (id, no) = (&run.run_id, Some(false));
    let gateway = world.gateway.stream_run_events(id, None, no, None).await.unwrap();
    let coordinator = world.coordinator.stream_run_events(id, None, no, None).await.unwrap();
    let native = world.native.stream_run_events(id, None, no, None).await.unwrap();
    let whole = Lines::of(gateway.into_inner_stream()).rest().await;
    assert_eq!(whole.last().unwrap()["type"], "node_run_assigned");
    assert_eq!(Lines::of(coordinator.into_inner_stream()).rest().await, whole);
    let log = world.native.list_run_events(id, None, None).await.unwrap().into_inner().events;
    let streamed = Lines::of(native.into_inner_stream()).rest().await;
    let seqs: Vec<_> = streamed.iter().map(|event| event["seq"].as_i64().unwrap()).collect();
    assert_eq!(seqs, log.iter().map(|event| event.seq).collect::<Vec<_>>());
    let node = world.coordinator.stream_node_run_events(&child, None, no, None).await.unwrap();
    assert_eq!(Lines::of(node.into_inner_stream()).rest().await.len(), 1);
    let runtime = world.runtime.stream_run_events(id, None, no, None).await.unwrap();
    assert!(!Frames::of(runtime.into_inner_stream()).rest().await.is_empty());
    let after = world.gateway.stream_run_events(id, Some(2), no, None).await.unwrap();
    assert_eq!(Lines::of(after.into_inner_stream()).rest().await, whole[2..]);
    assert_eq!(world.gateway.get_run(id).await.unwrap().into_inner().state, RunState::Running);
}

#[tokio::test]
async fn a_node_runs_stream_ends_with_the_node_run_while_its_run_goes_on() {
    let world = World::new().await;
    let run = world.run("runyard.composite.external", json!({})).await;
    let spec = |id: &str, inputs| json!([{"node_type_ref": {"node_type_id": id, "version": "1"}, "inputs": inputs}]);
    let echo = world.children(&run, spec("runyard.core.echo", json!({"echo": "hi"}))).await.unwrap().remove(0);
    let part = world.children(&run, spec("runyard.composite.external", json!({}))).await.unwrap().remove(0);
    let open = async |id: &str, after| {
        let stream = world.coordinator.stream_node_run_events(id, after, None, None).await.unwrap();
        Lines::of(stream.into_inner_stream())
    };
    // Connected before the end, and after it.
    let (of_echo, of_part) = (open(&echo.node_run_id, None).await, open(&part.node_run_id, None).await);
    let echoed = of_echo.rest().await;
    assert_eq!(echoed.last().unwrap()["type"], "node_evaluated", "the judgement of a call follows its end");
    world
        .children_of(&run.run_id, &part.node_run_id, spec("runyard.core.sleep", json!({"seconds": 600})))
        .await
        .unwrap();
    world.complete(&part.node_run_id, json!({"state": "canceled"})).await.unwrap();
    let parted = of_part.rest().await;
    assert!(parted.iter().any(|event| event["type"] == "composite_decomposed"), "{parted:?}");
    for (id, whole) in [(&echo.node_run_id, &echoed), (&part.node_run_id, &parted)] {
        assert_eq!(&open(id, None).await.rest().await, whole);
        let last = whole.last().unwrap()["seq"].as_i64();
        assert!(open(id, last).await.rest().await.is_empty());
        assert!(open(id, Some(i64::MAX)).await.rest().await.is_empty());
    }
    assert_eq!(world.gateway.get_run(&run.run_id).await.unwrap().into_inner().state, RunState::Running);
}

#[tokio::test]
async fn a_node_runs_stream_shows_the_same_while_it_happens_and_afterwards() {
    let world = World::new().await;
    let run = world.run("runyard.composite.planner.general", json!({"goal": GOAL})).await;
    let open = async || {
        let stream = world.coordinator.stream_node_run_events(&run.root_node_run_id, None, None, None).await.unwrap();
        Lines::of(stream.into_inner_stream()).rest().await
    };
    let live = open().await;
    assert!(live.iter().any(|event| event["type"] == "candidate_set_generated"), "{live:?}");
    assert_eq!(open().await, live);
}

#[tokio::test]
async fn a_subscriber_gets_events_as_they_happen_and_the_stream_ends_with_the_run() {
    let world = World::new().await;
    let run = world.run("runyard.composite.external", json!({})).await;
    let mut lines = world.follow(&run.run_id, None).await;
    let mut late = Vec::new();
    assert_eq!(lines.next().await.unwrap()["type"], "run_started");
    assert_eq!(lines.next().await.unwrap()["type"], "node_run_assigned");
    let child = json!([{"node_type_ref": {"node_type_id": "runyard.core.uuid4", "version": "1"}, "inputs": {}}]);
    world.children(&run, child).await.unwrap();
    for expected in ["composite_decomposed", "node_run_assigned", "atomic_executed", "node_evaluated"] {
        late.push(lines.next().await.unwrap());
        assert_eq!(late.last().unwrap()["type"], expected);
    }
    world.complete(&run.root_node_run_id, json!({"state": "canceled"})).await.unwrap();
    let end = lines.rest().await;
    assert_eq!(end.last().unwrap()["data"]["state"], "canceled", "{end:?}");
}

#[tokio::test]
async fn a_canceled_sleep_stays_canceled() {
    let world = World::new().await;
    let run = world.run("runyard.core.sleep", json!({"seconds": 0.3})).await;
    let other = world.gateway.cancel_run(&run.run_id).await.unwrap().into_inner();
    assert_eq!(other.state, RunState::Canceled);
    let events = world.events(&run.run_id).await;
    // A sleep of the same length that begins now ends well after the canceled one would have ended.
    let control = world.run("runyard.core.sleep", json!({"seconds": 0.3})).await;
    assert_eq!(world.finished(&control.run_id).await.state, RunState::Succeeded);
    assert_eq!(world.events(&run.run_id).await, events);
    let again = world.gateway.cancel_run(&run.run_id).await.unwrap().into_inner();
    assert_eq!((again.state, again.ended_at), (RunState::Canceled, other.ended_at));
    assert_eq!(world.node(&run.root_node_run_id).await.state, NodeRunState::Canceled);
    assert_eq!(world.events(&run.run_id).await, events);
    assert_eq!(events.iter().filter(|event| event["type"] == "run_completed").count(), 1);
    // A cancel of a run that ended otherwise returns the run as it ended.
    let late = world.gateway.cancel_run(&control.run_id).await.unwrap().into_inner();
    assert_eq!(late.state, RunState::Succeeded);
}

#[tokio::test]
async fn a_cancel_reaches_the_whole_tree() {
    let world = World::new().await;
    let goal = "Sleep for 600 seconds, then generate a UUID.";
    let run = world.run("runyard.composite.planner.general", json!({"goal": goal})).await;
    let mut lines = world.follow(&run.run_id, None).await;
    while lines.next().await.unwrap()["type"] != "subtask_mapped" {}
    world.gateway.cancel_run(&run.run_id).await.unwrap();
    let end = lines.rest().await;
    assert_eq!(end.last().unwrap()["data"]["state"], "canceled");
    let seen = world.native.get_run(&run.run_id).await.unwrap().into_inner();
    assert_eq!(seen.node_runs.len(), 3);
    assert!(seen.node_runs.iter().all(|node| node.ended_at.is_some() && node.outputs.is_none()), "{seen:?}");
}

#[tokio::test]
async fn fifteen_silent_seconds_are_one_space() {
    let (events, said) = mpsc::unbounded();
    let clock = Clock::manual(0);
    let mut bytes = pin!(feed::ndjson(said, clock.clone()));
    let mut text = Vec::new();
    for _ in 0..3 {
        assert!(futures::poll!(bytes.next()).is_pending());
        clock.advance(Duration::from_millis(14_999));
        assert!(futures::poll!(bytes.next()).is_pending());
        clock.advance(Duration::from_millis(1));
        let Poll::Ready(Some(Ok(space))) = futures::poll!(bytes.next()) else { panic!("silence") };
        assert_eq!(&*space, b" ");
        text.extend_from_slice(&space);
    }
    events.unbounded_send(Ok(json!({"seq": 1}))).unwrap();
    drop(events);
    while let Some(chunk) = bytes.next().await {
        text.extend_from_slice(&chunk.unwrap());
    }
    let lines: Vec<Value> =
        text.split_inclusive(|byte| *byte == b'\n').map(|line| serde_json::from_slice(line).unwrap()).collect();
    assert_eq!(lines, [json!({"seq": 1})]);
}

#[tokio::test]
async fn a_reader_of_lines_survives_a_long_silence() {
    let clients = Apart::new();
    let run = clients.run("runyard.composite.external", json!({})).await;
    let mut lines = clients.follow(&run.run_id, None).await;
    lines.next().await.unwrap();
    lines.next().await.unwrap();
    let (clock, real) = (clients.clock.clone(), Clock::system());
    let time = tokio::spawn(async move {
        loop {
            clock.advance(Duration::from_secs(15));
            real.sleep(Duration::from_millis(2)).await;
        }
    });
    while lines.keep_alives < 3 {
        assert!(lines.more().await);
    }
    time.abort();
    clients.complete(&run.root_node_run_id, json!({"state": "succeeded"})).await.unwrap();
    let end = lines.rest().await;
    assert_eq!(end.last().unwrap()["type"], "run_completed");
}

#[tokio::test]
async fn stopping_the_server_ends_streams_between_lines() {
    let world = World::new().await;
    let run = world.run("runyard.core.sleep", json!({"seconds": 600})).await;
    let mut open = Vec::new();
    for api in ["run-gateway", "run-coordinator", "runyard"] {
        let mut lines = resumed(&world, api, &run.run_id, None, None).await;
        lines.next().await.unwrap();
        open.push(lines);
    }
    let World { server, clients, .. } = world;
    let stopped = tokio::time::timeout(PATIENCE, server.stop());
    let (closed, ends) = tokio::join!(stopped, futures::future::join_all(open.into_iter().map(Lines::rest)));
    assert_eq!(closed.unwrap(), Closed::Clean);
    assert!(ends.iter().flatten().all(|event| event["type"] != "run_completed" && event["type"] != "finished"));
    drop(clients);
}

#[tokio::test]
async fn a_stream_that_the_store_lets_down_breaks_between_lines_and_can_be_resumed() {
    let clients = Apart::new();
    let run = clients.run("runyard.composite.external", json!({})).await;
    let mut bytes = clients.gateway.stream_run_events(&run.run_id, None, None, None).await.unwrap().into_inner_stream();
    let mut text = Vec::new();
    while text.iter().filter(|byte| **byte == b'\n').count() < 2 {
        text.extend_from_slice(&bytes.next().await.unwrap().unwrap());
    }
    clients.store_is(Mode::Fails);
    let (clock, real) = (clients.clock.clone(), Clock::system());
    let time = tokio::spawn(async move {
        loop {
            clock.advance(Duration::from_secs(1));
            real.sleep(Duration::from_millis(2)).await;
        }
    });
    let broken = loop {
        match tokio::time::timeout(PATIENCE, bytes.next()).await.unwrap() {
            Some(Ok(chunk)) => text.extend_from_slice(&chunk),
            Some(Err(_)) => break true,
            None => break false,
        }
    };
    time.abort();
    assert!(broken, "a reader must not take this for the end of the run");
    let rest = text.rsplit(|byte| *byte == b'\n').next().unwrap();
    assert!(rest.iter().all(|byte| *byte == b' '), "no line is cut");
    clients.store_is(Mode::Works);
    clients.complete(&run.root_node_run_id, json!({"state": "succeeded"})).await.unwrap();
    let end = clients.follow(&run.run_id, Some(2)).await.rest().await;
    assert_eq!(end.last().unwrap()["type"], "run_completed", "{end:?}");
    assert_eq!(end[0]["seq"], 3);
}
