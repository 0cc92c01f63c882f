//! How to reach every operation and status that can be reached.
//!
//! These scenarios assert nothing about bodies: the harness checks each answer against its document, and other tests
//! check its meaning.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::StreamExt;
use http::Method;
use runyard::config::{CoordinatorPlace, Gateway};
use runyard_api::host::Settings;
use serde_json::{Value, json};

use super::{acp, cargo, crowded, uncredited};
use crate::harness::{Apart, Clients, DOCUMENTS, Mode, Reached, World, typed};

const GATEWAY: &str = "run-gateway";
const COORDINATOR: &str = "run-coordinator";
const RUNTIME: &str = "runtime";
const TOOLREGISTRY: &str = "toolregistry";
const OWN: &str = "runyard";

/// Operations that take a body, with a path that matches them.
const WITH_BODY: [(&str, &str); 13] = [
    (GATEWAY, "/v1/runs"),
    (COORDINATOR, "/v1/runs"),
    (COORDINATOR, "/v1/node-runs"),
    (COORDINATOR, "/v1/node-runs/n1:evaluation"),
    (COORDINATOR, "/v1/node-runs/n1:complete"),
    (RUNTIME, "/v1/runs"),
    (TOOLREGISTRY, "/v1/runs"),
    (OWN, "/v1/keys"),
    (OWN, "/v1/runs"),
    (OWN, "/v1/runs/r1:cancel"),
    (OWN, "/v1/runs/r1:pause"),
    (OWN, "/v1/runs/r1:input"),
    (OWN, "/v1/approvals/a1:decide"),
];

/// The operations that accept a decision token.
pub(super) const APPROVAL: [&str; 2] = ["RunController_runApproval", "RunController_decideApproval"];

/// Every operation and status that was reached.
pub async fn all() -> BTreeSet<Reached> {
    let world = World::new().await;
    successes(&world).await;
    refusals(&world).await;
    let mut reached = world.reached();
    for part in [
        no_coordinator().await,
        broken_store().await,
        stopping().await,
        slow_bodies().await,
        uncredited::every_operation().await,
        crowded::all().await,
        cargo::connected().await,
    ] {
        reached.extend(part);
    }
    reached
}

async fn successes(world: &World) {
    acp::successes(world).await;
    cargo::successes(world).await;
    let Clients { gateway, coordinator, runtime, toolregistry, native, .. } = &world.clients;
    let run = world.run("runyard.composite.external", json!({})).await;
    let (id, root) = (&*run.run_id, &*run.root_node_run_id);
    gateway.health().await.unwrap();
    gateway.version().await.unwrap();
    gateway.get_run(id).await.unwrap();
    coordinator.health().await.unwrap();
    coordinator.version().await.unwrap();
    coordinator.get_run(id).await.unwrap();
    coordinator.get_node_run(root).await.unwrap();
    let sleep = json!({"node_type_id": "runyard.core.sleep", "version": "1"});
    let children = json!([{"node_type_ref": sleep, "inputs": {"seconds": 0}}]);
    let children = world.children(&run, children).await.unwrap();
    drop(coordinator.stream_node_run_events(&children[0].node_run_id, None, None, None).await.unwrap());
    world.evaluate(root, json!({"evaluation_result": {"status": "success"}})).await.unwrap();
    world.complete(root, json!({"state": "canceled"})).await.unwrap();
    world.finished(id).await;
    drop(coordinator.stream_run_events(id, None, None, None).await.unwrap());
    let other = json!({"root_node_type_ref": sleep, "input": {"seconds": 600}});
    let other = coordinator.start_run(None, &typed(other)).await.unwrap().into_inner().run_id;
    coordinator.cancel_run(&other).await.unwrap();
    gateway.cancel_run(&other).await.unwrap();
    runtime.health().await.unwrap();
    runtime.version().await.unwrap();
    runtime.create_run(None, &typed(json!({"input": {"goal": "Generate a UUID."}}))).await.unwrap();
    runtime.get_run_status(id).await.unwrap();
    runtime.get_run_result(id).await.unwrap();
    runtime.cancel_run(&other).await.unwrap();
    drop(runtime.stream_run_events(id, None, None, None).await.unwrap());
    let seen = runtime.stream_run_events(id, Some(i64::MAX), None, None).await.err().unwrap();
    assert_eq!(seen.status().map(|status| status.as_u16()), Some(204));
    let new = toolregistry.run_controller_create_run(None, None, &typed(pursued("Generate a UUID."))).await.unwrap();
    toolregistry.run_controller_list_runs(None, None, None, None, None, None).await.unwrap();
    toolregistry.run_controller_get_run(id, None).await.unwrap();
    toolregistry.integration_controller_list_integrations(None).await.unwrap();
    let plan = new.execution_plan_id.to_string();
    toolregistry.execution_plan_controller_get_execution_plan(&plan).await.unwrap();
    toolregistry.run_controller_abort_run(id).await.unwrap();
    drop(toolregistry.run_controller_sse(id, None, None, None).await.unwrap());
    let approve = format!("/v1/runs/approval?token={}", link_token(&world.clients).await);
    let page = world.request(TOOLREGISTRY, Method::GET, &approve).header("accept", "text/html");
    assert_eq!(world.send(TOOLREGISTRY, page).await.status, 200);
    assert_eq!(world.get(TOOLREGISTRY, &approve).await.status, 201);
    let approve = format!("/v1/runs/approval?token={}", link_token(&world.clients).await);
    assert_eq!(world.send(TOOLREGISTRY, world.request(TOOLREGISTRY, Method::POST, &approve)).await.status, 201);
    let seen = format!("/v1/runs/{id}/sse");
    let seen = world.request(TOOLREGISTRY, Method::GET, &seen).header("last-event-id", "9999");
    assert_eq!(world.send(TOOLREGISTRY, seen).await.status, 204);
    native.health().await.unwrap();
    native.version().await.unwrap();
    native.list_doors().await.unwrap();
    native.list_runs(None, None, None, None, None, None, None, None, None, None).await.unwrap();
    native.get_run(id).await.unwrap();
    native.list_node_runs(id, None, None).await.unwrap();
    native.list_run_events(id, None, None).await.unwrap();
    large_value(world).await;
    drop(native.stream_run_events(id, None, None, None).await.unwrap());
    let question = world.run("runyard.core.ask", json!({"question": "Which?"})).await.run_id;
    native.deliver_input(&question, &typed(json!({"input": "a"}))).await.unwrap();
    native.deliver_input(&question, &typed(json!({"input": "b"}))).await.unwrap_err();
    native.count_runs().await.unwrap();
    native.list_node_types(None, None).await.unwrap();
    approvals(world).await;
    let created = native.create_key(&typed(json!({}))).await.unwrap().into_inner();
    native.list_keys(None, None, None).await.unwrap();
    native.revoke_key(&created.key.key_id).await.unwrap();
}

