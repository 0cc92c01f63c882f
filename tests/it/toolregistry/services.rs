//! Integrations: listed, selected, and the error of a run that may not use one. The services are on loopback; other
//! tests of this API call them too.

use runyard::config::Config;
use runyard_api::toolregistry::types::RunStatus;
use serde_json::{Value, json};

use super::{asking, create, ended, events, listed, with};
use crate::harness::World;
use crate::harness::peer::{Answers, Asked, Peer};

/// Three services: two that runs may use, by a customer's names, and one that they may not.
pub(super) fn services(url: &str) -> Value {
    let service = |id: &str, name: &str| json!({ "id": id, "customer_id": format!("{id}_main"), "name": name, "url": format!("{url}/{id}"), "allow_private_addresses": true });
    let text = json!({ "type": "string" });
    let mut helpdesk = service("helpdesk", "Helpdesk");
    helpdesk["description"] = json!("Tickets of our customers.");
    helpdesk["logo_url"] = json!("https://helpdesk.example.org/logo.png");
    helpdesk["headers"] = json!({ "x-team": "blue" });
    helpdesk["node_types"] = json!([
        {
            "slug": "create_ticket", "description": "Creates a ticket.", "method": "POST", "path": "/tickets",
            "input_schema": { "type": "object", "properties": { "title": text }, "required": ["title"] }
        },
        { "slug": "list_tickets", "description": "Lists the tickets.", "path": "/tickets" },
    ]);
    let mut crm = service("crm", "Customers");
    crm["node_types"] = json!([{ "slug": "list_customers", "description": "Lists customers.", "path": "/customers" }]);
    let mut archive = service("archive", "Archive");
    archive["active"] = json!(false);
    json!([helpdesk, crm, archive])
}

/// A service that numbers tickets, and returns the values of the call.
pub(super) async fn peer() -> Peer {
    Peer::start(|asked: &Asked| match asked.method.as_str() {
        "POST" => Answers::Json(
            201,
            json!({ "number": 7, "title": asked.json()["title"], "saw": asked.headers, "at": asked.target }),
        ),
        _ => Answers::Json(200, json!([asked.target])),
    })
    .await
}

pub(super) async fn world(peer: &Peer) -> World {
    changed(peer, |_| {}).await
}

/// The same with other settings.
pub(super) async fn changed(peer: &Peer, change: impl FnOnce(&mut Config)) -> World {
    let integrations = runyard::config::integrations::parse(&services(&peer.url)).unwrap();
    World::with(|config| {
        config.integrations = integrations;
        change(config);
    })
    .await
}

pub(super) fn selecting(intent: &str, ids: &[&str]) -> Value {
    with(asking(intent), "selectedCustomerIntegrationIds", json!(ids))
}

