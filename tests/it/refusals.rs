//! Invalid requests: the right status and envelope for each, with every field named, and an unharmed server.

use std::collections::BTreeSet;

use http::{HeaderValue, Method};
use serde_json::{Value, json};

use crate::harness::{Answer, World};

fn good() -> Value {
    json!({
        "root_node_type_ref": {"node_type_id": "runyard.core.echo", "version": "1.0.0"},
        "input": {"echo": "hi"},
    })
}

fn with(field: &str, value: Value) -> String {
    let mut body = good();
    body[field] = value;
    body.to_string()
}

/// The fields that a refusal names, each once, with the place.
fn fields(answer: &Answer) -> BTreeSet<String> {
    let errors = answer.json()["error"]["details"]["errors"].as_array().cloned().unwrap_or_default();
    errors
        .iter()
        .map(|error| {
            assert!(!error["reason"].as_str().unwrap().is_empty());
            format!("{} {}", error["place"].as_str().unwrap(), error["field"].as_str().unwrap())
        })
        .collect()
}

#[tokio::test]
async fn a_start_that_does_not_fit_the_document_names_each_field() {
    let world = World::new().await;
    let cases: &[(String, &[&str])] = &[
        ("{}".into(), &["body /root_node_type_ref", "body /input"]),
        ("[]".into(), &["body "]),
        ("null".into(), &["body "]),
        ("\"text\"".into(), &["body "]),
        ("not json".into(), &["body "]),
        ("{\"a\":1} {}".into(), &["body "]),
        ("{\"input\":".into(), &["body "]),
        (with("surprise", json!(1)), &["body /surprise"]),
        (with("input", json!("text")), &["body /input"]),
        (with("input", json!(null)), &["body /input"]),
        (with("run_id", json!(17)), &["body /run_id"]),
        (with("run_id", json!("a/b c")), &["body /run_id"]),
        (with("run_id", json!("")), &["body /run_id"]),
        (with("run_id", json!("-dash")), &["body /run_id"]),
        (with("run_id", json!("line\nbreak")), &["body /run_id"]),
        (with("run_id", json!("x".repeat(10_240))), &["body /run_id"]),
        (with("extensions", json!({"plain": 1})), &["body /extensions/plain"]),
        (with("extensions", json!({".dot": 1})), &["body /extensions/.dot"]),
        (with("extensions", json!([])), &["body /extensions"]),
        (with("constraints", json!({"budgets": {"max_steps": -1}})), &["body /constraints/budgets/max_steps"]),
        (with("constraints", json!({"budgets": {"max_stesp": 1}})), &["body /constraints/budgets/max_stesp"]),
        (
            with("constraints", json!({"gates": {"side_effect_class": "nuclear"}})),
            &["body /constraints/gates/side_effect_class"],
        ),
        (with("root_node_type_ref", json!({"node_type_id": "x"})), &["body /root_node_type_ref/version"]),
        (
            with("root_node_type_ref", json!({"node_type_id": 1, "version": 2, "v": 3})),
            &[
                "body /root_node_type_ref/node_type_id",
                "body /root_node_type_ref/v",
                "body /root_node_type_ref/version",
            ],
        ),
    ];
    for api in ["run-gateway", "run-coordinator"] {
        for (body, expected) in cases {
            let answer = world.post(api, "/v1/runs", body.clone()).await;
            let shown: String = body.chars().take(80).collect();
            assert_eq!(answer.refusal(), (400, "invalid_request".to_owned()), "{api} {shown}");
            assert_eq!(fields(&answer), sorted(expected), "{api} {shown}");
            assert!(answer.body.len() < 4_096, "an answer does not echo what was sent: {shown}");
        }
    }
    unharmed(&world).await;
}

