//! MCP servers as tools: both protocols, over stdio and HTTP; isolation, restarts, cancel, tasks and questions.

mod desk;
mod http;
pub mod server;

use std::time::{Duration, Instant};

use desk::{Desk, PROTOCOLS, SECRET, environment};
use runyard::config::tools::mcp::parse;
use runyard_engine::FailureCode;
use serde_json::{Value, json};
use server::{TOOLS, configured, of_method};

use crate::harness::{World, eventually};
use crate::http::caller::key;
use crate::process::bounded;

#[tokio::test]
async fn a_tool_is_called_in_both_protocols_with_the_key_of_the_effect() {
    for protocol in PROTOCOLS {
        let desk = Desk::new(protocol).await;
        let outputs = desk.outputs("echo", json!({ "number": 7 })).await;
        assert_eq!(outputs, json!({ "text": "{\"number\":7} ***" }), "{protocol}: the secret is masked");
        let calls = of_method(&desk.log, "tools/call");
        assert_eq!(calls[0]["params"]["_meta"]["io.runyard/idempotency-key"], json!(key().to_string()), "{protocol}");
        let greetings = of_method(&desk.log, "initialize").len();
        assert_eq!(greetings, usize::from(protocol == "2025-11-25"), "{protocol}");
    }
}

#[tokio::test]
async fn the_program_gets_the_allowed_variables_and_no_others() {
    let desk = Desk::new(PROTOCOLS[0]).await;
    let outputs = desk.outputs("variables", json!({})).await;
    let mut names: Vec<&str> = outputs["text"].as_str().unwrap().split(',').collect();
    names.retain(|name| !["HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "TZ", "TMPDIR"].contains(name));
    names.retain(|name| !["XDG_CACHE_HOME", "SSL_CERT_FILE", "SSL_CERT_DIR"].contains(name));
    names.sort_unstable();
    assert_eq!(names, ["DESK_TOKEN", "MCP_LOG", "MCP_PROTOCOL", "MCP_TOOLS", "PATH"]);
}

#[tokio::test]
async fn a_program_that_ends_fails_its_call_and_is_started_again() {
    let desk = Desk::new(PROTOCOLS[0]).await;
    for _ in 0..2 {
        let failure = desk.failure("ends").await;
        assert!(failure.code.is(FailureCode::ResponseInvalid) && failure.retryable == Some(true), "{failure:?}");
        desk.outputs("echo", json!({})).await;
    }
    let failure = desk.failure("large").await;
    assert!(failure.code.is(FailureCode::ResponseTooLarge), "{failure:?}");
    desk.outputs("echo", json!({})).await;
    assert_eq!(of_method(&desk.log, "initialize").len(), 4);
}

#[tokio::test]
async fn a_refusal_is_a_named_failure_without_the_secret() {
    let desk = Desk::new(PROTOCOLS[1]).await;
    let failure = desk.failure("refuses").await;
    assert!(failure.code.is(FailureCode::ToolFailed), "{failure:?}");
    assert!(failure.message.ends_with("no: ***") && !format!("{failure:?}").contains(SECRET), "{failure:?}");
}

#[tokio::test]
async fn a_dropped_call_is_canceled_at_the_server() {
    for protocol in PROTOCOLS {
        let desk = Desk::new(protocol).await;
        let call = desk.outcome("endless", json!({}));
        let canceled = tokio::time::timeout(Duration::from_millis(500), call).await;
        assert!(canceled.is_err(), "{protocol}: {canceled:?}");
        let since = now();
        let notice =
            eventually("the cancellation", || async { of_method(&desk.log, "notifications/cancelled").pop() }).await;
        let took = since.elapsed();
        println!("{protocol}: the server was notified after {took:?}");
        assert_eq!(notice["params"]["requestId"], of_method(&desk.log, "tools/call")[0]["id"], "{protocol}");
        assert!(took < Duration::from_millis(1_000), "{protocol}: {took:?}");
    }
}

#[tokio::test]
async fn what_a_program_started_ends_with_it() {
    let desk = Desk::new(PROTOCOLS[0]).await;
    let outputs = desk.outputs("parent", json!({})).await;
    let pid: i32 = outputs["text"].as_str().unwrap().parse().unwrap();
    let runs = || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        !stat.is_empty() && !stat.contains(") Z ")
    };
    assert!(runs());
    bounded("the end of the server", desk.mcp.stop()).await;
    eventually("the end of the process", || async { (!runs()).then_some(()) }).await;
}

#[tokio::test]
async fn node_types_follow_the_tools() {
    let desk = Desk::new(PROTOCOLS[0]).await;
    assert!(!desk.lists("grown"));
    desk.outputs("grow", json!({})).await;
    eventually("the new tool", || async { desk.lists("grown").then_some(()) }).await;
}

#[tokio::test]
async fn a_task_is_followed_to_its_end_and_canceled_with_its_call() {
    let desk = Desk::new(PROTOCOLS[1]).await;
    assert_eq!(desk.outputs("task", json!({})).await["text"], "done");
    assert_eq!(of_method(&desk.log, "tasks/get").len(), 2);
    assert!(of_method(&desk.log, "tasks/cancel").is_empty());
    let desk = Desk::new(PROTOCOLS[1]).await;
    let call = desk.outcome("task", json!({}));
    let canceled = tokio::time::timeout(Duration::from_millis(40), call).await;
    // A machine that is so slow that the call was not answered yet has no task to cancel.
    if canceled.is_err() && !of_method(&desk.log, "tools/call").is_empty() {
        eventually("a canceled task or call", || async {
            let notices =
                [of_method(&desk.log, "tasks/cancel"), of_method(&desk.log, "notifications/cancelled")].concat();
            notices.into_iter().next()
        })
        .await;
    }
}

#[tokio::test]
async fn a_tool_that_asks_a_person_is_a_named_failure_with_the_question() {
    let desk = Desk::new(PROTOCOLS[1]).await;
    let failure = desk.failure("asks").await;
    assert!(failure.code.is(FailureCode::InputRequired) && failure.retryable == Some(false), "{failure:?}");
    assert!(failure.message.contains("Which city?"), "{failure:?}");
    let details = Value::Object(failure.details.unwrap());
    assert_eq!(details["requests"]["city"]["params"]["requestedSchema"]["properties"]["city"]["type"], "string");
}

#[tokio::test]
async fn a_server_that_is_down_does_not_prevent_the_start_and_its_last_tools_are_listed() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let working = configured(&log, PROTOCOLS[0], &TOOLS, json!({}));
    let mut broken = working.clone();
    broken["command"] = json!("/nowhere/at/all");
    let data = folder.path().join("data");
    for (table, outcome) in [(&broken, None), (&working, Some("succeeded")), (&broken, Some("failed"))] {
        let servers = parse(&json!([table])).unwrap();
        let world = World::with(|config| {
            config.data_dir = data.clone();
            config.tools.mcp = servers;
        })
        .await;
        let listed = world.native.list_node_types(None, Some("mcp.desk.echo")).await.unwrap().into_inner();
        assert_eq!(listed.node_types.len(), usize::from(outcome.is_some()), "{outcome:?}");
        if let Some(outcome) = outcome {
            let run = world.run("mcp.desk.echo", json!({ "number": 1 })).await;
            let run = world.finished(&run.run_id).await;
            assert_eq!(json!(run.state).as_str().unwrap().to_lowercase(), outcome);
            let shown = format!("{run:?}");
            assert_eq!(shown.contains("connect_failed"), outcome == "failed", "{shown}");
        }
        bounded("the end", world.server.stop()).await;
    }
}

