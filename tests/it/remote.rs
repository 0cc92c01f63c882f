//! A gateway that forwards: every request goes to a remote coordinator, and its answers come back unchanged.

use futures::StreamExt;
use runyard::config::{Config, Coordinator, CoordinatorPlace, Gateway};
use runyard::serve::Server;
use runyard_api::arp::schemas::RunStartRequest;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::process::{ProcessClients, assert_whole, bounded, bytes, start_body};

/// A server in this process, in a folder of its own.
async fn serve(config: Config) -> (Server, ProcessClients, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let config = Config { data_dir: folder.path().join("data"), port_base: 0, ..config };
    let server = Server::start(&config, slog::Logger::root(slog::Discard, slog::o!())).await.unwrap();
    let clients = ProcessClients::of(&server);
    (server, clients, folder)
}

/// A server whose gateway forwards to this coordinator.
async fn forwarding_to(url: &str) -> (Server, ProcessClients, TempDir) {
    serve(Config {
        coordinator: Coordinator { url: Some(url.to_owned()), ..Coordinator::default() },
        ..Config::default()
    })
    .await
}

/// The answer of an API to one request: status, the header that marks a replay, body.
async fn ask(method: &str, url: String, body: Option<Value>) -> (u16, bool, Value) {
    let method = method.parse().unwrap();
    let mut request = reqwest::Client::builder().no_proxy().build().unwrap().request(method, url);
    if let Some(body) = body {
        request = request.header("content-type", "application/json").body(body.to_string());
    }
    let answer = bounded("an answer", request.send()).await.unwrap();
    let (status, replayed) = (answer.status().as_u16(), answer.headers().contains_key("idempotent-replayed"));
    (status, replayed, serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap())
}

async fn text_of(url: String) -> (u16, http::HeaderMap, String) {
    let answer = reqwest::Client::builder().no_proxy().build().unwrap().get(url).send();
    let answer = bounded("an answer", answer).await.unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    (status, headers, bounded("its end", answer.text()).await.unwrap())
}

fn sleep(seconds: u32) -> RunStartRequest {
    start_body("runyard.core.sleep", json!({ "seconds": seconds }))
}

#[tokio::test]
async fn start_get_events_and_cancel_happen_there() {
    let (_far, far, _far_folder) = serve(Config::default()).await;
    let (_near, near, _near_folder) = forwarding_to(&far.coordinator_url).await;

    let (run_id, root) = near.plan("Generate a UUID, then return it.").await;
    let text = async |client: &ProcessClients, after: Option<i64>| {
        bytes(client.gateway.stream_run_events(&run_id, after, None, None).await.unwrap().into_inner()).await
    };
    let forwarded = bounded("the events", text(&near, None)).await;
    let direct = far.coordinator.stream_run_events(&run_id, None, None, None).await.unwrap().into_inner();
    assert_eq!(forwarded, bytes(direct).await, "byte for byte");
    let events: Vec<Value> = forwarded.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_whole(&events);
    for after in 0..=events.len() as i64 {
        assert_eq!(text(&near, Some(after)).await, text(&far, Some(after)).await, "after {after}");
    }
    assert_eq!(near.run(&run_id).await, far.run(&run_id).await);
    assert_eq!(far.node_run(&root).await["state"], "succeeded");

    let asleep = near.gateway.start_run(None, &sleep(3600)).await.unwrap().into_inner();
    let stream = near.gateway.stream_run_events(&asleep.run_id, None, None, None).await.unwrap().into_inner();
    let canceled = json!(near.gateway.cancel_run(&asleep.run_id).await.unwrap().into_inner());
    assert_eq!(canceled, far.run(&asleep.run_id).await);
    assert_eq!(canceled["state"], "canceled");
    assert!(bounded("the end", bytes(stream)).await.lines().last().unwrap().contains("run_completed"));

    let here =
        near.native.list_runs(None, None, None, None, None, None, None, None, None, None).await.unwrap().into_inner();
    assert!(here.runs.is_empty(), "nothing of it is here");
}

