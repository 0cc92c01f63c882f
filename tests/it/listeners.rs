//! The listeners of every API: host names and origins that they accept, how they document streams and answer unknown
//! paths, and their limits under load (`listeners/pressure.rs`).

mod pressure;

use http::Method;
use runyard::config::auth::Mode;
use serde_json::json;

use crate::harness::{Clients, DOCUMENTS, World};

/// A read and a change that every Runyard-designed API has in some form: method and path.
fn operations(api: &str) -> [(Method, &'static str); 2] {
    match api {
        "run-gateway" | "run-coordinator" | "runtime" => {
            [(Method::GET, "/v1/runs/x"), (Method::POST, "/v1/runs/x:cancel")]
        }
        "toolregistry" => [(Method::GET, "/v1/runs"), (Method::POST, "/v1/runs")],
        "acp" => [(Method::GET, "/v1/servers/default/runs"), (Method::POST, "/v1/servers/default/runs/x/cancel")],
        "cargo" => [(Method::GET, "/v1/orchestration/runs/x"), (Method::POST, "/v1/orchestration/runs/cancel")],
        _ => [(Method::GET, "/v1/runs"), (Method::POST, "/v1/runs/x:cancel")],
    }
}

async fn asked(clients: &Clients, api: &str, (method, path): (Method, &str), header: (&str, &str)) -> (u16, String) {
    let request = clients.request(api, method, path).header(header.0, header.1);
    let answer = clients.send(api, request).await;
    (answer.status, if answer.status < 400 { String::new() } else { answer.refusal().1.to_lowercase() })
}

#[tokio::test]
async fn without_credentials_every_api_refuses_other_hosts_and_pages_of_other_origins() {
    let world =
        World::with(|config| config.allowed_hosts = vec!["runs.internal".to_owned(), "*.example.org".to_owned()]).await;
    let clients = world.showing(None);
    for document in DOCUMENTS.iter() {
        let api = document.name;
        for operation in operations(api) {
            for host in ["evil.example", "evil.example:8092", "localhost.evil.example", "example.org"] {
                let refused = asked(&clients, api, operation.clone(), ("host", host)).await;
                assert_eq!(refused, (421, "misdirected_host".to_owned()), "{api} {host} {operation:?}");
            }
            for host in ["localhost", "LOCALHOST:1", "[::1]:8092", "runs.internal", "a.example.org"] {
                let (status, _) = asked(&clients, api, operation.clone(), ("host", host)).await;
                assert_ne!(status, 421, "{api} {host}");
            }
            for origin in ["http://evil.example", "null", "http://127.0.0.1:1"] {
                let refused = asked(&clients, api, operation.clone(), ("origin", origin)).await;
                assert_eq!(refused, (403, "foreign_origin".to_owned()), "{api} {origin} {operation:?}");
            }
            let own = world.server.url(api).unwrap();
            let (status, code) = asked(&clients, api, operation.clone(), ("origin", own)).await;
            assert!(status != 403, "{api}: its own pages may: {code}");
        }
        let [_, change] = operations(api);
        let refused = asked(&clients, api, change, ("sec-fetch-site", "cross-site")).await;
        assert_eq!(refused, (403, "foreign_origin".to_owned()), "{api}");
    }
}

#[tokio::test]
async fn with_credentials_every_api_is_asked_under_any_host_and_changed_by_no_page_of_another_origin() {
    let world = World::with(|config| config.auth.mode = Some(Mode::Required)).await;
    for document in DOCUMENTS.iter() {
        let api = document.name;
        let [read, change] = operations(api);
        let (status, _) = asked(&world, api, read.clone(), ("host", "runs.example.org")).await;
        assert_ne!(status, 421, "{api}");
        for header in [("origin", "http://evil.example"), ("sec-fetch-site", "cross-site")] {
            let refused = asked(&world, api, change.clone(), header).await;
            assert_eq!(refused, (403, "foreign_origin".to_owned()), "{api} {header:?}");
            assert_ne!(asked(&world, api, read.clone(), header).await.1, "foreign_origin", "{api} {header:?}");
        }
    }
}

#[tokio::test]
async fn a_page_of_an_allowed_origin_may_call_every_api() {
    let world = World::with(|config| config.cors.origins = vec!["https://app.example.org".to_owned()]).await;
    for document in DOCUMENTS.iter() {
        let api = document.name;
        for (method, path) in operations(api) {
            let page = |method| world.request(api, method, path).header("origin", "https://app.example.org");
            let asks = page(Method::OPTIONS)
                .header("access-control-request-method", method.as_str())
                .header("access-control-request-headers", "authorization");
            let preflight = reqwest::Client::new().execute(asks.build().unwrap()).await.unwrap();
            assert_eq!(preflight.status().as_u16(), 204, "{api} {path}");
            assert!(preflight.headers()["access-control-allow-methods"].to_str().unwrap().contains(method.as_str()));
            let answer = world.send(api, page(method)).await;
            assert_eq!(answer.header("access-control-allow-origin"), Some("https://app.example.org"), "{api} {path}");
        }
    }
}

#[tokio::test]
async fn every_stream_of_every_api_says_that_proxies_must_not_hold_it_back() {
    let world = World::new().await;
    let run = world.run("runyard.core.uuid4", json!({})).await;
    world.finished(&run.run_id).await;
    let thread = world.post("acp", "/v1/threads", json!({}).to_string()).await.json();
    let thread = thread["thread"]["id"].as_str().unwrap();
    let mut streams = 0;
    for document in DOCUMENTS.iter() {
        for operation in document.operations.iter().filter(|one| one.streams && one.method == "GET") {
            let path = operation.path.replace("{run_id}", &run.run_id).replace("{runId}", &run.run_id);
            let path = path.replace("{node_run_id}", &run.root_node_run_id).replace("{threadId}", thread);
            assert!(!path.contains('{'), "{path}");
            let request = world.request(document.name, Method::GET, &path);
            // An operation that answers with a page as well needs an `Accept` for the stream.
            let request =
                if path.contains("/threads/") { request.header("accept", "text/event-stream") } else { request };
            let answer = request.send().await.unwrap();
            let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
            assert_eq!(answer.status().as_u16(), 200, "{} {path}", document.name);
            assert_eq!(header("x-accel-buffering").as_deref(), Some("no"), "{} {path}", document.name);
            assert_eq!(header("cache-control").as_deref(), Some("no-store, no-transform"), "{} {path}", document.name);
            streams += 1;
        }
    }
    assert!(streams >= 5, "{streams} streams");
}

#[tokio::test]
async fn an_unknown_query_parameter_is_refused_by_our_api_and_named_in_the_answers_of_vendors_apis() {
    let world = World::new().await;
    let refused = world.get("runyard", "/v1/runs?stat=failed").await;
    assert_eq!(refused.refusal(), (400, "invalid_request".to_owned()));
    let field = &refused.json()["error"]["details"]["errors"][0];
    assert_eq!((&field["place"], &field["field"]), (&json!("query"), &json!("stat")));
    assert!(field["reason"].as_str().unwrap().contains("state"), "it says what there is: {field}");
    let run = world.run("runyard.core.uuid4", json!({})).await.run_id;
    for (api, path) in [
        ("run-gateway", format!("/v1/runs/{run}")),
        ("run-coordinator", format!("/v1/runs/{run}")),
        ("runtime", format!("/v1/runs/{run}")),
        ("toolregistry", "/v1/runs".to_owned()),
        ("acp", "/v1/servers/default/runs".to_owned()),
    ] {
        let answer = world.get(api, &format!("{path}?customerIntegration=a&filtr%5B%5D=b")).await;
        assert_eq!(answer.status, 200, "{api}");
        assert_eq!(answer.header("runyard-ignored-parameters"), Some("customerIntegration, filtr[]"), "{api}");
        let known = world.get(api, &path).await;
        assert_eq!(known.header("runyard-ignored-parameters"), None, "{api}");
    }
}
