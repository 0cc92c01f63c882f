//! Why stock dropshot does not work for these documents, with one test per reason.
//!
//! A test that fails shows that dropshot has gained a feature. When all fail, the host is no longer needed.

use std::panic::AssertUnwindSafe;

use dropshot::{ApiDescription, HttpError, HttpResponseOk, Path, Query, RequestContext, ServerBuilder, endpoint};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::*;

type Answered = Result<HttpResponseOk<String>, HttpError>;

#[derive(Deserialize, JsonSchema)]
struct RunPath {
    #[serde(rename = "run_id")]
    _run_id: String,
}

#[derive(Deserialize, JsonSchema)]
struct Labels {
    #[serde(rename = "label")]
    _label: Vec<String>,
}

#[endpoint { method = GET, path = "/v1/runs/{run_id}" }]
async fn get_run(_: RequestContext<()>, _path: Path<RunPath>) -> Answered {
    Ok(HttpResponseOk(String::new()))
}

#[endpoint { method = GET, path = "/v1/runs/approval" }]
async fn approval(_: RequestContext<()>) -> Answered {
    Ok(HttpResponseOk(String::new()))
}

#[endpoint { method = GET, path = "/v1/labels" }]
async fn labels(_: RequestContext<()>, _query: Query<Labels>) -> Answered {
    Ok(HttpResponseOk(String::new()))
}

/// Dropshot's refusal to register endpoints: an error, or a panic.
fn refusal(register: impl FnOnce(&mut ApiDescription<()>) -> Result<(), String>) -> Option<String> {
    let mut description = ApiDescription::new();
    match std::panic::catch_unwind(AssertUnwindSafe(|| register(&mut description))) {
        Ok(result) => result.err(),
        Err(panic) => {
            panic.downcast_ref::<String>().cloned().or(panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        }
    }
}

#[test]
fn verbs_after_a_parameter_cannot_be_registered() {
    // The attribute macro refuses such a path at compile time; the runtime API refuses it here.
    let refused = refusal(|description| {
        let mut endpoint = dropshot::ApiEndpoint::from(get_run);
        endpoint.path = "/v1/runs/{run_id}:cancel".to_owned();
        description.register(endpoint).map_err(|error| error.to_string())
    });
    assert!(refused.unwrap().contains("missing trailing \"}\""));
}

#[test]
fn a_literal_beside_a_variable_cannot_be_registered() {
    let refused = refusal(|description| {
        description.register(get_run).map_err(|error| error.to_string())?;
        description.register(approval).map_err(|error| error.to_string())
    });
    assert!(refused.unwrap().contains("a route exists for variable path segment"), "literal beside variable");
}

#[test]
fn repeated_query_parameters_cannot_be_registered() {
    let refused = refusal(|description| description.register(labels).map_err(|error| error.to_string()));
    assert!(refused.unwrap().contains("label"), "an array in the query");
}

/// An error body of our own, as a document would have it.
#[derive(Debug, Serialize, JsonSchema)]
struct Envelope {
    code: String,
}

impl std::fmt::Display for Envelope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.code)
    }
}

impl From<HttpError> for Envelope {
    fn from(error: HttpError) -> Self {
        Self { code: error.external_message }
    }
}

impl dropshot::HttpResponseError for Envelope {
    fn status_code(&self) -> dropshot::ErrorStatusCode {
        dropshot::ErrorStatusCode::UNAUTHORIZED
    }
}

#[endpoint { method = GET, path = "/v1/secret" }]
async fn secret(_: RequestContext<()>) -> Result<HttpResponseOk<String>, Envelope> {
    // Dropshot's own error can carry the header; the test shows what remains of it in a custom error.
    let mut error =
        HttpError::for_client_error(None, dropshot::ClientErrorStatusCode::UNAUTHORIZED, "no token".to_owned());
    error.add_header(::http::header::WWW_AUTHENTICATE, "Bearer").expect("a valid header");
    Err(error.into())
}

fn stock_server() -> dropshot::HttpServer<()> {
    let mut description = ApiDescription::new();
    description.register(secret).unwrap();
    ServerBuilder::new(description, (), quiet()).start().unwrap()
}

async fn ask(server: &dropshot::HttpServer<()>, method: &str, path: &str) -> http::Answer {
    let request = format!("{method} {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n");
    http::exchange(server.local_addr(), request.as_bytes()).await
}

#[tokio::test]
async fn unrouted_requests_always_get_dropshots_own_body() {
    let server = stock_server();
    for (method, path, status) in [("GET", "/v1/nowhere", 404), ("DELETE", "/v1/secret", 405)] {
        let answer = ask(&server, method, path).await;
        assert_eq!(answer.status, status);
        let body = answer.json();
        assert!(
            body.get("code").is_none() && body.get("message").is_some() && body.get("request_id").is_some(),
            "{body}"
        );
    }
    server.close().await.unwrap();
}

#[tokio::test]
async fn an_error_body_of_ones_own_cannot_carry_headers() {
    let server = stock_server();
    let answer = ask(&server, "GET", "/v1/secret").await;
    assert_eq!((answer.status, answer.json()), (401, json!({"code": "no token"})));
    assert_eq!(answer.header("www-authenticate"), None);
    server.close().await.unwrap();
}
