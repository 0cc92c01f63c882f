//! Commands about runs, in a folder without a server.

use super::last_uuid;
use crate::process::{Process, Served, assert_whole, runyard, runyard_unread};

#[tokio::test]
async fn run_shows_its_steps_and_ends_with_the_result() {
    let folder = tempfile::tempdir().unwrap();
    let done = runyard(folder.path(), &["run", "Generate a UUID, then return it."]).await.exits(0);
    assert_eq!(last_uuid(&done.out).get_version_num(), 4);
    assert_eq!(done.out.lines().count(), 1, "standard output has the result alone: {}", done.out);
    for shown in ["planned", "step", "running", "S1 runyard.core.uuid4", "run succeeded after"] {
        assert!(done.err.contains(shown), "{shown}: {}", done.err);
    }
    let listed = runyard(folder.path(), &["list"]).await.exits(0).out;
    assert!(listed.contains("succeeded") && listed.contains("Generate a UUID, then return it."), "{listed}");
    let quiet = runyard(folder.path(), &["run", "--quiet", "Generate a UUID, then return it."]).await.exits(0);
    assert_eq!(last_uuid(&quiet.out).get_version_num(), 4);
    assert_eq!((quiet.out.lines().count(), quiet.err.as_str()), (1, ""), "{quiet:?}");
}

#[tokio::test]
async fn a_goal_that_nothing_serves_fails_by_the_name_of_its_clause() {
    let folder = tempfile::tempdir().unwrap();
    let goal = "Generate a UUID, then fly me to the moon.";
    let done = runyard(folder.path(), &["run", goal]).await.exits(1);
    assert!(done.err.contains("fly me to the moon") && done.err.contains("clause_unmapped"), "{}", done.err);
    let listed = runyard(folder.path(), &["list", "--json", "--state", "failed"]).await.exits(0).object();
    assert_eq!(listed["runs"][0]["reason"], "clause_unmapped");
}

#[tokio::test]
async fn what_cannot_be_meant_ends_with_two_and_says_what_can() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, said) in [
        (&["run"][..], "<GOAL>"),
        (&["run", "--node-type", "no.such.thing", "--input", "{}"], "`runyard nodes` lists"),
        (&["run", "--node-type", "runyard.core.echo", "--input", "[]"], "--input is JSON, and not an object"),
        (&["run", "--node-type", "runyard.core.echo", "--input", "{\"echo\":7}"], "/echo"),
        (&["run", "x", "--constraints", "{\"budgets\":{\"max_steps\":-1}}"], "--constraints"),
        (&["run", "x", "--run-id", "a/b c"], "run_id"),
        (&["list", "--state", "odd"], "possible values"),
        (&["list", "--cursor", "none"], "cursor"),
        (&["--url", "ftp://nowhere", "list"], "--url"),
    ] {
        let done = runyard(folder.path(), arguments).await.exits(2);
        assert!(done.err.contains(said), "{arguments:?}: {}", done.err);
        assert_eq!(done.out, "", "{arguments:?}");
    }
    let done = runyard(folder.path(), &["get", "unknown"]).await.exits(1);
    assert!(done.err.contains("run `unknown` is not known here"), "{}", done.err);
}

#[tokio::test]
async fn interrupting_run_cancels_the_run_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["run", "--run-id", "long", "--node-type", "runyard.core.sleep", "--input", "{\"seconds\":3600}"];
    let mut running = Process::start(folder.path(), &arguments);
    running.until_err(|line| line.starts_with("run long")).await;
    running.signal("INT");
    let done = running.done().await.exits(1);
    assert!(done.err.contains("canceling the run"), "{}", done.err);
    assert!(done.err.contains("run canceled"), "{}", done.err);
    let run = runyard(folder.path(), &["get", "long", "--json"]).await.exits(0).object();
    assert_eq!(run["state"], "canceled");
}

