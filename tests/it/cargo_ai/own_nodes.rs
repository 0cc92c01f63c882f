//! Nodes in the request that starts a run: shown as they were sent, and stored once.

use std::path::PathBuf;

use runyard::config::Config;
use runyard::store::sqlite::{Options, Sqlite};
use runyard::store::{Filter, Store};
use serde_json::{Value, json};

use super::{begun, end, finished, get, native, says, start};
use crate::harness::World;

/// A row of nodes with long texts, a group, and a configuration with more than its action reads.
fn nodes() -> Value {
    let name = |place: usize| format!("n{place}");
    let within = json!([start("in"), says("in", json!("x".repeat(1_000)), "out"), end("out", json!(1))]);
    let mut more = says(&name(8), json!("more"), "each");
    more["config"]["note"] = json!("for people");
    let mut nodes = vec![start(&name(0))];
    nodes.extend((0..8).map(|place| says(&name(place), json!("y".repeat(3_000)), &name(place + 1))));
    nodes.extend([
        more,
        native("group", "each", json!({ "items": [], "_nodes": within }), &["end"]),
        end("end", json!(2)),
    ]);
    for node in &mut nodes {
        // The document writes numbers like this.
        node["position"] = json!({ "x": 0.0, "y": 0.0 });
    }
    Value::Array(nodes)
}

#[tokio::test]
async fn nodes_that_come_with_a_run_are_shown_as_they_were_sent_and_stored_once() {
    let mut folder = PathBuf::new();
    let world = World::with(|config: &mut Config| folder.clone_from(&config.data_dir)).await;
    let sent = nodes();
    let run = begun(&world, json!({ "nodes": sent, "data": null })).await;
    assert_eq!(run["nodes"], sent);
    let ended = finished(&world, &run).await;
    assert_eq!((&ended["run"]["status"], &ended["run"]["nodes"]), (&json!("success"), &sent));
    let (_, again) = get(&world, &format!("/runs/{}", run["uuid"].as_str().unwrap())).await;
    assert_eq!(again["run"]["nodes"].to_string(), run["nodes"].to_string());
    world.server.stop().await;

    let store = Sqlite::open(&folder, Options::default()).unwrap();
    let row = store.list("default", &Filter::default(), None, 1).await.unwrap().remove(0);
    let first = store.log("default", row.run, 0, 1).await.unwrap().remove(0);
    let (stored, sent) = (json!(first.event).to_string().len(), sent.to_string().len());
    assert!(stored < sent * 3 / 2, "{stored} bytes are stored of {sent}");
}
