//! `[[tools.mcp]]`: MCP servers whose tools runs may use. `server/nodes/mcp/` makes node types of them.
//!
//! Secrets are not in here: a secret variable or header names the environment variable or file with its value.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use http::{HeaderName, HeaderValue};
use runyard_engine::SideEffect;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

use super::{matches, most, secret_source};
use crate::config::integrations::{CREDENTIAL_HEADERS, OWN_HEADERS, SecretSource};
use crate::config::urls::is_endpoint;

/// The most servers.
const SERVERS_MAX: usize = 100;
/// The most arguments, variables, headers, tenants or patterns of one server.
const LISTED_MAX: usize = 500;
/// The longest timeout of one call, milliseconds.
const TIMEOUT_MS_MAX: u64 = 3_600_000;
/// Headers that the protocol writes, in addition to those of every call.
const PROTOCOL_HEADERS: [&str; 6] =
    ["accept", "content-type", "last-event-id", "mcp-method", "mcp-protocol-version", "mcp-session-id"];

/// `[[tools.mcp]]`: one server, which is a program (`command`) or is reached over HTTP (`url`).
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct McpServer {
    /// Its name; node types are called `mcp.NAME.TOOL`.
    pub name: String,
    /// Whether it is enabled. Default true.
    #[serde(default = "yes")]
    pub active: bool,
    /// The tenants that may use it. Absent: every tenant. Never callers without a credential.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenants: Option<Vec<String>>,
    /// The program to start. It speaks MCP over its standard input and output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Its arguments.
    #[serde(default)]
    pub args: Vec<String>,
    /// Its working directory. A relative path starts at the configuration file's folder. Absent: the server's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<PathBuf>,
    /// The variables of the server's environment that the program gets; it gets no others. Absent: `PATH`, `HOME` and
    /// others without secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pass_env: Option<Vec<String>>,
    /// More variables of the program. Not for secrets.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// More variables of the program, with secret values.
    #[serde(default)]
    pub secret_env: BTreeMap<String, SecretSource>,
    /// The URL of a server that speaks streamable HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Headers of every request. Not for secrets.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Headers of every request with secret values.
    #[serde(default)]
    pub secret_headers: BTreeMap<String, SecretSource>,
    /// Allows the URL's host to be private or this machine. Default false.
    #[serde(default)]
    pub allow_private_addresses: bool,
    /// The tools that become node types, by name; `*` stands for any text. Absent: all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow: Option<Vec<String>>,
    /// Tools that do not, in the same form. It takes precedence over `allow`.
    #[serde(default)]
    pub deny: Vec<String>,
    /// The side effects of tools, by name. Absent: from the tool's annotations.
    #[serde(default)]
    pub side_effects: BTreeMap<String, SideEffect>,
    /// The timeout of one call, milliseconds. Default 60000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}

impl McpServer {
    /// Whether a tool becomes a node type.
    pub fn allows(&self, tool: &str) -> bool {
        let is_in = |patterns: &[String]| patterns.iter().any(|pattern| matches(pattern, tool));
        self.allow.as_deref().is_none_or(is_in) && !is_in(&self.deny)
    }
}

/// Reads and checks a list of servers.
///
/// # Errors
/// The path of the first fault, and what is wrong.
pub fn parse(found: &Value) -> Result<Vec<McpServer>, String> {
    let read: Vec<McpServer> = serde_path_to_error::deserialize(found).map_err(|error| {
        let (path, inner) = (error.path().to_string(), error.inner().to_string());
        if path == "." { inner } else { format!("{path}: {inner}") }
    })?;
    most(read.len(), SERVERS_MAX, "MCP servers")?;
    let mut names = BTreeSet::new();
    for one in &read {
        check(one).map_err(|reason| format!("MCP server `{}`: {reason}", one.name))?;
        if !names.insert(&one.name) {
            return Err(format!("MCP server `{}`: the name stands twice", one.name));
        }
    }
    Ok(read)
}

fn check(one: &McpServer) -> Result<(), String> {
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-');
    if !(1..=64).contains(&one.name.len()) || !one.name.bytes().all(letter) {
        return Err("name is 1 to 64 of a-z, 0-9, _ and -".to_owned());
    }
    match (&one.command, &one.url) {
        (Some(command), None) if !command.trim().is_empty() && !command.contains('\0') => program(one)?,
        (None, Some(url)) if is_endpoint(url) => service(one)?,
        (None, Some(_)) => return Err("url is no absolute http or https URL without a user or a fragment".to_owned()),
        (Some(_), None) => return Err("command is empty".to_owned()),
        _ => return Err("it has either command, a program, or url, the address of a service".to_owned()),
    }
    if one.timeout_ms.is_some_and(|timeout_ms| !(1..=TIMEOUT_MS_MAX).contains(&timeout_ms)) {
        return Err(format!("timeout_ms is 1 to {TIMEOUT_MS_MAX}"));
    }
    let tenants = one.tenants.as_deref().unwrap_or_default();
    if tenants.iter().any(String::is_empty) {
        return Err("tenants has an empty name".to_owned());
    }
    let counts = [tenants.len(), one.args.len(), one.allow.as_deref().unwrap_or_default().len(), one.deny.len()];
    counts.into_iter().try_for_each(|count| most(count, LISTED_MAX, "entries in one of its lists"))
}

/// The settings of a program.
fn program(one: &McpServer) -> Result<(), String> {
    if !one.headers.is_empty() || !one.secret_headers.is_empty() || one.allow_private_addresses {
        return Err("headers, secret_headers and allow_private_addresses belong to a server with url".to_owned());
    }
    if one.args.iter().chain(one.env.values()).any(|text| text.contains('\0')) {
        return Err("args and env cannot have a NUL character".to_owned());
    }
    let names = one.env.keys().chain(one.secret_env.keys()).chain(one.pass_env.iter().flatten());
    for name in names {
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(format!("`{name}` is no name of an environment variable"));
        }
    }
    if let Some(name) = one.secret_env.keys().find(|name| one.env.contains_key(*name)) {
        return Err(format!("`{name}` stands in env and in secret_env"));
    }
    one.secret_env.iter().try_for_each(|(name, source)| secret_source("secret_env", name, source))
}

