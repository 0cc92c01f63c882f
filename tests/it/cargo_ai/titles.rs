//! Titles of this API's runs in the lists of every API.

use serde_json::{Value, json};

use super::batches::calling;
use super::{begun, drawn, end, finished, get, native, post, start};
use crate::harness::{World, eventually};

/// Deploys a tool with this name and workflow, and returns the tool.
async fn tool(world: &World, name: &str, nodes: Value) -> Value {
    let (_, made) = post(world, "/tools", json!({ "name": name })).await;
    let workflow = made["tool"]["workflowUuid"].clone();
    post(world, "/releases/draft/update", json!({ "workflowUuid": workflow, "nodes": nodes, "formFields": [] })).await;
    let (status, answer) = post(world, "/releases/draft/deploy", json!({ "workflowUuid": workflow })).await;
    assert_eq!(status, 200, "{answer}");
    made["tool"].clone()
}

/// The title of a run in the Runyard API.
async fn title(world: &World, run: &Value) -> String {
    let run = world.get("runyard", &format!("/v1/runs/{}", run["uuid"].as_str().unwrap())).await.json();
    run["title"].as_str().unwrap_or_else(|| panic!("no title: {run}")).to_owned()
}

#[tokio::test]
async fn a_run_has_the_title_of_its_record_or_the_name_of_its_workflow_or_action() {
    let world = World::new().await;
    let tool = tool(&world, "Enrich a company", drawn()).await;
    let of = |data: Value| json!({ "workflowUuid": tool["workflowUuid"], "data": data });
    for (body, expected) in [
        (of(json!("Analytical Engines")), "Analytical Engines"),
        (of(json!({ "name": "Ada" })), "{\"name\":\"Ada\"}"),
        (of(json!(null)), "Enrich a company"),
        (json!({ "nodes": drawn(), "data": null }), "runyard.composite.graph"),
    ] {
        let run = begun(&world, body.clone()).await;
        assert_eq!(title(&world, &run).await, expected, "{body}");
    }
    let script = json!({ "kind": "native", "actionSlug": "script", "config": { "script": "return 1" } });
    let (status, answer) = post(&world, "/actions/execute", json!({ "action": script })).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(title(&world, &answer["run"]).await, "script");
}

#[tokio::test]
async fn a_run_of_a_tool_node_has_the_name_of_the_tool_even_if_it_looks_like_an_expression() {
    let world = World::new().await;
    for name in ["Enrich a company", "{{ 1 + 1 }} \"quoted\""] {
        let tool = tool(&world, name, drawn()).await;
        let call = calling("tool", "call", "toolUuid", &tool["uuid"], json!({}));
        let run = begun(&world, json!({ "nodes": [start("call"), call, end("end", json!(1))], "data": null })).await;
        let above = finished(&world, &run).await;
        assert_eq!(above["run"]["status"], "success", "{above}");
        let below = json!({ "uuid": above["run"]["executions"][1]["nodeRunUuid"] });
        assert_eq!(title(&world, &below).await, name);
    }
}

#[tokio::test]
async fn a_batch_has_the_name_of_its_workflow_and_each_of_its_runs_the_title_of_its_record() {
    let world = World::new().await;
    let tool = tool(&world, "Enrich a company", json!([start("end"), native("end", "end", json!({}), &[])])).await;
    let data = json!({ "kind": "records", "records": [{ "name": "Ada" }, { "name": "Cleo" }] });
    let unsaved = json!({ "nodes": drawn(), "data": data });
    let saved = json!({ "workflowUuid": tool["workflowUuid"], "data": data });
    for (body, expected) in [(saved, "Enrich a company"), (unsaved, "batch of 2 records")] {
        let (status, answer) = post(&world, "/batches", body).await;
        assert_eq!(status, 200, "{answer}");
        let batch = answer["batch"]["uuid"].as_str().unwrap();
        eventually("the end of a batch", async || {
            get(&world, &format!("/batches/{batch}")).await.1["batch"].get("finishedAt").is_some().then_some(())
        })
        .await;
        let (_, listed) = post(&world, "/runs/list", json!({ "batchUuid": batch })).await;
        let mut titles = Vec::new();
        for run in listed["runs"].as_array().unwrap() {
            titles.push(title(&world, run).await);
        }
        titles.sort();
        assert_eq!(titles, ["{\"name\":\"Ada\"}", "{\"name\":\"Cleo\"}"]);
        let carrier = answer["batch"]["temporalWorkflowId"].as_str().unwrap();
        let carrier = world.get("runyard", &format!("/v1/runs/{carrier}")).await.json();
        assert_eq!(carrier["title"], expected);
    }
}
