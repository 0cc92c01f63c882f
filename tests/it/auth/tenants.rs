//! Two tenants over every operation of every document: another tenant's resource gets the same answer as one that never
//! existed.

use http::Method;
use runyard_api::host::{Document, Operation};
use serde_json::{Value, json};

use super::required;
use crate::harness::{Answer, Clients, Contract, DOCUMENTS, World, refused, typed};

/// Operations that name nothing in their path. Each has a test of its own below.
const NAMING_NOTHING: [&str; 25] = [
    "start_run",
    "create_run",
    "create_node_runs",
    "list_runs",
    "list_approvals",
    "count_runs",
    "list_doors",
    "list_node_types",
    "list_keys",
    "create_key",
    // Operations of toolregistry.ai. Any holder of an approval link may use it.
    "RunController_listRuns",
    "RunController_createRun",
    "RunController_runApproval",
    "RunController_decideApproval",
    "IntegrationController_listIntegrations",
    // Operations of ACP.
    "create_server",
    "list_servers",
    "create_agent_runtime",
    "list_agent_runtimes",
    "create_thread",
    "list_threads",
    // There is one environment, and every tenant sees it.
    "list_environments",
    "get_default_environment",
    "get_environment",
    "set_default_environment",
];

/// Every name of a tenant's resources that another tenant might send.
struct Things {
    runs: Vec<String>,
    node_run: String,
    approval: String,
    key: String,
    thread: String,
    server: String,
    plan: String,
}

async fn two() -> (World, Clients, Clients) {
    let world = World::with(required).await;
    let all = ["runs:read", "runs:write", "admin"];
    let (ours, theirs) = (world.key("acme", &all).await, world.key("other", &all).await);
    let (acme, other) = (world.showing(Some(&ours)), world.showing(Some(&theirs)));
    (world, acme, other)
}

fn start(run_id: Option<&str>, echo: &str) -> Value {
    let mut body = json!({
        "root_node_type_ref": {"node_type_id": "runyard.core.echo", "version": "1"}, "input": {"echo": echo},
    });
    if let Some(run_id) = run_id {
        body["run_id"] = json!(run_id);
    }
    body
}

/// The body that starts a run at the API of toolregistry.ai.
fn pursued() -> Value {
    json!({"intent": "Generate a UUID.", "selectedCustomerIntegrationIds": ["*"], "context": "", "userId": "ann"})
}

async fn things(of: &Clients) -> Things {
    let body = json!({
        "run_id": "mine", "input": {},
        "root_node_type_ref": {"node_type_id": "runyard.composite.external", "version": "1"},
    });
    let run = of.start(body).await;
    let own = of.native.get_run("mine").await.unwrap().into_inner();
    let id = own.run_id;
    let uuid = uuid::Uuid::parse_str(id.trim_start_matches("run_")).unwrap().hyphenated().to_string();
    let key = of.native.create_key(&typed(json!({}))).await.unwrap().into_inner().key.key_id;
    let asked = json!({"node_type_ref": {"node_type_id": "runyard.core.uuid4"}, "approval": "on_tool_call"});
    let asked = of.native.start_run(None, &typed(asked)).await.unwrap().into_inner();
    let approval = asked.approvals.unwrap().remove(0).approval_id;
    let made = of.acp.create_agent_runtime(&typed(json!({}))).await.unwrap().into_inner();
    let begun = of.acp.create_thread(None, &typed(json!({}))).await.unwrap().into_inner();
    let plan = of.toolregistry.run_controller_create_run(None, None, &typed(pursued())).await.unwrap();
    let plan = plan.into_inner().execution_plan_id.to_string();
    let (thread, server) = (begun.thread.id.unwrap(), made.server.id);
    Things {
        thread,
        approval,
        server,
        plan,
        runs: vec![id, uuid, "mine".to_owned()],
        node_run: run.root_node_run_id,
        key,
    }
}

/// A valid body for an operation, so that the server looks up the resource before it refuses the request.
fn body(operation: &Operation) -> Option<Value> {
    match operation.id {
        "complete_node_run" => Some(json!({"state": "succeeded"})),
        "deliver_input" => Some(json!({"input": "x"})),
        "decide_approval" => Some(json!({"decision": "approved"})),
        // Operations of ACP.
        id if id.starts_with("start_") || id.ends_with("_run_input") => Some(json!({"content": "x"})),
        id if id.starts_with("update_") => Some(json!({})),
        "send_thread_message" => Some(json!({"content": "x"})),
        "decide_permission_request" => Some(json!({"decision": "allow"})),
        "report_node_run_evaluation" => Some(json!({"evaluation_result": {"status": "success"}})),
        _ => None,
    }
}

async fn ask(clients: &Clients, document: &Document, operation: &Operation, path: &str) -> Answer {
    let method = Method::from_bytes(operation.method.as_bytes()).unwrap();
    let request = clients.request(document.name, method, path);
    let request = body(operation).into_iter().fold(request, |request, body| request.json(&body));
    clients.send(document.name, request).await
}

