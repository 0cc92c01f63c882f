//! Approval requests and paused runs: through the Runyard API, and as the other APIs show them.

use std::num::NonZeroU32;

use runyard::config::auth::Mode as AuthMode;
use runyard_api::runyard::types::{Approval, ApprovalState, Run};
use serde_json::{Value, json};

use crate::harness::{Clients, World, eventually, refused, typed};

const GOAL: &str = "Generate a UUID, then echo it.";

/// Starts a run on the Runyard API.
async fn start(clients: &Clients, body: Value) -> Run {
    clients.native.start_run(None, &typed(body)).await.unwrap().into_inner()
}

async fn look(clients: &Clients, run_id: &str) -> Run {
    clients.native.get_run(run_id).await.unwrap().into_inner()
}

/// Waits until a run has this many approval requests, and returns them.
async fn asked(clients: &Clients, run_id: &str, count: usize) -> Vec<Approval> {
    eventually("so many are pending", || async {
        look(clients, run_id).await.approvals.filter(|asked| asked.len() == count)
    })
    .await
}

async fn decide(clients: &Clients, approval: &Approval, decision: &str) -> Approval {
    let body = typed(json!({"decision": decision, "comment": "as agreed"}));
    clients.native.decide_approval(&approval.approval_id, &body).await.unwrap().into_inner()
}

#[tokio::test]
async fn every_call_of_a_plan_waits_for_its_approval() {
    let world = World::new().await;
    let run = start(&world, json!({"goal": GOAL, "approval": "on_tool_call"})).await;
    let first = asked(&world, &run.run_id, 1).await.remove(0);
    assert_eq!((first.key.as_str(), first.subject.to_string().as_str()), ("S1", "node_run"));
    assert_eq!((first.state, first.title.as_deref()), (ApprovalState::Pending, Some("Generate a UUID")));
    // APIs that have no state for a waiting run show it as running.
    let shown = world.gateway.get_run(&run.run_id).await.unwrap().into_inner();
    assert_eq!(shown.state.to_string(), "running");
    assert_eq!(world.runtime.get_run_status(&run.run_id).await.unwrap().into_inner().state.to_string(), "running");
    let waiting = look(&world, &run.run_id).await;
    assert_eq!((waiting.state.to_string().as_str(), waiting.reason.as_deref()), ("waiting", Some("approval")));
    assert_eq!(waiting.approval.unwrap().to_string(), "on_tool_call");

    let decided = decide(&world, &first, "approved").await;
    assert_eq!((decided.state, decided.comment.as_deref()), (ApprovalState::Approved, Some("as agreed")));
    let second = asked(&world, &run.run_id, 2).await.remove(1);
    let uuid = look(&world, &run.run_id).await.node_runs[1].outputs.clone().unwrap()["uuid4"].clone();
    assert_eq!(second.inputs.as_ref().unwrap()["echo"], uuid, "what is agreed to is what will be done");
    decide(&world, &second, "approved").await;
    let ended = world.finished(&run.run_id).await;
    assert_eq!(ended.state.to_string(), "succeeded");
    let events = world.events(&run.run_id).await;
    assert!(events.iter().all(|event| !event["type"].as_str().unwrap().contains("approval")), "no word of ARP's");
}

#[tokio::test]
async fn a_plan_is_agreed_to_as_a_whole_or_not_at_all() {
    let world = World::new().await;
    let run = start(&world, json!({"goal": GOAL, "approval": "on_start"})).await;
    let plan = asked(&world, &run.run_id, 1).await.remove(0);
    assert_eq!((plan.key.as_str(), plan.subject.to_string().as_str()), ("", "plan"));
    let steps = plan.steps.as_ref().unwrap();
    let described: Vec<_> = steps.iter().map(|step| (step.key.as_str(), step.node_type.as_str())).collect();
    assert_eq!(described, [("S1", "runyard.core.uuid4"), ("S2", "runyard.core.echo")]);
    assert_eq!(steps[1].depends_on, ["S1"]);
    let tree = look(&world, &run.run_id).await.node_runs;
    assert!(tree[1..].iter().all(|node| node.attempt == 0), "nothing has begun");

    let denied = decide(&world, &plan, "denied").await;
    assert_eq!(denied.state, ApprovalState::Denied);
    let shown = look(&world, &run.run_id).await;
    assert_eq!((shown.state.to_string().as_str(), shown.reason.as_deref()), ("canceled", Some("denied")));
    assert_eq!(shown.error.unwrap().message, "the plan was denied: as agreed");
    let gateways = json!(world.gateway.get_run(&run.run_id).await.unwrap().into_inner());
    assert_eq!(
        (&gateways["state"], &gateways["extensions"]["runyard.error"]["code"]),
        (&json!("canceled"), &json!("denied"))
    );
    assert_eq!(world.runtime.get_run_status(&run.run_id).await.unwrap().into_inner().state.to_string(), "canceled");
}

