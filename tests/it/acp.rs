//! ACP: what its clients rely on, beyond what its document says.

mod fields;
mod keeping;
mod streams;
mod threads;

use http::Method;
use runyard_api::acp::types::{Mode, RunStatus};
use serde_json::{Value, json};

use crate::contract::acp::{WAYS, ask};
use crate::harness::{World, typed};

const RUNS: &str = "/v1/servers/default/runs";

/// Starts a run; the answer with its status.
async fn start(world: &World, body: Value) -> (u16, Value) {
    let answer = ask(world, Method::POST, RUNS, Some(body)).await;
    (answer.status, answer.json())
}

/// Sends a message to a run.
async fn say(world: &World, envelope: &Value, body: Value) -> (u16, Value) {
    let path = format!("{RUNS}/{}/input", envelope["run"]["id"].as_str().unwrap());
    let answer = ask(world, Method::POST, &path, Some(body)).await;
    (answer.status, answer.json())
}

async fn look(world: &World, envelope: &Value) -> Value {
    let answer = world.get("acp", &format!("{RUNS}/{}", envelope["run"]["id"].as_str().unwrap())).await;
    assert_eq!(answer.status, 200);
    answer.json()
}

/// The messages of a run without log entries: role and content.
fn said(envelope: &Value) -> Vec<(&str, &str)> {
    let events = envelope["events"].as_array().unwrap().iter();
    let said = events.filter(|event| event.get("logType").is_none());
    said.map(|event| (event["role"].as_str().unwrap(), event["content"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn a_sync_run_answers_with_its_end_and_an_async_one_at_once() {
    let world = World::new().await;
    let body =
        json!({ "prompt": "Say \"hello\", then sleep for 0.1 seconds.", "title": "T", "metadata": { "a": [1] } });
    let (status, ended) = start(&world, body).await;
    assert_eq!((status, &ended["run"]["status"]), (201, &json!("completed")));
    assert_eq!((&ended["run"]["title"], &ended["run"]["metadata"]), (&json!("T"), &json!({ "a": [1] })));
    let roles: Vec<&str> = said(&ended).iter().map(|one| one.0).collect();
    assert_eq!(roles, ["user", "assistant"]);

    let (status, live) = start(&world, json!({ "content": "Sleep for 600 seconds.", "mode": "async" })).await;
    assert_eq!((status, &live["run"]["status"]), (202, &json!("running")));
    assert_eq!(live["run"].get("output"), None);
    let listed = world.acp.list_server_runs("default", None, None, None).await.unwrap().into_inner();
    assert_eq!(listed.data, listed.runs);
    let modes: Vec<_> = listed.runs.iter().map(|run| (run.mode, run.status)).collect();
    assert_eq!(modes, [(Some(Mode::Async), Some(RunStatus::Running)), (Some(Mode::Sync), Some(RunStatus::Completed))]);
}

#[tokio::test]
async fn a_sync_run_that_lasts_longer_than_the_wait_is_202_and_goes_on() {
    let world = World::with(|config| config.acp.sync_wait_ms = 50).await;
    let (status, live) = start(&world, json!({ "content": "Sleep for 0.4 seconds, then say \"done\"." })).await;
    assert_eq!((status, &live["run"]["status"]), (202, &json!("running")));
    let id = live["run"]["id"].as_str().unwrap();
    world.finished(id).await;
    let ended = look(&world, &live).await;
    assert_eq!((&ended["run"]["status"], &ended["run"]["output"]), (&json!("completed"), &json!("done")));
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_its_run() {
    let world = World::new().await;
    let body = typed(json!({ "content": "Sleep for 0.3 seconds, then say \"done\"." }));
    let waiting = world.acp.start_server_run("default", None, &body);
    assert!(tokio::time::timeout(std::time::Duration::from_millis(100), waiting).await.is_err(), "it waits");
    let listed = world.acp.list_server_runs("default", None, None, None).await.unwrap().into_inner();
    let id = listed.runs[0].id.clone().unwrap();
    world.finished(&id).await;
    assert_eq!(look(&world, &json!({ "run": { "id": id } })).await["run"]["output"], "done");
}

#[tokio::test]
async fn what_is_said_is_content_then_prompt_and_never_nothing() {
    let world = World::new().await;
    let (_, both) = start(&world, json!({ "content": "Say \"a\".", "prompt": "Say \"b\"." })).await;
    assert_eq!(both["run"]["output"], "a");
    let (_, blank) = start(&world, json!({ "content": " ", "prompt": "Say \"b\"." })).await;
    assert_eq!((&blank["run"]["output"], &blank["run"]["input"]), (&json!("b"), &json!("Say \"b\".")));
    for nothing in [json!({}), json!({ "content": "" }), json!({ "prompt": "\n", "mode": "async" })] {
        let (status, refused) = start(&world, nothing).await;
        assert_eq!((status, &refused["code"]), (400, &json!("VALIDATION_FAILED")));
        assert_eq!((&refused["error"], &refused["details"][0]["field"]), (&json!("Bad Request"), &json!("content")));
    }
    let (_, failed) = start(&world, json!({ "content": "Fly me to the moon." })).await;
    assert_eq!(failed["run"]["status"], "failed");
    assert!(failed["run"]["error"].as_str().unwrap().starts_with("clause_unmapped: "), "{failed}");
    let last = failed["events"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&last["logType"], &last["logLevel"]), (&json!("error"), &json!("error")));
}

#[tokio::test]
async fn all_ways_lead_to_the_same_runs() {
    let world = World::new().await;
    for (way, _) in WAYS {
        let answer = ask(&world, Method::POST, &format!("{way}/runs"), Some(json!({ "content": "Say \"a\"." }))).await;
        let envelope = answer.json();
        let runtime = (!way.ends_with("servers/default")).then(|| json!("default"));
        assert_eq!(envelope.get("agentRuntimeId"), runtime.as_ref(), "{way}");
        for (other, _) in WAYS {
            let path = format!("{other}/runs/{}", envelope["run"]["id"].as_str().unwrap());
            assert_eq!(world.get("acp", &path).await.json()["run"], envelope["run"]);
        }
    }
    let listed = world.get("acp", "/v1/agent-runtimes/default/runs?limit=2").await.json();
    assert_eq!((listed["data"].as_array().unwrap().len(), &listed["object"]), (2, &json!("list")));
}

#[tokio::test]
async fn a_server_is_what_was_made_of_it_and_has_its_own_runs() {
    let world = World::new().await;
    let post = |path: String, body: Value| {
        let world = &world;
        async move { ask(world, Method::POST, &path, Some(body)).await.json() }
    };
    let agent = post("/v1/agent-runtimes".into(), json!({ "name": "agent", "model": "any" })).await["server"].take();
    assert_eq!(agent["kind"], "agent_runtime");
    let body = json!({ "kind": "web_app", "projectId": "p", "agentRuntimeId": agent["id"], "metadata": { "x": 1 } });
    let site = post("/v1/servers".into(), body).await["server"].take();
    let (site_id, agent_id) = (site["id"].as_str().unwrap(), agent["id"].as_str().unwrap());
    let unknown = ask(&world, Method::POST, "/v1/servers", Some(json!({ "agentRuntimeId": site_id }))).await;
    assert_eq!(unknown.refusal(), (400, "invalid_request".to_owned()), "a site is no agent runtime");

    let run = post(format!("/v1/servers/{site_id}/runtime/agent/runs"), json!({ "content": "Say \"a\"." })).await;
    assert_eq!((&run["serverId"], &run["agentRuntimeId"]), (&site["id"], &agent["id"]));
    let id = run["run"]["id"].as_str().unwrap();
    for (path, status) in [
        (format!("/v1/servers/{site_id}/runs/{id}"), 200),
        (format!("/v1/servers/default/runs/{id}"), 404),
        (format!("/v1/agent-runtimes/{agent_id}/runs/{id}"), 404),
        (format!("/v1/agent-runtimes/{site_id}/runs/{id}"), 404),
    ] {
        assert_eq!(world.get("acp", &path).await.status, status, "{path}");
    }
    let ids = |listed: Value| -> Vec<String> {
        listed["data"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
    };
    for (query, expected) in [
        ("/v1/servers", vec![site_id, agent_id, "default"]),
        ("/v1/servers?limit=1&offset=1", vec![agent_id]),
        ("/v1/servers?kind=web_app", vec![site_id]),
        ("/v1/servers?projectId=p", vec![site_id]),
        ("/v1/servers?projectId=q", vec![]),
        ("/v1/agent-runtimes", vec![agent_id, "default"]),
    ] {
        assert_eq!(ids(world.get("acp", query).await.json()), expected, "{query}");
    }
    let path = format!("/v1/servers/{site_id}");
    let changed = ask(&world, Method::PATCH, &path, Some(json!({ "description": "d" }))).await.json();
    assert_eq!((&changed["server"]["description"], &changed["server"]["metadata"]), (&json!("d"), &json!({ "x": 1 })));
    assert_eq!(ask(&world, Method::DELETE, &path, None).await.json()["deleted"], true);
    let gone = world.get("acp", &format!("/v1/servers/{site_id}/runs/{id}")).await;
    assert_eq!(gone.json()["message"], format!("Server {site_id} not found"));
    assert_eq!(world.native.get_run(id).await.unwrap().into_inner().run_id, id, "the Runyard API still shows it");
}

#[tokio::test]
async fn ids_come_percent_encoded() {
    let world = World::new().await;
    let refused = world.get("acp", "/v1/servers/srv%2F1/runs").await;
    assert_eq!(refused.refusal(), (404, "server_not_found".to_owned()));
    assert_eq!(refused.json()["message"], "Server srv/1 not found");
    let refused = world.get("acp", "/v1/servers/%64efault/runs/no%2Fbody").await;
    assert_eq!(refused.json()["message"], "Run no/body not found");
}

#[tokio::test]
async fn runs_of_other_apis_are_on_the_default_server() {
    let world = World::new().await;
    let run = world.run("runyard.core.echo", json!({ "echo": "grüß dich" })).await;
    world.finished(&run.run_id).await;
    let shown = world.get("acp", &format!("{RUNS}/{}", run.run_id)).await.json();
    assert_eq!((&shown["serverId"], &shown["run"]["output"]), (&json!("default"), &json!("grüß dich")));
    assert_eq!(said(&shown), [("user", "{\"echo\":\"grüß dich\"}"), ("assistant", "grüß dich")]);
    let listed = world.acp.list_server_runs("default", None, None, None).await.unwrap().into_inner();
    assert!(listed.runs.is_empty(), "a list has what was started through this API");
    let (status, next) = say(&world, &shown, json!({ "content": "Hash it." })).await;
    assert_eq!((status, &next["run"]["threadId"]), (200, &shown["run"]["threadId"]), "and it can be gone on with");
}

#[tokio::test]
async fn a_run_is_canceled_once() {
    let world = World::new().await;
    let (_, live) = start(&world, json!({ "content": "Sleep for 600 seconds.", "mode": "async" })).await;
    let id = live["run"]["id"].as_str().unwrap();
    let canceled = world.acp.cancel_server_run("default", id, Some(&typed(json!({})))).await.unwrap().into_inner();
    assert_eq!(canceled.run.as_ref().and_then(|run| run.status), Some(RunStatus::Cancelled));
    let again = world.acp.cancel_server_run("default", id, Some(&typed(json!({})))).await.unwrap().into_inner();
    assert_eq!(again, canceled);
}

#[tokio::test]
async fn a_start_is_repeated_under_its_key() {
    let world = World::new().await;
    let send = |key: &'static str, goal: &'static str| {
        let body = typed(json!({ "content": goal }));
        let world = &world;
        async move { world.acp.start_server_run("default", Some(key), &body).await }
    };
    let first = send("k", "Generate a UUID.").await.unwrap();
    let again = send("k", "Generate a UUID.").await.unwrap();
    assert_eq!(again.headers().get("idempotent-replayed").map(|value| value.to_str().unwrap()), Some("true"));
    assert_eq!(again.into_inner(), first.into_inner());
    let other = crate::harness::refused(send("k", "What time is it?").await);
    assert_eq!(other.short(), (409, "idempotency_conflict"));
}

#[tokio::test]
async fn a_key_opens_in_either_header() {
    use runyard::config::auth::Mode;
    let world = World::with(|config| config.auth.mode = Some(Mode::Required)).await;
    let key = world.key("acme", &[]).await;
    let anonymous = world.showing(None);
    for (header, value) in [("authorization", format!("Bearer {key}")), ("x-api-key", key.clone())] {
        let request = anonymous.request("acp", Method::GET, RUNS).header(header, value);
        assert_eq!(anonymous.send("acp", request).await.status, 200, "{header}");
    }
    let refused = anonymous.get("acp", RUNS).await;
    assert_eq!((refused.status, refused.json()["error"].as_str()), (401, Some("Unauthorized")));
    assert!(refused.header("www-authenticate").is_some());

    let run = world.run("runyard.core.uuid4", json!({})).await;
    let request = anonymous.request("acp", Method::GET, &format!("{RUNS}/{}", run.run_id)).bearer_auth(&key);
    assert_eq!(anonymous.send("acp", request).await.refusal(), (404, "run_not_found".to_owned()), "another tenant's");
}