#[tokio::test]
async fn interrupting_watch_leaves_the_run_alone() {
    let folder = tempfile::tempdir().unwrap();
    let sleep = ["--node-type", "runyard.core.sleep", "--input", "{\"seconds\":3600}", "--run-id", "long"];
    runyard(folder.path(), &[&["start"][..], &sleep].concat()).await.exits(0);
    let mut watching = Process::start(folder.path(), &["watch", "long", "--json"]);
    watching.until(|line| line.contains("node_run_assigned")).await;
    watching.signal("INT");
    watching.done().await.exits(0);
    let run = runyard(folder.path(), &["get", "long", "--json"]).await.exits(0).object();
    assert_eq!(run["state"], "running");
    runyard(folder.path(), &["cancel", "long"]).await.exits(0);
    let done = runyard(folder.path(), &["watch", "long"]).await.exits(1);
    assert!(done.err.contains("run canceled"), "{}", done.err);
}

#[tokio::test]
async fn start_without_a_server_records_and_serve_finishes() {
    let folder = tempfile::tempdir().unwrap();
    let done = runyard(folder.path(), &["start", "Generate a UUID, then return it."]).await.exits(0);
    assert!(done.err.contains("`runyard serve` executes it"), "{}", done.err);
    let run_id = done.out.trim();
    let run = runyard(folder.path(), &["get", run_id, "--json"]).await.exits(0).object();
    assert_eq!(run["state"], "running", "nothing was performed yet");

    let served = Served::start(folder.path()).await;
    let events = served.clients.events(run_id, 0).await;
    assert_whole(&events);
    assert_eq!(served.clients.run(run_id).await["state"], "succeeded");
}

#[tokio::test]
async fn the_same_run_id_starts_once() {
    let folder = tempfile::tempdir().unwrap();
    let start = |goal| ["start", "--run-id", "mine", goal];
    runyard(folder.path(), &start("Generate a UUID.")).await.exits(0);
    assert_eq!(runyard(folder.path(), &start("Generate a UUID.")).await.exits(0).out, "mine\n");
    let other = runyard(folder.path(), &start("What time is it?")).await.exits(1);
    assert!(other.err.contains("already exists"), "{}", other.err);
}

#[tokio::test]
async fn a_reader_that_leaves_is_no_reason_to_panic() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        &["run", "Generate a UUID, then return it."][..],
        &["list"],
        &["list", "--json", "--all"],
        &["nodes"],
        &["openapi", "run-gateway"],
        &["config", "show"],
        &["--help"],
        &["--version"],
    ] {
        let done = runyard_unread(folder.path(), arguments).await;
        assert!(!done.err.contains("panicked") && done.code == Some(0), "{arguments:?}: {done:?}");
    }
    let listed = runyard(folder.path(), &["list", "--json"]).await.exits(0).object();
    assert_eq!(listed["runs"][0]["state"], "succeeded", "the run continues without a reader");
}

