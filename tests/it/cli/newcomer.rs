//! The first minutes: what an empty folder says, one address for every command, and what `run` shows.

use serde_json::{Value, json};

use crate::process::{Process, Served, runyard, runyard_with};

/// Names in a folder.
fn names(folder: &std::path::Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

#[tokio::test]
async fn commands_that_read_create_nothing_in_an_empty_folder() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        &["list"][..],
        &["approvals"],
        &["get", "order-17"],
        &["watch", "order-17"],
        &["cancel", "order-17"],
        &["pause", "order-17"],
        &["resume", "order-17"],
        &["answer", "order-17", "Blue"],
        &["approve", "approval_1"],
        &["keys", "list"],
        &["check"],
    ] {
        let done = runyard(folder.path(), arguments).await.exits(1);
        assert!(done.err.contains("there is no data folder here"), "{arguments:?}: {}", done.err);
        assert!(done.err.contains(".runyard does not exist") && done.err.contains("`runyard run`"), "{}", done.err);
        let done = runyard(folder.path(), &[arguments, &["--json"]].concat()).await.exits(1);
        let error: Value = serde_json::from_str(&done.err).unwrap();
        assert_eq!(error["error"]["code"], "no_data_folder", "{arguments:?}");
    }
    let nodes = runyard(folder.path(), &["nodes"]).await.exits(0);
    assert!(nodes.out.contains("runyard.core.sleep"), "{}", nodes.out);
    assert_eq!(names(folder.path()), Vec::<String>::new());
}

#[tokio::test]
async fn the_address_of_the_runyard_api_is_enough_for_every_command() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let served = Served::start(folder.path()).await;
    let url = served.clients.native_url.as_str();
    let at = async |arguments: &[&str]| runyard_with(elsewhere.path(), arguments, &[("RUNYARD_URL", url)]).await;
    let run = at(&["run", "--run-id", "mine", "Generate a UUID, then return it."]).await.exits(0);
    super::last_uuid(&run.out);
    for arguments in [
        &["start", "--run-id", "other", "Generate a UUID."][..],
        &["list"],
        &["get", "mine"],
        &["get", "mine", "--json"],
        &["watch", "mine", "--json"],
        &["cancel", "mine"],
        &["approvals"],
        &["nodes"],
    ] {
        at(arguments).await.exits(0);
    }
    let nodes = json!([
        { "uuid": "00000000-0000-4000-8000-000000000001", "slug": "start", "kind": "native", "actionSlug": "start", "config": {},
          "childrenUuids": [], "fallbackOnFailure": false, "position": { "x": 0, "y": 0 } },
    ]);
    std::fs::write(elsewhere.path().join("one.json"), json!({ "name": "One", "nodes": nodes }).to_string()).unwrap();
    at(&["cargo", "deploy", "one.json"]).await.exits(0);
    assert_eq!(names(elsewhere.path()), ["one.json"], "nothing is created where a server is used");

    // A run gateway serves what any run gateway can, and says so for the rest.
    let gateway = ["--url", served.clients.gateway_url.as_str()];
    runyard(elsewhere.path(), &[&gateway[..], &["get", "mine"]].concat()).await.exits(0);
    let done = runyard(elsewhere.path(), &[&gateway[..], &["list"]].concat()).await.exits(2);
    assert!(done.err.contains("needs the Runyard API") && done.err.contains("8092"), "{}", done.err);
}

/// A graph whose first step fails once and is repeated, and whose second sleeps.
fn retried() -> String {
    let node = |key: &str, node_type: &str, inputs: Value, children: Value| json!({ "key": key, "node_type_ref": { "node_type_id": node_type }, "inputs": inputs, "children": children });
    let mut flaky = node("flaky", "runyard.core.fail", json!({ "tries": 1 }), json!(["nap"]));
    flaky["retry"] = json!({ "max_attempts": 3, "initial_interval_ms": 20 });
    let nap = node("nap", "runyard.core.sleep", json!({ "seconds": 0.05 }), json!([]));
    json!({ "graph": { "nodes": [flaky, nap] }, "data": {} }).to_string()
}

#[tokio::test]
async fn run_shows_each_attempt_wait_and_retry_by_the_name_of_its_step() {
    let folder = tempfile::tempdir().unwrap();
    let done = runyard(folder.path(), &["run", "--node-type", "runyard.composite.graph", "--input", &retried()])
        .await
        .exits(0);
    for shown in [
        "flaky runyard.core.fail, attempt 1: ",
        "attempt 2 in ",
        "flaky runyard.core.fail, attempt 2",
        "sleeping   nap ",
    ] {
        assert!(done.err.contains(shown), "{shown}: {}", done.err);
    }
    let shown = runyard(folder.path(), &["list", "--json"]).await.exits(0).object();
    let id = shown["runs"][0]["run_id"].as_str().unwrap();
    let shown = runyard(folder.path(), &["get", id]).await.exits(0).out;
    assert!(shown.contains("2 attempts") && shown.contains("├─ flaky"), "{shown}");
}

#[tokio::test]
async fn a_question_is_shown_with_the_command_that_answers_it_and_the_answer_is_the_result() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(folder.path()).await;
    let ask =
        ["run", "--run-id", "asks", "--node-type", "runyard.core.ask", "--input", "{\"question\":\"Which colour?\"}"];
    let mut running = Process::start(folder.path(), &ask);
    let lines = running.until_err(|line| line.contains("runyard answer asks TEXT")).await;
    assert!(lines.iter().any(|line| line.contains("question") && line.contains("Which colour?")), "{lines:?}");
    let shown = runyard(folder.path(), &["get", "asks"]).await.exits(0).out;
    assert!(shown.contains("Which colour?") && shown.contains("runyard answer asks"), "{shown}");
    runyard(folder.path(), &["answer", "asks", "Blue"]).await.exits(0);
    let done = running.done().await.exits(0);
    assert!(done.out.contains("Blue") && !done.out.contains("question"), "{done:?}");
    served.kill();
}