/// Starts a call on the Runyard API that needs approval, with everything that follows from it, including the conflicts.
async fn approvals(world: &World) {
    let native = &world.native;
    let echo = json!({"node_type_ref": {"node_type_id": "runyard.core.echo"}, "inputs": {"echo": "x"}});
    let asking = |name: &str| {
        let mut body = echo.clone();
        (body["approval"], body["name"]) = (json!("on_start"), json!(name));
        body
    };
    let run = native.start_run(None, &typed(asking("asked"))).await.unwrap().into_inner();
    let approval = &run.approvals.unwrap()[0].approval_id;
    let none = Default::default();
    native.pause_run("asked", Some(&none)).await.unwrap();
    native.resume_run("asked").await.unwrap();
    native.list_approvals(None, None, None, None).await.unwrap();
    native.get_approval(approval).await.unwrap();
    native.decide_approval(approval, &typed(json!({"decision": "denied"}))).await.unwrap();
    native.decide_approval(approval, &typed(json!({"decision": "approved"}))).await.unwrap_err();
    native.cancel_run("asked", Some(&none)).await.unwrap();
    native.pause_run("asked", Some(&none)).await.unwrap_err();
    native.start_run(None, &typed(echo.clone())).await.unwrap();
    let mut other = asking("asked");
    other["inputs"]["echo"] = json!("y");
    native.start_run(None, &typed(other)).await.unwrap_err();
}

/// The body that starts a run at the API of toolregistry.ai.
pub(super) fn pursued(intent: &str) -> Value {
    json!({ "intent": intent, "selectedCustomerIntegrationIds": ["*"], "context": "", "userId": "ann" })
}

