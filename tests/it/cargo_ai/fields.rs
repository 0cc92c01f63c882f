//! Every field and parameter of the vendor's page on starting a run, with the run that fills it or the rule that leaves
//! it out.

use http::Method;
use runyard_api::cargo::types::Node;
use serde_json::{Value, json};

use super::batches::calling;
use super::{AT, ask, begun, deployed, drawn, end, finished, get, native, post, start, uuid, walked};
use crate::harness::{World, eventually, typed};

/// The expectation for a field.
enum Field {
    /// Filled by the runs below, with this type.
    Filled(&'static str),
    /// Never present, and why.
    Never(&'static str),
}
use Field::{Filled, Never};

/// Response fields: the place and the expectation.
const ANSWER: [(&str, Field); 57] = [
    ("run", Filled("object")),
    ("run.uuid", Filled("string")),
    ("run.workspaceUuid", Filled("string")),
    ("run.workflowUuid", Filled("string")),
    ("run.releaseUuid", Filled("string")),
    ("run.nodes", Filled("array")),
    ("run.nodes[].uuid", Filled("string")),
    ("run.nodes[].slug", Filled("string")),
    ("run.nodes[].config", Filled("object")),
    ("run.nodes[].childrenUuids", Filled("array")),
    ("run.nodes[].fallbackOnFailure", Filled("boolean")),
    ("run.nodes[].position", Filled("object")),
    ("run.nodes[].position.x", Filled("number")),
    ("run.nodes[].position.y", Filled("number")),
    ("run.nodes[].kind", Filled("string")),
    ("run.nodes[].actionSlug", Filled("string")),
    ("run.nodes[].name", Filled("string")),
    ("run.nodes[].description", Filled("string")),
    ("run.nodes[].retry", Filled("object")),
    ("run.nodes[].retry.maximumAttempts", Filled("number")),
    ("run.nodes[].retry.initialInterval", Filled("number")),
    ("run.nodes[].retry.backoffCoefficient", Filled("number")),
    ("run.nodes[].fallbackChildUuid", Filled("string")),
    ("run.batchUuid", Filled("string")),
    ("run.temporalWorkflowId", Filled("string")),
    ("run.recordId", Filled("string")),
    ("run.recordTitle", Filled("string")),
    ("run.contextS3Filename", Filled("string")),
    ("run.computedConfigsS3Filename", Filled("string")),
    ("run.parentUuid", Filled("string")),
    ("run.parentNodeUuid", Filled("string")),
    ("run.parentBatchUuid", Never("a run that starts others does not know its batch")),
    ("run.parentAgentUuid", Never("an agent is a goal for the planner, and what that does is part of its own run")),
    ("run.parentChatUuid", Never("there are no chats")),
    ("run.parentMessageUuid", Never("there are no chats")),
    ("run.isGroupParent", Filled("boolean")),
    ("run.status", Filled("string")),
    ("run.errorMessage", Filled("string")),
    ("run.executions", Filled("array")),
    ("run.executions[].nodeUuid", Filled("string")),
    ("run.executions[].nodeSlug", Filled("string")),
    ("run.executions[].nodeBatchUuid", Never("a group's items are no batch")),
    ("run.executions[].nodeRunUuid", Filled("string")),
    ("run.executions[].nodeMessageUuid", Never("there are no chats")),
    ("run.executions[].nodeChildIndex", Filled("number")),
    ("run.executions[].nextNodeUuid", Filled("string")),
    ("run.executions[].status", Filled("string")),
    ("run.executions[].errorMessage", Filled("string")),
    ("run.executions[].title", Filled("string")),
    ("run.executions[].iconUrl", Never("nodes have no pictures here")),
    ("run.executions[].creditsUsedCount", Filled("number")),
    ("run.executions[].nodeKind", Filled("string")),
    ("run.executions[].nodeActionSlug", Filled("string")),
    ("run.createdAt", Filled("string")),
    ("run.updatedAt", Filled("string")),
    ("run.finishedAt", Filled("string")),
    ("run.deletedAt", Never("nothing is deleted")),
];

/// Returns every value at a place of the page.
fn at<'a>(answer: &'a Value, path: &str) -> Vec<&'a Value> {
    path.split('.').fold(vec![answer], |values, part| {
        let (name, list) = part.strip_suffix("[]").map_or((part, false), |name| (name, true));
        let found = values.into_iter().filter_map(|value| value.get(name));
        if list { found.flat_map(|value| value.as_array().unwrap()).collect() } else { found.collect() }
    })
}

