//! `--json`: one object per line on standard output, errors as an object on standard error, and nothing else on either.

use serde_json::{Value, json};

use crate::process::{Done, runyard};

/// The error that a command wrote.
fn error(done: &Done) -> Value {
    assert_eq!(done.out, "", "{done:?}");
    let error: Value = serde_json::from_str(&done.err).unwrap_or_else(|error| panic!("{error}: {done:?}"));
    error["error"].clone()
}

#[tokio::test]
async fn run_watch_and_get_tell_the_same_story() {
    let folder = tempfile::tempdir().unwrap();
    let run = runyard(folder.path(), &["run", "--json", "Generate a UUID, then return it."]).await.exits(0);
    assert_eq!(run.err, "");
    let lines = run.objects();
    let kinds: Vec<_> = lines.iter().map(|line| line["kind"].as_str().unwrap()).collect();
    assert_eq!((kinds.first(), kinds.last()), (Some(&"run"), Some(&"result")));
    let (first, last) = (lines.first().unwrap(), lines.last().unwrap());
    assert!(kinds[1..kinds.len() - 1].iter().all(|kind| *kind == "event"), "{kinds:?}");
    assert_eq!(last["run"]["state"], "succeeded");
    uuid::Uuid::parse_str(last["outputs"]["result"].as_str().unwrap()).unwrap();

    let run_id = first["run"]["run_id"].as_str().unwrap();
    let watched = runyard(folder.path(), &["watch", "--json", run_id]).await.exits(0).objects();
    assert_eq!(watched, lines[1..], "the same events and the same result, later");
    let resumed = runyard(folder.path(), &["watch", "--json", run_id, "--after", "3"]).await.exits(0).objects();
    assert_eq!(resumed, lines[4..]);

    let got = runyard(folder.path(), &["get", "--json", run_id]).await.exits(0).object();
    assert_eq!(got, last["run"]);
    let tree = runyard(folder.path(), &["get", "--json", "--tree", run_id]).await.exits(0).object();
    assert_eq!(tree["node_runs"].as_array().unwrap().len(), 2);
    assert_eq!(tree["outputs"], last["outputs"]);

    let listed = runyard(folder.path(), &["list", "--json"]).await.exits(0).object();
    assert_eq!(listed["runs"][0]["run_id"], run_id);
    assert_eq!(listed["runs"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn start_and_cancel_answer_with_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let sleep = ["start", "--json", "--node-type", "runyard.core.sleep", "--input", "{\"seconds\":3600}"];
    let started = runyard(folder.path(), &sleep).await.exits(0);
    assert_eq!(started.err, "");
    let started = started.object();
    assert_eq!(started["state"], "running");
    let run_id = started["run_id"].as_str().unwrap();
    let canceled = runyard(folder.path(), &["cancel", "--json", run_id]).await.exits(0).object();
    assert_eq!((&canceled["run_id"], &canceled["state"]), (&started["run_id"], &json!("canceled")));
    let again = runyard(folder.path(), &["cancel", "--json", run_id]).await.exits(0).object();
    assert_eq!(again, canceled, "canceling twice changes nothing");
}

#[tokio::test]
async fn a_run_that_fails_is_a_result_and_exit_code_one() {
    let folder = tempfile::tempdir().unwrap();
    let run = runyard(folder.path(), &["run", "--json", "Fly me to the moon."]).await.exits(1).objects();
    let last = run.last().unwrap();
    assert_eq!((&last["kind"], &last["error"]["code"]), (&json!("result"), &json!("clause_unmapped")));
    assert_eq!(last["error"]["details"]["clause"], "Fly me to the moon");
}

#[tokio::test]
async fn lists_go_on_page_by_page() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..5 {
        let run_id = format!("run-{number}");
        let echo = ["start", "--run-id", &run_id, "--node-type", "runyard.core.echo", "--input", "{\"echo\":\"x\"}"];
        runyard(folder.path(), &echo).await.exits(0);
    }
    let names = |page: &Value| -> Vec<String> {
        page["runs"].as_array().unwrap().iter().map(|run| run["name"].as_str().unwrap().to_owned()).collect()
    };
    let first = runyard(folder.path(), &["list", "--json", "--limit", "2"]).await.exits(0).object();
    assert_eq!(names(&first), ["run-4", "run-3"]);
    let cursor = first["next_cursor"].as_str().unwrap();
    let next = runyard(folder.path(), &["list", "--json", "--limit", "2", "--cursor", cursor]).await.exits(0).object();
    assert_eq!(names(&next), ["run-2", "run-1"]);
    let all = runyard(folder.path(), &["list", "--json", "--limit", "2", "--all"]).await.exits(0).objects();
    assert_eq!(all.iter().flat_map(names).collect::<Vec<_>>(), ["run-4", "run-3", "run-2", "run-1", "run-0"]);
    let none = runyard(folder.path(), &["list", "--json", "--state", "succeeded"]).await.exits(0).object();
    assert_eq!(none["runs"], json!([]));
}

#[tokio::test]
async fn node_types_documents_and_settings_are_objects_too() {
    let folder = tempfile::tempdir().unwrap();
    let nodes = runyard(folder.path(), &["nodes", "--json", "--kind", "atomic"]).await.exits(0).object();
    let sleep = nodes["node_types"].as_array().unwrap().iter().find(|one| one["node_type_id"] == "runyard.core.sleep");
    assert_eq!(sleep.unwrap()["input_schema"]["type"], "object");

    let documents = runyard(folder.path(), &["openapi", "--json"]).await.exits(0).object();
    for document in documents["documents"].as_array().unwrap() {
        let name = document["name"].as_str().unwrap();
        let whole = runyard(folder.path(), &["openapi", "--json", name]).await.exits(0);
        let whole: Value = serde_json::from_str(&whole.out).unwrap();
        assert_eq!((&whole["openapi"], &whole["info"]["title"]), (&json!("3.0.3"), &document["title"]));
    }
    let settings = runyard(folder.path(), &["config", "show", "--json"]).await.exits(0).object();
    assert_eq!(settings["port_base"], json!({ "value": 8080, "origin": "default", "variable": "RUNYARD_PORT_BASE" }));
    let written = runyard(folder.path(), &["config", "init", "--json"]).await.exits(0).object();
    assert_eq!(written["written"], "runyard.toml");
}

#[tokio::test]
async fn errors_are_objects_wherever_they_arise() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, exit, code) in [
        (&["--json", "list", "--state", "odd"][..], 2, "usage"),
        (&["--json", "--set", "nothing=1", "list"], 2, "invalid_configuration"),
        (&["--json", "get", "unknown"], 1, "no_data_folder"),
        (&["--json", "run", "--node-type", "no.such.thing"], 2, "unknown_node_type"),
        (&["--json", "get", "unknown"], 1, "run_not_found"),
        (&["--json", "watch", "unknown"], 1, "run_not_found"),
        (&["--json", "cancel", "unknown"], 1, "run_not_found"),
        (&["--json", "openapi", "nothing"], 2, "usage"),
        (&["--json", "--url", "http://127.0.0.1:1", "list"], 1, "unreachable"),
    ] {
        let done = runyard(folder.path(), arguments).await.exits(exit);
        assert_eq!(error(&done)["code"], code, "{arguments:?}: {done:?}");
    }
}
