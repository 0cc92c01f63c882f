//! Cargo: what its clients rely on, beyond what its document says.

mod batches;
mod commands;
mod fields;
mod lists;
mod own_nodes;
pub mod promises;
mod releases;
mod tenants;
mod titles;
mod validation;
mod whole;

use http::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Clients, World, eventually};

const CARGO: &str = "cargo";
pub const AT: &str = "/v1/orchestration";

/// A request with a body, or with an empty one.
pub async fn ask(clients: &Clients, method: Method, path: &str, body: Option<Value>) -> Answer {
    let request = clients.request(CARGO, method, path);
    let request = match body {
        Some(body) => request.header("content-type", "application/json").body(body.to_string()),
        None => request,
    };
    clients.send(CARGO, request).await
}

/// Posts below the orchestration; status and answer.
pub async fn post(clients: &Clients, path: &str, body: Value) -> (u16, Value) {
    let answer = ask(clients, Method::POST, &format!("{AT}{path}"), Some(body)).await;
    (answer.status, if answer.body.is_empty() { Value::Null } else { answer.json() })
}

pub async fn get(clients: &Clients, path: &str) -> (u16, Value) {
    let answer = ask(clients, Method::GET, &format!("{AT}{path}"), None).await;
    (answer.status, answer.json())
}

/// The identifier of a node with this slug.
pub fn uuid(slug: &str) -> String {
    let digits: String = slug.bytes().map(|byte| format!("{byte:02x}")).collect();
    format!("00000000-0000-4000-8000-{:0>12.12}", digits)
}

/// A native node.
pub fn native(action: &str, slug: &str, config: Value, children: &[&str]) -> Value {
    let children: Vec<Value> =
        children.iter().map(|child| if child.is_empty() { Value::Null } else { json!(uuid(child)) }).collect();
    json!({
        "uuid": uuid(slug), "slug": slug, "kind": "native", "actionSlug": action, "config": config, "childrenUuids": children,
        "fallbackOnFailure": false, "position": { "x": 0, "y": 0 }
    })
}

pub fn start(child: &str) -> Value {
    native("start", "start", json!({}), &[child])
}

/// An end node with one message.
pub fn end(slug: &str, value: Value) -> Value {
    native("end", slug, json!({ "variables": [{ "name": "answer", "type": "string", "value": value }] }), &[])
}

/// A node with one message and an outgoing edge.
pub fn says(slug: &str, value: Value, child: &str) -> Value {
    native("variables", slug, json!({ "variables": [{ "name": "said", "type": "string", "value": value }] }), &[child])
}

/// The smallest workflow that has an action.
pub fn drawn() -> Value {
    json!([start("say"), says("say", json!("hello"), "end"), end("end", json!(42))])
}

/// Deploys a tool with this workflow, and returns the workflow.
pub async fn deployed(clients: &Clients, nodes: Value) -> String {
    let (_, tool) = post(clients, "/tools", json!({ "name": "tool" })).await;
    let workflow = tool["tool"]["workflowUuid"].as_str().unwrap().to_owned();
    let draft = json!({ "workflowUuid": workflow, "nodes": nodes, "formFields": [] });
    assert_eq!(post(clients, "/releases/draft/update", draft).await.0, 200);
    let (status, release) = post(clients, "/releases/draft/deploy", json!({ "workflowUuid": workflow })).await;
    assert_eq!(status, 200, "{release}");
    workflow
}

/// Starts a run and returns it.
pub async fn begun(clients: &Clients, body: Value) -> Value {
    let (status, answer) = post(clients, "/runs", body).await;
    assert_eq!(status, 200, "{answer}");
    answer["run"].clone()
}

/// A run with its context, once it has ended.
pub async fn finished(clients: &Clients, run: &Value) -> Value {
    let path = format!("/runs/{}", run["uuid"].as_str().unwrap());
    eventually("the end of a run", async || {
        let (_, answer) = get(clients, &path).await;
        let over = ["success", "error", "cancelled"].iter().any(|word| answer["run"]["status"] == *word);
        over.then_some(answer)
    })
    .await
}