/// The settings of a service.
fn service(one: &McpServer) -> Result<(), String> {
    let is_program = !one.args.is_empty() || one.directory.is_some() || one.pass_env.is_some();
    if is_program || !one.env.is_empty() || !one.secret_env.is_empty() {
        return Err("args, directory, pass_env, env and secret_env belong to a server with command".to_owned());
    }
    for (name, value) in &one.headers {
        header("headers", name)?;
        if CREDENTIAL_HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
            return Err(format!("headers: `{name}` holds a credential: put it into secret_headers"));
        }
        HeaderValue::from_str(value).map_err(|_| format!("headers: the value of `{name}` cannot be sent"))?;
    }
    for (name, source) in &one.secret_headers {
        header("secret_headers", name)?;
        secret_source("secret_headers", name, source)?;
    }
    Ok(())
}

fn header(field: &str, name: &str) -> Result<(), String> {
    HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("{field}: `{name}` is no name of a header"))?;
    let lower = name.to_ascii_lowercase();
    if OWN_HEADERS.contains(&lower.as_str()) || PROTOCOL_HEADERS.contains(&lower.as_str()) {
        return Err(format!("{field}: `{name}` is written by the server itself"));
    }
    Ok(())
}

/// Makes relative paths start at the configuration file's folder.
pub(in crate::config) fn beside(folder: &Path, mut servers: Vec<McpServer>) -> Vec<McpServer> {
    for one in &mut servers {
        let secrets = one.secret_env.values_mut().chain(one.secret_headers.values_mut());
        let files = secrets.filter_map(|source| source.file.as_mut()).chain(one.directory.as_mut());
        files.for_each(|file| *file = folder.join(&*file));
    }
    servers
}

