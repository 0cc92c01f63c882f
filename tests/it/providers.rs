//! The conformance test of providers of node types: list, perform, cancel, kill, limits and secrets, over every provider.
//! A new provider adds a [`Subject`].

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use runyard::clock::Clock;
use runyard::config::egress::Egress;
use runyard::config::integrations::{Integration, parse};
use runyard::expressions::{Expressions, Limits};
use runyard::nodes::credentials::NoCredentials;
use runyard::nodes::integrations::{Integrations, Operations};
use runyard::nodes::mcp::{McpServers, Parts, Targets};
use runyard::nodes::models::Models;
use runyard::nodes::openapi::OpenapiServices;
use runyard::nodes::perform::http::{Http, Outside};
use runyard::nodes::perform::{Call, InProcess, Performer};
use runyard::nodes::script::Scripts;
use runyard::nodes::{Builtins, Provider, Providers};
use runyard_engine::event::Failure;
use runyard_engine::{FailureCode, NodeType, NodeTypeRef, Outcome};
use serde_json::{Value, json};

use crate::harness::peer::{Answers, Peer};
use crate::http::caller::{key, run};
use crate::mcp::server::configured;
use crate::process::bounded;

/// The secret of the integration, which its service repeats. Also a value that inputs have where they are not valid.
const SECRET: &str = "hunter2";
/// The tenant that has the integration.
const TENANT: &str = "alpha";

/// A provider, and calls of it.
struct Subject {
    name: &'static str,
    provider: Arc<dyn Provider>,
    /// A call that succeeds.
    good: (String, Value),
    /// A call with inputs that the schema refuses.
    invalid: (String, Value),
    /// A call that does not end by itself for a long time.
    endless: (String, Value),
    /// Calls that break a bound, or whose other side ends, with the codes of their failures.
    broken: Vec<(String, Value, FailureCode)>,
}

/// Every provider, and the service that those that reach outside call.
struct World {
    peer: Peer,
    subjects: Vec<Subject>,
    performer: InProcess,
    /// Where the MCP server logs.
    _folder: tempfile::TempDir,
}

fn integrations(url: &str) -> Vec<Integration> {
    let node_type = |slug: &str| {
        let schema = json!({ "type": "object", "properties": { "number": { "type": "integer" } } });
        json!({ "slug": slug, "description": slug, "path": format!("/{slug}"), "input_schema": schema })
    };
    let node_types = ["echo", "endless", "large", "ends", "refuses"].map(node_type);
    parse(&json!([{
        "id": "desk", "name": "Desk", "url": url, "tenants": [TENANT], "allow_private_addresses": true,
        "secret_headers": { "authorization": { "env": "TOKEN" } },
        "node_types": node_types,
    }]))
    .unwrap()
}

/// An MCP server that repeats its secret, does not answer, answers too much, or ends.
async fn mcp_servers(folder: &Path, outside: &Arc<Outside>) -> Arc<McpServers> {
    let secret = json!({ "tenants": [TENANT], "secret_env": { "DESK_TOKEN": { "env": "TOKEN" } } });
    let tools = ["echo", "endless", "large", "ends", "refuses"];
    let servers = json!([configured(&folder.join("log"), "2025-11-25", &tools, secret)]);
    let targets =
        Targets::open(&runyard::config::tools::mcp::parse(&servers).unwrap(), |_| Some(SECRET.to_owned())).unwrap();
    let (outside, clock) = (outside.clone(), Clock::system());
    let servers = McpServers::start(Parts { targets, anonymous: None, outside, clock, folder: folder.join("mcp") });
    servers.settled().await;
    Arc::new(servers)
}

/// A model for each answer of the service.
fn models(url: &str, outside: &Arc<Outside>) -> Arc<Models> {
    let model = |name: &str| {
        json!({
            "name": name, "api": "openai", "model": "m", "url": format!("{url}/{name}"), "tenants": [TENANT],
            "allow_private_addresses": true, "key": { "env": "TOKEN" },
        })
    };
    let models = ["echo", "endless", "large", "ends", "refuses"].map(model);
    let models = runyard::config::models::parse(&json!(models)).unwrap();
    let targets = runyard::nodes::models::Targets::open(&models, |_| Some(SECRET.to_owned())).unwrap();
    Arc::new(Models::new(targets, None, outside.clone()))
}

