//! Large values through the APIs: stored once, shown in place up to a bound, downloaded, shared, and bounded by name.

use std::path::PathBuf;

use runyard::config::Config;
use runyard_client::runyard::types::RunState as OwnState;
use serde_json::{Value, json};

use crate::harness::{World, refused, typed};

fn text(bytes: usize) -> String {
    "x".repeat(bytes)
}

fn external(input: Value) -> Value {
    json!({ "root_node_type_ref": { "node_type_id": "runyard.composite.external", "version": "1" }, "input": input })
}

/// The placeholder that an answer shows, and the digest in it.
fn digest(placeholder: &Value) -> String {
    placeholder["$runyard.value"]["digest"].as_str().unwrap_or_else(|| panic!("{placeholder}")).to_owned()
}

#[tokio::test]
async fn a_large_value_is_shown_in_place_on_every_api() {
    let world = World::new().await;
    let inputs = json!({ "large": text(300_000), "small": 1 });
    let run = world.start(external(inputs.clone())).await;
    let shown = world.native.get_run(&run.run_id).await.unwrap().into_inner();
    assert_eq!(json!(shown.inputs), inputs);
    assert_eq!(json!(shown.node_runs[0].inputs), inputs);
    assert_eq!(json!(world.node(&run.root_node_run_id).await.inputs), inputs);
    let log = world.native.list_run_events(&run.run_id, None, None).await.unwrap().into_inner();
    assert_eq!(json!(log.events[0])["data"]["start"]["inputs"], inputs);
    let made = json!({ "made": text(200_000) });
    world.complete(&run.root_node_run_id, json!({ "state": "succeeded", "outputs": made })).await.unwrap();
    let ended = world.finished(&run.run_id).await;
    assert_eq!(json!(world.native.get_run(&ended.run_id).await.unwrap().into_inner().outputs), made);
    world.server.stop().await;
}

#[tokio::test]
async fn a_value_that_is_too_large_for_an_answer_is_downloaded() {
    let world = World::with(|config| config.limits.value_shown_bytes = 100_000).await;
    let inputs = json!({ "large": text(300_000), "less": text(80_000), "small": 1 });
    let run = world.start(external(inputs.clone())).await;
    let shown = json!(world.native.get_run(&run.run_id).await.unwrap().into_inner().inputs);
    assert_eq!((&shown["less"], &shown["small"]), (&inputs["less"], &json!(1)));
    let placeholder = &shown["large"]["$runyard.value"];
    assert_eq!(placeholder["bytes"], json!(300_002));
    let digest = digest(&shown["large"]);
    assert_eq!(placeholder["href"], json!(format!("/v1/runs/{}/values/{digest}", run.run_id)));
    let value = world.native.get_run_value(&run.run_id, &digest).await.unwrap().into_inner();
    assert_eq!(value, inputs["large"]);
    // A value can be read through its own run, by its own tenant, and by its digest alone.
    let other = world.start(external(json!({}))).await;
    assert_eq!(refused_value(&world, &other.run_id, &digest).await, (404, "value_not_found".to_owned()));
    assert_eq!(refused_value(&world, &run.run_id, &"0".repeat(64)).await, (404, "value_not_found".to_owned()));
    assert_eq!(refused_value(&world, "unknown", &digest).await, (404, "run_not_found".to_owned()));
    assert_eq!(refused_value(&world, &run.run_id, "0").await, (400, "invalid_request".to_owned()));
    world.server.stop().await;
}

/// Status and code of a refused value.
async fn refused_value(world: &World, run: &str, digest: &str) -> (u16, String) {
    let refusal = refused(world.native.get_run_value(run, digest).await);
    let (status, code) = refusal.short();
    (status, code.to_owned())
}

/// The size of a folder, bytes.
fn on_disk(folder: &PathBuf) -> u64 {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
}

