//! What nodes see of each other, what inputs an action gets, and what a failure reports.

use http::Method;
use serde_json::{Value, json};

use super::batches::calling;
use super::{AT, ask, begun, deployed, drawn, end, finished, get, native, post, start, uuid, walked};
use crate::harness::peer::{Answers, Asked, Peer};
use crate::harness::{World, eventually};

/// A service whose one action returns its request, and refuses invalid ones.
pub async fn desk() -> (Peer, World) {
    let peer = Peer::start(|asked: &Asked| match asked.json()["title"].as_str() {
        Some("later") => Answers::Json(503, json!({ "why": "not yet" })),
        Some("bad") => Answers::Json(428, json!({ "why": "the ticket is locked\nfor all" })),
        _ => Answers::Json(200, json!({ "saw": asked.json() })),
    })
    .await;
    let list = json!([{
        "id": "desk", "name": "Desk", "description": "Tickets.", "url": peer.url, "allow_private_addresses": true,
        "node_types": [{
            "slug": "create_ticket", "description": "Creates a ticket.", "method": "POST", "path": "/tickets",
            "input_schema": { "type": "object", "properties": { "title": {} }, "required": ["title"] }
        }]
    }, { "id": "off", "name": "Off", "url": peer.url, "active": false, "node_types": [] }]);
    let integrations = runyard::config::integrations::parse(&list).unwrap();
    let world = World::with(|config| {
        config.integrations = integrations;
        config.egress.allow_networks = vec!["127.0.0.0/8".to_owned()];
    })
    .await;
    (peer, world)
}

/// A connector node that creates a ticket.
pub fn ticket(title: Value, more: Value) -> Value {
    let mut node = calling("connector", "ticket", "integrationSlug", &json!("desk"), json!({ "title": title }));
    node["actionSlug"] = json!("create_ticket");
    node.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    node
}

#[tokio::test]
async fn expressions_see_of_tools_and_agents_what_the_run_context_shows() {
    let world = World::new().await;
    let shout = "{{ nodes.start.name.toUpperCase() }}";
    let said = json!({ "variables": [{ "name": "up", "type": "string", "value": shout }] });
    deployed(&world, json!([start("end"), native("end", "end", said, &[])])).await;
    let tool = get(&world, "/tools/list").await.1["tools"][0]["uuid"].clone();
    let mut call = calling("tool", "t", "toolUuid", &tool, json!({ "name": "{{ nodes.start.who }}" }));
    call["childrenUuids"] = json!([uuid("a")]);
    let asks = json!({ "prompt": "Say \"{{ nodes.t.up }}\", then return it.", "output": { "type": "text" } });
    let ask = calling("agent", "a", "agentUuid", &json!("any"), asks);
    let see = |name: &str, value: &str| json!({ "name": name, "type": "any", "value": value });
    let seen = json!({ "variables": [
        see("up", "{{ nodes.t.up }}"), see("tool", "{{ nodes.t }}"), see("answer", "{{ nodes.a.answer }}"),
        see("agent", "{{ nodes.a }}")
    ] });
    let nodes = json!([start("t"), call, ask, native("end", "end", seen, &[])]);
    let answer = walked(&world, nodes, json!({ "who": "Ada" })).await;
    assert_eq!(answer["run"]["status"], "success", "{answer}");
    let context = &answer["runContext"];
    assert_eq!((&context["t"], &context["a"]), (&json!({ "up": "ADA" }), &json!({ "answer": "ADA" })));
    assert_eq!(context["end"], json!({ "up": "ADA", "tool": context["t"], "answer": "ADA", "agent": context["a"] }));
}

#[tokio::test]
async fn workflows_that_read_the_run_behind_a_tool_go_on_working() {
    let world = World::new().await;
    deployed(&world, drawn()).await;
    let tool = get(&world, "/tools/list").await.1["tools"][0]["uuid"].clone();
    let call = calling("tool", "t", "toolUuid", &tool, json!({}));
    let both = end("end", json!("{{ nodes.t.outputs.answer }} {{ nodes.t.answer }} {{ nodes.t.state }}"));
    let answer = walked(&world, json!([start("t"), call, both]), json!(null)).await;
    assert_eq!(answer["runContext"]["end"], json!({ "answer": "42 42 succeeded" }), "{answer}");
}