#[tokio::test]
async fn a_canceled_run_cancels_its_call_and_no_stored_byte_is_a_secret() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let token = folder.path().join("token");
    std::fs::write(&token, SECRET).unwrap();
    let secret = json!({ "secret_env": { "DESK_TOKEN": { "file": token } } });
    let servers = parse(&json!([configured(&log, PROTOCOLS[1], &TOOLS, secret)])).unwrap();
    let data = folder.path().join("data");
    let world = World::with(|config| {
        config.data_dir = data.clone();
        config.tools.mcp = servers;
    })
    .await;
    let run = world.run("mcp.desk.echo", json!({ "number": 1 })).await;
    world.finished(&run.run_id).await;
    let run = world.run("mcp.desk.endless", json!({})).await;
    eventually("the call", || async { of_method(&log, "tools/call").into_iter().nth(1) }).await;
    let since = now();
    world.gateway.cancel_run(&run.run_id).await.unwrap();
    eventually("the cancellation", || async { of_method(&log, "notifications/cancelled").pop() }).await;
    println!("the server was notified {:?} after the cancel was sent", since.elapsed());
    bounded("the end", world.server.stop()).await;
    let mut searched = 0;
    let mut open = vec![data];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            let bytes = std::fs::read(&path).unwrap();
            let found = bytes.windows(SECRET.len()).any(|part| part == SECRET.as_bytes());
            assert!(!found, "{} has the secret", path.display());
            searched += bytes.len();
        }
    }
    assert!(searched > 10_000 && environment("TOKEN").is_some());
}

#[expect(clippy::disallowed_methods, reason = "measures how long a cancellation takes")]
pub fn now() -> Instant {
    Instant::now()
}