fn fits(value: &Value, kind: &str) -> bool {
    match kind {
        "string" => value.is_string(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        "boolean" => value.is_boolean(),
        "number" => value.is_number(),
        other => panic!("{other}"),
    }
}

/// A failing node with every field that a node can have.
fn adorned() -> Value {
    let mut node = native("script", "odd", json!({ "script": "throw new Error('no')" }), &["end"]);
    let more = json!({
        "name": "Odd", "description": "It fails.", "fallbackOnFailure": false, "fallbackChildUuid": uuid("end"),
        "retry": { "maximumAttempts": 1, "initialInterval": 1, "backoffCoefficient": 2 }
    });
    node.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!([start("odd"), node, end("end", json!(1))])
}

/// A run of a batch, a run that calls a tool, and the run of the tool.
async fn linked(world: &World, workflow: &str) -> (Value, Value, Value) {
    let records = json!({ "kind": "records", "records": [{ "id": "one", "name": "Ada" }] });
    let batch = post(world, "/batches", json!({ "workflowUuid": workflow, "data": records })).await.1["batch"].clone();
    let of_batch = eventually("the run of a batch", async || {
        let (_, listed) = post(world, "/runs/list", json!({ "batchUuid": batch["uuid"] })).await;
        listed["runs"].get(0).cloned()
    })
    .await;
    let of_batch = finished(world, &of_batch).await;
    let tool = get(world, "/tools/list").await.1["tools"][0]["uuid"].clone();
    let call = calling("tool", "call", "toolUuid", &tool, json!({ "name": "Ada" }));
    let above = walked(world, json!([start("call"), call, end("end", json!(1))]), json!("x")).await;
    let called = above["run"]["executions"][1]["nodeRunUuid"].as_str().unwrap();
    let below = get(world, &format!("/runs/{called}")).await.1;
    (of_batch, above, below)
}

#[tokio::test]
async fn every_field_of_the_page_is_filled_by_some_run_or_left_out_by_a_rule() {
    let world = World::new().await;
    let workflow = deployed(&world, drawn()).await;
    let run = begun(&world, json!({ "workflowUuid": workflow, "data": { "name": "Ada" } })).await;
    let released = finished(&world, &run).await;
    let own = walked(&world, adorned(), json!("x")).await;
    // The generated client reads the same.
    let read = world.cargo.get_run(run["uuid"].as_str().unwrap()).await.unwrap().into_inner();
    assert_eq!(json!(read), released);
    let (of_batch, above, below) = linked(&world, &workflow).await;
    let answers = [&released, &own, &of_batch, &above, &below];
    for (path, field) in ANSWER {
        let values: Vec<&Value> = answers.iter().flat_map(|answer| at(answer, path)).collect();
        match field {
            Filled(kind) => {
                assert!(!values.is_empty(), "{path} is nowhere");
                assert!(values.iter().all(|value| fits(value, kind)), "{path} is no {kind}: {values:?}");
            }
            Never(rule) => assert!(values.is_empty(), "{path} though {rule}: {values:?}"),
        }
    }
    // The rules that leave a field out of a run.
    for (path, answer, rule) in [
        ("run.nodes", &released, "its release has them"),
        ("run.releaseUuid", &own, "it brought its nodes"),
        ("run.errorMessage", &released, "nothing went wrong"),
        ("run.finishedAt", &json!({ "run": run }), "it had only begun"),
        ("run.batchUuid", &own, "it is part of no batch"),
        ("run.recordId", &below, "it is about no record"),
        ("run.parentUuid", &of_batch, "what carries a batch is no run"),
        ("run.parentUuid", &above, "nothing started it"),
    ] {
        assert!(at(answer, path).is_empty(), "{path} though {rule}");
    }
    assert_eq!(own["run"]["nodes"], json!(typed::<Vec<Node>>(adorned())), "as they were given");
    assert!(at(&released, "run.executions[].creditsUsedCount").iter().all(|credits| credits.as_f64() == Some(0.0)));
    let id = own["run"]["temporalWorkflowId"].as_str().unwrap();
    assert_eq!(id.trim_start_matches("run_"), own["run"]["uuid"].as_str().unwrap().replace('-', ""));
}

#[tokio::test]
async fn the_curl_of_the_page_works_against_a_deployed_workflow() {
    let world = World::new().await;
    let workflow = deployed(&world, drawn()).await;
    // Every parameter of the body, as the page writes it.
    let deployed =
        ask(&world, Method::GET, &format!("{AT}/releases/deployed?workflowUuid={workflow}"), None).await.json();
    let body = json!({ "workflowUuid": workflow, "data": "<unknown>", "releaseUuid": deployed["release"]["uuid"] });
    let path = format!("{AT}/runs");
    let request = world.request("cargo", Method::POST, &path).header("Content-Type", "application/json");
    let answer = world.send("cargo", request.body(body.to_string())).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let run = answer.json()["run"].clone();
    assert_eq!((&run["workflowUuid"], &run["releaseUuid"]), (&json!(workflow), &deployed["release"]["uuid"]));
    let ended = finished(&world, &run).await;
    assert_eq!(
        (&ended["run"]["status"], &ended["runContext"]["start"]),
        (&json!("success"), &json!({ "value": "<unknown>" }))
    );
}

#[tokio::test]
async fn a_request_may_be_repeated_under_its_key() {
    let world = World::new().await;
    let workflow = deployed(&world, drawn()).await;
    let send = async |data: &str| {
        let body = json!({ "workflowUuid": workflow, "data": data }).to_string();
        let request = world.request("cargo", Method::POST, &format!("{AT}/runs")).header("idempotency-key", "k");
        world.send("cargo", request.header("content-type", "application/json").body(body)).await
    };
    let (first, second) = (send("a").await, send("a").await);
    assert_eq!((first.header("idempotent-replayed"), second.header("idempotent-replayed")), (None, Some("true")));
    assert_eq!(first.json()["run"]["uuid"], second.json()["run"]["uuid"]);
    assert_eq!(send("b").await.refusal(), (409, "idempotency_conflict".to_owned()));
    assert_eq!(post(&world, "/runs/count", json!({ "workflowUuid": workflow })).await.1["count"], 1);
}