#[tokio::test]
async fn an_agents_answer_has_the_form_that_its_json_schema_asks_for() {
    let world = World::new().await;
    let ask = |output: Value| {
        let config = json!({ "prompt": "Generate a UUID, then return it.", "output": output });
        json!([
            start("a"),
            calling("agent", "a", "agentUuid", &json!("any"), config),
            end("end", json!("{{ nodes.a.answer.id }}"))
        ])
    };
    let schema = json!({ "type": "object", "properties": { "id": { "type": "string" } }, "required": ["id"] });
    let asked = json!({ "type": "jsonSchema", "jsonSchema": schema });
    let answer = walked(&world, ask(asked.clone()), json!(null)).await;
    assert_eq!(answer["run"]["status"], "success", "{answer}");
    let id = &answer["runContext"]["a"]["answer"]["id"];
    assert_eq!(id.as_str().unwrap().len(), 36, "{answer}");
    assert_eq!(&answer["runContext"]["end"]["answer"], id);
    assert_eq!(answer["runComputedConfigs"]["a"]["output"], asked);
    // An answer that cannot be converted to that form fails the node, with the reason.
    let number = json!({ "type": "object", "properties": { "id": { "type": "integer" } }, "required": ["id"] });
    let failed = walked(&world, ask(json!({ "type": "jsonSchema", "jsonSchema": number })), json!(null)).await;
    assert_eq!(failed["run"]["executions"][1]["status"], "error", "{failed}");
    // An invalid form is reported before anything runs.
    for output in [
        json!({ "type": "xml" }),
        json!({ "type": "jsonSchema" }),
        json!({ "type": "jsonSchema", "jsonSchema": { "type": 7 } }),
    ] {
        let (_, validated) = post(&world, "/nodes/validate", json!({ "nodes": ask(output.clone()) })).await;
        assert_eq!(validated["invalidNodes"][0]["reason"], "toolInvalid", "{output}: {validated}");
    }
}

#[tokio::test]
async fn the_data_of_an_action_without_config_is_its_input() {
    let (peer, world) = desk().await;
    for config in [json!({}), json!(null)] {
        let action =
            json!({ "kind": "connector", "integrationSlug": "desk", "actionSlug": "create_ticket", "config": config });
        let data = json!({ "title": "No {{ 1 + 1 }} paper", "rest": { "kind": "jsExpression", "expression": "1" } });
        let (status, answer) = post(&world, "/actions/execute", json!({ "action": action, "data": data })).await;
        assert_eq!(status, 200, "{answer}");
        let answer = finished(&world, &answer["run"]).await;
        assert_eq!(answer["run"]["status"], "success", "{answer}");
        assert_eq!(peer.asked().last().unwrap().json(), data, "data is never an expression");
    }
    // The config wins over the data, which it may read.
    let config = json!({ "title": "{{ nodes.start.name }}" });
    let action =
        json!({ "kind": "connector", "integrationSlug": "desk", "actionSlug": "create_ticket", "config": config });
    let (_, answer) = post(&world, "/actions/execute", json!({ "action": action, "data": { "name": "Ada" } })).await;
    finished(&world, &answer["run"]).await;
    assert_eq!(peer.asked().last().unwrap().json(), json!({ "title": "Ada" }));
}

#[tokio::test]
async fn a_failing_connector_says_code_status_and_body_on_every_api() {
    let (_peer, world) = desk().await;
    let answer =
        walked(&world, json!([start("ticket"), ticket(json!("bad"), json!({})), end("end", json!(1))]), json!(null))
            .await;
    let execution = answer["run"]["executions"][1]["errorMessage"].as_str().unwrap();
    assert_eq!(
        execution,
        "http_status: 127.0.0.1 answered 428 Precondition Required: {\"why\":\"the ticket is locked\\nfor all\"}"
    );
    let body = "428 Precondition Required: {\"why\":\"the ticket is locked";
    let uuid = answer["run"]["uuid"].as_str().unwrap();
    assert!(answer["run"]["errorMessage"].as_str().unwrap().contains(body), "{answer}");
    let acp = world.get("acp", &format!("/v1/servers/default/runs/{uuid}")).await.json();
    let tool = world.get("toolregistry", &format!("/v1/runs/{uuid}?includeEvents=true")).await.json();
    for (api, shown) in [("acp", &acp["run"]["error"]), ("toolregistry", &tool["events"])] {
        let text = shown.to_string().replace("\\", "");
        assert!(text.contains("428 Precondition Required: {\"why\":\"the ticket is locked"), "{api}: {text}");
    }
}

