//! Integrations: listed, selected, and what a run that may not use one says. The services are on loopback; others of this door's tests
//! call them too.

use runyard::config::Config;
use runyard_api::toolregistry::types::RunStatus;
use serde_json::{Value, json};

use super::{asking, create, ended, events, listed, with};
use crate::harness::World;
use crate::harness::peer::{Answers, Asked, Peer};

/// Three services: two that runs may use, by the names of a customer, and one that they may not.
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

/// A service that numbers tickets, and repeats what came with a call.
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

/// What the last event says of why a run failed.
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
    assert_eq!(ids(None).await, ["helpdesk_main", "crm_main"], "those that are active, where nobody says");
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
    assert_eq!((listed[1].get("description"), listed[1].get("logoUrl")), (None, None), "what nobody wrote is absent");
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
        (&["nobody"][..], "body /selectedCustomerIntegrationIds/0: integration `nobody` is not known here"),
        // The name that every customer shares is not the one by which a customer selects it.
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
    assert_eq!(found("customerIntegrationIds=nobody&customerIntegrationIds=crm_main").await, [runs[1], runs[0]]);
    assert!(found("customerIntegrationIds=nobody").await.is_empty());
}
