//! First light.

use futures::StreamExt;
use serde_json::{Value, json};

use crate::harness::World;

#[tokio::test]
async fn a_planned_run_ends_with_its_uuid() {
    let world = World::new().await;
    let body = serde_json::from_value(json!({
        "root_node_type_ref": {"node_type_id": "jarvis.composite.planner.general", "version": "0.3.3"},
        "input": {"goal": "Generate a UUID, then return it."}
    }))
    .unwrap();
    let run = world.gateway.start_run(None, &body).await.unwrap().into_inner();
    let mut events = world.gateway.stream_run_events(&run.run_id, None, None).await.unwrap().into_inner_stream();
    let mut text = String::new();
    while let Some(chunk) = events.next().await {
        text.push_str(std::str::from_utf8(&chunk.unwrap()).unwrap());
    }
    println!("{text}");
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.last().unwrap()["type"], "run_completed");
    let run = world.gateway.get_run(&run.run_id).await.unwrap().into_inner();
    println!("{}", serde_json::to_string_pretty(&run).unwrap());
    let root = world.coordinator.get_node_run(&run.root_node_run_id).await.unwrap().into_inner();
    println!("{}", serde_json::to_string_pretty(&root).unwrap());
    let seen = world.native.get_run(&run.run_id).await.unwrap().into_inner();
    println!("{}", serde_json::to_string_pretty(&seen).unwrap());
    world.server.stop().await;
}
