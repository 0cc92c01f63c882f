//! An MCP server for tests: this test binary, started again. It speaks over its standard input and output, and writes
//! what it receives to a file.

use std::collections::BTreeSet;
use std::io::{BufRead, Write};
use std::path::Path;

use serde_json::{Value, json};

/// The test that is the server.
const TEST: &str = "mcp::server::an_mcp_server_over_standard_input_and_output";
/// Every tool that it has from the beginning.
pub const TOOLS: [&str; 10] =
    ["echo", "endless", "large", "ends", "refuses", "variables", "parent", "grow", "asks", "task"];

/// The table of the configuration for this server. `more` is added to it.
pub fn configured(log: &Path, protocol: &str, tools: &[&str], more: Value) -> Value {
    let mut table = json!({
        "name": "desk", "command": std::env::current_exe().unwrap(), "args": ["--ignored", "--exact", TEST],
        "env": { "MCP_LOG": log, "MCP_PROTOCOL": protocol, "MCP_TOOLS": tools.join(",") },
    });
    let more = more.as_object().unwrap().clone();
    for (name, value) in more {
        match (table.get_mut(&name), value) {
            (Some(Value::Object(members)), Value::Object(more)) => members.extend(more),
            (_, value) => table[name] = value,
        }
    }
    table
}

/// The messages that servers with this log have received, in their order.
pub fn received(log: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// What it received under this method.
pub fn of_method(log: &Path, method: &str) -> Vec<Value> {
    received(log).into_iter().filter(|message| message["method"] == method).collect()
}

#[test]
#[ignore = "other tests start it as a program"]
fn an_mcp_server_over_standard_input_and_output() {
    let variable = |name: &str| std::env::var(name).expect("the configuration of the test sets it");
    let mut log = std::fs::File::options().create(true).append(true).open(variable("MCP_LOG")).unwrap();
    let mut server = Server {
        stateless: variable("MCP_PROTOCOL") == "2026-07-28",
        tools: variable("MCP_TOOLS").split(',').map(str::to_owned).collect(),
        looks: 0,
    };
    for line in std::io::stdin().lock().lines() {
        let message: Value = serde_json::from_str(&line.unwrap()).unwrap();
        writeln!(log, "{message}").unwrap();
        for answer in server.answers(&message) {
            // Not by `println!`, which the test harness would collect.
            writeln!(std::io::stdout(), "{answer}").unwrap();
        }
    }
}

struct Server {
    /// Whether it speaks the protocol without `initialize`.
    stateless: bool,
    tools: BTreeSet<String>,
    /// How often its task was looked at.
    looks: u32,
}

impl Server {
    fn answers(&mut self, message: &Value) -> Vec<Value> {
        let Some(id) = message.get("id") else { return Vec::new() };
        let result = |result: Value| vec![json!({ "jsonrpc": "2.0", "id": id, "result": result })];
        let error = |code: i64, reason: &str| {
            vec![json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": reason } })]
        };
        let capabilities = json!({ "tools": { "listChanged": !self.stateless } });
        match message["method"].as_str().unwrap_or_default() {
            "server/discover" if self.stateless => result(json!({
                "resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": capabilities, "ttlMs": 0,
                "cacheScope": "private",
            })),
            "initialize" if !self.stateless => result(json!({
                "protocolVersion": "2025-11-25", "capabilities": capabilities,
                "serverInfo": { "name": "desk", "version": "1" },
            })),
            "tools/list" => {
                let tool = |name: &String| json!({ "name": name, "inputSchema": schema(name) });
                result(json!({ "tools": self.tools.iter().map(tool).collect::<Vec<_>>() }))
            }
            "tools/call" => self.called(message, id),
            "tasks/get" => {
                self.looks += 1;
                let task = json!({ "taskId": "task-1", "createdAt": "2026-12-01T00:00:00Z", "lastUpdatedAt": "2026-12-01T00:00:00Z",
                    "ttlMs": null, "pollIntervalMs": 50, "resultType": "complete" });
                let done =
                    json!({ "status": "completed", "result": { "content": [{ "type": "text", "text": "done" }] } });
                let state = if self.looks >= 2 { done } else { json!({ "status": "working" }) };
                result(merged(task, state))
            }
            "tasks/cancel" => result(json!({ "resultType": "complete" })),
            _ => error(-32601, "no such method"),
        }
    }

    fn called(&mut self, message: &Value, id: &Value) -> Vec<Value> {
        let params = &message["params"];
        let result = |result: Value| vec![json!({ "jsonrpc": "2.0", "id": id, "result": result })];
        let text = |text: &str| result(json!({ "content": [{ "type": "text", "text": text }] }));
        match params["name"].as_str().unwrap_or_default() {
            "echo" => text(&format!("{} {}", params["arguments"], variables())),
            "large" => text(&"x".repeat(20_000)),
            "ends" => std::process::exit(1),
            "refuses" => result(
                json!({ "isError": true, "content": [{ "type": "text", "text": format!("no: {}", variables()) }] }),
            ),
            "variables" => text(&std::env::vars().map(|(name, _)| name).collect::<Vec<_>>().join(",")),
            "parent" => {
                let mut sleep = std::process::Command::new("/bin/sleep");
                let child =
                    sleep.arg("600").stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null()).spawn();
                text(&child.unwrap().id().to_string())
            }
            "grow" => {
                self.tools.insert("grown".to_owned());
                let mut answers = text("grown");
                answers.push(json!({ "jsonrpc": "2.0", "method": "notifications/tools/list_changed" }));
                answers
            }
            "asks" => {
                let schema = json!({ "type": "object", "properties": { "city": { "type": "string" } } });
                let asked = json!({ "method": "elicitation/create", "params": { "mode": "form", "message": "Which city?", "requestedSchema": schema } });
                result(json!({ "resultType": "input_required", "inputRequests": { "city": asked } }))
            }
            "task" => result(json!({
                "resultType": "task", "taskId": "task-1", "status": "working", "createdAt": "2026-12-01T00:00:00Z",
                "lastUpdatedAt": "2026-12-01T00:00:00Z", "ttlMs": null, "pollIntervalMs": 50,
            })),
            _ => Vec::new(),
        }
    }
}

/// The secret that the configuration gave it.
fn variables() -> String {
    std::env::var("DESK_TOKEN").unwrap_or_default()
}

fn schema(tool: &str) -> Value {
    match tool {
        "echo" => json!({ "type": "object", "properties": { "number": { "type": "integer" } } }),
        _ => json!({ "type": "object" }),
    }
}

fn merged(mut one: Value, other: Value) -> Value {
    one.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
    one
}