/// A run of these nodes, once it has ended.
pub async fn walked(clients: &Clients, nodes: Value, data: Value) -> Value {
    let run = begun(clients, json!({ "nodes": nodes, "data": data })).await;
    finished(clients, &run).await
}

/// The executions of a run: slug, status, and the slug of the next.
pub fn way(answer: &Value) -> Vec<(String, String)> {
    let executions = answer["run"]["executions"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    executions.iter().map(|one| (text(&one["nodeSlug"]), text(&one["status"]))).collect()
}

fn slugs(answer: &Value) -> Vec<String> {
    way(answer).into_iter().map(|one| one.0).collect()
}

#[tokio::test]
async fn a_deployed_workflow_is_run_and_shows_every_node() {
    let world = World::new().await;
    let workflow = deployed(&world, drawn()).await;
    let run = begun(&world, json!({ "workflowUuid": workflow, "data": { "name": "Ada" } })).await;
    assert_eq!((&run["workflowUuid"], &run["workspaceUuid"]), (&json!(workflow), &json!("default")));
    let answer = finished(&world, &run).await;
    assert_eq!(answer["run"]["status"], "success", "{answer}");
    assert_eq!(
        answer["runContext"],
        json!({ "start": { "name": "Ada" }, "say": { "said": "hello" }, "end": { "answer": 42 } })
    );
    assert_eq!(answer["runComputedConfigs"]["end"]["variables"][0]["value"], 42);
    let executions = &answer["run"]["executions"];
    assert_eq!(slugs(&answer), ["start", "say", "end"]);
    // The graph is stored once, with its execution, and not also among the inputs.
    let shown = world.native.get_run(run["uuid"].as_str().unwrap()).await.unwrap().into_inner();
    assert_eq!(shown.inputs, json!({ "data": { "name": "Ada" } }).as_object().cloned().unwrap());
    for (index, next) in [(0, "say"), (1, "end")] {
        assert_eq!(executions[index]["nextNodeUuid"], uuid(next));
        assert_eq!(executions[index]["nodeChildIndex"], 0);
    }
    assert_eq!((executions[2].get("nextNodeUuid"), executions[2].get("nodeChildIndex")), (None, None));
    let (_, listed) = post(&world, "/runs/list", json!({ "workflowUuid": workflow })).await;
    assert_eq!((&listed["count"], &listed["runs"][0]), (&json!(1), &answer["run"]));
}

#[tokio::test]
async fn data_may_be_anything_and_nothing() {
    let world = World::new().await;
    for (data, context) in [
        (json!(null), json!({})),
        (json!("<unknown>"), json!({ "value": "<unknown>" })),
        (json!([1, 2]), json!({ "value": [1, 2] })),
        (json!({ "a": null }), json!({ "a": null })),
    ] {
        let answer = walked(&world, drawn(), data.clone()).await;
        assert_eq!((&answer["run"]["status"], &answer["runContext"]["start"]), (&json!("success"), &context), "{data}");
    }
    let (status, refusal) = post(&world, "/runs", json!({ "nodes": drawn() })).await;
    assert_eq!((status, &refusal["reason"]), (400, &json!("invalidRequest")), "{refusal}");
    assert!(refusal["errorMessage"].as_str().unwrap().contains("data"), "{refusal}");
}

#[tokio::test]
async fn branches_filters_switches_and_splits_say_which_way_was_taken() {
    let world = World::new().await;
    let ends = || [end("a", json!("a")), end("b", json!("b"))];
    let walk = async |node: Value| {
        let [a, b] = ends();
        let answer = walked(&world, json!([start("choose"), node, a, b]), json!(null)).await;
        let chosen = answer["run"]["executions"][1].clone();
        (answer["run"]["status"].clone(), slugs(&answer)[2..].to_vec(), chosen.get("nodeChildIndex").cloned())
    };
    let routes = |values: [bool; 2]| json!({ "routes": values.map(|value| json!({ "name": "r", "value": value })) });
    let success = || json!("success");
    for (action, config, taken, index) in [
        ("branch", json!({ "condition": true }), "a", 0),
        ("branch", json!({ "condition": "" }), "b", 1),
        ("switch", routes([false, true]), "b", 1),
        ("switch", routes([true, true]), "a", 0),
        ("split", json!({ "percentage": 100 }), "a", 0),
        ("split", json!({ "percentage": 0 }), "b", 1),
    ] {
        let found = walk(native(action, "choose", config.clone(), &["a", "b"])).await;
        assert_eq!(found, (success(), vec![taken.to_owned()], Some(json!(index))), "{action} {config}");
    }
    // No route is true: the run ends without an error.
    let found = walk(native("switch", "choose", routes([false, false]), &["a", "b"])).await;
    assert_eq!(found, (success(), vec![], None));
    let filter = |value: bool| {
        json!([start("f"), native("filter", "f", json!({ "filter": value }), &["end"]), end("end", json!(1))])
    };
    let stopped = walked(&world, filter(false), json!(null)).await;
    assert_eq!((&stopped["run"]["status"], slugs(&stopped).len()), (&json!("success"), 2));
    assert_eq!(slugs(&walked(&world, filter(true), json!(null)).await).len(), 3);
}

#[tokio::test]
async fn a_group_puts_out_what_came_of_each_item() {
    let world = World::new().await;
    let within = json!([start("end"), end("end", json!("done"))]);
    let config = json!({ "items": [{ "n": 1 }, 2, null], "_nodes": within, "failOnItemFailure": true });
    let nodes = json!([start("each"), native("group", "each", config, &["end"]), end("end", json!(1))]);
    let answer = walked(&world, nodes, json!(null)).await;
    assert_eq!((&answer["run"]["status"], &answer["run"]["isGroupParent"]), (&json!("success"), &json!(true)));
    assert_eq!(answer["runContext"]["each"], json!([{ "answer": "done" }, { "answer": "done" }, { "answer": "done" }]));
    assert_eq!(slugs(&answer), ["start", "each", "end"]);
}

#[tokio::test]
async fn one_action_is_a_run_of_its_own() {
    let world = World::new().await;
    let config = json!({ "variables": [{ "name": "said", "value": "hello" }] });
    let action =
        json!({ "action": { "kind": "native", "actionSlug": "variables", "config": config }, "data": { "a": 1 } });
    let (status, answer) = post(&world, "/actions/execute", action).await;
    assert_eq!(status, 200, "{answer}");
    let answer = finished(&world, &answer["run"]).await;
    assert_eq!(
        (&answer["run"]["status"], &answer["runContext"]["action"]),
        (&json!("success"), &json!({ "said": "hello" }))
    );
    assert_eq!(slugs(&answer), ["start", "action", "end"]);
    let unknown = json!({ "action": { "kind": "connector", "integrationSlug": "crm", "actionSlug": "find" } });
    let (status, refusal) = post(&world, "/actions/execute", unknown).await;
    assert_eq!((status, &refusal["reason"]), (400, &json!("invalidReleaseOrCustomNodes")));
    assert!(refusal["errorMessage"].as_str().unwrap().contains("connectorNotFound"), "{refusal}");
}

#[tokio::test]
async fn runs_of_other_apis_are_read_by_id_and_not_listed() {
    let world = World::new().await;
    let other = world.run("runyard.core.echo", json!({ "echo": "x" })).await;
    let other = world.finished(&other.run_id).await;
    let (status, answer) = get(&world, &format!("/runs/{}", other.run_id)).await;
    assert_eq!((status, &answer["run"]["status"]), (200, &json!("success")));
    assert_eq!(answer["runContext"], json!({ "root": { "echo": "x" } }));
    assert_eq!(answer["run"]["temporalWorkflowId"], json!(other.run_id));
    assert_eq!(get(&world, &format!("/runs/{}", answer["run"]["uuid"].as_str().unwrap())).await.1, answer);
    assert_eq!(post(&world, "/runs/count", json!({})).await.1["count"], 0);
    let own = walked(&world, drawn(), json!(null)).await;
    let seen = world.gateway.get_run(own["run"]["temporalWorkflowId"].as_str().unwrap()).await.unwrap().into_inner();
    assert_eq!(seen.extensions.unwrap().0["runyard.outputs"], json!({ "answer": 42 }));
}