#[tokio::test]
async fn a_node_that_is_tried_again_shows_its_attempt_and_why_the_last_one_failed() {
    let (_peer, world) = desk().await;
    let node = ticket(json!("later"), json!({ "retry": { "maximumAttempts": 3, "initialInterval": 600_000 } }));
    let run = begun(&world, json!({ "nodes": [start("ticket"), node, end("end", json!(1))], "data": null })).await;
    let path = format!("/runs/{}", run["uuid"].as_str().unwrap());
    let execution = eventually("the wait for another attempt", async || {
        let (_, answer) = get(&world, &path).await;
        answer["run"]["executions"].get(1).filter(|one| one.get("errorMessage").is_some()).cloned()
    })
    .await;
    assert_eq!(execution["status"], "pending", "{execution}");
    let (title, why) = (execution["title"].as_str().unwrap(), execution["errorMessage"].as_str().unwrap());
    assert!(title.starts_with("attempt 1 of 3 failed; the next is at 20"), "{title}");
    assert_eq!(why, "http_status: 127.0.0.1 answered 503 Service Unavailable: {\"why\":\"not yet\"}");
    let cancel = json!({ "workflowUuid": run["workflowUuid"], "uuids": [run["uuid"]] });
    assert_eq!(post(&world, "/runs/cancel", cancel).await.0, 204);
}

#[tokio::test]
async fn a_run_of_another_api_is_cancelled_with_the_workflow_that_it_shows() {
    let world = World::new().await;
    let run = world.run("runyard.core.sleep", json!({ "seconds": 600 })).await;
    let (_, answer) = get(&world, &format!("/runs/{}", run.run_id)).await;
    let (uuid, workflow) = (&answer["run"]["uuid"], &answer["run"]["workflowUuid"]);
    let cancel = |workflow: &Value| json!({ "workflowUuid": workflow, "uuids": [uuid] });
    let (status, refusal) = post(&world, "/runs/cancel", cancel(&json!("another"))).await;
    assert_eq!((status, &refusal["reason"]), (400, &json!("workflowNotFound")));
    assert_eq!(post(&world, "/runs/cancel", cancel(workflow)).await, (204, Value::Null));
    assert_eq!(get(&world, &format!("/runs/{}", run.run_id)).await.1["run"]["status"], "cancelled");
}

#[tokio::test]
async fn null_is_absent_in_filters_nodes_and_starts() {
    let world = World::new().await;
    let workflow = deployed(&world, drawn()).await;
    let run =
        begun(&world, json!({ "workflowUuid": workflow, "data": "one", "releaseUuid": null, "nodes": null })).await;
    finished(&world, &run).await;
    let filters = [
        "workflowUuid",
        "userUuid",
        "batchUuid",
        "releaseUuid",
        "statuses",
        "parentBatchUuid",
        "parentUuid",
        "parentNodeUuid",
        "isGroupParent",
        "recordId",
        "recordTitle",
        "recordTitleOrId",
        "isFinished",
        "executionsFilter",
        "createdAfter",
        "createdBefore",
        "updatedAfter",
        "updatedBefore",
        "limit",
        "offset",
    ];
    let mut nothing: Value =
        filters.iter().map(|name| ((*name).to_owned(), Value::Null)).collect::<serde_json::Map<_, _>>().into();
    let (status, listed) = post(&world, "/runs/list", nothing.clone()).await;
    assert_eq!((status, &listed["count"]), (200, &json!(1)), "{listed}");
    assert_eq!(post(&world, "/runs/count", nothing.clone()).await.1["count"], 1);
    let mut metrics = nothing.clone();
    metrics["workflowUuid"] = json!(workflow);
    assert_eq!(post(&world, "/runs/metrics", metrics).await.0, 200);
    nothing["workflowUuid"] = json!(workflow);
    nothing["uuids"] = json!(null);
    let (status, refusal) = post(&world, "/runs/cancel", nothing).await;
    assert_eq!((status, &refusal["reason"]), (400, &json!("invalidRequest")), "null names no runs: {refusal}");
    // A node as clients write it, with null for absent fields.
    let mut nodes = drawn();
    for name in [
        "fallbackChildUuid",
        "name",
        "description",
        "retry",
        "connectorUuid",
        "integrationSlug",
        "toolUuid",
        "releaseUuid",
    ] {
        nodes[1][name] = json!(null);
    }
    assert_eq!(post(&world, "/nodes/validate", json!({ "nodes": nodes })).await.1, json!({ "outcome": "valid" }));
    let mut passed = nodes.clone();
    passed[1]["fallbackOnFailure"] = json!(true);
    assert_eq!(walked(&world, passed, json!(null)).await["run"]["status"], "success");
}

