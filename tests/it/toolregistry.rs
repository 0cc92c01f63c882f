//! The API of toolregistry.ai. `facts.rs` compares its document with the vendor's; `fields.rs` tests its fields one by
//! one.

mod approval_pages;
mod approvals;
mod facts;
mod fields;
mod lists;
mod outputs;
mod passed;
mod repeats;
mod services;
mod watching;

use runyard_api::client::CallError;
use runyard_api::toolregistry::types::{CreateRunResponse, Error, OnStepFailure, PlanType, RunDto, RunStatus};
use serde_json::{Value, json};
use uuid::Uuid;

use lists::listed;

use crate::harness::{Frame, Frames, World, eventually, refused, typed};

const INTENT: &str = "Generate a UUID, then hash it and return the hash.";

fn asking(intent: &str) -> Value {
    json!({ "intent": intent, "selectedCustomerIntegrationIds": ["*"], "context": "", "userId": "ann" })
}

/// The same request with one more field, or another value in it.
fn with(mut body: Value, field: &str, value: Value) -> Value {
    body[field] = value;
    body
}

async fn create(world: &World, body: Value) -> CreateRunResponse {
    world.toolregistry.run_controller_create_run(None, None, &typed(body)).await.unwrap().into_inner()
}

async fn get(world: &World, run: Uuid) -> RunDto {
    world.toolregistry.run_controller_get_run(&run.to_string(), Some("true")).await.unwrap().into_inner()
}

async fn frames(world: &World, run: Uuid, tool_calls: Option<&str>, last: Option<i64>) -> Frames {
    let stream = world.toolregistry.run_controller_sse(&run.to_string(), None, tool_calls, last).await.unwrap();
    Frames::of(stream.into_inner_stream())
}

/// Every event of a run that ends.
async fn events(world: &World, run: Uuid) -> Vec<Frame> {
    let events = frames(world, run, None, None).await.rest().await;
    assert_eq!(events.last().unwrap().event.as_deref(), Some("end"), "{events:?}");
    events
}

/// A run once it has ended.
async fn ended(world: &World, body: Value) -> RunDto {
    let run = create(world, body).await.run_id;
    events(world, run).await;
    get(world, run).await
}

fn names(events: &[Frame]) -> Vec<&str> {
    events.iter().map(|event| event.event.as_deref().unwrap()).collect()
}

#[tokio::test]
async fn an_intent_becomes_a_plan_and_a_result() {
    let world = World::new().await;
    let created = create(&world, asking(INTENT)).await;
    assert_eq!(created.plan.plan_type, PlanType::Json);
    let plan = serde_json::to_value(&created.plan.plan).unwrap();
    assert_eq!(plan["steps"][1]["dependsOnSteps"], json!(["S1"]));
    assert_eq!(plan["steps"].as_array().unwrap().len(), 2);
    assert_eq!(created.repeat_key, created.run_id.to_string());
    assert_eq!(created.repeat_run_id, None);
    let id = created.execution_plan_id.to_string();
    let again = world.toolregistry.execution_plan_controller_get_execution_plan(&id).await.unwrap().into_inner();
    assert_eq!(again, created.plan);

    let events = events(&world, created.run_id).await;
    assert_eq!(names(&events), ["status", "start", "step", "step", "end"]);
    let run = get(&world, created.run_id).await;
    assert_eq!((run.status, &*run.intent, &*run.context), (RunStatus::Success, INTENT, ""));
    assert_eq!(run.result.as_ref().unwrap()["result"].as_str().unwrap().len(), 64);
    assert_eq!(Value::Object(run.result.unwrap()), events[4].data["result"]);
    assert_eq!(run.execution_plan_id, created.execution_plan_id);
    assert!(run.created_at <= run.updated_at);
    let shown: Vec<Value> = run.events.into_iter().map(Value::Object).collect();
    assert_eq!(shown, events.into_iter().map(|event| event.data).collect::<Vec<_>>(), "events are those of the stream");
}

#[tokio::test]
async fn a_start_does_not_wait_for_ever_for_a_plan() {
    // The server runs no driver, so it never plans.
    let world = World::with(|config| {
        config.perform = false;
        config.toolregistry.plan_wait_ms = 50;
    })
    .await;
    let created = create(&world, asking(INTENT)).await;
    assert_eq!(serde_json::to_value(&created.plan).unwrap(), json!({ "planType": "text", "plan": "" }));
    assert_eq!(created.status, RunStatus::Queued);
    let id = created.execution_plan_id.to_string();
    let plan = world.toolregistry.execution_plan_controller_get_execution_plan(&id).await.unwrap().into_inner();
    assert_eq!(plan, created.plan, "there is no plan yet");
    world.toolregistry.run_controller_abort_run(&created.run_id.to_string()).await.unwrap();
    assert_eq!(get(&world, created.run_id).await.status, RunStatus::Canceled);
}

