//! `runyard cargo deploy`: tool, draft and deployment in one step.

use serde_json::{Value, json};

use super::{drawn, end, native, start};
use crate::process::{Served, runyard};

#[tokio::test]
async fn a_file_is_deployed_and_deployed_again() {
    let folder = tempfile::tempdir().unwrap();
    let write = |value: &Value| std::fs::write(folder.path().join("greet.json"), value.to_string()).unwrap();
    write(&json!({ "name": "Greet", "nodes": drawn() }));
    // Without a server: the command deploys into the folder.
    let first = runyard(folder.path(), &["cargo", "deploy", "greet.json"]).await.exits(0);
    let workflow = first.out.trim().to_owned();
    assert_eq!(workflow.len(), 36, "{}", first.out);
    assert!(first.err.contains("version 1.0.0 of Greet is deployed"), "{}", first.err);
    // And with one: the same tool, its next version.
    let served = Served::start(folder.path()).await;
    write(&json!({ "name": "Greet", "nodes": [start("end"), end("end", json!(1))], "version": "3.0.0" }));
    let second = runyard(folder.path(), &["--json", "cargo", "deploy", "greet.json"]).await.exits(0).object();
    assert_eq!((&second["tool"]["workflowUuid"], &second["release"]["version"]), (&json!(workflow), &json!("3.0.0")));
    let again = runyard(folder.path(), &["cargo", "deploy", "greet.json"]).await.exits(2);
    assert!(again.err.contains("version `3.0.0` is not above 3.0.0"), "{}", again.err);
    // The same through an API that is named.
    write(&json!({ "name": "Other", "nodes": drawn(), "description": "d", "formFields": [{ "slug": "name" }] }));
    let named = ["cargo", "deploy", "greet.json", "--url", &served.clients.cargo_url];
    assert_ne!(runyard(folder.path(), &named).await.exits(0).out.trim(), workflow);
    served.kill();
}

#[tokio::test]
async fn what_is_wrong_is_said_by_node_and_nothing_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let nodes = json!([start("odd"), native("python", "odd", json!({}), &["nowhere"])]);
    std::fs::write(folder.path().join("odd.json"), json!({ "name": "Odd", "nodes": nodes }).to_string()).unwrap();
    let done = runyard(folder.path(), &["cargo", "deploy", "odd.json"]).await.exits(2);
    for said in
        ["2 nodes are not valid, and nothing was deployed", "node odd (", "nativeInvalid", "childrenUuidsInvalid"]
    {
        assert!(done.err.contains(said), "{said}: {}", done.err);
    }
    let done = runyard(folder.path(), &["--json", "cargo", "deploy", "odd.json"]).await.exits(2);
    let error: Value = serde_json::from_str(&done.err).unwrap();
    assert_eq!(error["error"]["code"], "invalid_nodes");
    assert_eq!(error["error"]["details"]["nodes"].as_array().unwrap().len(), 2);
    std::fs::write(folder.path().join("none.json"), "{\"name\": \"x\"").unwrap();
    let done = runyard(folder.path(), &["cargo", "deploy", "none.json"]).await.exits(2);
    assert!(done.err.contains("none.json is not a workflow"), "{}", done.err);
    let done = runyard(folder.path(), &["cargo", "deploy", "absent.json"]).await.exits(2);
    assert!(done.err.contains("cannot read absent.json"), "{}", done.err);
}