#[tokio::test]
async fn a_stream_resumes_through_the_gateway_wherever_it_is_cut() {
    let (_far, far, _far_folder) = serve(Config::default()).await;
    let (_near, near, _near_folder) = forwarding_to(&far.coordinator_url).await;
    let (run_id, _) = near.plan("Sleep for 0.1 seconds, then generate a UUID and return it.").await;
    let mut seen: Vec<Value> = Vec::new();
    loop {
        let after = Some(seen.len() as i64);
        let stream =
            near.gateway.stream_run_events(&run_id, after, None, None).await.unwrap().into_inner().into_inner();
        let mut lines = runyard_client::ndjson::lines(stream).boxed();
        let event = bounded("the next event", lines.next()).await.unwrap().unwrap();
        let is_last = event["type"] == "run_completed";
        seen.push(event);
        if is_last {
            break;
        }
    }
    assert_whole(&seen);
}

#[tokio::test]
async fn refusals_come_back_as_they_were_said() {
    let (_far, far, _far_folder) = serve(Config::default()).await;
    let (_near, near, _near_folder) = forwarding_to(&far.coordinator_url).await;
    let body = |run_id: &str, echo: Value| {
        let reference = json!({ "node_type_id": "runyard.core.echo", "version": "1" });
        Some(json!({ "run_id": run_id, "root_node_type_ref": reference, "input": { "echo": echo } }))
    };
    let nothing = json!({ "root_node_type_ref": { "node_type_id": "runyard.core.ecko", "version": "1" }, "input": {} });
    assert_eq!(ask("POST", format!("{}/v1/runs", near.gateway_url), body("taken", json!("a"))).await.0, 200);
    for (method, path, body, status, code) in [
        ("GET", "/v1/runs/unknown", None, 404, "run_not_found"),
        ("GET", "/v1/runs/unknown/events", None, 404, "run_not_found"),
        ("POST", "/v1/runs/unknown:cancel", None, 404, "run_not_found"),
        ("POST", "/v1/runs", Some(nothing), 400, "unknown_node_type"),
        ("POST", "/v1/runs", body("new", json!(7)), 400, "invalid_inputs"),
        ("POST", "/v1/runs", body("taken", json!("b")), 409, "run_already_exists"),
    ] {
        let (forwarded, _, near_says) = ask(method, format!("{}{path}", near.gateway_url), body.clone()).await;
        let (direct, _, far_says) = ask(method, format!("{}{path}", far.coordinator_url), body).await;
        assert_eq!((forwarded, direct), (status, status), "{near_says}");
        assert_eq!(near_says["error"], far_says["error"], "{method} {path}");
        assert_eq!(near_says["error"]["code"], code);
        assert!(near_says["extensions"]["runyard.request_id"].is_string());
    }
}

#[tokio::test]
async fn a_replay_is_reported_through_the_gateway() {
    let (_far, far, _far_folder) = serve(Config::default()).await;
    let (_near, near, _near_folder) = forwarding_to(&far.coordinator_url).await;
    let first = near.gateway.start_run(Some("key"), &sleep(3600)).await.unwrap();
    assert!(!first.headers().contains_key("idempotent-replayed"));
    let again = near.gateway.start_run(Some("key"), &sleep(3600)).await.unwrap();
    assert_eq!(again.headers().get("idempotent-replayed").unwrap(), "true");
    assert_eq!(first.into_inner().run_id, again.into_inner().run_id);
    let other = near.gateway.start_run(Some("key"), &sleep(1)).await.unwrap_err();
    let refusal = other.refusal().unwrap();
    assert_eq!((refusal.status, refusal.code.as_str()), (409, "idempotency_conflict"));
    near.gateway.cancel_run(&far.gateway.start_run(Some("key"), &sleep(3600)).await.unwrap().run_id).await.unwrap();
}