#[tokio::test]
async fn context_is_text_and_its_values_can_be_named_where_it_has_some() {
    let world = World::new().await;
    let free = with(asking("Say 'hello'."), "context", json!("The customer is in a hurry."));
    let run = ended(&world, free).await;
    assert_eq!((run.status, &*run.context), (RunStatus::Success, "The customer is in a hurry."));
    let context = r#"{"order_number":"abc"}"#;
    let run = ended(&world, with(asking("Hash the order number and return it."), "context", json!(context))).await;
    assert_eq!(run.context, context);
    let hash = run.result.unwrap()["result"].as_str().unwrap().to_owned();
    assert!(hash.starts_with("ba7816bf"), "{hash}");
}

#[tokio::test]
async fn what_cannot_be_planned_fails_and_says_why() {
    let world = World::new().await;
    let created = create(&world, asking("Paint the fence.")).await;
    let events = events(&world, created.run_id).await;
    assert_eq!(names(&events), ["status", "end"]);
    assert_eq!(
        (&events[1].data["runStatus"], &events[1].data["error"]["code"]),
        (&json!("FAILED"), &json!("clause_unmapped"))
    );
    let run = get(&world, created.run_id).await;
    assert_eq!((run.status, run.result), (RunStatus::Failed, None));
    let id = run.execution_plan_id.to_string();
    let plan = world.toolregistry.execution_plan_controller_get_execution_plan(&id).await.unwrap().into_inner();
    assert_eq!(plan.plan_type, PlanType::Text);
}

#[tokio::test]
async fn aborting_stops_a_run_once_and_leaves_one_that_has_ended() {
    let world = World::new().await;
    let created = create(&world, asking("Sleep for 600 seconds.")).await;
    assert_eq!(created.status, RunStatus::Running);
    let id = created.run_id.to_string();
    for _ in 0..2 {
        world.toolregistry.run_controller_abort_run(&id).await.unwrap();
        assert_eq!(get(&world, created.run_id).await.status, RunStatus::Canceled);
    }
    let done = ended(&world, asking("Say 'hello'.")).await;
    world.toolregistry.run_controller_abort_run(&done.run_id.to_string()).await.unwrap();
    assert_eq!(get(&world, done.run_id).await, done);
}

#[tokio::test]
async fn a_run_is_named_in_every_form_and_nothing_else_is_one() {
    let world = World::new().await;
    let run = ended(&world, asking("Say 'hello'.")).await;
    for form in [run.run_id.to_string(), run.run_id.simple().to_string(), format!("run_{}", run.run_id.simple())] {
        let found = world.toolregistry.run_controller_get_run(&form, None).await.unwrap().into_inner();
        assert_eq!((found.run_id, found.events.len()), (run.run_id, 0), "events are left out unless asked for");
    }
    let unknown = |answer: Result<_, CallError<Error>>| refused(answer).short() == (404, "run_not_found");
    for unknown_id in ["unknown", "019ab1c2-d3e4-7f5a-8b9c-0d1e2f3a4b5c", "run_1"] {
        assert!(unknown(world.toolregistry.run_controller_get_run(unknown_id, None).await), "{unknown_id}");
        let aborted = world.toolregistry.run_controller_abort_run(unknown_id).await;
        assert_eq!(refused(aborted).short(), (404, "run_not_found"));
        let plan = world.toolregistry.execution_plan_controller_get_execution_plan(unknown_id).await;
        assert_eq!(refused(plan).short(), (404, "execution_plan_not_found"));
    }
    let step = get(&world, run.run_id).await.execution_plan_id;
    assert_ne!(step, run.run_id, "a plan has an id of its own");
}

#[tokio::test]
async fn a_refusal_has_this_apis_body() {
    let world = World::new().await;
    let answer = world.get("toolregistry", "/v1/runs?page=0&pageSize=101&status=DONE&includeEvents=yes").await;
    assert_eq!(answer.refusal(), (400, "invalid_request".to_owned()));
    let body = answer.json();
    assert_eq!((&body["statusCode"], &body["error"]), (&json!(400), &json!("Bad Request")));
    for field in ["page", "pageSize", "status", "includeEvents"] {
        assert!(body["message"].as_str().unwrap().contains(&format!("query {field}: ")), "{body}");
    }
    assert_eq!(body.as_object().unwrap().len(), 3);
    for (method, path, status, code) in [
        (http::Method::GET, "/v1/nothing", 404, "unknown_path"),
        (http::Method::PATCH, "/v1/runs", 405, "method_not_allowed"),
    ] {
        let answer = world.send("toolregistry", world.request("toolregistry", method, path)).await;
        assert_eq!(answer.refusal(), (status, code.to_owned()));
        assert_eq!(answer.json()["statusCode"], json!(status));
    }
}

#[tokio::test]
async fn a_blank_intent_user_or_repeat_key_is_refused_by_name() {
    let world = World::new().await;
    for field in ["intent", "userId", "repeatKey"] {
        for blank in ["", " ", "\t\n"] {
            let body = with(asking(INTENT), field, json!(blank));
            let answer = world.post("toolregistry", "/v1/runs", body.to_string()).await;
            assert_eq!(answer.refusal(), (400, "invalid_request".to_owned()), "{field} {blank:?}");
            assert!(answer.text().contains(&format!("body /{field}: ")), "{}", answer.text());
        }
    }
    assert!(listed(&world, "").await.is_empty(), "nothing was started");
}

