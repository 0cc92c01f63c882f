//! Lists: every filter, and pages.

use runyard_api::toolregistry::types::RunStatus;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{asking, create, ended, with};
use crate::harness::{World, refused as refusal_of, typed};

/// The runs of a page.
pub(super) async fn listed(world: &World, query: &str) -> Vec<Uuid> {
    let answer = world.get("toolregistry", &format!("/v1/runs?{query}")).await;
    assert_eq!(answer.status, 200, "{query}: {}", answer.text());
    let runs = answer.json();
    runs.as_array().unwrap().iter().map(|run| run["runId"].as_str().unwrap().parse().unwrap()).collect()
}

async fn refused(world: &World, query: &str) {
    let answer = world.get("toolregistry", &format!("/v1/runs?{query}")).await;
    assert_eq!(answer.refusal(), (400, "invalid_request".to_owned()), "{query}");
}

#[tokio::test]
async fn runs_are_found_by_user_and_by_state() {
    let world = World::new().await;
    let done = ended(&world, asking("Say 'one'.")).await.run_id;
    let failed = ended(&world, with(asking("Paint the fence."), "userId", json!("bob"))).await.run_id;
    let running = create(&world, with(asking("Sleep for 600 seconds."), "userId", json!("bob"))).await.run_id;

    assert_eq!(listed(&world, "").await, [running, failed, done], "newest first");
    assert_eq!(listed(&world, "userId=bob").await, [running, failed]);
    assert_eq!(listed(&world, "userId=ann").await, [done]);
    assert!(listed(&world, "userId=unknown").await.is_empty());
    assert_eq!(listed(&world, "userId=bob&status=FAILED").await, [failed]);
    for (status, runs) in [
        (RunStatus::Success, vec![done]),
        (RunStatus::Failed, vec![failed]),
        (RunStatus::Running, vec![running]),
        (RunStatus::Queued, vec![]),
        (RunStatus::Paused, vec![]),
        (RunStatus::AuthRequired, vec![]),
        (RunStatus::Canceled, vec![]),
        (RunStatus::PartialSuccess, vec![]),
        (RunStatus::NoSuccess, vec![]),
    ] {
        assert_eq!(listed(&world, &format!("status={status}")).await, runs, "{status}");
    }
    assert!(listed(&world, "customerIntegrationIds=crm&customerIntegrationIds=mail").await.is_empty());
    for query in ["status=success", "status=", "status=SUCCESS&status=FAILED", "userId=ann&userId=bob"] {
        refused(&world, query).await;
    }
}

#[tokio::test]
async fn what_is_not_planned_yet_is_found_as_queued() {
    let world = World::with(|config| (config.perform, config.toolregistry.plan_wait_ms) = (false, 10)).await;
    let queued = create(&world, asking("Say 'one'.")).await.run_id;
    assert_eq!(listed(&world, "status=QUEUED").await, [queued]);
    assert!(listed(&world, "status=RUNNING").await.is_empty());
}

#[tokio::test]
async fn pages_are_counted_from_one() {
    let world = World::new().await;
    let mut runs = Vec::new();
    for number in 0..12 {
        runs.insert(0, create(&world, asking(&format!("Say '{number}'."))).await.run_id);
    }
    assert_eq!(listed(&world, "").await, runs[..10], "ten by default");
    assert_eq!(listed(&world, "page=2").await, runs[10..]);
    assert_eq!(listed(&world, "page=2&pageSize=5").await, runs[5..10]);
    assert_eq!(listed(&world, "pageSize=100&page=1").await, runs);
    assert!(listed(&world, "page=1000&pageSize=100").await.is_empty());
    assert_eq!(listed(&world, "page=2.0&pageSize=1e1").await, runs[10..], "a number is a number");
    for query in ["page=0", "page=1001", "page=-1", "page=1.5", "page=one", "page=", "pageSize=0", "pageSize=101"] {
        refused(&world, query).await;
    }
}

#[tokio::test]
async fn events_come_when_they_are_asked_for() {
    let world = World::new().await;
    ended(&world, asking("Say 'one'.")).await;
    for (query, events) in [("", 0), ("includeEvents=false", 0), ("includeEvents=true", 4)] {
        let answer = world.get("toolregistry", &format!("/v1/runs?{query}")).await.json();
        assert_eq!(answer[0]["events"].as_array().map(Vec::len), Some(events), "{query}");
    }
    for query in ["includeEvents=yes", "includeEvents=1", "includeEvents=", "includeEvents=TRUE"] {
        refused(&world, query).await;
    }
    let run: Value = world.get("toolregistry", "/v1/runs").await.json()[0].take();
    let path = format!("/v1/runs/{}", run["runId"].as_str().unwrap());
    for (query, events) in [("", 0), ("?includeEvents=false", 0), ("?includeEvents=true", 4)] {
        let found = world.get("toolregistry", &format!("{path}{query}")).await.json();
        assert_eq!(found["events"].as_array().map(Vec::len), Some(events), "{query}");
    }
    let answer = world.get("toolregistry", &format!("{path}?includeEvents=yes")).await;
    assert_eq!(answer.refusal(), (400, "invalid_request".to_owned()));
}

#[tokio::test]
async fn another_tenants_runs_are_not_there() {
    let asked = World::with(|config| config.auth.mode = Some(runyard::config::auth::Mode::Required)).await;
    let (red, blue) = (asked.key("red", &[]).await, asked.key("blue", &[]).await);
    let (red, blue) = (asked.showing(Some(&red)), asked.showing(Some(&blue)));
    let body = typed(asking("Say 'one'."));
    let run =
        red.toolregistry.run_controller_create_run(None, None, &body).await.unwrap().into_inner().run_id.to_string();
    red.toolregistry.run_controller_get_run(&run, None).await.unwrap();
    let found = refusal_of(blue.toolregistry.run_controller_get_run(&run, None).await);
    assert_eq!(found.short(), (404, "run_not_found"));
    let listed = blue.toolregistry.run_controller_list_runs(None, None, None, None, None, None).await.unwrap();
    assert!(listed.into_inner().is_empty());
}
