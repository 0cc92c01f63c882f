//! Two tenants: another tenant's resource gets the same answer as one that never existed.

use http::Method;
use runyard::config::auth::Mode;
use serde_json::{Value, json};

use super::batches::calling;
use super::{AT, ask, begun, deployed, drawn, end, finished, get, post, start};
use crate::harness::{Clients, World};

async fn two() -> (World, Clients, Clients) {
    let world = World::with(|config| config.auth.mode = Some(Mode::Required)).await;
    let (ours, theirs) = (world.key("acme", &[]).await, world.key("other", &[]).await);
    let (acme, other) = (world.showing(Some(&ours)), world.showing(Some(&theirs)));
    (world, acme, other)
}

/// A UUID that no resource has.
const STRANGER: &str = "0199f0a0-0000-7000-8000-00000000abcd";

#[tokio::test]
async fn what_is_anothers_is_not_there_in_the_same_words_as_what_never_was() {
    let (_world, acme, other) = two().await;
    let workflow = deployed(&acme, drawn()).await;
    let run = begun(&acme, json!({ "workflowUuid": workflow, "data": null })).await;
    finished(&acme, &run).await;
    let tool = get(&acme, "/tools/list").await.1["tools"][0]["uuid"].as_str().unwrap().to_owned();
    let release = run["releaseUuid"].as_str().unwrap().to_owned();
    let run = run["uuid"].as_str().unwrap().to_owned();
    let outcome = async |method: Method, path: String, body: Option<Value>, name: &str| {
        let answer = ask(&other, method, &format!("{AT}{path}"), body).await;
        assert!(answer.status >= 400, "{path}: {}", answer.text());
        (answer.status, answer.text().replace(name, "NAME"))
    };
    let by_path = [
        (Method::GET, "/runs/", &run, None),
        (Method::GET, "/tools/", &tool, None),
        (Method::PUT, "/tools/", &tool, Some(json!({}))),
        (Method::DELETE, "/tools/", &tool, None),
        (Method::GET, "/releases/", &release, None),
        (Method::GET, "/releases/deployed?workflowUuid=", &workflow, None),
        (Method::GET, "/releases/draft?workflowUuid=", &workflow, None),
        (Method::GET, "/releases/list?workflowUuid=", &workflow, None),
    ];
    for (method, path, name, body) in by_path {
        let theirs = outcome(method.clone(), format!("{path}{name}"), body.clone(), name).await;
        let unknowns = outcome(method, format!("{path}{STRANGER}"), body, STRANGER).await;
        assert_eq!(theirs, unknowns, "{path}");
    }
    for path in ["/runs", "/runs/cancel", "/runs/metrics", "/releases/draft/update", "/releases/draft/deploy"] {
        let body = |name: &str| Some(json!({ "workflowUuid": name, "data": null, "uuids": [] }));
        let theirs = outcome(Method::POST, path.to_owned(), body(&workflow), &workflow).await;
        assert_eq!(theirs, outcome(Method::POST, path.to_owned(), body(STRANGER), STRANGER).await, "{path}");
    }
    for (who, count) in [(&acme, 1), (&other, 0)] {
        let listed = |answer: Value, name: &str| answer[name].as_array().unwrap().len();
        assert_eq!(post(who, "/runs/count", json!({})).await.1["count"], count);
        assert_eq!(listed(post(who, "/runs/list", json!({})).await.1, "runs"), count);
        assert_eq!(listed(get(who, "/tools/list").await.1, "tools"), count);
        assert_eq!(listed(get(who, "/workflows/list").await.1, "workflows"), count);
    }
    // A tenant's workflow cannot execute another tenant's release either.
    let own = deployed(&other, drawn()).await;
    let (_, refusal) =
        post(&other, "/runs", json!({ "workflowUuid": own, "releaseUuid": release, "data": null })).await;
    assert_eq!(refusal["reason"], "invalidReleaseOrCustomNodes");
    assert_eq!(get(&acme, &format!("/tools/{tool}")).await.0, 200, "nothing has changed");
}

#[tokio::test]
async fn anothers_batches_are_not_there_and_their_tools_cannot_be_called() {
    let (_world, acme, other) = two().await;
    let workflow = deployed(&acme, drawn()).await;
    let body = json!({ "workflowUuid": workflow, "data": { "kind": "records", "records": [{ "id": "a" }] } });
    let (status, created) = post(&acme, "/batches", body.clone()).await;
    assert_eq!(status, 200, "{created}");
    let batch = created["batch"]["uuid"].as_str().unwrap().to_owned();
    assert_eq!(post(&other, "/batches", body).await.1["reason"], "workflowNotFound");
    let outcome = async |method: &Method, name: &str, rest: &str| {
        let answer = ask(&other, method.clone(), &format!("{AT}/batches/{name}{rest}"), None).await;
        (answer.status, answer.text().replace(name, "NAME"))
    };
    for (method, rest) in [(Method::GET, ""), (Method::POST, "/cancel")] {
        let theirs = outcome(&method, &batch, rest).await;
        assert_eq!((theirs.0, &theirs), (404, &outcome(&method, STRANGER, rest).await), "{rest}");
    }
    for (who, count) in [(&acme, 1), (&other, 0)] {
        assert_eq!(get(who, "/batches/list").await.1["count"], count);
    }
    let tool = get(&acme, "/tools/list").await.1["tools"][0]["uuid"].as_str().unwrap().to_owned();
    let refused = async |who: &Clients, name: &str| {
        let call = calling("tool", "call", "toolUuid", &json!(name), json!({}));
        let nodes = json!([start("call"), call, end("end", json!(1))]);
        let (_, answer) = post(who, "/runs", json!({ "nodes": nodes, "data": null })).await;
        answer["errorMessage"].as_str().map(|message| message.replace(name, "NAME"))
    };
    let theirs = refused(&other, &tool).await;
    assert!(theirs.is_some());
    assert_eq!(theirs, refused(&other, STRANGER).await);
    assert_eq!(refused(&acme, &tool).await, None);
}