#[tokio::test]
async fn a_coordinator_that_is_not_there_is_a_502_and_a_degraded_gateway() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let (_server, near, _folder) = forwarding_to(&url).await;
    for (method, path, body) in [
        ("POST", "/v1/runs", Some(json!(sleep(1)))),
        ("GET", "/v1/runs/any", None),
        ("POST", "/v1/runs/any:cancel", None),
        ("GET", "/v1/runs/any/events", None),
    ] {
        let (status, _, says) = ask(method, format!("{}{path}", near.gateway_url), body).await;
        assert_eq!((status, &says["error"]["code"]), (502, &json!("run_coordinator_unavailable")), "{says}");
        assert_eq!(says["error"]["details"]["run_coordinator_url"], url);
        assert_eq!(says["error"]["retryable"], true);
    }
    let (status, _, health) = ask("GET", format!("{}/v1/health", near.gateway_url), None).await;
    assert_eq!((status, &health["status"]), (200, &json!("degraded")));
    assert_eq!(
        (&health["checks"][0]["name"], &health["checks"][0]["status"]),
        (&json!("run_coordinator"), &json!("down"))
    );
    // The coordinator in this process still works.
    assert_eq!(json!(near.coordinator.health().await.unwrap().into_inner())["status"], "ok");
}

#[tokio::test]
async fn a_gateway_without_a_coordinator_url_names_the_setting() {
    let gateway = Gateway { coordinator: Some(CoordinatorPlace::Remote) };
    let (_server, near, _folder) = serve(Config { gateway, ..Config::default() }).await;
    let (status, _, says) = ask("POST", format!("{}/v1/runs", near.gateway_url), Some(json!(sleep(1)))).await;
    assert_eq!((status, &says["error"]["code"]), (503, &json!("run_coordinator_missing")));
    assert!(says["error"]["message"].as_str().unwrap().contains("coordinator.url"), "{says}");
    assert_eq!(says["error"]["details"]["environment"], "JARVIS_RUN_COORDINATOR_URL");
    let (_, _, health) = ask("GET", format!("{}/v1/health", near.gateway_url), None).await;
    assert_eq!(health["status"], "degraded");
}

/// A hand-written peer: it answers every request with the result of `answer` for its first line.
async fn peer(answer: fn(&str) -> (u16, &'static str, String)) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer_one(stream, answer));
        }
    });
    url
}