#[tokio::test]
async fn dates_that_cannot_be_counted_in_are_refused_in_words_of_the_server_on_every_api() {
    let world = World::new().await;
    for text in [
        "9999-12-31T23:59:59Z",
        "2026-01-31T12:00:00.123456789012Z",
        "2026-01-31 12:00:00Z",
        "2026-01-31T12:00:00",
        "soon",
    ] {
        let (status, refusal) = post(&world, "/runs/list", json!({ "createdBefore": text })).await;
        assert_eq!(status, 400, "{text}");
        let said = refusal["errorMessage"].as_str().unwrap();
        assert!(said.contains("createdBefore: must be a date and a time with an offset, such as"), "{said}");
        let answer = world.get("runyard", &format!("/v1/runs?created_before={}", text.replace(' ', "%20"))).await;
        let said = answer.text();
        assert!(answer.status == 400 && said.contains("must be a date and a time with an offset"), "{text}: {said}");
    }
    for text in ["9999-12-30T22:00:00Z", "2026-01-31t12:00:00.123456789z", "2026-01-31T12:00:00.5+05:30"] {
        assert_eq!(post(&world, "/runs/list", json!({ "createdBefore": text })).await.0, 200, "{text}");
    }
}

/// A page of `GET` below `/v1`.
async fn look(world: &World, path: &str) -> (u16, Value) {
    let answer = ask(world, Method::GET, &format!("/v1/{path}"), None).await;
    (answer.status, answer.json())
}

