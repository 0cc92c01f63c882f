//! Disabled, optional, required, for the whole server and for one API; and which endpoints stay open in each.

use http::Method;
use runyard::config::auth::Mode;
use serde_json::json;

use super::{READS, reason_at, required, sentence, why};
use crate::harness::{Clients, DOCUMENTS, World, typed};

const BEARER: &str = "Bearer realm=\"runyard\"";

/// API, status, reason.
type ApiAnswer = (&'static str, u16, String);

/// Sends one request with this header, or without one, to every API.
async fn ask(clients: &Clients, header: Option<(&str, &str)>) -> Vec<ApiAnswer> {
    let mut answers = Vec::new();
    for (api, path, _) in READS {
        let request = clients.request(api, Method::GET, path);
        let request = header.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        let answer = clients.send(api, request).await;
        let reason = if answer.status == 401 { why(&answer).2 } else { String::new() };
        answers.push((api, answer.status, reason));
    }
    answers
}

/// Every API accepts the caller.
fn open() -> Vec<ApiAnswer> {
    READS.map(|(api, _, status)| (api, status, String::new())).to_vec()
}

/// Every API refuses for this reason.
fn closed(reason: &str) -> Vec<ApiAnswer> {
    READS.map(|(api, ..)| (api, 401, reason_at(api, reason))).to_vec()
}

#[tokio::test]
async fn disabled_authentication_ignores_credentials() {
    let world = World::new().await;
    let anonymous = world.showing(None);
    for header in [None, Some(("authorization", "Bearer nonsense")), Some(("authorization", "Basic YTpi"))] {
        assert_eq!(ask(&anonymous, header).await, open(), "{header:?}");
    }
    // A caller that could create a key without authentication would have access for ever.
    let answer = anonymous.get("runyard", "/v1/keys").await;
    assert_eq!(why(&answer), (401, "unauthorized".into(), "credential_missing".into()));
}

#[tokio::test]
async fn optional_authentication_admits_anonymous_callers_and_refuses_invalid_credentials() {
    let world = World::with(|config| config.auth.mode = Some(Mode::Optional)).await;
    let (anonymous, key) = (world.showing(None), world.key("default", &[]).await);
    assert_eq!(ask(&anonymous, None).await, open());
    assert_eq!(ask(&world.showing(Some(&key)), None).await, open());
    let wrong = ask(&anonymous, Some(("authorization", "Bearer nonsense"))).await;
    assert_eq!(wrong, closed("credential_unknown"));
    let answer = anonymous.get("runyard", "/v1/keys").await;
    assert_eq!(why(&answer).2, "credential_missing");
}

#[tokio::test]
async fn required_authentication_refuses_anonymous_callers_with_a_challenge() {
    let world = World::with(required).await;
    let anonymous = world.showing(None);
    assert_eq!(ask(&anonymous, None).await, closed("credential_missing"));
    for (api, path, _) in READS {
        let answer = anonymous.get(api, path).await;
        assert_eq!(answer.header("www-authenticate"), Some(BEARER), "no error where nothing was shown (RFC 6750, 3.1)");
        let printed = sentence(&answer);
        assert!(printed.contains("Authorization: Bearer"), "{api}: {printed}");
        let takes_keys = ["toolregistry", "acp", "runyard"].contains(&api);
        assert_eq!(printed.contains("x-api-key"), takes_keys, "{api}: {printed}");
        let basic = anonymous.request(api, Method::GET, path).header("authorization", "Basic YTpi");
        let answer = anonymous.send(api, basic).await;
        let printed = (why(&answer).2, answer.header("www-authenticate"));
        assert_eq!(printed, (reason_at(api, "scheme_unsupported"), Some(BEARER)), "{api}");
    }
}

#[tokio::test]
async fn each_api_may_have_its_own_mode() {
    for (alone, ..) in READS {
        let world = World::with(|config| {
            config.auth.mode = Some(Mode::Required);
            let clients = &mut config.auth.apis;
            let api = match alone {
                "run-gateway" => &mut clients.run_gateway,
                "run-coordinator" => &mut clients.run_coordinator,
                "runtime" => &mut clients.runtime,
                "toolregistry" => &mut clients.toolregistry,
                "acp" => &mut clients.acp,
                "cargo" => &mut clients.cargo,
                _ => &mut clients.runyard,
            };
            *api = Some(Mode::Disabled);
        })
        .await;
        let answers = ask(&world.showing(None), None).await;
        let let_in: Vec<&str> = answers.iter().filter(|printed| printed.1 != 401).map(|printed| printed.0).collect();
        assert_eq!(let_in, [alone]);
    }
}

#[tokio::test]
async fn health_version_and_documents_need_no_credential() {
    let world = World::with(required).await;
    let anonymous = world.showing(None);
    for document in DOCUMENTS.iter().copied() {
        for path in ["/v1/health", "/v1/version", "/openapi.json", "/openapi.yaml?overlay=false"] {
            // Not every document has both of the first two statuses.
            if path.starts_with("/v1/") && !document.operations.iter().any(|operation| operation.path == path) {
                continue;
            }
            for token in [None, Some("Bearer nonsense")] {
                let request = anonymous.request(document.name, Method::GET, path);
                let request = token.into_iter().fold(request, |request, token| request.header("authorization", token));
                assert_eq!(anonymous.send(document.name, request).await.status, 200, "{} {path}", document.name);
            }
        }
    }
}

#[tokio::test]
async fn a_caller_is_judged_before_the_body_and_after_the_path() {
    let world = World::with(required).await;
    let anonymous = world.showing(None);
    let answer = anonymous.post("run-gateway", "/v1/runs", vec![b'x'; 2 * 1024 * 1024]).await;
    assert_eq!(answer.status, 401, "a body of a stranger is not read");
    assert_eq!(anonymous.get("run-gateway", "/v1/nowhere").await.status, 404);
    assert_eq!(
        anonymous.send("run-gateway", anonymous.request("run-gateway", Method::DELETE, "/v1/runs")).await.status,
        405
    );
}

#[tokio::test]
async fn head_is_judged_as_get() {
    let world = World::with(required).await;
    let (read, write) = (world.key("default", &["runs:read"]).await, world.key("default", &["runs:write"]).await);
    for (token, status) in [(None, 401), (Some(&read), 200), (Some(&write), 403)] {
        let client = reqwest::Client::new();
        let request = client.head(format!("{}/v1/run-counts", world.server.url("runyard").unwrap()));
        let request = token.into_iter().fold(request, |request, token| request.bearer_auth(token));
        assert_eq!(request.send().await.unwrap().status(), status);
    }
}

#[tokio::test]
async fn a_stream_is_judged_when_it_is_opened_and_goes_on_when_its_key_ends() {
    let world = World::with(required).await;
    let run = world.run("runyard.composite.external", json!({})).await;
    let key = world.key("default", &[]).await;
    let anonymous = world.showing(None);
    assert!(anonymous.gateway.stream_run_events(&run.run_id, None, None, None).await.is_err());
    let caller = world.showing(Some(&key));
    let mut stream = caller.follow(&run.run_id, None).await;
    stream.next().await.unwrap();
    world.native.revoke_key(key.split('_').nth(1).unwrap()).await.unwrap();
    assert!(caller.gateway.stream_run_events(&run.run_id, None, None, None).await.is_err());
    world.complete(&run.root_node_run_id, json!({"state": "succeeded"})).await.unwrap();
    assert_eq!(stream.rest().await.last().unwrap()["type"], "run_completed");
}

#[tokio::test]
async fn a_run_is_hidden_without_a_credential_and_visible_with_one() {
    let world = World::with(required).await;
    let caller = world.showing(Some(&world.key("default", &[]).await));
    let body = json!({
        "root_node_type_ref": {"node_type_id": "runyard.core.echo", "version": "1"}, "input": {"echo": "hi"},
    });
    let anonymous = world.showing(None);
    assert!(anonymous.gateway.start_run(None, &typed(body.clone())).await.is_err());
    let run = caller.start(body).await;
    assert_eq!(caller.finished(&run.run_id).await.state.to_string(), "succeeded");
    assert_eq!(world.native.count_runs().await.unwrap().into_inner().total, 1);
}
