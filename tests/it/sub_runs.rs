//! Runs that start runs: waited for or detached, listed by their parent, canceled with it, and not lost in a crash.

use runyard_api::arp::schemas::{Run, RunState};
use runyard_api::runyard::types;
use serde_json::{Value, json};

use crate::harness::{World, typed};
use crate::process::{Served, bounded, start_body};

const RUN: &str = "runyard.core.run";
const GRAPH: &str = "runyard.composite.graph";
const EXTERNAL: &str = "runyard.composite.external";

fn body(node_type: &str, input: Value) -> Value {
    json!({ "root_node_type_ref": { "node_type_id": node_type, "version": "1.0.0" }, "input": input })
}

/// A node that starts a run of this type.
fn starts(node_type: &str, inputs: Value) -> Value {
    json!({ "node_type_ref": { "node_type_id": node_type }, "inputs": inputs })
}

fn outputs(run: &Run) -> Value {
    run.extensions.clone().unwrap().0["runyard.outputs"].clone()
}

fn error(run: &Run) -> Value {
    run.extensions.clone().unwrap().0["runyard.error"].clone()
}

async fn ended(world: &World, input: Value) -> Run {
    let run = world.start(body(RUN, input)).await;
    world.finished(&run.run_id).await
}

async fn seen(world: &World, run_id: &str) -> types::Run {
    world.native.get_run(run_id).await.unwrap().into_inner()
}

/// The runs that a run has started, newest first.
async fn below(world: &World, run_id: &str) -> Vec<types::RunSummary> {
    let page =
        world.native.list_runs(None, None, None, None, None, None, None, None, Some(run_id), None).await.unwrap();
    page.into_inner().runs
}

/// The run that a run has started, once it waits.
async fn waiting_below(world: &World, run_id: &str) -> types::RunSummary {
    let waits = async {
        loop {
            if let Some(found) =
                below(world, run_id).await.into_iter().find(|run| run.state == types::RunState::Waiting)
            {
                return found;
            }
            tokio::task::yield_now().await;
        }
    };
    bounded("the run below", waits).await
}

#[tokio::test]
async fn a_run_is_started_waited_for_and_tied_to_who_started_it() {
    let world = World::new().await;
    let mut asked = starts("runyard.core.echo", json!({ "echo": "hello" }));
    asked["labels"] = json!({ "team": "red", "user": ["ann", "bob"] });
    let run = ended(&world, asked).await;
    let made = outputs(&run);
    assert_eq!(
        (run.state, &made["state"], &made["outputs"]),
        (RunState::Succeeded, &json!("succeeded"), &json!({ "echo": "hello" }))
    );
    let found = below(&world, &run.run_id).await;
    assert_eq!((found.len(), json!(found[0].run_id)), (1, made["run_id"].clone()));
    assert_eq!(found[0].face, "run-gateway", "it is listed as the run is that started it");
    let (above, child) = (seen(&world, &run.run_id).await, seen(&world, &found[0].run_id).await);
    let parent = child.parent.unwrap();
    assert_eq!((&parent.run_id, &parent.node_run_id), (&above.run_id, &above.root_node_run_id));
    assert_eq!((above.parent, &above.node_runs[0].sub_run_id), (None, &Some(child.run_id)));
    let by_node_run = Some(above.root_node_run_id.as_str());
    let page = world.native.list_runs(None, None, None, None, None, None, None, by_node_run, None, None).await.unwrap();
    assert_eq!(page.into_inner().runs.len(), 1);
    assert!(below(&world, &found[0].run_id).await.is_empty());
    let kinds: Vec<Value> = world.events(&run.run_id).await.iter().map(|event| event["type"].clone()).collect();
    assert_eq!(kinds, ["run_started", "node_run_assigned", "atomic_executed", "node_evaluated", "run_completed"]);
}

