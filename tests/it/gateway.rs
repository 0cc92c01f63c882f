//! The gateway's API: start, get, cancel, paths and methods, and a gateway that forwards.

use http::Method;
use runyard::config::{CoordinatorPlace, Gateway};
use runyard_api::arp::schemas::{RunState, Status};
use serde_json::json;

use crate::harness::{DOCUMENTS, World, refused, typed};

/// The request that a reader of seed 000 pastes, byte for byte.
const SEED: &str = r#"{
    "root_node_type_ref": {"node_type_id": "jarvis.composite.planner.general", "version": "0.3.3"},
    "input": {"goal": "Generate a UUID, then return it."}
  }"#;

#[tokio::test]
async fn the_seeds_request_starts_a_run_that_ends_with_a_uuid() {
    let world = World::new().await;
    let answer = world.post("run-gateway", "/v1/runs", SEED).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    let run = answer.json();
    let (run_id, root) = (run["run_id"].as_str().unwrap(), run["root_node_run_id"].as_str().unwrap());
    let ended = world.finished(run_id).await;
    assert_eq!((ended.state, &*ended.root_node_run_id), (RunState::Succeeded, root));
    let outputs = world.node(root).await.outputs.unwrap();
    let uuid = outputs["child_node_runs"][0]["outputs"]["uuid4"].as_str().unwrap();
    assert_eq!(uuid::Uuid::parse_str(uuid).unwrap().get_version_num(), 4);
    assert_eq!(ended.extensions.unwrap().0["runyard.outputs"], json!(outputs), "the gateway shows them, too");
}

#[tokio::test]
async fn a_failed_run_says_why_where_the_standard_has_no_field() {
    let world = World::new().await;
    let run = world.run("runyard.composite.planner.general", json!({"goal": "Paint the fence."})).await;
    let ended = world.finished(&run.run_id).await;
    assert_eq!(ended.state, RunState::Failed);
    let error = &ended.extensions.unwrap().0["runyard.error"];
    assert_eq!(error["code"], "clause_unmapped");
    assert!(error["message"].as_str().unwrap().contains("Paint the fence"), "{error}");
}

#[tokio::test]
async fn what_a_caller_gave_comes_back_and_what_it_did_not_is_absent() {
    let world = World::new().await;
    let run = world
        .start(json!({
            "run_id": "order-17",
            "root_node_type_ref": {"node_type_id": "runyard.core.echo", "version": "latest"},
            "input": {"echo": "hello"},
            "run_context": {"tenant_id": "acme", "trace": {"trace_id": "t1"}, "identity": {"sub": "ada"}},
            "metadata": {"labels": {"team": "blue"}},
            "extensions": {"acme.ticket": [1, null]},
        }))
        .await;
    assert_eq!(run.run_id, "order-17");
    let ended = world.finished("order-17").await;
    let context = serde_json::to_value(ended.run_context.unwrap()).unwrap();
    assert_eq!(context, json!({"tenant_id": "acme", "trace": {"trace_id": "t1"}, "identity": {"sub": "ada"}}));
    assert_eq!(ended.extensions.unwrap().0["acme.ticket"], json!([1, null]));
    let root = world.get("run-coordinator", &format!("/v1/node-runs/{}", run.root_node_run_id)).await.json();
    assert_eq!(root["outputs"], json!({"echo": "hello"}));
    assert_eq!(root["extensions"]["runyard.resolved_node_type"]["version"], "1.0.0");
    for absent in ["parent_node_run_id", "executor_binding", "recovery_actions", "output_artifacts"] {
        assert!(root.get(absent).is_none(), "{absent}: {root}");
    }
}

#[tokio::test]
async fn every_api_knows_its_paths_and_methods() {
    let world = World::new().await;
    let other = [
        ("run-gateway", Method::DELETE, "/v1/runs", "POST"),
        ("run-gateway", Method::POST, "/v1/health", "GET, HEAD"),
        ("run-gateway", Method::PUT, "/v1/runs/r1", "GET, HEAD"),
        ("run-gateway", Method::GET, "/v1/runs/r1:cancel", "POST"),
        ("run-gateway", Method::POST, "/openapi.json", "GET, HEAD"),
        ("run-coordinator", Method::GET, "/v1/node-runs", "POST"),
        ("run-coordinator", Method::GET, "/v1/node-runs/n1:complete", "POST"),
        ("run-coordinator", Method::PATCH, "/v1/node-runs/n1/events", "GET, HEAD"),
        ("runtime", Method::PUT, "/v1/runs", "POST"),
        ("toolregistry", Method::PUT, "/v1/runs", "GET, HEAD, POST"),
        ("toolregistry", Method::DELETE, "/v1/runs/approval", "GET, HEAD, POST"),
        ("acp", Method::DELETE, "/v1/servers/default/runs", "GET, HEAD, POST"),
        ("runyard", Method::PUT, "/v1/runs", "GET, HEAD, POST"),
        ("runyard", Method::DELETE, "/v1/run-counts", "GET, HEAD"),
    ];
    for (api, method, path, allow) in other {
        let answer = world.send(api, world.request(api, method.clone(), path)).await;
        assert_eq!(answer.refusal(), (405, "method_not_allowed".to_owned()), "{api} {method} {path}");
        let mut allowed: Vec<&str> = answer.header("allow").unwrap().split(", ").collect();
        allowed.sort_unstable();
        assert_eq!(allowed.join(", "), allow, "{api} {method} {path}");
    }
    for api in DOCUMENTS.iter().map(|document| document.name) {
        for path in ["/", "/v1", "/v1/", "/v2/runs", "/v1/runs/r1/nothing", "/v1/runs/r1:explode/x", "/v1//runs"] {
            let answer = world.get(api, path).await;
            assert_eq!(answer.refusal(), (404, "unknown_path".to_owned()), "{api} {path}");
        }
    }
    // An operation of one API is not an operation of another.
    let answer = world.get("run-gateway", "/v1/node-runs/n1").await;
    assert_eq!(answer.refusal(), (404, "unknown_path".to_owned()));
}

