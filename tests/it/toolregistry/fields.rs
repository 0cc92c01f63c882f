//! Every field and parameter of the published operations, with the run that fills it or the rule that leaves it out.

use std::collections::BTreeSet;

use runyard_api::toolregistry::types::{CreateRunResponse, RunDto, RunStatus};
use serde_json::{Value, json};

use super::facts::FACTS;
use super::services::{peer, selecting, world};
use super::{create, events, frames, get, listed, with};
use crate::harness::World;
use crate::harness::peer::Peer;

/// The expectation for a field.
enum Is {
    /// This value, in the run of the test.
    Filled(Value),
    /// Absent, by this rule.
    LeftOut(&'static str),
}
use Is::{Filled, LeftOut};

/// A field's name and its expectation.
type Row = (&'static str, Is);

/// Every name of the facts: `TYPE.FIELD`, or `METHOD PATH PARAMETER`.
fn named() -> BTreeSet<String> {
    let name = |fact: &str| {
        let (head, _) = fact.split_once(": ")?;
        let head = head.trim_end_matches('*');
        let words: Vec<&str> = head.split(' ').collect();
        match words.as_slice() {
            [field] => Some((*field).to_owned()),
            [method, path, "query" | "path", name] => Some(format!("{method} {path} {name}")),
            _ => None,
        }
    };
    FACTS.lines().filter_map(name).collect()
}

/// A run with every feature: it repeats another, calls a service with passed-through values, and has the requested
/// output.
struct Full {
    created: Value,
    dto: Value,
    run: RunDto,
    earlier: CreateRunResponse,
}

fn body() -> Value {
    let mut body =
        selecting("Create a ticket in helpdesk with title \"No paper\", then return it.", &["helpdesk_main"]);
    body["context"] = json!("In a hurry.");
    body["userId"] = json!("carl");
    body["repeatKey"] = json!("nightly");
    body["approvalStrategy"] = json!("NONE");
    body["outputSchema"] =
        json!({ "type": "object", "properties": { "number": { "type": "integer" } }, "required": ["number"] });
    let (headers, query) = (json!({ "x-passed": "through-headers" }), json!({ "passed": "through-query" }));
    body["passThrough"] = json!([{ "customerIntegrationId": "helpdesk_main", "headers": headers, "query": query }]);
    body
}

async fn full(world: &World) -> Full {
    let earlier = create(world, body()).await;
    events(world, earlier.run_id).await;
    let created = create(world, body()).await;
    events(world, created.run_id).await;
    let run = get(world, created.run_id).await;
    Full { dto: json!(run), created: json!(created), run, earlier }
}

fn request(full: &Full, peer: &Peer, paused: bool, by_user: bool) -> Vec<Row> {
    let asked = peer.asked().pop().unwrap();
    let sealed = "checked, sealed and sent nowhere: no service of the configuration signs calls";
    vec![
        ("CreateRunRequest.intent", Filled(full.dto["intent"].clone())),
        ("CreateRunRequest.selectedCustomerIntegrationIds", Filled(json!(asked.target.starts_with("/helpdesk/")))),
        ("CreateRunRequest.context", Filled(full.dto["context"].clone())),
        ("CreateRunRequest.userId", Filled(json!(by_user))),
        ("CreateRunRequest.approvalStrategy", Filled(json!(paused))),
        ("CreateRunRequest.repeatKey", Filled(full.dto["repeatKey"].clone())),
        ("CreateRunRequest.outputSchema", Filled(json!(full.dto["result"] == json!({ "number": 7 })))),
        ("CreateRunRequest.passThrough", Filled(json!(asked.headers.contains_key("x-passed")))),
        ("CustomerProvidedPassThrough.customerIntegrationId", Filled(json!(asked.target.starts_with("/helpdesk/")))),
        ("CustomerProvidedPassThrough.headers", Filled(json!(asked.headers["x-passed"] == "through-headers"))),
        ("CustomerProvidedPassThrough.query", Filled(json!(asked.target.ends_with("?passed=through-query")))),
        ("CustomerProvidedPassThrough.values", LeftOut(sealed)),
        ("CustomerProvidedAwsCredentials.accessKeyId", LeftOut(sealed)),
        ("CustomerProvidedAwsCredentials.secretAccessKey", LeftOut(sealed)),
        ("CustomerProvidedAwsCredentials.sessionToken", LeftOut(sealed)),
        ("CustomerProvidedAwsAssumeRole.roleArn", LeftOut(sealed)),
        ("CustomerProvidedAwsAssumeRole.externalId", LeftOut(sealed)),
        ("CustomerProvidedOktaCredentials.clientId", LeftOut(sealed)),
        ("CustomerProvidedOktaCredentials.kid", LeftOut(sealed)),
        ("CustomerProvidedOktaCredentials.privateKey", LeftOut(sealed)),
        ("CustomerProvidedOktaCredentials.oauthTokenUrl", LeftOut(sealed)),
        ("CustomerProvidedOktaCredentials.scope", LeftOut(sealed)),
        ("CustomerProvidedOktaCredentials.host", LeftOut(sealed)),
    ]
}

fn answers(full: &Full) -> Vec<Row> {
    let (created, dto) = (|name: &str| Filled(full.created[name].clone()), |name: &str| Filled(full.dto[name].clone()));
    let plan = &full.created["plan"];
    let step = |name: &str| Filled(plan["plan"]["steps"][0][name].clone());
    vec![
        ("CreateRunResponse.runId", created("runId")),
        ("CreateRunResponse.repeatKey", created("repeatKey")),
        ("CreateRunResponse.status", created("status")),
        ("CreateRunResponse.events", created("events")),
        ("CreateRunResponse.executionPlanId", created("executionPlanId")),
        ("CreateRunResponse.plan", created("plan")),
        ("CreateRunResponse.repeatRunId", created("repeatRunId")),
        ("ExecPlanByIdResponseDto.planType", Filled(plan["planType"].clone())),
        ("ExecPlanByIdResponseDto.plan", Filled(plan["plan"].clone())),
        (
            "ExecPlanDto.title",
            LeftOut("it is optional, and the planner has no name for a plan besides its description"),
        ),
        ("ExecPlanDto.description", Filled(plan["plan"]["description"].clone())),
        ("ExecPlanDto.steps", Filled(plan["plan"]["steps"].clone())),
        ("ExecPlanStepDto.id", step("id")),
        ("ExecPlanStepDto.description", step("description")),
        ("ExecPlanStepDto.dependsOnSteps", step("dependsOnSteps")),
        ("RunDto.runId", dto("runId")),
        ("RunDto.repeatKey", dto("repeatKey")),
        ("RunDto.repeatRunId", dto("repeatRunId")),
        ("RunDto.status", dto("status")),
        ("RunDto.executionPlanId", dto("executionPlanId")),
        ("RunDto.events", dto("events")),
        ("RunDto.result", dto("result")),
        ("RunDto.intent", dto("intent")),
        ("RunDto.context", dto("context")),
        ("RunDto.createdAt", dto("createdAt")),
        ("RunDto.updatedAt", dto("updatedAt")),
    ]
}

/// Whether each parameter has an effect.
async fn parameters(world: &World, run: &RunDto, asked: bool) -> Vec<Row> {
    let (id, id_text) = (run.run_id, run.run_id.to_string());
    let only = async |query: &str| json!(listed(world, query).await.contains(&id));
    let shown = |answer: Value| json!(answer.as_array().is_some_and(|events| !events.is_empty()));
    let list = world.get("toolregistry", "/v1/runs?includeEvents=true").await.json();
    let one = world.get("toolregistry", &format!("/v1/runs/{id}?includeEvents=true")).await.json();
    let frames_of_run = frames(world, id, Some("true"), None).await.rest().await;
    let calls = frames_of_run.iter().any(|frame| frame.data["step"]["toolCall"].is_object());
    let aborted = world.toolregistry.run_controller_abort_run(&id_text).await.is_ok();
    vec![
        ("GET /v1/runs includeEvents", Filled(shown(list[0]["events"].clone()))),
        ("GET /v1/runs userId", Filled(only("userId=carl").await)),
        ("GET /v1/runs status", Filled(only("status=SUCCESS").await)),
        ("GET /v1/runs customerIntegrationIds", Filled(only("customerIntegrationIds=helpdesk_main").await)),
        ("GET /v1/runs page", Filled(json!(listed(world, "page=2").await.is_empty()))),
        ("GET /v1/runs pageSize", Filled(json!(listed(world, "pageSize=1").await.len() == 1))),
        ("GET /v1/runs/approval token", Filled(json!(asked))),
        ("GET /v1/runs/{runId} runId", Filled(json!(one["runId"] == json!(id)))),
        ("GET /v1/runs/{runId} includeEvents", Filled(shown(one["events"].clone()))),
        ("DELETE /v1/runs/{runId} runId", Filled(json!(aborted))),
        ("GET /v1/runs/{runId}/sse runId", Filled(json!(frames_of_run.last().unwrap().data["runId"] == json!(id)))),
        ("GET /v1/runs/{runId}/sse includeToolCalls", Filled(json!(calls))),
    ]
}

#[tokio::test]
async fn every_field_and_parameter_is_filled_or_left_out_by_a_rule() {
    let peer = peer().await;
    let world = world(&peer).await;
    let full = full(&world).await;
    assert_eq!((full.run.status, full.run.repeat_run_id), (RunStatus::Success, Some(full.earlier.run_id)));
    let asking = create(&world, with(body(), "approvalStrategy", json!("ON_START"))).await;
    let waiting = super::approvals::paused(&world, asking.run_id).await;
    let token = super::approvals::link(&waiting, "denyUrl").split_once("token=").unwrap().1.to_owned();
    let paused = waiting.status == RunStatus::Paused;
    let by_user = listed(&world, "userId=carl").await.len() == 3 && listed(&world, "userId=ann").await.is_empty();

    let mut rows = request(&full, &peer, paused, by_user);
    rows.extend(answers(&full));
    let decided = world.toolregistry.run_controller_run_approval(&token).await.is_ok();
    rows.extend(parameters(&world, &full.run, decided).await);

    let names: BTreeSet<String> = rows.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names.len(), rows.len(), "each once");
    assert_eq!(names, named());
    for (name, is) in rows {
        match is {
            Filled(value) => assert!(!value.is_null() && value != json!(false), "{name} is nowhere"),
            LeftOut(rule) => assert!(!rule.is_empty(), "{name}"),
        }
    }
    // A run without the optional fields.
    let plain = create(&world, selecting("Sleep for 600 seconds.", &[])).await;
    let (plain, dto) = (json!(plain), json!(get(&world, plain.run_id).await));
    assert_eq!((plain.get("repeatRunId"), dto.get("repeatRunId")), (None, None), "it repeats none");
    assert_eq!(dto.get("result"), None, "it has not ended");
    assert_eq!(plain["repeatKey"], plain["runId"], "a key is made where none was passed");
}