async fn answer_one(mut stream: TcpStream, answer: fn(&str) -> (u16, &'static str, String)) {
    let mut request = Vec::new();
    let length = loop {
        let text = String::from_utf8_lossy(&request).to_ascii_lowercase();
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            break head.len() + 4 + length.unwrap_or(0);
        }
        if stream.read_buf(&mut request).await.unwrap() == 0 {
            return;
        }
    };
    while request.len() < length && stream.read_buf(&mut request).await.unwrap() > 0 {}
    let text = String::from_utf8(request).unwrap();
    let (status, content_type, body) = answer(text.lines().next().unwrap());
    let head = format!(
        "HTTP/1.1 {status} x\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
}

/// As the reference implementation writes: absent fields are null.
fn lax(line: &str) -> (u16, &'static str, String) {
    let run = json!({
        "run_id": "r", "root_node_run_id": "n", "state": "running", "started_at": "2026-01-01T00:00:00Z", "ended_at": null,
        "run_context": { "tenant_id": null, "actor": null, "trace": null, "identity": null },
        "extensions": { "jarvis.note": null, "jarvis.kept": { "meant": null } },
    });
    let error = json!({
        "error": { "code": "run_not_found", "message": "no", "details": { "why": null, "id": "x" }, "retryable": null, "cause": null, "extensions": null },
        "extensions": null,
    });
    let health = json!({ "status": "ok", "time": "2026-01-01T00:00:00Z", "checks": null, "extensions": null });
    let json = "application/json";
    match line.split(' ').nth(1).unwrap() {
        "/v1/health" => (200, json, health.to_string()),
        "/v1/runs/absent" => (404, json, error.to_string()),
        "/v1/runs/r/events" => (200, "application/x-ndjson", "{\"seq\":1,\"data\":null}\n".to_owned()),
        _ => (200, json, run.to_string()),
    }
}

#[tokio::test]
async fn what_a_lax_peer_writes_as_null_is_absent_in_our_answers() {
    let (_server, near, _folder) = forwarding_to(&peer(lax).await).await;
    for (method, path, body, status) in [
        ("POST", "/v1/runs", Some(json!(sleep(1))), 200),
        ("GET", "/v1/runs/r", None, 200),
        ("POST", "/v1/runs/r:cancel", None, 200),
        ("GET", "/v1/runs/absent", None, 404),
        ("GET", "/v1/health", None, 200),
    ] {
        let (found, _, says) = ask(method, format!("{}{path}", near.gateway_url), body).await;
        assert_eq!(found, status, "{says}");
        // Within values that belong to the caller a null may have a meaning.
        assert!(!says.to_string().replace("{\"meant\":null}", "").contains("null"), "{method} {path}: {says}");
    }
    assert_eq!(near.run("r").await["extensions"]["jarvis.kept"], json!({ "meant": null }));
    let events = near.gateway.stream_run_events("r", None, None, None).await.unwrap().into_inner();
    assert_eq!(bytes(events).await, "{\"seq\":1,\"data\":null}\n", "streams go through as bytes");
}

/// Answers events as the reference implementation does: as a JSON string, or one within another, and never as a stream.
fn reference_like(line: &str) -> (u16, &'static str, String) {
    let path = line.split(' ').nth(1).unwrap().split('?').next().unwrap();
    let event = |seq: u64, kind: &str| json!({ "run_id": "r", "seq": seq, "type": kind, "time": "2026-01-01T00:00:00Z", "node_run_id": null });
    let lines =
        format!("{}\n{}\n{}\n", event(1, "run_started"), event(2, "node_run_assigned"), event(3, "run_completed"));
    let json = "application/json";
    let unknown = json!({ "error": { "code": "run_not_found", "message": "Run 'x' not found" } });
    match path {
        "/v1/runs/once/events" => (200, json, json!(lines).to_string()),
        "/v1/runs/twice/events" => (200, json, json!(json!(lines).to_string()).to_string()),
        "/v1/runs/unknown/events" | "/v1/runs/new/events" => (200, json, json!("").to_string()),
        "/v1/runs/object/events" => (200, json, "{}".to_owned()),
        "/v1/runs/rubbish/events" => (200, json, json!("no event\n").to_string()),
        "/v1/runs/page/events" => (200, "text/html", "<html>".to_owned()),
        "/v1/runs/deaf/events" => (200, "application/x-ndjson", lines),
        "/v1/runs/unknown" => (404, json, unknown.to_string()),
        _ => (200, json, json!({ "run_id": "r", "state": "succeeded", "root_node_run_id": "n" }).to_string()),
    }
}

#[tokio::test]
async fn events_that_a_coordinator_answers_as_a_json_string_are_lines_here() {
    let (_server, near, _folder) = forwarding_to(&peer(reference_like).await).await;
    let seqs = async |run: &str, query: &str| {
        let (status, headers, text) = text_of(format!("{}/v1/runs/{run}/events{query}", near.gateway_url)).await;
        assert_eq!((status, headers["content-type"].to_str().unwrap()), (200, "application/x-ndjson"), "{run}: {text}");
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.map(|event| event["seq"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    for run in ["once", "twice", "deaf"] {
        assert_eq!(seqs(run, "").await, [1, 2, 3], "{run}");
        assert_eq!(seqs(run, "?after_seq=2").await, [3], "{run}: also a coordinator that does not know after_seq");
        assert_eq!(seqs(run, "?after_seq=3&follow=false").await, [0_u64; 0], "{run}");
    }
    assert_eq!(seqs("new", "").await, [0_u64; 0], "it is known, and has ended without an event");
    for (run, status, code) in [
        ("unknown", 404, "run_not_found"),
        ("object", 502, "run_coordinator_unavailable"),
        ("rubbish", 502, "run_coordinator_unavailable"),
        ("page", 502, "run_coordinator_unavailable"),
    ] {
        let (found, _, says) = ask("GET", format!("{}/v1/runs/{run}/events", near.gateway_url), None).await;
        assert_eq!((found, says["error"]["code"].as_str().unwrap()), (status, code), "{run}: {says}");
    }
}

#[tokio::test]
async fn an_idempotency_key_that_the_coordinator_does_not_keep_is_said_to_be_none() {
    let (_server, near, _folder) = forwarding_to(&peer(reference_like).await).await;
    let keyed = near.gateway.start_run(Some("key"), &sleep(1)).await.unwrap();
    assert_eq!(keyed.headers()["idempotency-key-honored"], "false");
    let plain = near.gateway.start_run(None, &sleep(1)).await.unwrap();
    assert!(!plain.headers().contains_key("idempotency-key-honored"));
    // Runyard's coordinator honors the key, and says so through the gateway.
    let (_far, far, _far_folder) = serve(Config::default()).await;
    let (_near, near, _near_folder) = forwarding_to(&far.coordinator_url).await;
    for replayed in [false, true] {
        let keyed = near.gateway.start_run(Some("key"), &sleep(3600)).await.unwrap();
        assert_eq!(keyed.headers()["idempotency-key-honored"], "true");
        assert_eq!(keyed.headers().contains_key("idempotent-replayed"), replayed);
    }
}

#[tokio::test]
async fn a_peer_that_is_no_coordinator_is_not_available() {
    for answer in [
        (|_| (200, "text/html", "<html>".to_owned())) as fn(&str) -> (u16, &'static str, String),
        |_| (200, "application/json", "{\"run_id\":7}".to_owned()),
        |_| (500, "text/plain", "broken".to_owned()),
        |_| (404, "application/json", "{\"detail\":\"Not Found\"}".to_owned()),
    ] {
        let (_server, near, _folder) = forwarding_to(&peer(answer).await).await;
        let (status, _, says) = ask("GET", format!("{}/v1/runs/r", near.gateway_url), None).await;
        assert_eq!((status, &says["error"]["code"]), (502, &json!("run_coordinator_unavailable")), "{says}");
    }
}

/// A third-party gateway: it has no Runyard planner, and no field that says so.
fn others(line: &str) -> (u16, &'static str, String) {
    let json = "application/json";
    let version = json!({ "service_name": "arp-jarvis-rungateway", "service_version": "0.3.8", "supported_api_versions": ["v1"] });
    let run = json!({ "run_id": "r", "state": "failed", "root_node_run_id": "n" });
    match line.split(' ').nth(1).unwrap() {
        "/v1/version" => (200, json, version.to_string()),
        "/v1/runs/r/events" => (404, json, "{}".to_owned()),
        _ => (200, json, run.to_string()),
    }
}

#[tokio::test]
async fn a_goal_for_a_gateway_of_others_fails_with_what_can_be_said_and_its_planner_can_be_set() {
    let (folder, url) = (tempfile::tempdir().unwrap(), peer(others).await);
    let done = crate::process::runyard(folder.path(), &["--url", &url, "run", "Do it."]).await.exits(1);
    let said = format!("{}{}", done.out, done.err);
    for expected in ["does not show why", "runyard.composite.planner.general", "client.planner"] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    let set = ["--url", &url, "--set", "client.planner=jarvis.composite.planner.general@0.3.8", "run", "Do it."];
    let done = crate::process::runyard(folder.path(), &set).await.exits(1);
    assert!(done.err.contains("jarvis.composite.planner.general"), "{}", done.err);
}