async fn refusals(world: &World) {
    acp::refusals(world).await;
    cargo::refusals(world).await;
    for (api, path) in WITH_BODY {
        world.post(api, path, "[]").await;
        world.post(api, path, vec![b' '; 2 * 1024 * 1024]).await;
        world.send(api, world.request(api, Method::POST, path).header("content-type", "text/plain").body("x")).await;
    }
    // Not decodable as a path: no operation documents 400 for this, so it is the document's default.
    for (api, method, path) in [
        (GATEWAY, Method::GET, "/v1/runs/%zz"),
        (GATEWAY, Method::POST, "/v1/runs/%zz:cancel"),
        (COORDINATOR, Method::GET, "/v1/runs/%zz"),
        (COORDINATOR, Method::POST, "/v1/runs/%zz:cancel"),
        (COORDINATOR, Method::GET, "/v1/node-runs/%zz"),
        (RUNTIME, Method::GET, "/v1/runs/%zz"),
        (RUNTIME, Method::GET, "/v1/runs/%zz/result"),
        (RUNTIME, Method::POST, "/v1/runs/%zz:cancel"),
        (RUNTIME, Method::GET, "/v1/runs/r1/events?after_seq=x"),
        (TOOLREGISTRY, Method::GET, "/v1/runs?page=0"),
        (TOOLREGISTRY, Method::GET, "/v1/runs/approval?token=x"),
        (TOOLREGISTRY, Method::GET, "/v1/runs/%zz"),
        (TOOLREGISTRY, Method::DELETE, "/v1/runs/%zz"),
        (TOOLREGISTRY, Method::GET, "/v1/runs/r1/sse?includeToolCalls=perhaps"),
        (TOOLREGISTRY, Method::GET, "/v1/execution-plans/%zz"),
        (TOOLREGISTRY, Method::GET, "/v1/integrations?active=perhaps"),
        (OWN, Method::GET, "/v1/runs/%zz"),
        (GATEWAY, Method::GET, "/v1/runs/r1/events?after_seq=x"),
        (COORDINATOR, Method::GET, "/v1/runs/r1/events?after_seq=x"),
        (COORDINATOR, Method::GET, "/v1/node-runs/n1/events?after_seq=x"),
        (OWN, Method::GET, "/v1/runs/r1/events?after_seq=x"),
        (OWN, Method::GET, "/v1/runs?limit=0"),
        (OWN, Method::GET, "/v1/node-types?q="),
        (OWN, Method::GET, "/v1/runs/r1/node-runs?limit=0"),
        (OWN, Method::GET, "/v1/runs/r1/log?limit=0"),
        (OWN, Method::GET, "/v1/keys?limit=0"),
        (OWN, Method::POST, "/v1/keys/%zz:revoke"),
        (OWN, Method::POST, "/v1/runs/%zz:cancel"),
        (OWN, Method::POST, "/v1/runs/%zz:pause"),
        (OWN, Method::POST, "/v1/runs/%zz:resume"),
        (OWN, Method::GET, "/v1/approvals?limit=0"),
        (OWN, Method::GET, "/v1/approvals/%zz"),
        (OWN, Method::POST, "/v1/approvals/%zz:decide"),
    ] {
        let answer = world.send(api, world.request(api, method, path)).await;
        assert_eq!(answer.status, 400, "{api} {path}");
    }
    strangers(&world.clients).await;
    conflicts(world).await;
}

/// A value of a run that is stored beside its log.
async fn large_value(world: &World) {
    let large = json!("x".repeat(100_000));
    let external = json!({ "node_type_id": "runyard.composite.external", "version": "1" });
    let run = world.start(json!({ "root_node_type_ref": external, "input": { "large": large } })).await;
    let digest = runyard_engine::large::Digest::of(&large.to_string()).to_string();
    let value = world.native.get_run_value(&run.run_id, &digest).await.unwrap().into_inner();
    assert_eq!(value, large);
}