#[tokio::test]
async fn a_decision_is_made_once() {
    let world = World::new().await;
    let ask =
        || start(&world, json!({"node_type_ref": {"node_type_id": "runyard.core.uuid4"}, "approval": "on_start"}));
    let refusal = |approval: &str, decision: &str| {
        let (native, approval) = (world.native.clone(), approval.to_owned());
        let body = typed(json!({"decision": decision}));
        async move { refused(native.decide_approval(&approval, &body).await) }
    };
    let run = ask().await;
    let approval = asked(&world, &run.run_id, 1).await.remove(0);
    let id = &approval.approval_id;
    let first = decide(&world, &approval, "approved").await;
    assert_eq!(decide(&world, &approval, "approved").await, first, "the same again is answered as before");
    let contrary = refusal(id, "denied").await;
    assert_eq!((contrary.short(), &contrary.details["verdict"]), ((409, "approval_decided"), &json!("approved")));
    assert_eq!(refusal("approval_7", "approved").await.short(), (404, "approval_not_found"));

    let run = ask().await;
    let overtaken = asked(&world, &run.run_id, 1).await.remove(0);
    let reason = typed(json!({"reason": "not needed"}));
    let canceled = world.native.cancel_run(&run.run_id, Some(&reason)).await.unwrap().into_inner();
    assert_eq!(canceled.error.unwrap().message, "not needed");
    assert_eq!(refusal(&overtaken.approval_id, "approved").await.short(), (409, "run_finished"));
    let shown = world.native.get_approval(&overtaken.approval_id).await.unwrap().into_inner();
    assert_eq!((shown.state, shown.ended_at.is_some()), (ApprovalState::Lapsed, true));

    let run = world.run("runyard.composite.external", json!({})).await;
    let external = json!({"node_type_id": "runyard.composite.external", "version": "1"});
    let inner = world.children(&run, json!([{"node_type_ref": external, "inputs": {}}])).await.unwrap().remove(0);
    let mut gated = json!({"node_type_ref": {"node_type_id": "runyard.core.uuid4", "version": "1"}, "inputs": {}});
    gated["constraints"] = json!({"gates": {"require_approval": true}});
    world.children_of(&run.run_id, &inner.node_run_id, json!([gated])).await.unwrap();
    let lapses = asked(&world, &run.run_id, 1).await.remove(0);
    world.complete(&inner.node_run_id, json!({"state": "failed"})).await.unwrap();
    assert_eq!(refusal(&lapses.approval_id, "approved").await.short(), (409, "approval_lapsed"));
}

#[tokio::test]
async fn what_is_asked_is_listed_by_run_and_state_page_by_page() {
    let world = World::new().await;
    let mut runs = Vec::new();
    for n in 0..5 {
        let body = json!({
            "node_type_ref": {"node_type_id": "jarvis.core.echo", "version": "0.3.8"},
            "inputs": {"echo": n.to_string()}, "name": format!("run-{n}"), "approval": "on_tool_call",
        });
        runs.push(start(&world, body).await);
    }
    let page = |cursor: Option<String>, limit: u32, run: Option<&'static str>, states: &[ApprovalState]| {
        let (native, states) = (world.native.clone(), states.to_vec());
        async move {
            let states = (!states.is_empty()).then_some(&states);
            let listed = native.list_approvals(cursor.as_deref(), NonZeroU32::new(limit), run, states).await;
            let listed = listed.unwrap().into_inner();
            let ids: Vec<String> = listed.approvals.into_iter().map(|one| one.run_id).collect();
            (ids, listed.next_cursor)
        }
    };
    let newest_first: Vec<String> = runs.iter().rev().map(|run| run.run_id.clone()).collect();
    assert_eq!(page(None, 9, None, &[]).await, (newest_first.clone(), None));
    let (mut ids, mut next) = page(None, 2, None, &[]).await;
    while let Some(cursor) = next {
        let (more, following) = page(Some(cursor), 2, None, &[]).await;
        ids.extend(more);
        next = following;
    }
    assert_eq!(ids, newest_first);

    let second = asked(&world, "run-1", 1).await.remove(0);
    decide(&world, &second, "denied").await;
    world.native.cancel_run("run-2", None).await.unwrap();
    assert_eq!(page(None, 9, None, &[ApprovalState::Denied]).await.0, [runs[1].run_id.clone()]);
    assert_eq!(page(None, 9, None, &[ApprovalState::Denied, ApprovalState::Lapsed]).await.0.len(), 2);
    assert_eq!(page(None, 9, Some("run-3"), &[ApprovalState::Pending]).await.0, [runs[3].run_id.clone()]);
    assert!(page(None, 9, Some("run-1"), &[ApprovalState::Pending]).await.0.is_empty());
    let strange = refused(world.native.list_approvals(Some("x"), None, None, None).await);
    assert_eq!(strange.short(), (400, "invalid_request"));
    let strange = refused(world.native.list_approvals(None, None, Some("unknown"), None).await);
    assert_eq!(strange.short(), (404, "run_not_found"));
}