/// The form that is shown: values of headers and variables are hidden, because they may be secrets after all.
pub(in crate::config) fn masked(servers: &[McpServer]) -> Value {
    let mut shown = json!(servers);
    for one in shown.as_array_mut().into_iter().flatten() {
        for field in ["headers", "env"] {
            let values = one[field].as_object_mut().into_iter().flat_map(|members| members.values_mut());
            values.for_each(|value| *value = json!("***"));
        }
    }
    shown
}

/// From the JSON text in which the layers of the configuration carry them.
pub(super) fn from_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<McpServer>, D::Error> {
    serde_json::from_str(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program() -> Value {
        json!([{
            "name": "time", "command": "mcp-server-time", "args": ["--local-timezone", "UTC"],
            "env": { "MODE": "x" }, "secret_env": { "KEY": { "env": "TIME_KEY" } }, "deny": ["delete_*"],
        }])
    }

    fn service() -> Value {
        json!([{
            "name": "desk", "url": "https://desk.example.org/mcp?a=b", "headers": { "x-team": "blue" },
            "secret_headers": { "authorization": { "env": "DESK_TOKEN", "prefix": "Bearer " } },
        }])
    }

    #[test]
    fn absent_fields_have_defaults() {
        let read = parse(&program()).unwrap();
        assert!(read[0].active && read[0].tenants.is_none() && read[0].pass_env.is_none());
        assert!(read[0].allows("get_time") && !read[0].allows("delete_time"));
        let shown = masked(&read);
        assert_eq!(
            (&shown[0]["env"]["MODE"], &shown[0]["secret_env"]["KEY"]["env"]),
            (&json!("***"), &json!("TIME_KEY"))
        );
        assert_eq!(masked(&parse(&service()).unwrap())[0]["headers"]["x-team"], "***");
    }

    #[test]
    fn patterns_match_whole_names() {
        for (pattern, text, expected) in [
            ("get", "get", true),
            ("get", "get_time", false),
            ("get_*", "get_time", true),
            ("*_time", "get_time", true),
            ("*", "", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c", false),
            ("*et*", "get", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn every_fault_is_reported() {
        /// The configuration, the place of the value that is wrong, the value, and a part of the message.
        type Fault = (fn() -> Value, &'static str, Value, &'static str);
        let table: [Fault; 15] = [
            (program, "/0/name", json!("My Server"), "name is 1 to 64"),
            (program, "/0/command", json!(" "), "command is empty"),
            (program, "/0/url", json!("https://a.example"), "either command"),
            (program, "/0/headers", json!({ "x": "y" }), "belong to a server with url"),
            (program, "/0/env", json!({ "A=B": "y" }), "no name of an environment variable"),
            (program, "/0/env", json!({ "KEY": "y" }), "stands in env and in secret_env"),
            (program, "/0/secret_env", json!({ "KEY": {} }), "either env"),
            (program, "/0/timeout_ms", json!(0), "timeout_ms"),
            (program, "/0/tenants", json!([""]), "empty name"),
            (program, "/0/side_effects", json!({ "x": "none" }), "side_effects"),
            (service, "/0/url", json!("ftp://desk.example.org"), "no absolute http"),
            (service, "/0/args", json!(["x"]), "belong to a server with command"),
            (service, "/0/headers", json!({ "Authorization": "x" }), "put it into secret_headers"),
            (service, "/0/headers", json!({ "Mcp-Session-Id": "x" }), "written by the server"),
            (service, "/0/secret_headers", json!({ "a b": { "env": "X" } }), "no name of a header"),
        ];
        for (of, place, value, said) in table {
            let mut broken = of();
            let (parent, name) = place.rsplit_once('/').unwrap();
            broken.pointer_mut(parent).unwrap()[name] = value.clone();
            let reason = parse(&broken).unwrap_err();
            assert!(reason.contains(said), "{place} = {value}: {reason}");
        }
        let twice = json!([program()[0], program()[0]]);
        assert!(parse(&twice).unwrap_err().contains("stands twice"));
    }
}