/// Calls every operation that names a resource with one that does not exist: 404, or the fault behind the API.
async fn strangers(clients: &Clients) {
    let Clients { gateway, coordinator, runtime, toolregistry, native, .. } = clients;
    gateway.get_run("unknown").await.unwrap_err();
    gateway.cancel_run("unknown").await.unwrap_err();
    assert!(gateway.stream_run_events("unknown", None, None, None).await.is_err());
    coordinator.get_run("unknown").await.unwrap_err();
    coordinator.cancel_run("unknown").await.unwrap_err();
    assert!(coordinator.stream_run_events("unknown", None, None, None).await.is_err());
    let stranger = "node_run_00000000000000000000000000000000";
    coordinator.get_node_run(stranger).await.unwrap_err();
    assert!(coordinator.stream_node_run_events(stranger, None, None, None).await.is_err());
    let spec = json!([{"node_type_ref": {"node_type_id": "runyard.core.uuid4", "version": "1"}, "inputs": {}}]);
    clients.children_of("unknown", stranger, spec).await.unwrap_err();
    clients.evaluate(stranger, json!({"evaluation_result": {"status": "fail"}})).await.unwrap_err();
    clients.complete(stranger, json!({"state": "failed"})).await.unwrap_err();
    runtime.get_run_status("unknown").await.unwrap_err();
    runtime.get_run_result("unknown").await.unwrap_err();
    runtime.cancel_run("unknown").await.unwrap_err();
    assert!(runtime.stream_run_events("unknown", None, None, None).await.is_err());
    let unknown_id = "019ab1c2-d3e4-7f5a-8b9c-0d1e2f3a4b5c";
    toolregistry.run_controller_get_run(unknown_id, None).await.unwrap_err();
    toolregistry.run_controller_abort_run(unknown_id).await.unwrap_err();
    assert!(toolregistry.run_controller_sse(unknown_id, None, None, None).await.is_err());
    toolregistry.run_controller_decide_approval("unknown").await.err().unwrap();
    toolregistry.execution_plan_controller_get_execution_plan(unknown_id).await.unwrap_err();
    native.get_run("unknown").await.unwrap_err();
    native.list_node_runs("unknown", None, None).await.unwrap_err();
    native.list_run_events("unknown", None, None).await.unwrap_err();
    native.get_run_value("unknown", &"0".repeat(64)).await.unwrap_err();
    native.get_run_value("unknown", "x").await.unwrap_err();
    native.cancel_run("unknown", None).await.unwrap_err();
    native.pause_run("unknown", None).await.unwrap_err();
    native.deliver_input("unknown", &typed(json!({"input": "a"}))).await.unwrap_err();
    native.resume_run("unknown").await.unwrap_err();
    native.list_approvals(None, None, Some("unknown"), None).await.unwrap_err();
    let stranger = "approval_00000000000000000000000000000000";
    native.get_approval(stranger).await.unwrap_err();
    native.decide_approval(stranger, &typed(json!({"decision": "approved"}))).await.unwrap_err();
    native.revoke_key("unknown").await.unwrap_err();
    assert!(native.stream_run_events("unknown", None, None, None).await.is_err());
}

async fn conflicts(world: &World) {
    let echo = |text: &str| {
        let echo = json!({"node_type_id": "runyard.core.echo", "version": "1"});
        json!({"run_id": "taken", "root_node_type_ref": echo, "input": {"echo": text}})
    };
    let run = world.start(echo("a")).await;
    world.gateway.start_run(None, &typed(echo("b"))).await.unwrap_err();
    world.coordinator.start_run(None, &typed(echo("b"))).await.unwrap_err();
    let taken = json!({"run_id": "taken", "input": {"goal": "Generate a UUID."}});
    world.runtime.create_run(None, &typed(taken)).await.unwrap_err();
    for intent in ["Generate a UUID.", "Generate two UUIDs."] {
        _ = world.toolregistry.run_controller_create_run(None, Some("taken"), &typed(pursued(intent))).await;
    }
    let waiting = world.run("runyard.core.sleep", json!({"seconds": 600})).await;
    world.runtime.get_run_result(&waiting.run_id).await.unwrap_err();
    let child = json!([{"node_type_ref": {"node_type_id": "runyard.core.uuid4", "version": "1"}, "inputs": {}}]);
    assert_eq!(world.children(&run, child).await.unwrap_err().status, 409);
    let root = &run.root_node_run_id;
    assert_eq!(world.evaluate(root, json!({"evaluation_result": {"status": "fail"}})).await.unwrap_err().status, 409);
    assert_eq!(world.complete(root, json!({"state": "failed"})).await.unwrap_err().status, 409);
}

/// A gateway that forwards to no address, and to an address where no server listens.
async fn no_coordinator() -> BTreeSet<Reached> {
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let lonely = World::with(|config| config.gateway = Gateway { coordinator: Some(CoordinatorPlace::Remote) }).await;
    let cut = World::with(|config| config.coordinator.url = Some(format!("http://{closed}"))).await;
    let mut reached = BTreeSet::new();
    for (world, status) in [(lonely, 503), (cut, 502)] {
        starts(&world.clients, status).await;
        strangers(&world.clients).await;
        reached.extend(world.reached());
    }
    reached
}

/// Starts a run through every API that can; the gateway answers with this status.
async fn starts(clients: &Clients, status: u16) {
    let echo = json!({"node_type_id": "runyard.core.echo", "version": "1"});
    let body = typed(json!({"run_id": "new", "root_node_type_ref": echo, "input": {"echo": "x"}}));
    let refused = clients.gateway.start_run(None, &body).await.unwrap_err();
    assert_eq!(refused.status().map(|found| found.as_u16()), Some(status));
    let _ = clients.coordinator.start_run(None, &body).await;
    let _ = clients.native.start_run(None, &typed(json!({"name": "third", "goal": "Generate a UUID."}))).await;
    let _ = clients.runtime.create_run(None, &typed(json!({"run_id": "other", "input": {"goal": "now"}}))).await;
    let _ = clients.toolregistry.run_controller_create_run(None, None, &typed(pursued("Generate a UUID."))).await;
}