/// The refusal without the values that must differ.
fn outcome(answer: &Answer, name: &str) -> (u16, String) {
    let body = answer.json();
    let error = if body["error"].is_object() { &body["error"] } else { &body };
    (answer.status, error.to_string().replace(name, "NAME"))
}

#[tokio::test]
async fn what_is_anothers_is_not_there_in_the_same_words_as_what_never_was() {
    let (world, acme, other) = two().await;
    let theirs = things(&acme).await;
    let mut looked = 0;
    // Cargo names many kinds of resources, most of them in bodies: `cargo_ai/tenants.rs` tests them.
    for document in DOCUMENTS.iter().copied().filter(|document| document.name != "cargo") {
        let served = |one: &&Operation| one.secured && !Contract::named(document.name).is_not_served(one);
        for operation in document.operations.iter().filter(served) {
            let (variable, names, stranger) = match operation.path {
                path if path.contains("{run_id}") => {
                    ("{run_id}", theirs.runs.clone(), "run_0199f0a000007000800000000000abcd")
                }
                path if path.contains("{node_run_id}") => {
                    ("{node_run_id}", vec![theirs.node_run.clone()], "node_run_0199f0a0000070008000000000000abc")
                }
                path if path.contains("{approval_id}") => {
                    ("{approval_id}", vec![theirs.approval.clone()], "approval_0199f0a0000070008000000000000abc")
                }
                path if path.contains("{runId}") => {
                    ("{runId}", theirs.runs.clone(), "run_0199f0a000007000800000000000abcd")
                }
                path if path.contains("{executionPlanId}") => {
                    ("{executionPlanId}", vec![theirs.plan.clone()], "0199f0a0-0000-7000-8000-00000000abcd")
                }
                path if path.contains("{threadId}") => ("{threadId}", vec![theirs.thread.clone()], "thread_none"),
                path if path.contains("{serverId}") => ("{serverId}", vec![theirs.server.clone()], "server_none"),
                path if path.contains("{runtimeId}") => ("{runtimeId}", vec![theirs.server.clone()], "server_none"),
                path if path.contains("{key_id}") => ("{key_id}", vec![theirs.key.clone()], "0199f0a000007000"),
                _ => {
                    assert!(
                        NAMING_NOTHING.contains(&operation.id),
                        "{}: what does another tenant see of it?",
                        operation.id
                    );
                    continue;
                }
            };
            // ACP has two names in the path, and the server looks up one of them.
            let beside = |path: String| {
                path.replace("{serverId}", "default")
                    .replace("{runtimeId}", "default")
                    .replace("{digest}", &"0".repeat(64))
            };
            let at = |name: &str| beside(operation.path.replace(variable, name));
            let unknown = ask(&other, document, operation, &at(stranger)).await;
            assert_eq!(unknown.status, 404, "{} {}", document.name, operation.id);
            for name in names {
                let answer = ask(&other, document, operation, &at(&name)).await;
                let expected = outcome(&unknown, stranger);
                assert_eq!(outcome(&answer, &name), expected, "{} {}", document.name, operation.id);
                looked += 1;
            }
        }
    }
    assert!(looked > 30, "{looked}");
    let run = json!(acme.native.get_run("mine").await.unwrap().into_inner());
    assert_eq!(run["state"], "waiting", "nothing has changed");
    assert_eq!(other.native.count_runs().await.unwrap().into_inner().total, 0);
    // The owner sees it through each of them.
    acme.coordinator.get_node_run(&theirs.node_run).await.unwrap();
    acme.runtime.cancel_run("mine").await.unwrap();
    let approval = acme.native.get_approval(&theirs.approval).await.unwrap().into_inner();
    assert_eq!(approval.state.to_string(), "pending", "it is undecided");
    let asked = |clients: &Clients| {
        let native = clients.native.clone();
        async move { native.list_approvals(None, None, None, None).await.unwrap().into_inner().approvals.len() }
    };
    assert_eq!((asked(&acme).await, asked(&other).await), (1, 0));
    drop(world);
}

#[tokio::test]
async fn children_are_not_given_to_anothers_run() {
    let (_world, acme, other) = two().await;
    let theirs = things(&acme).await;
    let child = json!([{"node_type_ref": {"node_type_id": "runyard.core.uuid4", "version": "1"}, "inputs": {}}]);
    for run in &theirs.runs {
        let answer = other.children_of(run, &theirs.node_run, child.clone()).await.unwrap_err();
        assert_eq!(answer.short(), (404, "run_not_found"));
    }
    let own = other.run("runyard.composite.external", json!({})).await;
    let answer = other.children_of(&own.run_id, &theirs.node_run, child).await.unwrap_err();
    assert_eq!(answer.short(), (404, "parent_node_run_not_found"), "not a mismatch, which would tell that it is there");
}