/// An OpenAPI document with an operation for each answer of the service.
fn openapi(url: &str, folder: &Path, outside: &Arc<Outside>) -> Arc<OpenapiServices> {
    let number = json!({ "name": "number", "in": "query", "schema": { "type": "integer" } });
    let operation = |name: &str| {
        let get = json!({ "operationId": name, "summary": name, "parameters": [number], "responses": { "200": { "description": "" } } });
        (format!("/{name}"), json!({ "get": get }))
    };
    let paths: serde_json::Map<_, _> =
        ["echo", "endless", "large", "ends", "refuses"].into_iter().map(operation).collect();
    let document = json!({
        "openapi": "3.1.0", "info": { "title": "Desk", "version": "1" }, "paths": paths, "security": [{ "token": [] }],
        "components": { "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } } },
    });
    let folder = folder.join("openapi");
    runyard::nodes::openapi::stored::write(&folder, "desk", &document).unwrap();
    let services = runyard::config::tools::openapi::parse(&json!([{
        "name": "desk", "url": url, "tenants": [TENANT], "allow_private_addresses": true,
        "credentials": { "token": { "env": "TOKEN" } },
    }]))
    .unwrap();
    let services = OpenapiServices::open(&services, &folder, None, outside.clone(), |_| Some(SECRET.to_owned()));
    Arc::new(services.unwrap())
}

/// A service that repeats the headers of a request, does not answer, answers too much, or breaks off.
async fn service() -> Peer {
    Peer::start(|asked| match asked.target.trim_end_matches("/chat/completions") {
        "/endless" => Answers::Nothing,
        "/large" => Answers::Json(200, json!("x".repeat(5_000))),
        "/ends" => Answers::Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf".to_vec()),
        "/refuses" => Answers::Json(403, json!(asked.headers)),
        _ if asked.target.ends_with("/chat/completions") => {
            let message = json!({ "role": "assistant", "content": json!(asked.headers).to_string() });
            Answers::Json(200, json!({ "choices": [{ "message": message, "finish_reason": "stop" }] }))
        }
        _ => Answers::Json(200, json!({ "headers": asked.headers })),
    })
    .await
}

impl World {
    async fn new() -> Self {
        let peer = service().await;
        let egress =
            Egress { allow_networks: vec!["127.0.0.0/8".to_owned()], response_bytes_max: 2_000, ..Egress::default() };
        let outside = Arc::new(Outside::new(&egress).unwrap());
        let list = integrations(&peer.url);
        let operations = Operations::open(&list, |_| Some(SECRET.to_owned())).unwrap();
        let integrations = Arc::new(Integrations::listed(&list, None).called_by(outside.clone(), operations));
        let folder = tempfile::tempdir().unwrap();
        let mcp = mcp_servers(folder.path(), &outside).await;
        let models = models(&peer.url, &outside);
        let openapi = openapi(&peer.url, folder.path(), &outside);
        let http = Http(Some(outside));
        let url = |path: &str| json!({ "url": format!("{}/{path}", peer.url) });
        let request = |path: &str| ("runyard.http.request".to_owned(), url(path));
        let desk = |slug: &str| (format!("integration.desk.{slug}"), json!({}));
        let tool = |tool: &str| (format!("mcp.desk.{tool}"), json!({}));
        let operation = |name: &str| (format!("openapi.desk.{name}"), json!({}));
        let model = |name: &str| {
            let messages = json!([{ "role": "user", "text": "x" }]);
            ("runyard.model.chat".to_owned(), json!({ "model": name, "messages": messages }))
        };
        let script = |script: &str| ("runyard.graph.script".to_owned(), json!({ "script": script }));
        let core = |name: &str, inputs: Value| (format!("runyard.core.{name}"), inputs);
        let with = |(id, inputs): (String, Value), code| (id, inputs, code);
        let subjects = vec![
            Subject {
                name: "builtins",
                provider: Arc::new(Builtins),
                good: core("echo", json!({ "echo": "x" })),
                invalid: core("echo", json!({ "echo": [SECRET] })),
                endless: core("fail", json!({ "after_ms": 60_000 })),
                broken: vec![with(core("fail", json!({})), FailureCode::FailedOnPurpose)],
            },
            Subject {
                name: "scripts",
                provider: Arc::new(Scripts),
                good: script("return 1 + 1"),
                invalid: ("runyard.graph.script".to_owned(), json!({ "script": [SECRET] })),
                endless: script("for (;;) {}"),
                broken: vec![
                    with(script("for (;;) {}"), FailureCode::ExpressionTimedOut),
                    with(script("throw new Error('ended')"), FailureCode::ExpressionFailed),
                ],
            },
            Subject {
                name: "HTTP",
                provider: Arc::new(http.clone()),
                good: request("echo"),
                invalid: ("runyard.http.request".to_owned(), json!({ "url": [SECRET] })),
                endless: request("endless"),
                broken: vec![
                    with(request("large"), FailureCode::ResponseTooLarge),
                    with(request("ends"), FailureCode::ResponseInvalid),
                    with(request("refuses"), FailureCode::HttpStatus),
                ],
            },
            Subject {
                name: "integrations",
                provider: integrations.clone(),
                good: desk("echo"),
                invalid: ("integration.desk.echo".to_owned(), json!({ "number": SECRET })),
                endless: desk("endless"),
                broken: vec![
                    with(desk("large"), FailureCode::ResponseTooLarge),
                    with(desk("ends"), FailureCode::ResponseInvalid),
                    with(desk("refuses"), FailureCode::HttpStatus),
                ],
            },
            Subject {
                name: "MCP",
                provider: mcp.clone(),
                good: tool("echo"),
                invalid: ("mcp.desk.echo".to_owned(), json!({ "number": SECRET })),
                endless: tool("endless"),
                broken: vec![
                    with(tool("large"), FailureCode::ResponseTooLarge),
                    with(tool("ends"), FailureCode::ResponseInvalid),
                    with(tool("refuses"), FailureCode::ToolFailed),
                ],
            },
            Subject {
                name: "models",
                provider: models.clone(),
                good: model("echo"),
                invalid: ("runyard.model.chat".to_owned(), json!({ "messages": SECRET })),
                endless: model("endless"),
                broken: vec![
                    with(model("large"), FailureCode::ResponseTooLarge),
                    with(model("ends"), FailureCode::ResponseInvalid),
                    with(model("refuses"), FailureCode::HttpStatus),
                    with(model("unknown"), FailureCode::NodeTypeUnavailable),
                ],
            },
            Subject {
                name: "OpenAPI",
                provider: openapi.clone(),
                good: operation("echo"),
                invalid: ("openapi.desk.echo".to_owned(), json!({ "number": SECRET })),
                endless: operation("endless"),
                broken: vec![
                    with(operation("large"), FailureCode::ResponseTooLarge),
                    with(operation("ends"), FailureCode::ResponseInvalid),
                    with(operation("refuses"), FailureCode::HttpStatus),
                ],
            },
        ];
        let performer = InProcess {
            providers: Providers::builtin_and(http, [integrations as Arc<dyn Provider>, mcp, models, openapi]),
            expressions: workers(PathBuf::from(env!("CARGO_BIN_EXE_runyard"))),
            credentials: Arc::new(NoCredentials),
        };
        World { peer, subjects, performer, _folder: folder }
    }

    fn node_type(&self, tenant: &str, id: &str) -> Option<NodeType> {
        let asked = NodeTypeRef { id: id.to_owned(), version: "latest".to_owned() };
        self.performer.providers.catalog(tenant).resolve(&asked).ok()
    }

    async fn call_as(&self, tenant: &str, (id, inputs): (&str, &Value)) -> Outcome {
        let node_type = self.node_type(TENANT, id).unwrap_or_else(|| panic!("{id} is not listed"));
        let clock = &Clock::system();
        let call = Call {
            tenant,
            run: run(),
            node_type: &node_type,
            inputs: inputs.as_object().unwrap(),
            key: key(),
            attempt: 1,
            clock,
            now_ms: clock.now_ms(),
            entropy: [0; 16],
            around: None,
        };
        self.performer.perform(call).await
    }

    async fn call(&self, (id, inputs): &(String, Value)) -> Outcome {
        bounded("a call", self.call_as(TENANT, (id, inputs))).await
    }

    async fn failure(&self, call: &(String, Value)) -> Failure {
        match self.call(call).await {
            Outcome::Failed(failure) => failure,
            other => panic!("{call:?} did not fail: {other:?}"),
        }
    }
}

fn workers(program: PathBuf) -> Arc<Expressions> {
    let limits = Limits { time_ms: 3_000, ..Limits::default() };
    Arc::new(Expressions::with_workers(program, limits, Clock::system()))
}

#[tokio::test]
async fn a_provider_lists_its_node_types_for_a_tenant_under_a_revision() {
    let world = World::new().await;
    for Subject { name, provider, good, .. } in &world.subjects {
        let list = provider.node_types(TENANT);
        assert!(list.node_types.iter().any(|entry| entry.id == good.0), "{name}");
        assert_eq!(list.revision, provider.node_types(TENANT).revision, "{name}: nothing has changed");
        for entry in &list.node_types {
            let twins = list.node_types.iter().filter(|one| one.id == entry.id && one.version == entry.version);
            assert_eq!((twins.count(), entry.version.split('.').count()), (1, 3), "{name}: {}", entry.id);
            assert!(!entry.description.is_empty() && entry.input_schema.is_object(), "{name}: {}", entry.id);
        }
    }
    let providers = &world.performer.providers;
    let [mine, other, another] = [TENANT, "beta", "gamma"].map(|tenant| providers.catalog(tenant));
    assert!(mine.revisions() != other.revisions(), "two lists have two revisions");
    assert!(Arc::ptr_eq(&other, &another), "tenants with the same lists share a catalogue");
    assert!(Arc::ptr_eq(&mine, &providers.catalog(TENANT)));
}

#[tokio::test]
async fn a_provider_performs_its_node_types_and_no_others() {
    let world = World::new().await;
    for Subject { name, good, .. } in &world.subjects {
        for _ in 0..2 {
            let outcome = world.call(good).await;
            assert!(matches!(outcome, Outcome::Succeeded { .. }), "{name}, repeated under one key: {outcome:?}");
        }
        let mut gone = world.node_type(TENANT, &good.0).unwrap();
        gone.version = "0.0.1".to_owned();
        assert!(world.performer.providers.of(&world.performer.providers.catalog(TENANT), &gone).is_none(), "{name}");
    }
    // Of another tenant, even if its run has the node type.
    assert!(world.node_type("beta", "integration.desk.echo").is_none());
    for id in ["integration.desk.echo", "mcp.desk.echo", "openapi.desk.echo"] {
        let refused = bounded("a call", world.call_as("beta", (id, &json!({})))).await;
        let Outcome::Failed(refused) = refused else { panic!("{refused:?}") };
        assert!(refused.code.is(FailureCode::NodeTypeUnavailable), "{refused:?}");
    }
}

#[tokio::test]
async fn a_canceled_call_ends_at_once_and_the_next_one_succeeds() {
    let world = World::new().await;
    for Subject { name, endless, good, .. } in &world.subjects {
        let (id, inputs) = endless;
        let canceled = tokio::time::timeout(Duration::from_millis(100), world.call_as(TENANT, (id, inputs))).await;
        assert!(canceled.is_err(), "{name}: it was to take long, and ended with {canceled:?}");
        let outcome = world.call(good).await;
        assert!(matches!(outcome, Outcome::Succeeded { .. }), "{name}: {outcome:?}");
    }
    assert_eq!(world.peer.asked().iter().filter(|asked| asked.target.starts_with("/endless")).count(), 4);
}

#[tokio::test]
async fn a_broken_bound_and_an_other_side_that_ends_are_named_failures() {
    let mut world = World::new().await;
    for Subject { name, broken, .. } in &world.subjects {
        for (id, inputs, code) in broken {
            let failure = world.failure(&(id.clone(), inputs.clone())).await;
            assert!(failure.code.is(*code), "{name}: {failure:?}");
        }
    }
    // A worker that is killed is one that ends without an answer.
    world.performer.expressions = workers(PathBuf::from("/bin/true"));
    let scripts = world.subjects.iter().find(|subject| subject.name == "scripts").unwrap();
    assert!(world.failure(&scripts.good).await.code.is(FailureCode::ExpressionFailed));
}

#[tokio::test]
async fn no_outcome_has_a_secret_or_an_invalid_value() {
    let world = World::new().await;
    for Subject { name, invalid, good, broken, .. } in &world.subjects {
        let failure = world.failure(invalid).await;
        assert!(failure.code.is(FailureCode::InvalidInputs), "{name}: {failure:?}");
        let mut seen = format!("{failure:?}{:?}", world.call(good).await);
        for (id, inputs, _) in broken {
            seen.push_str(&format!("{:?}", world.failure(&(id.clone(), inputs.clone())).await));
        }
        assert!(!seen.contains(SECRET), "{name}: {seen}");
    }
    let sent = world.peer.asked().iter().filter(|asked| asked.headers.contains_key("authorization")).count();
    assert!(sent >= 4, "the service was sent the secret, and repeated it");
}