#[tokio::test]
async fn a_run_that_fails_or_falls_short_says_so_above() {
    let world = World::new().await;
    let failed = ended(&world, starts("runyard.core.fail", json!({ "code": "broken", "message": "no luck" }))).await;
    let why = error(&failed);
    assert_eq!((failed.state, &why["code"], &why["message"]), (RunState::Failed, &json!("broken"), &json!("no luck")));
    assert_eq!(why["details"]["run_id"], json!(below(&world, &failed.run_id).await[0].run_id));
    let items = json!({ "items": [{ "tries": 0 }, {}], "node_type_ref": { "node_type_id": "runyard.core.fail" }, "on_item_failure": "collect" });
    let short = ended(&world, starts("runyard.composite.each", items)).await;
    assert_eq!(seen(&world, &short.run_id).await.state, types::RunState::Partial);

    for (asked, code) in [
        (starts("runyard.core.nothing", json!({})), "sub_run_refused"),
        (starts("runyard.core.echo", json!({ "text": 1 })), "sub_run_refused"),
        (
            json!({ "node_type_ref": { "node_type_id": "runyard.core.uuid4" }, "labels": { "runyard.x": "y" } }),
            "invalid_inputs",
        ),
        (
            json!({ "node_type_ref": { "node_type_id": "runyard.core.uuid4" }, "constraints": { "budgets": 1 } }),
            "invalid_inputs",
        ),
    ] {
        let run = ended(&world, asked.clone()).await;
        assert_eq!(error(&run)["code"], json!(code), "{asked}: {run:?}");
        assert!(below(&world, &run.run_id).await.is_empty(), "nothing was started");
    }
}

#[tokio::test]
async fn limits_hold_below_and_runs_are_not_nested_for_ever() {
    let world = World::new().await;
    let mut bounded_body = body(RUN, starts("runyard.core.uuid4", json!({})));
    bounded_body["constraints"] = json!({ "candidates": { "denied_node_type_ids": ["runyard.core.uuid4"] } });
    let run = world.start(bounded_body).await;
    let run = world.finished(&run.run_id).await;
    assert_eq!(error(&run)["code"], json!("sub_run_refused"), "{run:?}");
    let nested = |depth: usize| (0..depth).fold(starts("runyard.core.uuid4", json!({})), |inner, _| starts(RUN, inner));
    assert_eq!(ended(&world, nested(7)).await.state, RunState::Succeeded);
    let deep = ended(&world, nested(8)).await;
    assert_eq!((deep.state, &error(&deep)["code"]), (RunState::Failed, &json!("sub_runs_too_deep")));
}

#[tokio::test]
async fn who_is_canceled_takes_along_what_it_waits_for_and_no_other() {
    let world = World::new().await;
    let run = world.start(body(RUN, starts(RUN, starts(EXTERNAL, json!({}))))).await;
    let child = waiting_below(&world, &run.run_id).await;
    let grandchild = waiting_below(&world, &child.run_id).await;
    let shown = seen(&world, &run.run_id).await;
    let waits = shown.node_runs[0].waiting_for.as_ref().unwrap();
    assert_eq!((shown.state, waits.reason), (types::RunState::Waiting, types::WaitReason::Run));
    let shown = world.gateway.get_run(&run.run_id).await.unwrap().into_inner();
    assert_eq!(shown.state, RunState::Running, "the standard has no word for it");
    world.gateway.cancel_run(&run.run_id).await.unwrap();
    for run_id in [&child.run_id, &grandchild.run_id] {
        world.finished(run_id).await;
        assert_eq!(seen(&world, run_id).await.state, types::RunState::Canceled);
    }

    let mut alone = starts(EXTERNAL, json!({}));
    alone["wait"] = json!(false);
    let run = ended(&world, alone).await;
    let left = waiting_below(&world, &run.run_id).await;
    assert_eq!((run.state, outputs(&run)), (RunState::Succeeded, json!({ "run_id": left.run_id })));
    assert!(!seen(&world, &left.run_id).await.parent.unwrap().waits);

    let run = world.start(body(RUN, starts(EXTERNAL, json!({})))).await;
    let child = waiting_below(&world, &run.run_id).await;
    world.gateway.cancel_run(&child.run_id).await.unwrap();
    let run = world.finished(&run.run_id).await;
    assert_eq!((run.state, &error(&run)["code"]), (RunState::Failed, &json!("canceled")));
}

