//! A small document and a hand-written implementation in place of generated code, served on a real socket.
//!
//! Each file tests one behaviour of the host; `stock.rs` and `before.rs` pin what dropshot and hyper do by themselves.

mod access;
mod before;
mod bodies;
mod checker;
mod closing;
mod documents;
mod http;
mod logs;
mod mounting;
mod ours;
mod pages;
mod parameters;
mod pressure;
mod refusals;
mod routing;
mod starting;
mod stock;
mod streams;
mod validation;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ::http::{HeaderMap, HeaderValue};
use bytes::Bytes;
use serde_json::json;
use tokio::sync::{Mutex, Notify, mpsc};

use super::*;

const RUN_ID: Parameter = Parameter {
    name: "run_id",
    place: Place::Path,
    required: true,
    schema: "/components/parameters/RunId/schema",
    many: false,
    style: Style::Commas,
};

const fn optional(name: &'static str, place: Place, schema: &'static str, many: bool) -> Parameter {
    Parameter { name, place, required: false, schema, many, style: Style::Repeated }
}

const PLAIN: Operation = Operation {
    id: "",
    method: "GET",
    path: "",
    body: BodyRule::None,
    parameters: &[],
    responses: &[],
    secured: true,
    streams: false,
};

const START: BodyRule = BodyRule::Json { required: true, schema: "/components/schemas/Start" };

static OPERATIONS: [Operation; 11] = [
    Operation { id: "health", path: "/v1/health", secured: false, ..PLAIN },
    Operation {
        id: "start_run",
        method: "POST",
        path: "/v1/runs",
        body: START,
        parameters: &[
            optional("Idempotency-Key", Place::Header, "/components/parameters/Key/schema", false),
            optional("X-Hints", Place::Header, "/components/parameters/Hints/schema", true),
        ],
        ..PLAIN
    },
    Operation {
        id: "list_runs",
        path: "/v1/runs",
        parameters: &[
            optional("limit", Place::Query, "/components/parameters/Limit/schema", false),
            optional("label", Place::Query, "/components/parameters/Label/schema", true),
            optional("deep", Place::Query, "/components/parameters/Deep/schema", false),
            optional("state", Place::Query, "/components/parameters/State/schema", false),
        ],
        ..PLAIN
    },
    Operation { id: "get_run", path: "/v1/runs/{run_id}", parameters: &[RUN_ID], ..PLAIN },
    Operation { id: "approval", path: "/v1/runs/approval", ..PLAIN },
    Operation { id: "cancel_run", method: "POST", path: "/v1/runs/{run_id}:cancel", parameters: &[RUN_ID], ..PLAIN },
    Operation { id: "stream", path: "/v1/runs/{run_id}/events", parameters: &[RUN_ID], streams: true, ..PLAIN },
    Operation {
        id: "note_run",
        method: "PUT",
        // Another parameter name at the same place, as some documents have it.
        path: "/v1/runs/{id}/note",
        body: BodyRule::Json { required: false, schema: "/components/schemas/Note" },
        parameters: &[Parameter { name: "id", ..RUN_ID }],
        ..PLAIN
    },
    Operation { id: "slow", method: "POST", path: "/v1/slow", ..PLAIN },
    Operation { id: "panic", method: "POST", path: "/v1/panic", ..PLAIN },
    Operation { id: "typed", method: "POST", path: "/v1/typed", body: START, ..PLAIN },
];

static DOCUMENT: Document = DOCUMENT_TEXTS;

const DOCUMENT_TEXTS: Document = Document {
    name: "runs",
    owner_json: include_str!("runs_owner.json"),
    owner_yaml: "info: { description: owner }\n",
    full_json: include_str!("runs.json"),
    full_yaml: "info: { description: full }\n",
    operations: &OPERATIONS,
};

/// A copy of the document, for tests that change a part of it.
fn copy() -> Document {
    DOCUMENT_TEXTS
}

/// Echoes the input of every operation, except the few that a test needs to delay or to fail.
#[derive(Default)]
struct Runs {
    calls: AtomicUsize,
    /// `slow` notifies this when it has begun, and ends when `release` is notified.
    begun: Notify,
    release: Notify,
    finished: Notify,
    /// The chunks of `stream`; the first stream takes them.
    chunks: Mutex<Option<mpsc::Receiver<Bytes>>>,
    /// The bytes that `list_runs` adds to its response.
    answer_bytes: usize,
    /// Whether `refuse` panics.
    speechless: bool,
}