#[tokio::test]
async fn the_same_request_starts_one_run() {
    let world = World::new().await;
    let start = async |intent: &str| {
        world.toolregistry.run_controller_create_run(None, Some("once"), &typed(asking(intent))).await
    };
    let first = start(INTENT).await.unwrap();
    assert!(first.headers().get("idempotent-replayed").is_none());
    let again = start(INTENT).await.unwrap();
    assert_eq!(again.headers().get("idempotent-replayed").unwrap(), "true");
    assert_eq!(again.into_inner().run_id, first.into_inner().run_id);
    assert_eq!(refused(start("Say 'hello'.").await).short(), (409, "idempotency_conflict"));
}

#[tokio::test]
async fn what_the_api_does_not_name_is_ignored() {
    let world = World::new().await;
    let body = with(asking("Say 'hello'."), "ownerId", json!("ada"));
    let answer = world.post("toolregistry", "/v1/runs", body.to_string()).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
}

/// Each state of a run, and how a run gets there.
#[tokio::test]
async fn every_state_is_reached() {
    let idle = World::with(|config| (config.perform, config.toolregistry.plan_wait_ms) = (false, 10)).await;
    let queued = create(&idle, asking(INTENT)).await.run_id;
    assert_eq!(get(&idle, queued).await.status, RunStatus::Queued);

    let world = World::new().await;
    let running = create(&world, asking("Sleep for 600 seconds.")).await.run_id;
    assert_eq!(get(&world, running).await.status, RunStatus::Running);
    assert_eq!(ended(&world, asking(INTENT)).await.status, RunStatus::Success);
    assert_eq!(ended(&world, asking("Paint the fence.")).await.status, RunStatus::Failed);
    world.toolregistry.run_controller_abort_run(&running.to_string()).await.unwrap();
    assert_eq!(get(&world, running).await.status, RunStatus::Canceled);
    let paused = create(&world, with(asking(INTENT), "approvalStrategy", json!("ON_START"))).await.run_id;
    assert_eq!(get(&world, paused).await.status, RunStatus::Paused);
    // Steps that failed and were ignored, because the caller allowed it.
    for (intent, status) in
        [("Misfire, then generate a UUID.", RunStatus::PartialSuccess), ("Misfire.", RunStatus::NoSuccess)]
    {
        let passed_over = Some(&OnStepFailure::Continue);
        let created = world.toolregistry.run_controller_create_run(passed_over, None, &typed(asking(intent))).await;
        let run = created.unwrap().into_inner().run_id;
        let last = events(&world, run).await.pop().unwrap().data;
        assert_eq!((get(&world, run).await.status, &last["runStatus"]), (status, &json!(status)), "{intent}");
        assert_eq!(last.get("result").is_some(), status == RunStatus::PartialSuccess, "what was made in part");
        assert_eq!(ended(&world, asking(intent)).await.status, RunStatus::Failed, "by default");
    }
    let answer = world.post("toolregistry", "/v1/runs?onStepFailure=continue", asking(INTENT).to_string()).await;
    assert_eq!(answer.refusal(), (400, "invalid_request".to_owned()));
}

/// This API shows runs of other APIs by id. Fields that they lack are generated once, and stay the same.
#[tokio::test]
async fn a_run_of_another_api_is_shown_in_this_apis_words() {
    let world = World::new().await;
    let echo = world.run("runyard.core.echo", json!({ "echo": "hi" })).await;
    world.finished(&echo.run_id).await;
    let run = world.toolregistry.run_controller_get_run(&echo.run_id, Some("true")).await.unwrap().into_inner();
    assert_eq!((run.status, &*run.intent, &*run.context), (RunStatus::Success, "runyard.core.echo", ""));
    assert_eq!(run.repeat_key, run.run_id.to_string());
    assert_eq!(run.result, Some(typed(json!({ "echo": "hi" }))));
    let kinds: Vec<&str> = run.events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["status", "start", "step", "end"]);
    let id = run.execution_plan_id.to_string();
    let plan = world.toolregistry.execution_plan_controller_get_execution_plan(&id).await.unwrap().into_inner();
    let step = json!([{ "id": "root", "description": "runyard.core.echo", "dependsOnSteps": [] }]);
    assert_eq!(serde_json::to_value(&plan.plan).unwrap()["steps"], step);

    let outside = world.run("runyard.composite.external", json!({})).await;
    let seen = eventually("it waits outside", async || {
        let run = world.toolregistry.run_controller_get_run(&outside.run_id, None).await.unwrap().into_inner();
        (run.status == RunStatus::Running).then_some(run)
    })
    .await;
    assert_eq!(seen.result, None);
    let listed = world.toolregistry.run_controller_list_runs(None, None, None, None, None, None).await.unwrap();
    assert!(listed.into_inner().is_empty(), "the list has what was started here");
}