#[tokio::test]
async fn a_paused_run_lets_what_is_at_work_end_and_begins_nothing() {
    let world = World::new().await;
    let goal = "Sleep for 0.2 seconds, then generate a UUID and return it.";
    let run = start(&world, json!({"goal": goal, "name": "mine"})).await;
    eventually("the first step begins", || async {
        look(&world, "mine").await.node_runs.get(1).filter(|node| node.attempt == 1).cloned()
    })
    .await;
    let reason = typed(json!({"reason": "maintenance"}));
    let paused = world.native.pause_run("mine", Some(&reason)).await.unwrap().into_inner();
    assert_eq!(paused.paused.as_ref().unwrap().reason.as_deref(), Some("maintenance"));
    let again = world.native.pause_run("mine", Some(&typed(json!({"reason": "other"})))).await.unwrap().into_inner();
    assert_eq!(again.paused, paused.paused, "pausing again changes nothing");
    let slept = eventually("the first step ends", || async {
        Some(look(&world, "mine").await).filter(|run| run.node_runs[1].ended_at.is_some())
    });
    let slept = slept.await;
    assert_eq!((slept.state.to_string().as_str(), slept.reason.as_deref()), ("waiting", Some("paused")));
    assert_eq!((slept.node_runs[2].state.to_string().as_str(), slept.node_runs[2].attempt), ("queued", 0));
    assert_eq!(world.gateway.get_run("mine").await.unwrap().into_inner().state.to_string(), "running");

    let resumed = world.native.resume_run("mine").await.unwrap().into_inner();
    assert_eq!(resumed.paused, None);
    assert_eq!(world.finished("mine").await.state.to_string(), "succeeded");
    let late = refused(world.native.pause_run(&run.run_id, None).await);
    assert_eq!((late.short(), &late.details["state"]), ((409, "run_finished"), &json!("succeeded")));
    let after = world.native.resume_run("mine").await.unwrap().into_inner();
    assert_eq!(after.state.to_string(), "succeeded", "nothing to let go on, and that is no error");
}

#[tokio::test]
async fn a_paused_run_can_be_canceled_through_any_api() {
    let world = World::new().await;
    let sleep = json!({"node_type_ref": {"node_type_id": "runyard.core.sleep"}, "inputs": {"seconds": 600}});
    let run = start(&world, sleep).await;
    world.native.pause_run(&run.run_id, None).await.unwrap();
    world.gateway.cancel_run(&run.run_id).await.unwrap();
    let shown = look(&world, &run.run_id).await;
    assert_eq!((shown.state.to_string().as_str(), shown.paused), ("canceled", None));
}

#[tokio::test]
async fn a_run_is_started_here_with_everything_that_can_be_said() {
    let world = World::new().await;
    let body = json!({
        "node_type_ref": {"node_type_id": "runyard.core.fail", "version": "1"},
        "inputs": {"tries": 1}, "name": "mine", "retry": {"max_attempts": 2, "initial_interval_ms": 1}, "timeout_ms": 60_000,
        "constraints": {"budgets": {"max_steps": 5}},
    });
    let answer = world.native.start_run(Some("key-1"), &typed(body.clone())).await.unwrap();
    assert_eq!(answer.status(), 201);
    let run = answer.into_inner();
    assert_eq!((run.name.as_deref(), run.face.as_str()), (Some("mine"), "runyard"));
    assert_eq!(run.constraints["budgets"]["max_steps"], 5);
    assert_eq!(world.finished("mine").await.state.to_string(), "succeeded", "at the second attempt");
    let again = world.native.start_run(Some("key-1"), &typed(body.clone())).await.unwrap();
    assert_eq!((again.status().as_u16(), again.headers()["idempotent-replayed"].to_str().unwrap()), (201, "true"));
    assert_eq!(again.into_inner().run_id, run.run_id);
    let mut other = body;
    other["inputs"]["tries"] = json!(2);
    let refusal = refused(world.native.start_run(Some("key-1"), &typed(other.clone())).await);
    assert_eq!(refusal.short(), (409, "idempotency_conflict"));
    assert_eq!(refused(world.native.start_run(None, &typed(other)).await).short(), (409, "run_already_exists"));

    let planned = start(
        &world,
        json!({
            "goal": "Misfire, then generate a UUID.", "steps": {"on_failure": "continue", "retry": {"max_attempts": 1}},
        }),
    )
    .await;
    world.finished(&planned.run_id).await;
    let planned = look(&world, &planned.run_id).await;
    assert_eq!(
        (planned.state.to_string().as_str(), planned.node_type.as_str()),
        ("partial", "runyard.composite.planner.general")
    );
    assert_eq!((planned.approval, planned.approvals, planned.paused), (None, None, None));
}

