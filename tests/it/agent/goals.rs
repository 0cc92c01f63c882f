//! Goals of four APIs, which a model works on where there is one.

use http::Method;
use serde_json::{Value, json};

use super::model::{Says, Seen, model};
use super::with_model;
use crate::contract::acp::ask;
use crate::harness::{World, eventually, typed};

/// Words that no rule understands.
const GOAL: &str = "How do you feel about the colour of the sea today?";

/// Asks one tool, and answers with its result.
fn answers(seen: &Seen) -> Says {
    match seen.turn {
        0 => Says::Calls(vec![("echo", json!({ "echo": "deep blue" }))]),
        _ => Says::Text(format!("It is {}", seen.results[0])),
    }
}

const ANSWER: &str = "It is {\"echo\":\"deep blue\"}";

async fn world() -> (crate::harness::peer::Peer, World) {
    let peer = model(answers).await;
    let world = with_model(&peer, "openai").await;
    (peer, world)
}

#[tokio::test]
async fn a_goal_of_the_run_gateway_is_worked_on_and_answered_as_a_plan() {
    let (peer, world) = world().await;
    let run = world.run("runyard.composite.planner.general", json!({ "goal": GOAL })).await;
    let ended = json!(world.finished(&run.run_id).await);
    assert_eq!(ended["state"], "succeeded", "{ended}");
    let root = json!(world.node(&run.root_node_run_id).await);
    assert_eq!(root["outputs"]["result"], ANSWER, "{root}");
    let tools: Vec<Value> = peer.asked()[0].json()["tools"].as_array().unwrap().clone();
    let names: Vec<&str> = tools.iter().map(|tool| tool["function"]["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"echo") && names.contains(&"http_request") && !names.contains(&"fail"), "{names:?}");
}

#[tokio::test]
async fn a_goal_of_the_runyard_api_is_worked_on() {
    let (_peer, world) = world().await;
    let run = world.native.start_run(None, &typed(json!({ "goal": GOAL }))).await.unwrap().into_inner();
    world.finished(&run.run_id).await;
    let shown = json!(world.native.get_run(&run.run_id).await.unwrap().into_inner());
    assert_eq!(shown["outputs"]["result"], ANSWER, "{shown}");
}

#[tokio::test]
async fn an_intent_of_toolregistry_is_worked_on() {
    let (_peer, world) = world().await;
    let body = json!({ "intent": GOAL, "selectedCustomerIntegrationIds": ["*"], "context": "", "userId": "ann" });
    let created = world.toolregistry.run_controller_create_run(None, None, &typed(body)).await.unwrap().into_inner();
    let result = eventually("the result", || async {
        let id = created.run_id.to_string();
        world.toolregistry.run_controller_get_run(&id, None).await.unwrap().into_inner().result
    })
    .await;
    assert_eq!(result["result"], ANSWER, "{result:?}");
}

#[tokio::test]
async fn a_prompt_of_acp_is_worked_on() {
    let (_peer, world) = world().await;
    let answer = ask(&world, Method::POST, "/v1/servers/default/runs", Some(json!({ "prompt": GOAL }))).await;
    let ended = answer.json();
    assert_eq!((answer.status, &ended["run"]["output"]), (201, &json!(ANSWER)), "{ended}");
}

#[tokio::test]
async fn rules_plan_where_they_are_asked_to() {
    let peer = model(answers).await;
    let models = super::configured(&peer, "openai");
    let world = World::with(|config| {
        config.models = models;
        config.goals = runyard::config::Goals::Rules;
    })
    .await;
    let run = world.run("runyard.composite.planner.general", json!({ "goal": GOAL })).await;
    let ended = json!(world.finished(&run.run_id).await);
    assert_eq!(ended["extensions"]["runyard.error"]["code"], "clause_unmapped", "{ended}");
    assert!(peer.asked().is_empty());
}