#[tokio::test]
async fn names_and_keys_of_repetition_are_each_tenants_own() {
    let (_world, acme, other) = two().await;
    let first = acme.gateway.start_run(Some("k1"), &typed(start(Some("mine"), "a"))).await.unwrap();
    let second = other.gateway.start_run(Some("k1"), &typed(start(Some("mine"), "b"))).await.unwrap();
    assert!(second.headers().get("idempotent-replayed").is_none());
    let (first, second) = (first.into_inner(), second.into_inner());
    assert_ne!(first.root_node_run_id, second.root_node_run_id);
    for (caller, echo) in [(&acme, "a"), (&other, "b")] {
        let again = caller.gateway.start_run(Some("k1"), &typed(start(Some("mine"), echo))).await.unwrap();
        assert!(again.headers().contains_key("idempotent-replayed"));
        let run = caller.finished("mine").await;
        assert_eq!(json!(run)["extensions"]["runyard.outputs"]["echo"], echo);
    }
    let taken = refused(acme.gateway.start_run(None, &typed(start(Some("mine"), "c"))).await);
    assert_eq!(taken.short(), (409, "run_already_exists"));
    let goal = typed(json!({"run_id": "goal", "input": {"goal": "Generate a UUID."}}));
    other.runtime.create_run(None, &goal).await.unwrap();
    assert!(acme.runtime.get_run_status("goal").await.is_err());
}

#[tokio::test]
async fn lists_and_counts_are_each_tenants_own_and_the_driver_works_for_all() {
    let (world, acme, other) = two().await;
    let mut started = Vec::new();
    for (caller, count) in [(&acme, 3), (&other, 2), (&world.clients, 1)] {
        for number in 0..count {
            let run = caller.start(start(Some(&format!("run-{number}")), "x")).await;
            caller.finished(&run.run_id).await;
        }
        started.push((caller, count));
    }
    for (caller, count) in started {
        let page = caller
            .native
            .list_runs(None, None, None, None, None, None, None, None, None, None)
            .await
            .unwrap()
            .into_inner();
        assert_eq!(page.runs.len(), count);
        let counts = caller.native.count_runs().await.unwrap().into_inner();
        assert_eq!((counts.total, counts.succeeded), (i64::try_from(count).unwrap(), i64::try_from(count).unwrap()));
    }
    // To another tenant, a cursor is only a point in time. It reveals nothing of its owner.
    let limit = std::num::NonZeroU32::new(1);
    let page =
        acme.native.list_runs(None, None, None, None, None, limit, None, None, None, None).await.unwrap().into_inner();
    let cursor = page.next_cursor.unwrap();
    let page = other
        .native
        .list_runs(None, None, Some(&cursor), None, None, None, None, None, None, None)
        .await
        .unwrap()
        .into_inner();
    assert!(page.runs.len() <= 2);
}

#[tokio::test]
async fn servers_and_lists_of_acp_are_each_tenants_own() {
    let (_world, acme, other) = two().await;
    let theirs = things(&acme).await;
    let run = acme.acp.start_server_run("default", None, &typed(json!({"content": "Generate a UUID."}))).await.unwrap();
    assert!(run.into_inner().run.unwrap().output.is_some());
    for (caller, runs, servers) in [(&acme, 1, vec![&*theirs.server, "default"]), (&other, 0, vec!["default"])] {
        let listed = caller.acp.list_server_runs("default", None, None, None).await.unwrap().into_inner();
        assert_eq!(listed.runs.len(), runs);
        let listed = caller.acp.list_servers(None, None, None, None).await.unwrap().into_inner();
        assert_eq!(listed.servers.iter().map(|server| &*server.id).collect::<Vec<_>>(), servers);
        let listed = caller.acp.list_agent_runtimes(None, None, None).await.unwrap().into_inner();
        assert_eq!(listed.servers.len(), servers.len());
    }
    let bound = typed(json!({"agentRuntimeId": theirs.server}));
    assert_eq!(refused(other.acp.create_server(&bound).await).short(), (400, "invalid_request"));
    let joined = typed(json!({"content": "x", "threadId": theirs.thread}));
    assert_eq!(refused(other.acp.start_server_run("default", None, &joined).await).short(), (404, "thread_not_found"));
    let own = other.acp.create_thread(None, &typed(json!({"content": "Generate a UUID."}))).await.unwrap().into_inner();
    assert!(acme.acp.get_thread(&own.thread.id.unwrap()).await.is_err());
}

#[tokio::test]
async fn a_list_of_toolregistry_is_each_tenants_own() {
    let (_world, acme, other) = two().await;
    acme.toolregistry.run_controller_create_run(None, None, &typed(pursued())).await.unwrap();
    for (caller, runs) in [(&acme, 1), (&other, 0)] {
        let listed = caller.toolregistry.run_controller_list_runs(None, None, None, None, None, None).await.unwrap();
        assert_eq!(listed.into_inner().len(), runs);
    }
}