#[tokio::test]
async fn a_node_of_a_graph_starts_a_run_with_what_its_inputs_come_to() {
    let world = World::new().await;
    let walked = json!({ "nodes": [
        { "key": "start", "node_type_ref": { "node_type_id": "runyard.graph.start" }, "children": ["end"] },
        { "key": "end", "node_type_ref": { "node_type_id": "runyard.graph.end" },
          "inputs": { "variables": [{ "name": "said", "value": "{{ nodes.start.name }}!" }] } },
    ] });
    // The same setting in the inputs has the same effect.
    for asked in [
        json!({ "node_type_ref": { "node_type_id": GRAPH }, "inputs": { "data": { "name": "{{ nodes.start.who }}" } }, "graph": walked }),
        json!({ "node_type_ref": { "node_type_id": GRAPH }, "inputs": { "data": { "name": "{{ nodes.start.who }}" }, "graph": walked } }),
    ] {
        let graph = json!({ "nodes": [
            { "key": "start", "node_type_ref": { "node_type_id": "runyard.graph.start" }, "children": ["run"] },
            { "key": "run", "node_type_ref": { "node_type_id": RUN }, "inputs": asked, "children": ["end"] },
            { "key": "end", "node_type_ref": { "node_type_id": "runyard.graph.end" },
              "inputs": { "variables": [{ "name": "heard", "value": "{{ nodes.run.outputs.said }}" }] } },
        ] });
        let run = world.start(body(GRAPH, json!({ "graph": graph, "data": { "who": "Ada" } }))).await;
        let run = world.finished(&run.run_id).await;
        assert_eq!(outputs(&run), json!({ "heard": "Ada!" }), "{run:?}");
        let shown = seen(&world, &run.run_id).await;
        assert_eq!(shown.node_runs[2].inputs["inputs"]["data"], json!({ "name": "Ada" }), "it is shown");
    }
}

#[tokio::test]
async fn a_kill_at_any_point_loses_neither_run() {
    let folder = tempfile::tempdir().unwrap();
    let mut served = Served::start(folder.path()).await;
    let sleeps = |seconds: f64| starts("runyard.core.sleep", json!({ "seconds": seconds }));
    let mut all = Vec::new();
    // Killed right after some are started, then while they run, then when they are about to end.
    for (round, pause) in [None, Some(0.15), Some(0.3), None].into_iter().enumerate() {
        for nested in [sleeps(0.3), starts(RUN, sleeps(0.3)), starts("runyard.core.uuid4", json!({}))] {
            let started = served.clients.gateway.start_run(None, &start_body(RUN, nested)).await.unwrap();
            all.push(started.into_inner().run_id);
        }
        if let Some(seconds) = pause {
            let sleep = start_body("runyard.core.sleep", json!({ "seconds": seconds }));
            let pause = served.clients.gateway.start_run(None, &sleep).await.unwrap().into_inner().run_id;
            served.clients.events(&pause, 0).await;
        }
        served.kill();
        served = Served::start(folder.path()).await;
        assert_eq!(served.clients.run(&all[0]).await["run_id"], json!(all[0]), "after round {round}");
    }
    for run_id in &all {
        let events = served.clients.events(run_id, 0).await;
        crate::process::assert_whole(&events);
        assert_eq!(served.clients.run(run_id).await["state"], "succeeded");
        let page = served.clients.native.list_runs(None, None, None, None, None, None, None, None, Some(run_id), None);
        let below = page.await.unwrap().into_inner().runs;
        assert_eq!(below.len(), 1, "no run was started twice");
        assert_eq!(below[0].state, types::RunState::Succeeded);
    }
    let asked = typed(body(RUN, starts(EXTERNAL, json!({}))));
    let run = served.clients.gateway.start_run(None, &asked).await.unwrap().into_inner();
    served.clients.gateway.cancel_run(&run.run_id).await.unwrap();
    served.kill();
    let served = Served::start(folder.path()).await;
    // Whether it had begun or not, none of its steps is active.
    let rest = async {
        loop {
            let page = served.clients.native.list_runs(
                None,
                None,
                None,
                None,
                None,
                None,
                None,
                None,
                Some(&run.run_id),
                None,
            );
            let below = page.await.unwrap().into_inner().runs;
            if below.iter().all(|run| run.state == types::RunState::Canceled) {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    bounded("the run below", rest).await;
    served.kill();
}