fn sorted(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Nothing was recorded, and the next request is answered.
async fn unharmed(world: &World) {
    assert_eq!(world.native.count_runs().await.unwrap().into_inner().total, 0);
    let run = world.start(good()).await;
    world.finished(&run.run_id).await;
}

#[tokio::test]
async fn a_body_that_is_too_large_is_413_however_it_is_sent() {
    let world = World::new().await;
    let large = vec![b' '; 2 * 1024 * 1024];
    for api in ["run-gateway", "run-coordinator"] {
        let answer = world.post(api, "/v1/runs", large.clone()).await;
        assert_eq!(answer.refusal(), (413, "body_too_large".to_owned()));
        assert_eq!(answer.json()["error"]["details"]["limit_bytes"], 1024 * 1024);
        let pieces: Vec<Result<Vec<u8>, std::io::Error>> =
            large.chunks(64 * 1024).map(|piece| Ok(piece.to_vec())).collect();
        let chunked = reqwest::Body::wrap_stream(futures::stream::iter(pieces));
        let answer = world.post(api, "/v1/runs", chunked).await;
        assert_eq!(answer.refusal(), (413, "body_too_large".to_owned()), "chunked");
    }
    // A valid body of a megabyte is accepted.
    let mut body = good();
    body["input"]["echo"] = json!("x".repeat(1_000_000));
    let run = world.start(body).await;
    world.finished(&run.run_id).await;
}

#[tokio::test]
async fn a_body_of_another_type_is_415() {
    let world = World::new().await;
    for media in [Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("application/jsonx"), None] {
        let mut request = world.request("run-gateway", Method::POST, "/v1/runs").body(good().to_string());
        if let Some(media) = media {
            request = request.header("content-type", media);
        }
        let answer = world.send("run-gateway", request).await;
        assert_eq!(answer.refusal(), (415, "unsupported_media_type".to_owned()), "{media:?}");
        assert_eq!(answer.json()["error"]["details"]["expected"], "application/json");
    }
    unharmed(&world).await;
    for media in ["application/json; charset=utf-8", "Application/JSON"] {
        let request = world.request("run-gateway", Method::POST, "/v1/runs").body(good().to_string());
        let answer = world.send("run-gateway", request.header("content-type", media)).await;
        assert_eq!(answer.status, 200, "{media}");
    }
}

#[tokio::test]
async fn an_unknown_node_type_is_refused_with_what_may_have_been_meant() {
    let world = World::new().await;
    for (id, nearest) in [
        ("runyard.core.uuid", "runyard.core.uuid4"),
        ("runyard.core.ecko", "runyard.core.echo"),
        ("sleep", "runyard.core.sleep"),
    ] {
        let body = with("root_node_type_ref", json!({"node_type_id": id, "version": "1.0.0"}));
        let answer = world.post("run-gateway", "/v1/runs", body).await;
        assert_eq!(answer.refusal(), (400, "unknown_node_type".to_owned()));
        let found = answer.json()["error"]["details"]["nearest"].clone();
        assert!(found.as_array().unwrap().contains(&json!(nearest)), "{id}: {found}");
        assert!(answer.json()["error"]["message"].as_str().unwrap().contains(nearest));
    }
    let body = with("root_node_type_ref", json!({"node_type_id": "runyard.core.echo", "version": "2"}));
    let answer = world.post("run-gateway", "/v1/runs", body).await;
    assert_eq!(answer.refusal(), (400, "unknown_node_type".to_owned()));
    assert_eq!(answer.json()["error"]["details"]["versions"], json!(["1.0.0"]));
    unharmed(&world).await;
}

#[tokio::test]
async fn inputs_that_do_not_fit_the_node_type_are_named() {
    let world = World::new().await;
    for (id, input, field) in [
        ("runyard.core.echo", json!({}), "/echo"),
        ("jarvis.core.echo", json!({"echo": 5}), "/echo"),
        ("runyard.core.echo", json!({"echo": "x", "ecko": "y"}), "/ecko"),
        ("runyard.core.sleep", json!({"seconds": -1}), "/seconds"),
        ("runyard.core.uuid4", json!({"version": 7}), "/version"),
        ("runyard.core.hash.sha256", json!({}), "/text"),
        ("runyard.composite.planner.general", json!({"goal": 1}), "/goal"),
        ("runyard.composite.planner.general", json!({"goal": "Sleep.", "max_steps": 0}), "/max_steps"),
    ] {
        let mut body = good();
        (body["root_node_type_ref"]["node_type_id"], body["input"]) = (json!(id), input);
        let answer = world.post("run-gateway", "/v1/runs", body.to_string()).await;
        assert_eq!(answer.refusal(), (400, "invalid_inputs".to_owned()), "{body}");
        let violations = answer.json()["error"]["details"]["violations"].clone();
        let named = violations.as_array().unwrap().iter().any(|one| one["field"] == field);
        assert!(named, "{body}: {violations}");
    }
    unharmed(&world).await;
}

#[tokio::test]
async fn parameters_that_do_not_fit_are_named() {
    let world = World::new().await;
    let run = world.start(good()).await.run_id;
    let events = format!("/v1/runs/{run}/events");
    for (api, query, field) in [
        ("run-gateway", "?after_seq=-1", "query after_seq"),
        ("run-gateway", "?after_seq=x", "query after_seq"),
        ("run-coordinator", "?after_seq=1&after_seq=2", "query after_seq"),
        ("run-coordinator", "?after_seq=99999999999999999999", "query after_seq"),
        ("runyard", "?after_seq=1.5", "query after_seq"),
    ] {
        let answer = world.get(api, &format!("{events}{query}")).await;
        assert_eq!(
            (answer.refusal(), fields(&answer)),
            ((400, "invalid_request".to_owned()), sorted(&[field])),
            "{query}"
        );
    }
    for value in ["-1", "abc", ""] {
        let request = world.request("run-gateway", Method::GET, &events).header("last-event-id", value);
        let answer = world.send("run-gateway", request).await;
        assert_eq!((answer.status, fields(&answer)), (400, sorted(&["header Last-Event-ID"])), "{value:?}");
    }
    for value in [&b"a b"[..], b"", b"\xff", &[b'k'; 256]] {
        let request = world.request("run-gateway", Method::POST, "/v1/runs").json(&good());
        let request = request.header("idempotency-key", HeaderValue::from_bytes(value).unwrap());
        let answer = world.send("run-gateway", request).await;
        assert_eq!((answer.status, fields(&answer)), (400, sorted(&["header Idempotency-Key"])), "{value:?}");
    }
    // An undocumented parameter is no reason to refuse.
    let answer = world.get("run-gateway", &format!("/v1/runs/{run}?utm_source=mail")).await;
    assert_eq!(answer.status, 200);
    let answer = world.get("run-gateway", "/v1/runs/%zz").await;
    assert_eq!(answer.refusal(), (400, "invalid_request".to_owned()));
}