#[tokio::test]
async fn a_list_of_many_items_does_not_copy_the_inputs_that_they_share() {
    let mut folder = PathBuf::new();
    let world = World::with(|config: &mut Config| folder.clone_from(&config.data_dir)).await;
    let inputs = json!({
        "node_type_ref": { "node_type_id": "runyard.core.time.now" },
        "items": vec![json!({}); 100],
        "inputs": {},
    });
    let each =
        |inputs: Value| json!({ "node_type_ref": { "node_type_id": "runyard.composite.each" }, "inputs": inputs });
    // The space of the list itself.
    let bare = world.native.start_run(None, &typed(each(inputs.clone()))).await.unwrap().into_inner();
    world.finished(&bare.run_id).await;
    let before = on_disk(&folder);
    let mut shared = inputs;
    shared["node_type_ref"]["node_type_id"] = json!("runyard.core.hash.sha256");
    shared["inputs"] = json!({ "text": text(300_000) });
    let run = world.native.start_run(None, &typed(each(shared))).await.unwrap().into_inner();
    world.finished(&run.run_id).await;
    let ended = world.native.get_run(&run.run_id).await.unwrap().into_inner();
    assert_eq!((ended.state, ended.node_run_count), (OwnState::Succeeded, Some(101)), "{:?}", ended.error);
    let written = on_disk(&folder) - before.min(on_disk(&folder));
    assert!(written < 10_000_000, "{written} bytes for 100 items that share 300,000");
    world.server.stop().await;
}

#[tokio::test]
async fn a_graph_reads_large_values_in_expressions_scripts_and_copies() {
    let world = World::new().await;
    let node = |slug: &str, node_type: &str, inputs: Value, next: Value| json!({ "key": slug, "node_type_ref": { "node_type_id": node_type }, "inputs": inputs, "children": next });
    let variable = |name: &str, value: &str| json!({ "name": name, "value": value });
    let nodes = json!([
        node("start", "runyard.graph.start", json!({}), json!(["copy"])),
        node("copy", "runyard.core.echo", json!({ "echo": "{{ nodes.start.large }}" }), json!(["measure"])),
        node("measure", "runyard.graph.script", json!({ "script": "return nodes.copy.echo.length" }), json!(["end"])),
        node(
            "end",
            "runyard.graph.end",
            json!({ "variables": [
            variable("length", "{{ nodes.measure.result }}"),
            variable("large", "{{ nodes.copy.echo }}"),
            variable("small", "{{ nodes.start.small }}"),
        ] }),
            json!([])
        ),
    ]);
    let inputs = json!({ "graph": { "nodes": nodes }, "data": { "large": text(300_000), "small": 7 } });
    let body = json!({ "node_type_ref": { "node_type_id": "runyard.composite.graph" }, "inputs": inputs });
    let run = world.native.start_run(None, &typed(body)).await.unwrap().into_inner();
    world.finished(&run.run_id).await;
    let ended = world.native.get_run(&run.run_id).await.unwrap().into_inner();
    assert_eq!(ended.state, OwnState::Succeeded, "{:?}", ended.error);
    assert_eq!(json!(ended.outputs), json!({ "length": 300_000, "large": text(300_000), "small": 7 }));
    world.server.stop().await;
}

#[tokio::test]
async fn a_run_that_writes_more_than_it_may_fails_by_name_and_a_request_is_refused() {
    let world = World::with(|config| config.limits.run_bytes = 1_048_576).await;
    // A run that its caller drives: a value beyond the limit is refused, and the run continues and can be canceled.
    let run = world.start(external(json!({}))).await;
    let child = |letter: &str| {
        json!([{
            "node_type_ref": { "node_type_id": "runyard.composite.external", "version": "1" },
            "inputs": { "large": letter.repeat(600_000) },
        }])
    };
    world.children(&run, child("a")).await.unwrap();
    let refusal = world.children(&run, child("b")).await.unwrap_err();
    assert_eq!(refusal.short(), (409, "run_too_large"));
    world.children(&run, child("a")).await.unwrap();
    let canceled = world.native.cancel_run(&run.run_id, None).await.unwrap().into_inner();
    assert_eq!(canceled.state, OwnState::Canceled);
    // A run that the server drives: it fails, and its active steps are stopped.
    let items: Vec<Value> = (0..8).map(|n| json!({ "echo": n.to_string().repeat(100_000) })).collect();
    let inputs = json!({ "node_type_ref": { "node_type_id": "runyard.core.echo" }, "items": items });
    let body = json!({ "node_type_ref": { "node_type_id": "runyard.composite.each" }, "inputs": inputs });
    let run = world.native.start_run(None, &typed(body)).await.unwrap().into_inner();
    world.finished(&run.run_id).await;
    let ended = world.native.get_run(&run.run_id).await.unwrap().into_inner();
    assert_eq!(ended.state, OwnState::Failed);
    assert_eq!(ended.error.unwrap().code, "run_too_large");
    assert!(ended.node_runs.iter().all(|node| node.ended_at.is_some()), "nothing goes on");
    world.server.stop().await;
}
