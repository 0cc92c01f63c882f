//! Tools, their workflows, and the releases that runs execute.

use http::Method;
use serde_json::{Value, json};

use super::{AT, ask, begun, deployed, drawn, end, finished, get, post, start};
use crate::harness::World;

async fn tool(world: &World, name: &str) -> Value {
    post(world, "/tools", json!({ "name": name })).await.1["tool"].clone()
}

#[tokio::test]
async fn a_draft_becomes_the_deployed_release_and_the_one_before_is_archived() {
    let world = World::new().await;
    let workflow = deployed(&world, drawn()).await;
    let of = |path: &str| format!("/releases/{path}?workflowUuid={workflow}");
    let first = get(&world, &of("deployed")).await.1["release"].clone();
    assert_eq!((&first["version"], &first["status"]), (&json!("1.0.0"), &json!("deployed")));
    let run = begun(&world, json!({ "workflowUuid": workflow, "data": null })).await;
    assert_eq!(run["releaseUuid"], first["uuid"]);
    assert_eq!(run.get("nodes"), None, "a release has them");

    let draft = get(&world, &of("draft")).await.1["release"].clone();
    assert_eq!((&draft["status"], draft.get("version"), &draft["nodes"]), (&json!("draft"), None, &first["nodes"]));
    let other = json!([start("end"), end("end", json!("second"))]);
    post(&world, "/releases/draft/update", json!({ "workflowUuid": workflow, "nodes": other })).await;
    // A changed draft does not affect runs.
    let unchanged = begun(&world, json!({ "workflowUuid": workflow, "data": null })).await;
    assert_eq!(finished(&world, &unchanged).await["runContext"]["end"], json!({ "answer": 42 }));
    let deployment = json!({ "workflowUuid": workflow, "version": "2.1.0", "description": "other" });
    let second = post(&world, "/releases/draft/deploy", deployment).await.1["release"].clone();
    assert_eq!((&second["version"], &second["description"]), (&json!("2.1.0"), &json!("other")));
    assert_eq!(second["uuid"], draft["uuid"]);
    let archived = get(&world, &format!("/releases/{}", first["uuid"].as_str().unwrap())).await.1;
    assert_eq!(archived["release"]["status"], "archived");
    let run = begun(&world, json!({ "workflowUuid": workflow, "data": null })).await;
    assert_eq!(finished(&world, &run).await["runContext"]["end"], json!({ "answer": "second" }));
    let old = begun(&world, json!({ "workflowUuid": workflow, "data": null, "releaseUuid": first["uuid"] })).await;
    assert_eq!(finished(&world, &old).await["runContext"]["end"], json!({ "answer": 42 }));

    let statuses = |listed: &Value| {
        listed["releases"].as_array().unwrap().iter().map(|one| one["status"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(statuses(&get(&world, &of("list")).await.1), ["draft", "deployed", "archived"]);
    let some = format!("{}&statuses%5B%5D=archived&statuses%5B%5D=draft", of("list"));
    assert_eq!(statuses(&get(&world, &some).await.1), ["draft", "archived"]);
    assert_eq!(statuses(&get(&world, &format!("{}&limit=1&offset=1", of("list"))).await.1), ["deployed"]);
}

#[tokio::test]
async fn a_deployment_that_cannot_be_has_its_reason() {
    let world = World::new().await;
    let workflow = tool(&world, "t").await["workflowUuid"].clone();
    let deploy = async |version: Option<&str>| {
        let mut body = json!({ "workflowUuid": workflow });
        if let Some(version) = version {
            body["version"] = json!(version);
        }
        let (status, answer) = post(&world, "/releases/draft/deploy", body).await;
        (status, answer["reason"].clone(), answer["errorMessage"].clone())
    };
    let (status, reason, _) = deploy(None).await;
    assert_eq!((status, reason), (400, json!("draftReleaseNodesAreInvalid")), "there are none");
    let broken = json!({ "workflowUuid": workflow, "nodes": [start("nowhere")] });
    assert_eq!(post(&world, "/releases/draft/update", broken).await.0, 200, "a draft may be anything");
    let (_, reason, said) = deploy(None).await;
    assert_eq!(reason, json!("draftReleaseNodesAreInvalid"));
    assert!(said.as_str().unwrap().contains("node `start`"), "{said}");
    post(&world, "/releases/draft/update", json!({ "workflowUuid": workflow, "nodes": drawn() })).await;
    assert_eq!(deploy(None).await.1, json!("toolReleaseRequiresFormFields"));
    post(&world, "/releases/draft/update", json!({ "workflowUuid": workflow, "formFields": [{ "slug": "name" }] }))
        .await;
    assert_eq!(deploy(Some("one")).await.1, json!("invalidReleaseVersion"));
    assert_eq!(deploy(Some("1.2.3")).await.0, 200);
    assert_eq!(deploy(Some("1.2.3")).await.1, json!("invalidReleaseVersion"));
    assert_eq!(deploy(None).await.0, 200);
    let (status, answer) = post(&world, "/releases/draft/deploy", json!({ "workflowUuid": "unknown" })).await;
    assert_eq!((status, &answer["reason"]), (400, &json!("workflowNotFound")));
}

#[tokio::test]
async fn a_run_says_what_it_is_to_walk_once() {
    let world = World::new().await;
    let workflow = deployed(&world, drawn()).await;
    let other = deployed(&world, drawn()).await;
    let release = async |workflow: &str, path: &str| {
        get(&world, &format!("/releases/{path}?workflowUuid={workflow}")).await.1["release"]["uuid"].clone()
    };
    let empty = tool(&world, "empty").await["workflowUuid"].clone();
    for (body, reason) in [
        (json!({ "workflowUuid": workflow, "nodes": drawn(), "releaseUuid": "x" }), "invalidReleaseOrCustomNodes"),
        (json!({ "workflowUuid": workflow, "releaseUuid": "x" }), "invalidReleaseOrCustomNodes"),
        (
            json!({ "workflowUuid": workflow, "releaseUuid": release(&other, "deployed").await }),
            "invalidReleaseOrCustomNodes",
        ),
        (
            json!({ "workflowUuid": workflow, "releaseUuid": release(&workflow, "draft").await }),
            "invalidReleaseOrCustomNodes",
        ),
        (json!({ "workflowUuid": "<string>" }), "workflowNotFound"),
        (json!({ "workflowUuid": empty }), "releaseNotFound"),
        (json!({ "workflowUuid": workflow, "nodes": [] }), "nodesNotFound"),
        (json!({}), "invalidRequest"),
    ] {
        let mut with_data = body.clone();
        with_data["data"] = json!(1);
        let (status, refusal) = post(&world, "/runs", with_data).await;
        assert_eq!((status, &refusal["reason"]), (400, &json!(reason)), "{body}: {refusal}");
    }
    // The caller's own nodes in the caller's own workflow.
    let run = begun(&world, json!({ "workflowUuid": workflow, "nodes": drawn(), "data": 1 })).await;
    assert_eq!((&run["workflowUuid"], run.get("releaseUuid")), (&json!(workflow), None));
    assert_eq!(run["nodes"][0]["slug"], "start");
}

#[tokio::test]
async fn tools_are_made_listed_changed_and_deleted_with_their_workflows() {
    let world = World::new().await;
    let (one, two) = (tool(&world, "one").await, tool(&world, "two").await);
    let path = format!("/tools/{}", one["uuid"].as_str().unwrap());
    let names =
        |listed: Value| listed["tools"].as_array().unwrap().iter().map(|tool| tool["name"].clone()).collect::<Vec<_>>();
    assert_eq!(names(get(&world, "/tools/list").await.1), ["two", "one"]);
    assert_eq!(names(get(&world, "/tools/list?limit=1&offset=1").await.1), ["one"]);
    let change = json!({ "description": "d", "iconUrl": "https://example.org/i.png" });
    let changed = ask(&world, Method::PUT, &format!("{AT}{path}"), Some(change)).await.json();
    assert_eq!((&changed["tool"]["name"], &changed["tool"]["description"]), (&json!("one"), &json!("d")));
    let listed = get(&world, "/workflows/list").await.1;
    assert_eq!(listed["workflows"].as_array().unwrap().len(), 2);
    let only = format!("/workflows/list?workflowUuids%5B%5D={}", two["workflowUuid"].as_str().unwrap());
    let listed = get(&world, &only).await.1;
    assert_eq!((&listed["workflows"][0]["name"], listed["workflows"].as_array().unwrap().len()), (&json!("two"), 1));
    assert_eq!(listed["workflows"][0]["toolUuid"], two["uuid"]);

    assert_eq!(ask(&world, Method::DELETE, &format!("{AT}{path}"), None).await.status, 204);
    assert_eq!(get(&world, &path).await.1["reason"], "toolNotFound");
    let (_, refusal) = post(&world, "/runs", json!({ "workflowUuid": one["workflowUuid"], "data": null })).await;
    assert_eq!(refusal["reason"], "workflowNotFound");
    assert_eq!(names(get(&world, "/tools/list").await.1), ["two"]);
}