/// The reason of a failure in a run's last event.
async fn failure(world: &World, body: Value) -> String {
    let run = create(world, body).await.run_id;
    events(world, run).await.last().unwrap().data["error"]["code"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn integrations_are_listed_by_whether_runs_may_use_them() {
    let peer = peer().await;
    let world = changed(&peer, |config| config.written_at_ms = Some(1_767_225_600_000)).await;
    let ids = async |active: Option<bool>| {
        let listed = world.toolregistry.integration_controller_list_integrations(active).await.unwrap().into_inner();
        listed.into_iter().map(|one| one.customer_integration_id).collect::<Vec<_>>()
    };
    assert_eq!(ids(None).await, ["helpdesk_main", "crm_main"], "those that are active, by default");
    assert_eq!(ids(Some(true)).await, ["helpdesk_main", "crm_main"]);
    assert_eq!(ids(Some(false)).await, ["archive_main"]);
    let answer = world.get("toolregistry", "/v1/integrations?active=yes").await;
    assert_eq!(answer.refusal(), (400, "invalid_request".to_owned()));

    let listed = world.get("toolregistry", "/v1/integrations").await.json();
    let expected = json!({
        "integrationId": "helpdesk", "customerIntegrationId": "helpdesk_main", "active": true, "name": "Helpdesk",
        "description": "Tickets of our customers.", "logoUrl": "https://helpdesk.example.org/logo.png", "host": "127.0.0.1",
        "updatedAt": "2026-01-01T00:00:00Z", "createdAt": "2026-01-01T00:00:00Z", "authType": "NONE"
    });
    assert_eq!(listed[0], expected);
    assert_eq!(
        (listed[1].get("description"), listed[1].get("logoUrl")),
        (None, None),
        "what is not configured is absent"
    );
    let none = World::new().await;
    assert_eq!(none.get("toolregistry", "/v1/integrations").await.json(), json!([]));
}

#[tokio::test]
async fn a_run_uses_what_is_selected_and_nothing_else() {
    let peer = peer().await;
    let world = world(&peer).await;
    let intent = "List the customers in crm, then return them.";
    for ids in
        [&["*"][..], &["crm_main"], &["helpdesk_main", "crm_main"], &["*", "crm_main"], &["crm_main", "crm_main"]]
    {
        let run = ended(&world, selecting(intent, ids)).await;
        assert_eq!(json!(run.result), json!({ "result": ["/crm/customers"] }), "{ids:?}");
    }
    for ids in [&[][..], &["helpdesk_main"]] {
        assert_eq!(failure(&world, selecting(intent, ids)).await, "clause_unmapped", "{ids:?}");
    }
    assert_eq!(ended(&world, selecting("Say 'hello'.", &[])).await.status, RunStatus::Success, "what belongs to none");
}

#[tokio::test]
async fn what_cannot_be_selected_is_named() {
    let peer = peer().await;
    let world = world(&peer).await;
    for (ids, said) in [
        (&["unknown"][..], "body /selectedCustomerIntegrationIds/0: integration `unknown` is not known here"),
        // A customer cannot select a service by the name that all customers share.
        (&["crm"], "body /selectedCustomerIntegrationIds/0: integration `crm` is not known here"),
        (&["archive_main"], "body /selectedCustomerIntegrationIds/0: integration `archive_main` is not active"),
        (&[""], "body /selectedCustomerIntegrationIds/0: integration `` is not known here"),
        (
            &["*", "a", "crm_main", "b"],
            "body /selectedCustomerIntegrationIds/1: integration `a` is not known here; \
             body /selectedCustomerIntegrationIds/3: integration `b` is not known here",
        ),
    ] {
        let answer = world.post("toolregistry", "/v1/runs", selecting("Say 'hello'.", ids).to_string()).await;
        assert_eq!(answer.refusal(), (400, "invalid_request".to_owned()));
        assert_eq!(answer.json()["message"], said);
    }
    assert!(listed(&world, "").await.is_empty(), "nothing was started");
}

#[tokio::test]
async fn runs_are_found_by_what_they_may_use() {
    let peer = peer().await;
    let world = world(&peer).await;
    let mut runs = Vec::new();
    for ids in [&["*"][..], &["crm_main"], &["helpdesk_main"], &[]] {
        runs.push(ended(&world, selecting("Say 'hello'.", ids)).await.run_id);
    }
    let found = async |query: &str| listed(&world, query).await;
    assert_eq!(found("customerIntegrationIds=crm_main").await, [runs[1], runs[0]]);
    assert_eq!(found("customerIntegrationIds=helpdesk_main").await, [runs[2], runs[0]]);
    let either = "customerIntegrationIds=crm_main&customerIntegrationIds=helpdesk_main";
    assert_eq!(found(either).await, [runs[2], runs[1], runs[0]]);
    assert_eq!(found(&format!("{either}&pageSize=1&page=2")).await, [runs[1]]);
    assert!(found("customerIntegrationIds=crm_main&userId=bob").await.is_empty());
    assert_eq!(found("customerIntegrationIds=unknown&customerIntegrationIds=crm_main").await, [runs[1], runs[0]]);
    assert!(found("customerIntegrationIds=unknown").await.is_empty());
}

/// The services of `services`, where the helpdesk is for one tenant, and callers send keys.
async fn of_tenants(peer: &Peer) -> World {
    let mut list = services(&peer.url);
    list[0]["tenants"] = json!(["red", "green"]);
    let integrations = runyard::config::integrations::parse(&list).unwrap();
    World::with(|config| {
        config.integrations = integrations;
        config.auth.mode = Some(runyard::config::auth::Mode::Required);
    })
    .await
}

#[tokio::test]
async fn an_integration_for_named_tenants_is_not_there_for_others() {
    let peer = peer().await;
    let world = of_tenants(&peer).await;
    let (red, blue) = (world.key("red", &[]).await, world.key("blue", &[]).await);
    let create = "integration.helpdesk.create_ticket";
    for (key, has) in [(&red, true), (&blue, false)] {
        let clients = world.showing(Some(key));
        let listed = clients.get("toolregistry", "/v1/integrations").await.json();
        let ids: Vec<&str> =
            listed.as_array().unwrap().iter().map(|one| one["customerIntegrationId"].as_str().unwrap()).collect();
        assert_eq!(ids.contains(&"helpdesk_main"), has, "{ids:?}");
        assert!(ids.contains(&"crm_main"), "without tenants it is every tenant's");
        let found = clients.get("runyard", "/v1/node-types?q=helpdesk").await.json();
        assert_eq!(found["node_types"].as_array().unwrap().is_empty(), !has);

        // Selected, planned, started, in a graph, as a child, and by a run that another run starts.
        let selected = selecting("Say 'hello'.", &["helpdesk_main"]).to_string();
        let answer = clients.post("toolregistry", "/v1/runs", selected).await;
        assert_eq!(answer.status, if has { 201 } else { 400 }, "{}", answer.text());
        let intent = selecting("Create a ticket in helpdesk with title \"No paper\", then return it.", &["*"]);
        let run = clients.post("toolregistry", "/v1/runs", intent.to_string()).await.json();
        let run = clients.finished(&format!("run_{}", run["runId"].as_str().unwrap().replace('-', ""))).await;
        assert_eq!(json!(run)["state"], if has { "succeeded" } else { "failed" });
        let status = |has: bool| if has { 200 } else { 400 };
        let direct =
            json!({ "root_node_type_ref": { "node_type_id": create, "version": "1" }, "input": { "title": "x" } });
        let started = clients.post("run-gateway", "/v1/runs", direct.to_string()).await;
        assert_eq!(started.status, status(has), "{}", started.text());
        if !has {
            let nearest = started.json()["error"]["details"]["nearest"].to_string();
            assert!(!nearest.contains("helpdesk"), "a refusal does not name what is another tenant's: {nearest}");
        }
        let graph = json!({ "nodes": [{ "key": "a", "node_type_ref": { "node_type_id": create }, "inputs": { "title": "x" }, "children": [null] }] });
        let graph = json!({ "root_node_type_ref": { "node_type_id": "runyard.composite.graph", "version": "1" }, "input": { "graph": graph } });
        let walked = clients.post("run-gateway", "/v1/runs", graph.to_string()).await;
        assert_eq!(walked.status, status(has), "{}", walked.text());
        let outside = clients.run("runyard.composite.external", json!({})).await;
        let child =
            json!([{ "node_type_ref": { "node_type_id": create, "version": "1" }, "inputs": { "title": "x" } }]);
        assert_eq!(clients.children(&outside, child).await.is_ok(), has);
        let below = json!({ "node_type_ref": { "node_type_id": create }, "inputs": { "title": "x" } });
        let below = clients.run("runyard.core.run", below).await;
        assert_eq!(json!(clients.finished(&below.run_id).await)["state"], if has { "succeeded" } else { "failed" });
    }
    let asked = peer.asked();
    assert!(!asked.is_empty() && asked.iter().all(|one| one.method == "POST"), "only the tenant that may has called");
}

#[tokio::test]
async fn callers_without_a_credential_never_use_an_integration_beside_callers_with_one() {
    let peer = peer().await;
    let world = changed(&peer, |config| config.auth.mode = Some(runyard::config::auth::Mode::Optional)).await;
    let anonymous = world.showing(None);
    assert_eq!(anonymous.get("toolregistry", "/v1/integrations").await.json(), json!([]));
    let answer = anonymous.post("toolregistry", "/v1/runs", selecting("Say 'hello'.", &["crm_main"]).to_string()).await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    let red = world.showing(Some(&world.key("red", &[]).await));
    assert_eq!(red.get("toolregistry", "/v1/integrations").await.json().as_array().unwrap().len(), 2);
    assert!(peer.asked().is_empty());
}
