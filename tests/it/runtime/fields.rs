//! Every field of a request takes effect or is refused by name, and every field of an answer is present when it should
//! be. The test reads the fields from the document, so that a new field without an expectation fails.

use std::collections::BTreeSet;

use runyard_api::arp::runtime::DOCUMENT;
use serde_json::{Value, json};

use super::{GOAL, SLEEP, create, failure, goal, outcome, result, with};
use crate::harness::World;

const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

/// Pointers to the fields of a schema of the document. Objects of its own are expanded; free-form and shared ones count
/// as one field.
fn fields(schema: &str) -> BTreeSet<String> {
    let full: Value = serde_json::from_str(DOCUMENT.full_json).unwrap();
    let mut found = BTreeSet::new();
    open(&full, &full["components"]["schemas"][schema], "", &mut found);
    found
}

fn open(full: &Value, schema: &Value, at: &str, found: &mut BTreeSet<String>) {
    for (name, field) in schema["properties"].as_object().unwrap() {
        let at = format!("{at}/{name}");
        let inner = match field["$ref"].as_str() {
            Some(reference) => full.pointer(&reference[1..]).unwrap(),
            None => field,
        };
        let shared =
            ["Metadata", "Extensions", "Error"].iter().any(|shared| inner == &full["components"]["schemas"][*shared]);
        match inner.get("properties") {
            Some(_) if !shared => open(full, inner, &at, found),
            _ => _ = found.insert(at),
        }
    }
}

/// The fields that a request is refused for, each with its reason.
async fn refusals(world: &World, body: Value) -> Vec<(String, String)> {
    let answer = world.post("runtime", "/v1/runs", body.to_string()).await;
    assert_eq!(answer.refusal(), (400, "invalid_request".to_owned()), "{body}: {}", answer.text());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let errors = answer.json()["error"]["details"]["errors"].as_array().unwrap().clone();
    assert!(errors.iter().all(|error| error["place"] == "body" && !text(&error["reason"]).is_empty()), "{errors:?}");
    errors.iter().map(|error| (text(&error["field"]), text(&error["reason"]))).collect()
}

/// A request in which only this field has another value is refused for this field alone.
async fn refused_by_name(world: &World, field: &str, value: Value) {
    let (object, name) = field[1..].split_once('/').unwrap();
    let found = refusals(world, with(goal(GOAL), object, json!({name: value}))).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, field);
}