#[tokio::test]
async fn integrations_connectors_agents_and_the_caller_can_be_discovered() {
    let (_peer, world) = desk().await;
    let (status, listed) = look(&world, "connection/integrations/list").await;
    assert_eq!((status, listed["integrations"].as_array().unwrap().len()), (200, 1), "{listed}");
    let desk = &listed["integrations"][0];
    assert_eq!(
        (&desk["slug"], &desk["name"], &desk["description"]),
        (&json!("desk"), &json!("Desk"), &json!("Tickets."))
    );
    let schema = &desk["actions"]["create_ticket"]["config"]["jsonSchema"];
    assert_eq!(schema["required"], json!(["title"]), "{desk}");
    assert_eq!(look(&world, "connection/integrations/desk").await.1["integration"], *desk);
    for (query, count) in [
        ("slug=desk", 1),
        ("slug=none", 0),
        ("search=TICKET", 1),
        ("search=mail", 0),
        ("hasActions=true", 1),
        ("hasActions=false", 0),
        ("hasExtractors=true", 0),
        ("category=custom", 1),
        ("category=sales", 0),
    ] {
        let (_, listed) = look(&world, &format!("connection/integrations/list?{query}")).await;
        assert_eq!(listed["integrations"].as_array().unwrap().len(), count, "{query}");
    }
    let (_, listed) = look(&world, "connection/connectors/list?integrationSlug=desk").await;
    let connector = &listed["connectors"][0];
    assert_eq!((&connector["integrationSlug"], &connector["isDefault"]), (&json!("desk"), &json!(true)), "{listed}");
    let uuid = connector["uuid"].as_str().unwrap();
    assert_eq!(uuid::Uuid::parse_str(uuid).unwrap().get_version_num(), 4);
    assert_eq!(look(&world, &format!("connection/connectors/{uuid}")).await.1["connector"], *connector);
    assert_eq!(look(&world, "connection/connectors/list?integrationSlug=off").await.1["connectors"], json!([]));
    // Discovered actions can be executed.
    let node = ticket(json!("a"), json!({ "connectorUuid": uuid }));
    assert_eq!(
        walked(&world, json!([start("ticket"), node, end("end", json!(1))]), json!(null)).await["run"]["status"],
        "success"
    );
    let (_, listed) = look(&world, "ai/agents/list").await;
    let agent = &listed["agents"][0];
    assert_eq!(look(&world, &format!("ai/agents/{}", agent["uuid"].as_str().unwrap())).await.1["agent"], *agent);
    let asks = calling("agent", "a", "agentUuid", &agent["uuid"], json!({ "prompt": "Say 'hello', then return it." }));
    let answer =
        walked(&world, json!([start("a"), asks, end("end", json!("{{ nodes.a.answer }}"))]), json!(null)).await;
    assert_eq!(answer["runContext"]["end"]["answer"], "hello");
    let (_, user) = look(&world, "workspaceManagement/users/current").await;
    assert_eq!(user["user"]["workspaceUuid"], "default", "{user}");
    assert_eq!(look(&world, "userManagement/users/current").await.1, user);
    let (_, workspace) = look(&world, "workspaceManagement/workspaces/current").await;
    assert_eq!(workspace, json!({ "workspace": { "uuid": "default", "name": "default" } }));
    for (path, reason) in [
        ("connection/integrations/off", "integrationNotFound"),
        ("connection/connectors/unknown", "connectorNotFound"),
        ("ai/agents/unknown", "agentNotFound"),
    ] {
        let (status, refusal) = look(&world, path).await;
        assert_eq!((status, &refusal["reason"]), (404, &json!(reason)));
    }
    assert_eq!(AT, "/v1/orchestration", "what is discovered lies beside it");
}

#[tokio::test]
async fn what_is_sent_with_a_deployment_is_the_draft_that_is_deployed() {
    let world = World::new().await;
    let workflow = deployed(&world, drawn()).await;
    let sent = json!([start("end"), end("end", json!("sent"))]);
    let fields = json!([{ "slug": "name" }]);
    let body = json!({ "workflowUuid": workflow, "nodes": sent, "formFields": fields, "description": "what was sent" });
    let (status, answer) = post(&world, "/releases/draft/deploy", body).await;
    assert_eq!(status, 200, "{answer}");
    let release = &answer["release"];
    assert_eq!((&release["description"], &release["formFields"]), (&json!("what was sent"), &fields));
    assert_eq!(release["nodes"].as_array().unwrap().len(), 2, "{release}");
    let run = begun(&world, json!({ "workflowUuid": workflow, "data": null })).await;
    assert_eq!(finished(&world, &run).await["runContext"]["end"], json!({ "answer": "sent" }));
    // A deployment with null form fields or invalid nodes is refused; it does not fall back to the old release.
    for (more, reason) in [
        (json!({ "nodes": drawn(), "formFields": null }), "toolReleaseRequiresFormFields"),
        (json!({ "nodes": [start("nowhere")], "formFields": [] }), "draftReleaseNodesAreInvalid"),
        (json!({ "nodes": [], "formFields": [] }), "draftReleaseNodesAreInvalid"),
    ] {
        let mut body = more.clone();
        body["workflowUuid"] = json!(workflow);
        let (status, refusal) = post(&world, "/releases/draft/deploy", body).await;
        assert_eq!((status, &refusal["reason"]), (400, &json!(reason)), "{more}: {refusal}");
    }
    let (_, now) = get(&world, &format!("/releases/deployed?workflowUuid={workflow}")).await;
    assert_eq!(now["release"]["uuid"], release["uuid"]);
    // Without nodes, the server deploys the current draft, which has the nodes of the deployed release.
    let (status, answer) =
        post(&world, "/releases/draft/deploy", json!({ "workflowUuid": workflow, "description": null })).await;
    assert_eq!((status, &answer["release"]["nodes"]), (200, &release["nodes"]), "{answer}");
}