#[tokio::test]
async fn a_partial_run_shows_its_outputs_and_names_what_failed() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(folder.path()).await;
    let start = json!({
        "goal": "Misfire, then generate a UUID, then return it.", "name": "part",
        "steps": { "on_failure": "continue" },
    });
    let body = serde_json::from_value(start).unwrap();
    served.clients.native.start_run(None, &body).await.unwrap();
    let done = runyard(folder.path(), &["watch", "part"]).await.exits(1);
    assert!(done.err.contains("run partial after") && done.err.contains("failed S1 runyard.core.fail"), "{done:?}");
    super::last_uuid(&done.out);
    let objects = runyard(folder.path(), &["watch", "part", "--json"]).await.exits(1).objects();
    assert!(!objects.last().unwrap()["outputs"].is_null(), "{objects:?}");
    served.kill();
}

#[tokio::test]
async fn approval_requests_show_the_step_its_inputs_and_when_they_expire() {
    let folder = tempfile::tempdir().unwrap();
    let echo = ["start", "--node-type", "runyard.core.echo", "--input", "{\"echo\":\"hello\"}"];
    let more = [
        "--approve",
        "on_tool_call",
        "--run-id",
        "mine",
        "--constraints",
        "{\"budgets\":{\"max_wall_time_ms\":3600000}}",
    ];
    runyard(folder.path(), &[&echo[..], &more].concat()).await.exits(0);
    let shown = runyard(folder.path(), &["approvals"]).await.exits(0).out;
    for part in
        ["pending", "mine through run-gateway", "runyard.core.echo", "echo: \"hello\"", "ago", "time limit of the run"]
    {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}

#[tokio::test]
async fn runs_are_found_by_text_time_and_duration() {
    let folder = tempfile::tempdir().unwrap();
    runyard(folder.path(), &["run", "--quiet", "--run-id", "first", "Generate a UUID."]).await.exits(0);
    runyard(folder.path(), &["run", "--quiet", "--run-id", "second", "What time is it?"]).await.exits(0);
    let found = async |filter: &[&str]| -> Vec<String> {
        let listed = runyard(folder.path(), &[&["list", "--json"], filter].concat()).await.exits(0).object();
        let runs = listed["runs"].as_array().unwrap().iter();
        runs.map(|run| run["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(found(&["--text", "a uuid"]).await, ["first"]);
    assert_eq!(found(&["--since", "1h"]).await, ["second", "first"]);
    assert!(found(&["--until", "1h"]).await.is_empty());
    assert!(found(&["--longer-than", "1h"]).await.is_empty());
    assert_eq!(found(&["--longer-than", "1ms", "--text", "second"]).await, ["second"]);
    let shown = runyard(folder.path(), &["list"]).await.exits(0).out;
    assert!(shown.contains("DURATION"), "{shown}");
    let wrong = runyard(folder.path(), &["list", "--since", "yesterday"]).await.exits(2);
    assert!(wrong.err.contains("--since \"yesterday\" is not a time"), "{}", wrong.err);
}

#[tokio::test]
async fn completions_and_the_manual_need_no_folder_and_no_valid_configuration() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("runyard.toml"), "this is no configuration").unwrap();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = runyard(folder.path(), &["completions", shell]).await.exits(0).out;
        assert!(script.contains("approvals") && script.contains("longer-than"), "{shell}");
    }
    let page = runyard(folder.path(), &["man"]).await.exits(0).out;
    assert!(page.contains(".TH runyard 1") && page.contains("EXIT STATUS"), "{page}");
    let codes = runyard(folder.path(), &["help", "exit-codes"]).await.exits(0).out;
    assert!(codes.contains("2  usage error"), "{codes}");
    assert_eq!(names(folder.path()), ["runyard.toml"]);
}

#[tokio::test]
async fn serve_writes_one_line_where_no_terminal_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut serving = Process::start(folder.path(), &["serve", "--port-base", "0"]);
    let line = serving.line().await.unwrap();
    assert!(line.starts_with("ready: the Runyard API is at http://127.0.0.1:"), "{line}");
    serving.signal("TERM");
    let done = serving.done().await.exits(0);
    assert_eq!(done.out, "", "one line");
}

#[tokio::test]
async fn health_is_one_line_and_an_exit_code_and_starts_nothing() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let none = runyard(folder.path(), &["health"]).await.exits(1);
    assert!(none.err.contains("no server is running") && none.err.contains("`runyard serve`"), "{}", none.err);
    assert_eq!(names(folder.path()), Vec::<String>::new());
    let served = Served::start_with(folder.path(), &["--port-base", "0", "--auth-mode", "required"]).await;
    let done = runyard(folder.path(), &["health"]).await.exits(0);
    assert!(done.out.starts_with("ok http://127.0.0.1:") && done.out.lines().count() == 1, "{}", done.out);
    // No credential is needed.
    let url = served.clients.native_url.clone();
    let done = runyard(elsewhere.path(), &["health", "--url", &url, "--json"]).await.exits(0).object();
    assert_eq!((&done["status"], &done["url"]), (&json!("ok"), &json!(url)));
    served.kill();
    let gone = runyard(elsewhere.path(), &["health", "--url", &url, "--json"]).await.exits(1);
    let error: Value = serde_json::from_str(&gone.err).unwrap();
    assert_eq!(error["error"]["code"], "unreachable");
    runyard(folder.path(), &["health"]).await.exits(1);
}