#[tokio::test]
async fn an_operation_without_a_body_ignores_one() {
    let world = World::new().await;
    let run = world.run("runyard.core.sleep", json!({"seconds": 600})).await;
    for body in ["{}", "not json", ""] {
        let answer = world.post("run-gateway", &format!("/v1/runs/{}:cancel", run.run_id), body).await;
        assert_eq!((answer.status, answer.json()["state"].as_str()), (200, Some("canceled")), "{body}");
    }
}

#[tokio::test]
async fn unknown_runs_are_404() {
    let world = World::new().await;
    for id in ["r1", "run_00000000000000000000000000000000", "0199f0a0-0000-7000-8000-000000000000", "a b", "%"] {
        let want = (404, "run_not_found");
        assert_eq!(refused(world.gateway.get_run(id).await).short(), want, "{id}");
        assert_eq!(refused(world.gateway.cancel_run(id).await).short(), want, "{id}");
        assert_eq!(refused(world.gateway.stream_run_events(id, None, None, None).await).short(), want, "{id}");
        assert_eq!(refused(world.coordinator.get_run(id).await).short(), want, "{id}");
        assert_eq!(refused(world.native.get_run(id).await).short(), want, "{id}");
        assert_eq!(refused(world.coordinator.get_node_run(id).await).short(), (404, "node_run_not_found"), "{id}");
    }
}

#[tokio::test]
async fn a_gateway_without_a_coordinator_names_the_setting() {
    let lonely = World::with(|config| config.gateway = Gateway { coordinator: Some(CoordinatorPlace::Remote) }).await;
    let body = typed(json!({"root_node_type_ref": {"node_type_id": "x", "version": "1"}, "input": {}}));
    let refusal = refused(lonely.gateway.start_run(None, &body).await);
    assert_eq!(refusal.short(), (503, "run_coordinator_missing"));
    assert_eq!(refusal.details["environment"], "JARVIS_RUN_COORDINATOR_URL");
    let health = lonely.gateway.health().await.unwrap().into_inner();
    let check = &health.checks.unwrap()[0];
    assert_eq!((health.status, &*check.name, check.status), (Status::Degraded, "run_coordinator", Status::Down));
}

#[tokio::test]
async fn a_gateway_whose_coordinator_is_gone_says_so() {
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let cut = World::with(|config| config.coordinator.url = Some(format!("http://{closed}"))).await;
    let refusal = refused(cut.gateway.get_run("r1").await);
    assert_eq!(refusal.short(), (502, "run_coordinator_unavailable"));
    assert_eq!(refusal.details["run_coordinator_url"], format!("http://{closed}"));
    let health = cut.gateway.health().await.unwrap().into_inner();
    assert_eq!((health.status, health.checks.unwrap()[0].status), (Status::Degraded, Status::Down));
}

#[tokio::test]
async fn a_gateway_in_front_of_another_server_passes_everything_on() {
    let behind = World::new().await;
    let url = behind.server.url("run-coordinator").unwrap().to_owned();
    let front = World::with(|config| config.coordinator.url = Some(url)).await;
    let body = json!({
        "run_id": "far",
        "root_node_type_ref": {"node_type_id": "jarvis.composite.planner.general", "version": "0.3.3"},
        "input": {"goal": "Generate a UUID, then return it."},
    });
    let run = front.gateway.start_run(Some("k1"), &typed(body.clone())).await.unwrap();
    assert!(!run.headers().contains_key("idempotent-replayed"));
    assert_eq!(front.events("far").await, behind.events("far").await);
    assert_eq!(front.gateway.get_run("far").await.unwrap().into_inner().state, RunState::Succeeded);
    let again = front.gateway.start_run(Some("k1"), &typed(body.clone())).await.unwrap();
    assert_eq!(again.headers()["idempotent-replayed"], "true");
    let mut other = body;
    other["input"]["goal"] = json!("Sleep.");
    let refusal = refused(front.gateway.start_run(None, &typed(other)).await);
    assert_eq!((refusal.short(), &refusal.details["run_id"]), ((409, "run_already_exists"), &json!("far")));
    assert_eq!(refused(front.gateway.get_run("unknown").await).short(), (404, "run_not_found"));
    let seqs: Vec<_> =
        front.follow("far", Some(4)).await.rest().await.iter().map(|event| event["seq"].clone()).collect();
    assert_eq!(seqs.first(), Some(&json!(5)));
    assert_eq!(front.gateway.health().await.unwrap().into_inner().status, Status::Ok);
}