impl Api for Runs {
    fn document(&self) -> &'static Document {
        &DOCUMENT
    }

    fn admit<'a>(&'a self, head: &'a Head, _operation: &'static Operation) -> BoxFuture<'a, Result<Caller, Fault>> {
        Box::pin(async move {
            match head.headers.get("authorization").map(HeaderValue::as_bytes) {
                None => Ok(head.caller("acme", Some("ada".into()))),
                Some(b"Bearer panic") => panic!("the key store is on fire"),
                Some(b"Bearer other") => {
                    Err(Fault::Forbidden { reason: "not yours".to_owned(), scope: None, challenge: None })
                }
                Some(_) => Err(Fault::Unauthenticated {
                    reason: "the token is not valid".to_owned(),
                    why: "token",
                    challenge: "Bearer error=\"invalid_token\"".to_owned(),
                }),
            }
        })
    }

    fn refuse(&self, caller: &Caller, fault: Fault) -> Response<Body> {
        assert!(!self.speechless, "no words");
        let fields: Vec<_> =
            fault.violations().iter().map(|one| json!([one.place.as_str(), one.field, one.reason])).collect();
        let error = json!({ "code": fault.code(), "message": fault.to_string(), "fields": fields, "retryable": fault.retryable() });
        let body = json!({ "error": error, "request_id": &*caller.request_id });
        json(fault.status(), HeaderMap::new(), &body).unwrap()
    }

    fn call(
        self: Arc<Self>,
        operation: &'static Operation,
        caller: Caller,
        mut input: Input,
    ) -> BoxFuture<'static, Result<Response<Body>, Fault>> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            match operation.id {
                "panic" => panic!("a bug with a secret"),
                "slow" => {
                    self.begun.notify_one();
                    self.release.notified().await;
                    self.finished.notify_one();
                    Ok(empty(StatusCode::NO_CONTENT, HeaderMap::new()))
                }
                "stream" => {
                    let chunks = self.chunks.lock().await.take();
                    let chunks = futures::stream::unfold(chunks, |chunks| async move {
                        let mut chunks = chunks?;
                        chunks.recv().await.map(|chunk| (Ok(chunk), Some(chunks)))
                    });
                    Ok(stream(StatusCode::OK, HeaderMap::new(), "application/x-ndjson", ByteStream::new(chunks)))
                }
                "typed" => {
                    let Typed { max_depth } = input.body()?;
                    json(StatusCode::OK, HeaderMap::new(), &max_depth)
                }
                id => {
                    let padding = if id == "list_runs" { "x".repeat(self.answer_bytes) } else { String::new() };
                    let given = json!({
                        "base_url": &*caller.base_url, "padding": padding,
                        "operation": id, "tenant": &*caller.tenant, "subject": caller.subject.as_deref(),
                        "path": input.path, "query": input.query, "headers": input.headers, "body": input.body,
                    });
                    Ok(json(StatusCode::OK, HeaderMap::new(), &given)?)
                }
            }
        })
    }
}

#[derive(serde::Deserialize)]
struct Typed {
    max_depth: u32,
}

/// A running server over [`Runs`].
struct Fixture {
    runs: Arc<Runs>,
    server: Server,
}

fn listen_anywhere() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

fn quiet() -> slog::Logger {
    slog::Logger::root(slog::Discard, slog::o!())
}

fn start_with(runs: Runs, settings: Settings) -> Fixture {
    start_logging(runs, settings, quiet())
}

fn start_logging(runs: Runs, settings: Settings, log: slog::Logger) -> Fixture {
    let runs = Arc::new(runs);
    let api: Arc<dyn Api> = Arc::<Runs>::clone(&runs);
    let server = Mounted::new(api, settings).serve(listen_anywhere(), log).unwrap();
    Fixture { runs, server }
}

fn start() -> Fixture {
    start_with(Runs::default(), Settings::default())
}

impl Fixture {
    fn calls(&self) -> usize {
        self.runs.calls.load(Ordering::SeqCst)
    }

    /// Sends one request with a JSON body.
    async fn post(&self, path: &str, body: &str) -> http::Answer {
        self.send("POST", path, &[("Content-Type", "application/json")], body.as_bytes()).await
    }

    async fn get(&self, path: &str) -> http::Answer {
        self.send("GET", path, &[], b"").await
    }

    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> http::Answer {
        let mut text = format!("{method} {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n");
        for (name, value) in headers {
            text += &format!("{name}: {value}\r\n");
        }
        if !body.is_empty() {
            text += &format!("Content-Length: {}\r\n", body.len());
        }
        let mut bytes = (text + "\r\n").into_bytes();
        bytes.extend_from_slice(body);
        http::exchange(self.server.local_addr(), &bytes).await
    }
}

/// Long enough for a busy machine; a test that exceeds it has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// A valid body.
const GOOD: &str = r#"{"node_type": {"node_type_id": "core.echo", "version": "1"}, "input": {}}"#;