/// A store that fails (503), and one whose logs cannot be read (500).
async fn broken_store() -> BTreeSet<Reached> {
    let mut reached = BTreeSet::new();
    for (mode, status) in [(Mode::Busy, 503), (Mode::Fails, 503), (Mode::Corrupt, 500)] {
        let clients = Apart::new();
        let token = link_token(&clients).await;
        clients.store_is(mode);
        clients.toolregistry.run_controller_run_approval(&token).await.err().unwrap();
        clients.toolregistry.run_controller_decide_approval(&token).await.err().unwrap();
        starts(&clients, status).await;
        strangers(&clients).await;
        acp::broken(&clients, status).await;
        cargo::broken(&clients, status).await;
        clients.native.list_runs(None, None, None, None, None, None, None, None, None, None).await.unwrap_err();
        clients.toolregistry.run_controller_list_runs(None, None, None, None, None, None).await.unwrap_err();
        clients.native.count_runs().await.unwrap_err();
        clients.native.list_approvals(None, None, None, None).await.unwrap_err();
        clients.native.create_key(&typed(json!({}))).await.unwrap_err();
        clients.native.list_keys(None, None, None).await.unwrap_err();
        clients.native.revoke_key("unknown").await.unwrap_err();
        // The APIs work again once the store does.
        clients.store_is(Mode::Works);
        assert_eq!(clients.native.count_runs().await.unwrap().into_inner().total, 1, "{mode:?}: nothing was recorded");
        reached.extend(clients.reached());
    }
    reached
}

/// A server that is stopping refuses every operation, including health and version.
async fn stopping() -> BTreeSet<Reached> {
    let clients = Apart::new();
    clients.stopping.cancel();
    for document in DOCUMENTS.iter().copied() {
        for operation in document.operations {
            let path = named(operation.path);
            let method = Method::from_bytes(operation.method.as_bytes()).unwrap();
            let answer = clients.send(document.name, clients.request(document.name, method, &path)).await;
            assert_eq!(answer.refusal(), (503, "stopping".to_owned()), "{path}");
            assert_eq!(answer.header("retry-after"), Some("1"), "{path}");
        }
    }
    clients.reached()
}

/// Bodies that do not end in time: 408, which no operation documents itself.
async fn slow_bodies() -> BTreeSet<Reached> {
    let clients = Apart::with(Settings { body_read_timeout: Duration::from_millis(20), ..Settings::default() });
    let of_acp = acp::with_body().into_iter().map(|(method, path)| ("acp", method, path));
    let of_cargo = cargo::with_body().into_iter().map(|(method, path)| ("cargo", method, path));
    for (api, method, path) in of_acp.chain(of_cargo) {
        let start = futures::stream::iter([Ok::<_, std::io::Error>("{")]).chain(futures::stream::pending());
        let request = clients.request(api, method, &path).header("content-type", "application/json");
        let answer = clients.send(api, request.body(reqwest::Body::wrap_stream(start))).await;
        assert_eq!(answer.refusal(), (408, "body_slow".to_owned()), "{path}");
    }
    for (api, path) in WITH_BODY {
        let start = futures::stream::iter([Ok::<_, std::io::Error>("{")]).chain(futures::stream::pending());
        let answer = clients.post(api, path, reqwest::Body::wrap_stream(start)).await;
        assert_eq!(answer.refusal(), (408, "body_slow".to_owned()), "{api} {path}");
    }
    clients.reached()
}

/// The token of a link that approves an approval request of a run of the APIs. No driver has to run for that.
async fn link_token(clients: &Clients) -> String {
    let echo = json!({"node_type_id": "runyard.core.echo", "version": "1"});
    let body =
        json!({"root_node_type_ref": echo, "input": {"echo": "x"}, "extensions": {"runyard.approval": "on_tool_call"}});
    let run = clients.coordinator.start_run(None, &typed(body)).await.unwrap().into_inner().run_id;
    let run = clients.toolregistry.run_controller_get_run(&run, Some("true")).await.unwrap().into_inner();
    let asked = run.events.iter().find_map(|event| event.get("approval")?["approveUrl"].as_str());
    asked.unwrap().split_once("token=").unwrap().1.to_owned()
}

/// A path with a value for each of its parameters.
pub(super) fn named(template: &str) -> String {
    let mut parts = template.split('{');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |path, part| path + "x1" + part.split_once('}').unwrap().1)
}