#[tokio::test]
async fn what_cannot_be_started_is_refused_by_name() {
    let world = World::new().await;
    for (body, code, said) in [
        (json!({}), "invalid_request", "/goal"),
        (json!({"goal": ""}), "invalid_request", "/goal"),
        (json!({"goal": "a", "inputs": {"goal": "b"}}), "invalid_request", "/inputs/goal"),
        (json!({"goal": "a", "gaol": "b"}), "invalid_request", "/gaol"),
        (json!({"goal": "a", "name": "a b"}), "invalid_request", "/name"),
        (json!({"goal": "a", "approval": "always"}), "invalid_request", "/approval"),
        (
            json!({"goal": "a", "constraints": {"budgets": {"max_step": 1}}}),
            "invalid_request",
            "/constraints/budgets/max_step",
        ),
        (json!({"goal": "a", "retry": {"max_attempts": 0}}), "invalid_request", "/retry/max_attempts"),
        (json!({"goal": "a", "steps": {"on_failure": "go_to"}}), "invalid_request", "/steps/on_failure"),
        (json!({"node_type_ref": {"node_type_id": "missing.type"}}), "unknown_node_type", "missing.type"),
        (json!({"node_type_ref": {"node_type_id": "runyard.core.echo", "version": "9"}}), "unknown_node_type", "9"),
        (
            json!({"node_type_ref": {"node_type_id": "runyard.core.echo"}, "inputs": {"echo": 7}}),
            "invalid_inputs",
            "echo",
        ),
        (
            json!({"node_type_ref": {"node_type_id": "runyard.core.sleep"}, "retry": {"max_attempts": 2}}),
            "invalid_policy",
            "retry",
        ),
    ] {
        let answer = world.post("runyard", "/v1/runs", body.to_string()).await;
        assert_eq!(answer.refusal(), (400, code.to_owned()), "{body}");
        assert!(answer.text().contains(said), "{body}: {}", answer.text());
    }
    let gated = json!({"goal": "a", "constraints": {"structural": {"max_total_nodes_per_run": 0}}});
    let refusal = refused(world.native.start_run(None, &typed(gated)).await);
    assert_eq!(
        (refusal.short(), &refusal.details["constraint"]),
        ((409, "constraint_violation"), &json!("max_total_nodes_per_run"))
    );
    for (path, body) in
        [("/v1/runs/r1:cancel", "{\"reason\":\"\"}"), ("/v1/approvals/a1:decide", "{\"decision\":\"maybe\"}")]
    {
        assert_eq!(world.post("runyard", path, body).await.refusal(), (400, "invalid_request".to_owned()), "{path}");
    }
}

#[tokio::test]
async fn the_approver_is_recorded_and_a_caller_with_read_scope_cannot_decide() {
    let world = World::with(|config| config.auth.mode = Some(AuthMode::Required)).await;
    let writer = world.key("acme", &[]).await;
    let reader = world.key("acme", &["runs:read"]).await;
    let (writer, reader) = (world.showing(Some(&writer)), world.showing(Some(&reader)));
    let run = start(&writer, json!({"goal": GOAL, "approval": "on_start"})).await;
    let plan = asked(&reader, &run.run_id, 1).await.remove(0);
    let body = typed(json!({"decision": "approved"}));
    assert_eq!(refused(reader.native.decide_approval(&plan.approval_id, &body).await).short(), (403, "forbidden"));
    assert_eq!(refused(reader.native.pause_run(&run.run_id, None).await).short(), (403, "forbidden"));
    writer.native.pause_run(&run.run_id, None).await.unwrap();
    let decided = decide(&writer, &plan, "approved").await;
    let (by, paused) = (decided.by.unwrap(), look(&reader, &run.run_id).await.paused.unwrap().by.unwrap());
    assert!(by.starts_with("key:") && by == paused, "{by} {paused}");
}