#[tokio::test]
async fn an_approval_on_the_command_line_lets_the_run_continue() {
    let folder = tempfile::tempdir().unwrap();
    let at = |arguments: &'static [&'static str]| runyard(folder.path(), arguments);
    let goal = "Generate a UUID, then echo it.";
    runyard(folder.path(), &["start", goal, "--approve", "on_start", "--run-id", "mine"]).await.exits(0);
    assert!(at(&["approvals"]).await.exits(0).err.contains("no approval requests"), "nothing is planned yet");
    let served = Served::start(folder.path()).await;
    let approval = loop {
        let listed = at(&["approvals", "--json", "--run", "mine"]).await.exits(0).object();
        if let Some(approval) = listed["approvals"][0]["approval_id"].as_str() {
            break approval.to_owned();
        }
    };
    let shown = at(&["get", "mine"]).await.exits(0).out;
    assert!(shown.contains(&approval) && shown.contains("waiting for approval"), "{shown}");
    assert!(at(&["list"]).await.exits(0).out.contains("waiting (approval)"));
    let paused = at(&["pause", "mine", "--reason", "maintenance"]).await.exits(0);
    assert!(paused.out.contains("waiting, paused") && paused.err.contains("runyard resume mine"), "{paused:?}");
    assert!(at(&["get", "mine"]).await.exits(0).out.contains("maintenance"));
    let decided = runyard(folder.path(), &["approve", &approval, "--comment", "go on"]).await.exits(0);
    assert!(decided.out.contains("approved plan") || decided.out.contains("approved"), "{decided:?}");
    let contrary = runyard(folder.path(), &["deny", &approval]).await.exits(1);
    assert!(contrary.err.contains("has been decided: approved"), "{contrary:?}");
    let resumed = at(&["resume", "mine", "--json"]).await.exits(0).object();
    assert_eq!((&resumed["name"], resumed.get("paused")), (&"mine".into(), None));
    let watched = at(&["watch", "mine"]).await.exits(0);
    assert_eq!(last_uuid(&watched.out).get_version_num(), 4);
    assert!(at(&["pause", "mine"]).await.exits(1).err.contains("finished"));
    let decided = at(&["approvals", "--state", "any", "--json"]).await.exits(0).object();
    assert_eq!(
        (&decided["approvals"][0]["state"], &decided["approvals"][0]["comment"]),
        (&"approved".into(), &"go on".into())
    );
    served.kill();
}

#[tokio::test]
async fn a_denial_on_the_command_line_cancels_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let at = |arguments: &'static [&'static str]| runyard(folder.path(), arguments);
    let arguments = ["start", "--node-type", "runyard.core.uuid4", "--approve", "on_tool_call", "--run-id", "mine"];
    runyard(folder.path(), &arguments).await.exits(0);
    let listed = at(&["approvals", "--json"]).await.exits(0).object();
    let approval = listed["approvals"][0]["approval_id"].as_str().unwrap();
    let denied = runyard(folder.path(), &["deny", approval, "--reason", "too dear"]).await.exits(0);
    assert!(denied.out.starts_with("denied"), "{denied:?}");
    let shown = at(&["get", "mine"]).await.exits(0).out;
    assert!(shown.contains("canceled") && shown.contains("too dear"), "{shown}");
    let unknown = at(&["approve", "unknown"]).await.exits(1);
    assert!(unknown.err.contains("`runyard approvals` lists"), "{unknown:?}");
    assert!(at(&["resume", "unknown"]).await.exits(1).err.contains("not known"));
    at(&["run", "x", "--approve", "sometimes"]).await.exits(2);
    at(&["approvals", "--state", "odd"]).await.exits(2);
}

#[tokio::test]
async fn a_question_is_shown_answered_and_found_by_its_label() {
    let folder = tempfile::tempdir().unwrap();
    let ask = ["start", "--run-id", "asks", "--label", "team:billing", "--node-type", "runyard.core.ask", "--input"];
    runyard(folder.path(), &[&ask[..], &["{\"question\":\"Which colour?\"}"]].concat()).await.exits(0);
    let listed = runyard(folder.path(), &["list", "--label", "team:billing"]).await.exits(0).out;
    assert!(listed.contains("waiting (input)") && listed.contains("Which colour?"), "{listed}");
    let others = runyard(folder.path(), &["list", "--label", "team:sales", "--json"]).await.exits(0).object();
    assert_eq!(others["runs"], serde_json::json!([]));
    let answered = runyard(folder.path(), &["answer", "asks", "Blue", "--json"]).await.exits(0).object();
    assert_eq!((&answered["state"], &answered["outputs"]["answer"]), (&"succeeded".into(), &"Blue".into()));
    let again = runyard(folder.path(), &["answer", "asks", "Red"]).await.exits(1);
    assert!(again.err.contains("has finished as succeeded"), "{}", again.err);
}
