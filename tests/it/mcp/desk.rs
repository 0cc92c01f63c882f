//! Calls of an MCP server, without a Runyard server around it.

use std::path::PathBuf;
use std::sync::Arc;

use runyard::clock::Clock;
use runyard::config::egress::Egress;
use runyard::config::tools::mcp::parse;
use runyard::expressions::{Expressions, Limits};
use runyard::nodes::credentials::NoCredentials;
use runyard::nodes::mcp::{McpServers, Parts, Targets};
use runyard::nodes::perform::http::{Http, Outside};
use runyard::nodes::perform::{Call, InProcess, Performer};
use runyard::nodes::{Provider, Providers};
use runyard_engine::event::Failure;
use runyard_engine::{NodeTypeRef, Outcome};
use serde_json::{Value, json};

use super::server::{TOOLS, configured};
use crate::harness::eventually;
use crate::http::caller::{key, run};
use crate::process::bounded;

/// The secret of the server.
pub const SECRET: &str = "hunter2-of-the-desk";
/// The old and the new protocol.
pub const PROTOCOLS: [&str; 2] = ["2025-11-25", "2026-07-28"];

/// The secrets of the configuration, by the name of their variable.
pub fn environment(name: &str) -> Option<String> {
    match name {
        "TOKEN" => Some(SECRET.to_owned()),
        "PATH" => std::env::var("PATH").ok(),
        _ => Some(format!("{name} of the server")),
    }
}

/// An MCP server and a caller of it.
pub struct Desk {
    pub mcp: Arc<McpServers>,
    pub log: PathBuf,
    performer: InProcess,
    _folder: tempfile::TempDir,
}

impl Desk {
    /// A program that speaks this protocol.
    pub async fn new(protocol: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let secret = json!({ "secret_env": { "DESK_TOKEN": { "env": "TOKEN" } } });
        let table = configured(&log, protocol, &TOOLS, secret);
        Self::of(folder, log, table).await
    }

    /// The server of this configuration.
    pub async fn over(table: Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        Self::of(folder, log, table).await
    }

    async fn of(folder: tempfile::TempDir, log: PathBuf, table: Value) -> Self {
        let egress = Egress { response_bytes_max: 10_000, ..Egress::default() };
        let outside = Arc::new(Outside::new(&egress).unwrap());
        let targets = Targets::open(&parse(&json!([table])).unwrap(), environment).unwrap();
        let clock = Clock::system();
        let parts =
            Parts { targets, anonymous: None, outside, clock: clock.clone(), folder: folder.path().join("mcp") };
        let mcp = Arc::new(McpServers::start(parts));
        mcp.settled().await;
        let performer = InProcess {
            providers: Providers::builtin_and(Http(None), [mcp.clone() as Arc<dyn Provider>]),
            expressions: Arc::new(Expressions::new(Limits::default(), clock)),
            credentials: Arc::new(NoCredentials),
        };
        Desk { mcp, log, performer, _folder: folder }
    }

    /// Whether a tool is a node type now.
    pub fn lists(&self, tool: &str) -> bool {
        let id = format!("mcp.desk.{tool}");
        self.performer.providers.catalog("default").entries().iter().any(|entry| entry.id == id)
    }

    /// The outcome of a call.
    pub async fn outcome(&self, tool: &str, inputs: Value) -> Outcome {
        let asked = NodeTypeRef { id: format!("mcp.desk.{tool}"), version: "1".to_owned() };
        let node_type =
            eventually("the node type", || async { self.performer.providers.catalog("default").resolve(&asked).ok() })
                .await;
        let clock = &Clock::system();
        let call = Call {
            tenant: "default",
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
        bounded("a call", self.performer.perform(call)).await
    }

    /// The outputs of a call that succeeds.
    pub async fn outputs(&self, tool: &str, inputs: Value) -> Value {
        match self.outcome(tool, inputs).await {
            Outcome::Succeeded { outputs } => Value::Object(outputs),
            other => panic!("{tool}: {other:?}"),
        }
    }

    /// The failure of a call.
    pub async fn failure(&self, tool: &str) -> Failure {
        match self.outcome(tool, json!({})).await {
            Outcome::Failed(failure) => failure,
            other => panic!("{tool}: {other:?}"),
        }
    }
}