async fn succeeds(world: &World, body: Value) -> String {
    let result = outcome(world, body.clone()).await;
    assert!(result.ok, "{body}: {result:?}");
    result.output.unwrap()["final_text"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn every_field_of_a_request_takes_effect_or_is_refused_by_its_name() {
    let world = &World::new().await;
    for field in fields("RunRequest") {
        match &*field {
            "/run_id" => {
                assert_eq!(create(world, with(goal(GOAL), "run_id", json!("mine"))).await.run_id, "mine");
                assert!(result(world, "mine").await.ok);
                for unfit in ["", "a b", "../x"] {
                    let found = refusals(world, with(goal(GOAL), "run_id", json!(unfit))).await;
                    assert_eq!(found[0].0, "/run_id", "{unfit:?}");
                }
            }
            "/input/goal" => {
                assert_eq!(succeeds(world, goal("Say 'hello'.")).await, "hello");
                assert_eq!(failure(world, goal("  ")).await, "goal_missing");
                assert_eq!(failure(world, goal("Paint the fence")).await, "clause_unmapped");
            }
            "/input/context" | "/input/data" => {
                let name = field.rsplit('/').next().unwrap();
                let mut body = goal("Hash the order number and return it.");
                body["input"][name] = json!({"order_number": "abc", "unused": {"deep": [1, null]}});
                assert_eq!(succeeds(world, body.clone()).await, ABC);
                let other = if name == "data" { "context" } else { "data" };
                body["input"][other] = json!({"order_number": "abc", "more": 1});
                assert_eq!(succeeds(world, body.clone()).await, ABC, "both say the same");
                body["input"][other] = json!({"order_number": "abd"});
                let found = refusals(world, body).await;
                assert_eq!(found[0].0, "/input/data");
                assert!(found[0].1.contains("`order_number`"), "{found:?}");
            }
            "/runtime_selector/runtime_name"
            | "/runtime_selector/runtime_profile"
            | "/runtime_selector/instance_id"
            | "/runtime_selector/runtime_api_endpoint" => {
                let name = field.rsplit('/').next().unwrap();
                let hint = json!({name: "http://127.0.0.1:8083"});
                let run = create(world, with(goal(GOAL), "runtime_selector", hint.clone())).await;
                assert_eq!(run.extensions.unwrap().0["runyard.runtime_selector"], hint, "a hint, given back");
                assert!(result(world, &run.run_id).await.ok);
            }
            "/tool_policy/allow_tool_ids" => {
                let only = |ids: Value| with(goal(GOAL), "tool_policy", json!({"allow_tool_ids": ids}));
                succeeds(world, only(json!(["runyard.core.uuid4", "not.here"]))).await;
                succeeds(world, only(json!(["jarvis.core.uuid4"]))).await;
                assert_eq!(failure(world, only(json!(["runyard.core.echo"]))).await, "clause_unmapped");
                assert_eq!(failure(world, only(json!([]))).await, "clause_unmapped");
            }
            "/tool_policy/deny_tool_ids" => {
                let never = |ids: Value| with(goal(GOAL), "tool_policy", json!({"deny_tool_ids": ids}));
                succeeds(world, never(json!(["runyard.core.echo", "not.here"]))).await;
                succeeds(world, never(json!([]))).await;
                assert_eq!(failure(world, never(json!(["jarvis.core.uuid4"]))).await, "clause_unmapped");
                refused_by_name(world, &field, json!(["jarvis.composite.planner.general"])).await;
            }
            "/limits/timeout_ms" => {
                let within = |ms: u64| with(goal(SLEEP), "limits", json!({"timeout_ms": ms}));
                assert_eq!(failure(world, within(50)).await, "timed_out");
                assert_eq!(failure(world, within(0)).await, "timed_out");
                succeeds(world, with(goal(GOAL), "limits", json!({"timeout_ms": u64::MAX}))).await;
            }
            "/limits/max_steps" => {
                let two = "Generate a UUID, then hash it with SHA-256.";
                let limited = |steps: u64| with(goal(two), "limits", json!({"max_steps": steps}));
                assert_eq!(failure(world, limited(1)).await, "constraint_violation");
                succeeds(world, limited(2)).await;
            }
            "/limits/max_tokens" => refused_by_name(world, &field, json!(1000)).await,
            "/metadata" => {
                let metadata = json!({"labels": {"team": "a"}, "annotations": {"why": "b"}});
                let run = create(world, with(goal(GOAL), "metadata", metadata.clone())).await;
                assert_eq!(run.extensions.unwrap().0["runyard.metadata"], metadata);
                assert_eq!(result(world, &run.run_id).await.extensions.unwrap().0["runyard.metadata"], metadata);
            }
            "/extensions" => {
                let extensions = json!({"acme.ticket": {"id": 7}});
                let run = create(world, with(goal(GOAL), "extensions", extensions.clone())).await;
                assert_eq!(serde_json::to_value(run.extensions.unwrap()).unwrap(), extensions);
                let extended = result(world, &run.run_id).await.extensions.unwrap();
                assert_eq!(serde_json::to_value(extended).unwrap(), extensions);
                let found = refusals(world, with(goal(GOAL), "extensions", json!({"runyard.metadata": {}}))).await;
                assert_eq!(found[0].0, "/extensions");
            }
            other => panic!("no rule for {other}"),
        }
    }
}

#[tokio::test]
async fn everything_that_cannot_be_kept_is_named_at_once_and_nothing_is_started() {
    let world = World::new().await;
    let body = json!({
        "run_id": "mine",
        "input": {"goal": GOAL, "context": {"a": 1}, "data": {"a": 2}},
        "tool_policy": {"deny_tool_ids": ["runyard.composite.planner.general"]},
        "limits": {"max_tokens": 1},
    });
    let found: BTreeSet<String> = refusals(&world, body).await.into_iter().map(|(field, _)| field).collect();
    let expected = ["/input/data", "/limits/max_tokens", "/tool_policy/deny_tool_ids"];
    assert_eq!(found, expected.map(str::to_owned).into());
    assert_eq!(world.native.count_runs().await.unwrap().into_inner().total, 0);
    for (field, value) in [
        ("/limits/timeout_ms", json!(-1)),
        ("/limits/max_steps", json!(0)),
        ("/limits/max_tokens", json!(0)),
        ("/input/context", json!("text")),
        ("/input/data", json!([1])),
        ("/tool_policy/allow_tool_ids", json!("runyard.core.echo")),
    ] {
        let mut body = with(goal(GOAL), "limits", json!({}));
        let (object, name) = field[1..].split_once('/').unwrap();
        body[object][name] = value;
        assert_eq!(refusals(&world, body).await[0].0, field, "by the document's own bounds");
    }
}

#[tokio::test]
async fn every_field_of_an_answer_comes_back() {
    let world = &World::new().await;
    let running = create(world, goal(SLEEP)).await.run_id;
    let running = world.get("runtime", &format!("/v1/runs/{running}")).await.json();
    let body = with(goal(GOAL), "extensions", json!({"acme.ticket": 7}));
    let done = create(world, body).await.run_id;
    result(world, &done).await;
    let ended = world.get("runtime", &format!("/v1/runs/{done}")).await.json();
    for field in fields("RunStatus") {
        let (now, then) = (running.pointer(&field), ended.pointer(&field));
        match &*field {
            "/run_id" => assert!(now.is_some() && then == Some(&json!(done))),
            "/state" => assert_eq!((now, then), (Some(&json!("running")), Some(&json!("succeeded")))),
            "/started_at" => assert!(now.is_some() && then.is_some()),
            "/ended_at" => assert!(now.is_none() && then.is_some()),
            // A run outlives the process that started it.
            "/runtime_instance_id" => assert!(now.is_none() && then.is_none()),
            "/extensions" => assert_eq!((now, then), (None, Some(&json!({"acme.ticket": 7})))),
            other => panic!("no rule says when {other} is there"),
        }
    }
    let made = json!([{"type": "file", "id": "a"}]);
    let failed = world.run("runyard.composite.external", json!({})).await;
    let completion = json!({"state": "failed", "output_artifacts": made, "error": {"code": "e", "message": "m"}});
    world.complete(&failed.root_node_run_id, completion).await.unwrap();
    let failed = world.get("runtime", &format!("/v1/runs/{}/result", failed.run_id)).await.json();
    let done = world.get("runtime", &format!("/v1/runs/{done}/result")).await.json();
    for field in fields("RunResult") {
        let (good, bad) = (done.pointer(&field), failed.pointer(&field));
        match &*field {
            "/run_id" => assert_eq!(good, ended.pointer("/run_id")),
            "/ok" => assert_eq!((good, bad), (Some(&json!(true)), Some(&json!(false)))),
            "/output" => assert!(good.unwrap()["final_text"].is_string() && bad.is_none()),
            "/error" => assert_eq!((good, bad), (None, Some(&json!({"code": "e", "message": "m"})))),
            "/artifacts" => assert_eq!((good, bad), (None, Some(&made))),
            "/usage" => {
                let count =
                    |usage: Option<&Value>| (usage.unwrap()["steps"].clone(), usage.unwrap()["node_runs"].clone());
                assert_eq!((count(good), count(bad)), ((json!(1), json!(2)), (json!(0), json!(1))));
                assert!(good.unwrap()["wall_time_ms"].as_u64().is_some());
            }
            "/extensions" => assert_eq!((good, bad), (Some(&json!({"acme.ticket": 7})), None)),
            other => panic!("no rule says when {other} is there"),
        }
    }
}
