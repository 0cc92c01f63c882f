//! Threads as resources (create, list, change, delete), and the vendor's operations that are not served.

use http::Method;
use serde_json::{Value, json};

use super::{RUNS, ask, start};
use crate::harness::{Answer, World};

async fn keyed(world: &World, path: &str, key: &str, body: Value) -> Answer {
    let request = world.request("acp", Method::POST, path).header("idempotency-key", key);
    world.send("acp", request.header("content-type", "application/json").body(body.to_string())).await
}

fn ids(listed: &Value) -> Vec<&str> {
    listed["data"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_same_request_under_an_idempotency_key_creates_one_thread_and_one_run() {
    let world = World::new().await;
    for body in [json!({ "task": "Generate a UUID.", "title": "T" }), json!({ "title": "no run" })] {
        let key = body["title"].as_str().unwrap().replace(' ', "-");
        let first = keyed(&world, "/v1/threads", &key, body.clone()).await;
        assert_eq!((first.status, first.header("idempotent-replayed")), (201, None), "{}", first.text());
        let again = keyed(&world, "/v1/threads", &key, body.clone()).await;
        assert_eq!((again.status, again.header("idempotent-replayed")), (201, Some("true")), "{}", again.text());
        let (first, again) = (first.json(), again.json());
        assert_eq!(first["thread"]["id"], again["thread"]["id"]);
        assert_eq!(first["run"]["id"], again["run"]["id"]);
        let mut other = body;
        other["title"] = json!("another");
        assert_eq!(keyed(&world, "/v1/threads", &key, other).await.refusal(), (409, "idempotency_conflict".to_owned()));
    }
    assert_eq!(ids(&world.get("acp", "/v1/threads").await.json()).len(), 2);

    let thread = ask(&world, Method::POST, "/v1/threads", Some(json!({}))).await.json();
    let path = format!("/v1/threads/{}/messages", thread["thread"]["id"].as_str().unwrap());
    let first = keyed(&world, &path, "m", json!({ "content": "Generate a UUID." })).await;
    let again = keyed(&world, &path, "m", json!({ "content": "Generate a UUID." })).await;
    assert_eq!((again.header("idempotent-replayed"), again.text()), (Some("true"), first.text()), "the same stream");
    let other = keyed(&world, &path, "m", json!({ "content": "Say \"x\"." })).await;
    assert_eq!(other.refusal(), (409, "idempotency_conflict".to_owned()));
    let runs = world.get("acp", &path.replace("/messages", "/runs")).await.json();
    assert_eq!(ids(&runs).len(), 1);
}

#[tokio::test]
async fn threads_are_listed_by_what_they_belong_to_and_by_status() {
    let world = World::new().await;
    let create = async |body: Value| -> String {
        let made = ask(&world, Method::POST, "/v1/threads", Some(body)).await.json();
        made["thread"]["id"].as_str().unwrap().to_owned()
    };
    let empty = create(json!({ "projectId": "p", "agentId": "a" })).await;
    let live = create(json!({ "content": "Sleep for 600 seconds.", "appId": "x" })).await;
    let (_, run) = start(&world, json!({ "content": "Say \"a\"." })).await;
    let run_thread = run["run"]["threadId"].as_str().unwrap();
    let gone = create(json!({ "content": "Sleep for 600 seconds." })).await;
    let deleted = ask(&world, Method::DELETE, &format!("/v1/threads/{gone}"), None).await.json();
    assert_eq!((&deleted["deleted"], &deleted["id"]), (&json!(true), &json!(gone)));

    let listed = async |query: &str| world.get("acp", &format!("/v1/threads?{query}")).await.json();
    let all = [run_thread, &live, &empty];
    for (query, expected) in [
        ("", all.to_vec()),
        ("environmentId=default", all.to_vec()),
        ("environmentId=elsewhere", vec![]),
        ("projectId=p", vec![&*empty]),
        ("agentId=a&projectId=q", vec![]),
        ("appId=x", vec![&*live]),
        ("scheduleId=s", vec![]),
        ("status=active", vec![&*empty]),
        ("status=running", vec![&*live]),
        ("status=completed", vec![run_thread]),
        ("status=deleted", vec![]),
        ("createdAfter=2999-01-01T00:00:00Z", vec![]),
        ("createdAfter=2000-01-01T00:00:00Z&limit=1&offset=1", vec![&*live]),
    ] {
        assert_eq!(ids(&listed(query).await), expected, "{query}");
    }
    let page = listed("limit=2").await;
    assert_eq!((&page["has_more"], page.get("total_count")), (&json!(true), None));
    let whole = listed("").await;
    assert_eq!((&whole["has_more"], &whole["total_count"]), (&json!(false), &json!(3)));
    // The deleted thread is not found. Its run was canceled and is still stored.
    assert_eq!(world.get("acp", &format!("/v1/threads/{gone}")).await.status, 404);
    let runs = world.get("acp", &format!("{RUNS}?status=cancelled")).await.json();
    assert_eq!((ids(&runs).len(), &runs["data"][0]["threadId"]), (1, &json!(gone)));
    ask(&world, Method::POST, &format!("/v1/threads/{live}/cancel"), None).await;
}

#[tokio::test]
async fn runs_of_a_server_and_of_a_thread_are_filtered_by_status_and_paged() {
    let world = World::new().await;
    let (_, first) = start(&world, json!({ "content": "Say \"a\"." })).await;
    let (_, failed) = start(&world, json!({ "content": "Paint the fence." })).await;
    let (_, last) = start(&world, json!({ "content": "Say \"b\"." })).await;
    let id = |run: &Value| run["run"]["id"].as_str().unwrap().to_owned();
    let (first, failed, last) = (id(&first), id(&failed), id(&last));
    for (query, expected, more) in [
        ("", vec![&last, &failed, &first], false),
        ("status=completed", vec![&last, &first], false),
        ("status=failed", vec![&failed], false),
        ("status=running", vec![], false),
        ("limit=1&offset=1", vec![&failed], true),
        ("status=completed&limit=1&offset=1", vec![&first], false),
    ] {
        let listed = world.get("acp", &format!("{RUNS}?{query}")).await.json();
        assert_eq!(
            (ids(&listed), &listed["has_more"]),
            (expected.iter().map(|id| id.as_str()).collect(), &json!(more)),
            "{query}"
        );
    }
    let refused = world.get("acp", &format!("{RUNS}?status=done")).await;
    assert_eq!(refused.refusal(), (400, "invalid_request".to_owned()));

    let (_, turn) =
        super::say(&world, &json!({ "run": { "id": first } }), json!({ "content": "Paint the fence." })).await;
    let runs = format!("/v1/threads/{}/runs", turn["run"]["threadId"].as_str().unwrap());
    let turn = id(&turn);
    for (query, expected) in [
        ("", vec![&turn, &first]),
        ("order=asc", vec![&first, &turn]),
        ("status=failed", vec![&turn]),
        ("status=completed", vec![&first]),
        ("order=asc&limit=1&offset=1", vec![&turn]),
    ] {
        let listed = world.get("acp", &format!("{runs}?{query}")).await.json();
        assert_eq!(ids(&listed), expected.iter().map(|id| id.as_str()).collect::<Vec<_>>(), "{query}");
    }
}

#[tokio::test]
async fn a_thread_is_changed_by_what_is_given_and_null_leaves_it() {
    let world = World::new().await;
    // A thread that is only a run.
    let (_, run) = start(&world, json!({ "content": "Say \"a\".", "title": "T" })).await;
    let thread = format!("/v1/threads/{}", run["run"]["threadId"].as_str().unwrap());
    let before = world.get("acp", &thread).await.json()["thread"].take();
    let change = json!({ "title": null, "projectId": "p", "status": null, "metadata": { "k": 1 }, "task": "say it" });
    let changed = ask(&world, Method::PATCH, &thread, Some(change)).await.json()["thread"].take();
    for (field, value) in [
        ("title", json!("T")),
        ("projectId", json!("p")),
        ("metadata", json!({ "k": 1 })),
        ("task", json!("say it")),
        ("status", json!("completed")),
    ] {
        assert_eq!(changed[field], value, "{field}");
    }
    assert_eq!(changed["createdAt"], before["createdAt"], "it began when its first run did");
    for (status, shown) in [("archived", "archived"), ("active", "completed")] {
        let changed = ask(&world, Method::PATCH, &thread, Some(json!({ "status": status, "title": "U" }))).await.json();
        assert_eq!((&changed["thread"]["status"], &changed["thread"]["title"]), (&json!(shown), &json!("U")));
    }
    let listed = world.get("acp", "/v1/threads?projectId=p").await.json();
    assert_eq!(ids(&listed).len(), 1, "stored and derived at once, and listed once: {listed}");
    assert_eq!(ids(&world.get("acp", "/v1/threads").await.json()).len(), 1);
    for bad in [json!({ "status": "completed" }), json!({ "title": 7 })] {
        let refused = ask(&world, Method::PATCH, &thread, Some(bad)).await;
        assert_eq!(refused.refusal(), (400, "invalid_request".to_owned()));
    }
    let refused = ask(&world, Method::PATCH, &thread, Some(json!({ "environmentId": "elsewhere" }))).await;
    assert_eq!(refused.json()["message"], "Environment elsewhere not found");
}

#[tokio::test]
async fn what_a_thread_cannot_have_here_is_refused_by_name() {
    let world = World::new().await;
    let thread =
        ask(&world, Method::POST, "/v1/threads", Some(json!({ "attachments": [], "envVars": {}, "githubRepo": null })))
            .await;
    assert_eq!(thread.status, 201, "empty is as good as absent: {}", thread.text());
    let messages = format!("/v1/threads/{}/messages", thread.json()["thread"]["id"].as_str().unwrap());
    for (path, field, value) in [
        ("/v1/threads", "schedule", json!({ "type": "daily" })),
        ("/v1/threads", "attachments", json!([{ "name": "a.txt" }])),
        (&messages, "mcpServers", json!([{ "url": "http://127.0.0.1" }])),
        (&messages, "secrets", json!({ "A": "b" })),
    ] {
        let refused = ask(&world, Method::POST, path, Some(json!({ "content": "Say \"a\".", field: value }))).await;
        assert_eq!(refused.refusal(), (400, "invalid_request".to_owned()), "{field}");
        assert_eq!(refused.json()["details"][0]["field"], field);
    }
    let blank = ask(&world, Method::POST, &messages, Some(json!({ "content": " " }))).await;
    assert_eq!(blank.json()["details"][0]["field"], "content");
    assert!(ids(&world.get("acp", RUNS).await.json()).is_empty(), "nothing was started");
}

#[tokio::test]
async fn operations_of_the_vendor_that_are_not_served_say_so_by_name() {
    let world = World::new().await;
    for (method, path, operation) in [
        (Method::GET, "/v1/metrics", "get_metrics"),
        (Method::POST, "/v1/agent-runtimes/default/deploy", "deploy_agent_runtime"),
        (Method::GET, "/v1/agent-runtimes/default/deployments", "list_deployments"),
        (Method::POST, "/v1/threads/search", "search_threads"),
        (Method::POST, "/v1/threads/t/resume", "resume_thread"),
        (Method::POST, "/v1/threads/t/runs/r/steering", "steer_thread_run"),
        (Method::GET, "/v1/threads/t/steps", "list_thread_steps"),
    ] {
        let body = (method == Method::POST).then(|| json!({}));
        let refused = ask(&world, method, path, body).await;
        assert_eq!(refused.refusal(), (501, "not_served".to_owned()), "{path}");
        assert!(refused.json()["message"].as_str().unwrap().contains(operation), "{}", refused.text());
        assert_eq!(refused.json()["code"], "NOT_SERVED");
    }
    assert_eq!(ask(&world, Method::POST, "/v1/environments", Some(json!({ "name": "two" }))).await.status, 501);
    assert_eq!(world.get("acp", "/v1/nothing").await.refusal(), (404, "unknown_path".to_owned()));
}
